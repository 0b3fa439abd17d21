using Microsoft.Win32.SafeHandles;

namespace Stentor.Storage;

/// <summary>
/// A file of a <see cref="PhysicalDisk"/>. What is appended, and what is cleared, goes around the system's cache where the system allows it (Linux, O_DIRECT): a
/// commit then neither takes fresh memory for every page nor waits for the pages of others to be written back. All the rest goes through the cache, which
/// the system keeps in step with that.
/// </summary>
/// <param name="stream">The file, open.</param>
/// <param name="path">Its path.</param>
/// <param name="recent">Where what is appended is kept for readers; null for a file that nobody appends to.</param>
internal sealed class PhysicalFile(FileStream stream, string path, RecentWrites? recent) : IDiskFile
{
    // What is cleared at once, at most.
    private const int ZeroBytes = 512 * 1024;

    private static readonly Lazy<AlignedBytes> Zeros = new(() => new AlignedBytes(ZeroBytes));

    private readonly SafeFileHandle _handle = stream.SafeFileHandle;
    private SafeFileHandle? _direct;
    private bool _isDurable;
    private bool _isDirectRefused = recent is null || !OperatingSystem.IsLinux();

    // The stretch that was appended last, without a gap; null where that is not known.
    private volatile Stretch? _stretch;

    public long Length => PhysicalDisk.Try("find the length of " + path, () => RandomAccess.GetLength(_handle));

    public int Read(Span<byte> destination, long offset)
    {
        if (_stretch is { } stretch && offset >= stretch.Start && offset + destination.Length <= stretch.End
            && recent!.TryRead(destination, stretch.Base + offset))
        {
            return destination.Length;
        }

        try
        {
            var total = 0;
            while (total < destination.Length)
            {
                var read = RandomAccess.Read(_handle, destination[total..], offset + total);
                if (read == 0)
                {
                    break;
                }

                total += read;
            }

            return total;
        }
        catch (IOException e)
        {
            throw PhysicalDisk.Failure($"read {destination.Length} bytes of {path} at {offset}", e);
        }
    }

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        _stretch = null;
        try
        {
            RandomAccess.Write(_handle, bytes, offset);
        }
        catch (IOException e)
        {
            throw PhysicalDisk.Failure($"write {bytes.Length} bytes of {path} at {offset}", e);
        }
    }

    public void Append(ReadOnlySpan<byte> bytes, long offset)
    {
        if (!TryAppendDirectly(bytes, offset))
        {
            Write(bytes, offset);
            Sync();
        }
    }

    public void Clear(long offset, int length)
    {
        var zeros = Zeros.Value.Span;
        var isDirect = offset % AlignedBytes.BlockBytes == 0 && length % AlignedBytes.BlockBytes == 0;
        _stretch = null;
        for (var done = 0; done < length; done += zeros.Length)
        {
            var part = zeros[..Math.Min(zeros.Length, length - done)];
            isDirect = isDirect && TryWriteDirectly(part, offset + done, isDurable: false);
            if (!isDirect)
            {
                Write(part, offset + done);
            }
        }

        if (!isDirect)
        {
            WriteBack(offset, length);
        }
    }

    public void Sync()
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                Unix.SyncData(_handle);
            }
            else
            {
                RandomAccess.FlushToDisk(_handle);
            }
        }
        catch (IOException e)
        {
            throw PhysicalDisk.Failure("sync " + path, e);
        }
    }

    public void Dispose()
    {
        _direct?.Dispose();
        stream.Dispose();
    }

    /// <summary>Appends around the cache. What was appended before stays readable from memory, whatever the disk does now.</summary>
    /// <returns>False when the system does not do it, or the file would grow by it, for what is written are whole blocks.</returns>
    private bool TryAppendDirectly(ReadOnlySpan<byte> bytes, long offset)
    {
        if (_isDirectRefused)
        {
            return false;
        }

        // Nothing else was written from the ring since, so its last block is still this stretch's.
        var stretch = _stretch is { } last && last.End == offset && AlignedBytes.BlockEnd(last.Base + last.End) == recent!.Next ? last : null;
        if (AlignedBytes.BlockEnd(offset + bytes.Length) > (stretch?.FileBytes ?? Length))
        {
            return false;
        }

        stretch ??= Begin(offset);
        while (!bytes.IsEmpty)
        {
            // As much as lies in a row in memory, in whole blocks; the last one is filled up with zeros.
            var start = stretch.End;
            var part = recent!.Take(stretch.Base + start, Math.Min(bytes.Length, RecentWrites.PieceBytes));
            bytes[..part.Length].CopyTo(part);
            var end = start + part.Length;
            var first = start - (start % AlignedBytes.BlockBytes);
            var blocks = recent.Blocks(stretch.Base + first, (int)(end - first));
            blocks[(int)(end - first)..].Clear();
            if (!TryWriteDirectly(blocks, first, isDurable: true))
            {
                return false;
            }

            stretch.End = end;
            bytes = bytes[part.Length..];
        }

        _stretch = stretch;
        return true;
    }

    private Stretch Begin(long offset)
    {
        var block = offset - (offset % AlignedBytes.BlockBytes);
        var stretch = new Stretch(recent!.Next - block, offset, Length);

        // What stands in the block already is written again with what is appended to it.
        var head = recent.Take(stretch.Base + block, AlignedBytes.BlockBytes);
        Read(head[..(int)(offset - block)], block);
        return stretch;
    }

    /// <summary>Writes whole blocks around the cache.</summary>
    /// <returns>False when the system does not do it: then nothing is known of what stands there.</returns>
    private bool TryWriteDirectly(ReadOnlySpan<byte> blocks, long offset, bool isDurable)
    {
        if (_isDirectRefused || !TryOpenDirect(isDurable))
        {
            return false;
        }

        try
        {
            RandomAccess.Write(_direct!, blocks, offset);
            return true;
        }
        catch (IOException e) when (Unix.IsRefusal(e))
        {
            // The file system takes no such writes, or none in blocks of this size: from here on all goes through the cache.
            _isDirectRefused = true;
            return false;
        }
        catch (IOException e)
        {
            throw PhysicalDisk.Failure($"write {blocks.Length} bytes of {path} at {offset} around the cache", e);
        }
    }

    private bool TryOpenDirect(bool isDurable)
    {
        if (_direct is null || _isDurable != isDurable)
        {
            _direct?.Dispose();
            _direct = Unix.OpenDirect(_handle, isDurable);
            _isDurable = isDurable;
            _isDirectRefused = _direct is null;
        }

        return !_isDirectRefused;
    }

    private void WriteBack(long offset, int length)
    {
        if (!OperatingSystem.IsLinux())
        {
            Sync();
            return;
        }

        try
        {
            Unix.WriteBack(_handle, offset, length);
        }
        catch (IOException e)
        {
            throw PhysicalDisk.Failure($"write {length} bytes of {path} at {offset} back to the device", e);
        }
    }

    /// <summary>Bytes of the file in a row that are, or were, among the recent writes.</summary>
    /// <param name="base">What an offset in the file is added to, to give an address there.</param>
    /// <param name="start">The offset of the first one.</param>
    /// <param name="fileBytes">The file's length.</param>
    private sealed class Stretch(long @base, long start, long fileBytes)
    {
        private long _end = start;

        public long Base { get; } = @base;

        public long Start { get; } = start;

        public long FileBytes { get; } = fileBytes;

        /// <summary>The offset after the last one.</summary>
        public long End
        {
            get => Volatile.Read(ref _end);
            set => Volatile.Write(ref _end, value);
        }
    }
}
