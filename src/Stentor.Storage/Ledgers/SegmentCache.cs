using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>Open files and loaded indexes of sealed segments: bounded, whatever readers do. What was not used for longest goes first, about.</summary>
/// <param name="disk">Where the files are.</param>
/// <param name="damage">Where damage is reported.</param>
internal sealed class SegmentCache(IDisk disk, DamageLog damage) : IDisposable
{
    // 256 open files, with two handles at most: far below the usual limit of a process, enough for every reader to have a segment of its own.
    private const int FilesMax = 256;

    // 32 MiB: the indexes of about 20 segments of 64 MiB with 300-byte entries.
    private const long IndexBytesMax = 32 * 1024 * 1024;

    private readonly Lock _lock = new();

    // Taken after the other one, or alone, and never for long: whoever commits takes it.
    private readonly Lock _opening = new();
    private readonly Queue<Segment> _files = new();
    private readonly Queue<Segment> _indexes = new();
    private long _indexBytes;
    private long _rebuilt;
    private volatile bool _isDisposed;

    /// <summary>Whether the store was closed.</summary>
    public bool IsDisposed => _isDisposed;

    /// <summary>How many indexes had to be made again from their segment.</summary>
    public long Rebuilt => Interlocked.Read(ref _rebuilt);

    /// <summary>Opens a segment's file.</summary>
    public IDiskFile OpenFile(Segment segment)
    {
        lock (_opening)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            if (segment.File is { } open)
            {
                return open;
            }

            var file = disk.Open(segment.Header.FileName, DiskFileMode.Existing);
            segment.File = file;
            Keep(segment);
            return file;
        }
    }

    /// <summary>Takes over the file of a segment that was written to until now.</summary>
    public void Adopt(Segment segment)
    {
        lock (_opening)
        {
            if (segment.File is not null)
            {
                Keep(segment);
            }
        }
    }

    /// <summary>Lets go of a segment that is no longer part of the ledger.</summary>
    public void Forget(Segment segment)
    {
        lock (_opening)
        {
            Close(segment);
        }

        lock (_lock)
        {
            _indexBytes -= segment.Loaded?.Bytes ?? 0;
            segment.Loaded = null;
        }
    }

    /// <summary>Whether any of some channels may have records in a segment, by the filter at the front of its index file.</summary>
    public bool MayContain(Segment segment, ChannelSet channels)
    {
        try
        {
            using var file = disk.Open(segment.Header.IndexName, DiskFileMode.Existing);
            var front = new byte[IndexLayout.FixedBytes];
            var filterBytes = file.Read(front, 0) == front.Length ? IndexLayout.FilterBytesOf(front) : 0;
            var bytes = new byte[IndexLayout.FixedBytes + filterBytes];
            if (filterBytes == 0 || file.Read(bytes, 0) < bytes.Length
                || IndexLayout.Decode(bytes, segment.Header.IndexName) is not { LostCount: 0 } layout || !IsOf(layout, segment))
            {
                return true; // Whoever loads it finds out what is wrong; and what is lost must be told to every reader.
            }

            foreach (var pattern in channels.Patterns)
            {
                if (layout.MayContain(bytes, pattern.Text))
                {
                    return true;
                }
            }

            return false;
        }
        catch (DiskException)
        {
            return true; // No filter, no saving; loading the index reports the fault.
        }
    }

    /// <summary>Loads a segment's index, or makes it again when it is missing or damaged.</summary>
    /// <exception cref="DiskException">Retention took it.</exception>
    public SegmentIndex LoadIndex(Segment segment)
    {
        lock (_lock)
        {
            if (((SegmentIndex?)segment.Memory ?? segment.Loaded) is { } there)
            {
                return there;
            }

            if (segment.IsRetired)
            {
                throw new DiskException(DiskFault.Name, $"{segment.Header.FileName} is no longer held (retention).");
            }

            var index = ReadIndex(segment);
            if (index is null)
            {
                index = Rebuild(segment);
                Interlocked.Increment(ref _rebuilt);
            }

            foreach (var lost in index.Lost)
            {
                damage.Add(segment.First + lost.First, segment.First + lost.First + lost.Count - 1, "damaged in " + segment.Header.FileName);
            }

            Keep(segment, index);
            return index;
        }
    }

    /// <summary>Writes a segment's index file from its index in memory, and lets the memory go.</summary>
    /// <exception cref="DiskException">It could not be written; the index stays in memory.</exception>
    public void WriteIndex(Segment segment)
    {
        if (segment.Memory is not { } memory)
        {
            return;
        }

        var bytes = IndexLayout.Encode(segment.Header, memory);
        WriteFile(disk, segment.Header.IndexName, bytes);
        lock (_lock)
        {
            if (segment.Memory is not null)
            {
                Keep(segment, Decode(segment, bytes)!);
                segment.Memory = null;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        lock (_opening)
        {
            while (_files.TryDequeue(out var segment))
            {
                Close(segment);
            }
        }
    }

    /// <summary>Whether an index belongs to a segment as it is.</summary>
    internal static bool IsOf(IndexLayout layout, Segment segment) =>
        layout.StoreId == segment.Header.StoreId && layout.Number == segment.Header.Number
        && layout.First == segment.First && layout.RecordCount == segment.Count;

    /// <summary>Writes an index file whole or not at all.</summary>
    internal static void WriteFile(IDisk disk, string name, byte[] bytes)
    {
        var draft = name + ".new";
        disk.Delete(draft);
        using (var file = disk.Open(draft, DiskFileMode.New))
        {
            file.Write(bytes, 0);
            file.Sync();
        }

        disk.Rename(draft, name);
        disk.SyncDirectory();
    }

    private static SealedIndex? Decode(Segment segment, byte[] bytes)
    {
        var layout = IndexLayout.Decode(bytes, segment.Header.IndexName);
        if (layout is null || !IsOf(layout, segment) || !layout.IsBodyGood(bytes))
        {
            return null;
        }

        return new SealedIndex(bytes, layout, SegmentHeader.Decode(bytes.AsSpan(layout.Header, layout.HeaderBytes), segment.Header.IndexName)!);
    }

    private static void Close(Segment segment)
    {
        var file = segment.File;
        segment.File = null;
        file?.Dispose();
    }

    private SealedIndex? ReadIndex(Segment segment)
    {
        try
        {
            using var file = disk.Open(segment.Header.IndexName, DiskFileMode.Existing);
            var bytes = new byte[file.Length];
            return file.Read(bytes, 0) == bytes.Length ? Decode(segment, bytes) : null;
        }
        catch (DiskException)
        {
            return null; // Missing or unreadable: it is made again from the segment, and counted.
        }
    }

    private SealedIndex Rebuild(Segment segment)
    {
        var index = ScanOrLose(segment, out var isScanned);
        var bytes = IndexLayout.Encode(segment.Header, index);
        try
        {
            if (isScanned)
            {
                WriteFile(disk, segment.Header.IndexName, bytes);
            }
        }
        catch (DiskException)
        {
            // The index serves from memory all the same; the next load tries again.
        }

        return Decode(segment, bytes) ?? throw new LedgerFaultException($"The index just made of {segment.Header.FileName} does not read back.");
    }

    private ActiveIndex ScanOrLose(Segment segment, out bool isScanned)
    {
        try
        {
            isScanned = true;
            return SegmentScanner.Scan(OpenFile(segment), segment.Header, segment.Last).Index;
        }
        catch (DiskException)
        {
            // The file is gone or cannot be opened: all of it is lost as long as that lasts, and every reader is told.
            isScanned = false;
            var lost = new ActiveIndex(segment.Header.Start, segment.Header.Length);
            lost.AddLost(segment.Count, 0);
            lost.Publish();
            return lost;
        }
    }

    private void Keep(Segment segment)
    {
        _files.Enqueue(segment);
        while (_files.Count > FilesMax)
        {
            Close(_files.Dequeue());
        }
    }

    private void Keep(Segment segment, SealedIndex index)
    {
        segment.Loaded = index;
        segment.IsUsed = true;
        _indexes.Enqueue(segment);
        _indexBytes += index.Bytes;
        var count = _indexes.Count;
        for (var look = 0; _indexBytes > IndexBytesMax && look < count * 2; look++)
        {
            var oldest = _indexes.Dequeue();
            if (oldest == segment || (oldest.IsUsed && look < count))
            {
                oldest.IsUsed = false; // A second chance.
                _indexes.Enqueue(oldest);
                continue;
            }

            _indexBytes -= oldest.Loaded?.Bytes ?? 0;
            oldest.Loaded = null;
        }
    }
}
