using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <content>Opening: finds the segments, cuts a torn tail off the last one, and says what is damaged.</content>
internal sealed partial class Ledger
{
    private const string DraftSuffix = ".new";

    /// <summary>Opens the ledger on a disk, or makes it.</summary>
    /// <param name="disk">Where it is.</param>
    /// <param name="options">Sizes and names.</param>
    /// <param name="known">What the state database knows of it; null for nothing.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    /// <exception cref="LedgerFaultException">What lies there cannot be used; the message says what to do.</exception>
    public static Ledger Open(IDisk disk, StoreOptions options, StateMark? known)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SegmentBytes, 2 * SegmentHeader.BlockBytes);
        var damage = new DamageLog();
        var cache = new SegmentCache(disk, damage);
        var names = disk.List();
        var headers = ReadHeaders(disk, names, known);
        if (headers.Count == 0 && known is not null)
        {
            throw new LedgerFaultException($"The state database reflects position {known.Position} of a ledger, but there is no ledger beside it. Restore the ledger-*.seg files; or, to start anew with nothing, move the state database away.");
        }

        if (headers.Count == 0)
        {
            headers.Add(Create(disk, options));
        }

        CheckRegion(headers[^1], options);
        var segments = headers.ConvertAll(h => new Segment(h, cache));
        for (var i = 0; i < segments.Count - 1; i++)
        {
            segments[i].Seal(checked((int)(segments[i + 1].First - segments[i].First)));
            segments[i].FileBytes = LengthOf(disk, segments[i].Header.FileName);
            if (segments[i + 1].Header.Number != segments[i].Header.Number + 1)
            {
                _ = segments[i].Index; // A segment in between is missing: the index shows where this one really ends, and the rest is reported.
            }
        }

        var active = segments[^1];
        var file = disk.Open(active.Header.FileName, DiskFileMode.Existing);
        try
        {
            active.Memory = Recover(file, active.Header, known?.Position ?? 0);
            active.FileBytes = file.Length;
            foreach (var lost in active.Memory.Lost)
            {
                damage.Add(active.First + lost.First, active.First + lost.First + lost.Count - 1, "damaged in " + active.Header.FileName);
            }

            var seen = active.Memory.Runs.SeenAfter(active.Memory.Count);
            var ledger = new Ledger(disk, options, cache, damage, [.. segments], file, seen);
            ledger._supply.Find();
            ClearAway(disk, names, segments);

            // What the process before made or deleted may not be durable. A segment that it deleted, and that came back at a power cut, would override
            // what is appended from here on; one that it made would be gone, with what is appended to it.
            disk.SyncDirectory();
            ledger.Housekeeper.NeedIndex(segments.SkipLast(1).Where(s => !names.Contains(s.Header.IndexName)));
            return ledger;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static SegmentHeader Create(IDisk disk, StoreOptions options)
    {
        var self = StoreOptions.OriginOf(options.Region, options.Incarnation);
        var bytes = Encoding.UTF8.GetBytes(options.Region);
        if (options.Region.Length is 0 or > 48 || !OriginId.IsValid(bytes))
        {
            throw new LedgerFaultException($"'{Printable.Cut(options.Region)}' is not a region's name: 1 to 48 of A-Z a-z 0-9 _ -.");
        }

        var header = new SegmentHeader(Checksum.Xxh64(bytes, options.Incarnation), 1, 1, self, VersionVector.Empty);
        using var file = new SegmentSupply(disk, options.SegmentBytes).Begin(header);
        return header;
    }

    private static void CheckRegion(SegmentHeader header, StoreOptions options)
    {
        var region = header.Self.Value[..header.Self.Value.LastIndexOf('-')];
        if (region != options.Region)
        {
            throw new LedgerFaultException($"This data directory belongs to the region '{region}', and the node was started as '{options.Region}'. Start it with --region {region}, or give it a directory of its own.");
        }
    }

    private static List<SegmentHeader> ReadHeaders(IDisk disk, IReadOnlyList<string> names, StateMark? known)
    {
        var files = names
            .Where(n => SegmentHeader.TryParseName(n, out _, out _))
            .Select(n => (Name: n, Header: ReadHeader(disk, n)))
            .ToList();
        var storeId = files.Find(f => f.Header is not null).Header?.StoreId ?? known?.StoreId;
        foreach (var (name, _) in files.Where(f => f.Header is null && !HoldsRecords(disk, f.Name, storeId)).ToList())
        {
            // It was being begun when the process ended, or the disk failed: no record was ever written to it.
            disk.Delete(name);
            files.RemoveAll(f => f.Name == name);
        }

        var headers = new List<SegmentHeader>();
        foreach (var (name, header) in files)
        {
            if (header is null)
            {
                throw new LedgerFaultException($"The header of {name} is damaged, and there is no index to read it from. Stop the node and run `stentor doctor --repair`: it makes the header again.");
            }

            if (header.StoreId != storeId || (known is not null && known.StoreId != storeId))
            {
                throw new LedgerFaultException($"{name} belongs to another store than the files beside it. Move what does not belong here out of the data directory.");
            }

            // An empty segment that the next one overrides: nothing in it was ever acknowledged.
            while (headers.Count > 0 && headers[^1].First >= header.First)
            {
                disk.Delete(headers[^1].FileName);
                headers.RemoveAt(headers.Count - 1);
            }

            headers.Add(header);
        }

        return headers;
    }

    /// <summary>The header of a segment's file, or its copy in the index; null when neither is good and fits the name.</summary>
    internal static SegmentHeader? ReadHeader(IDisk disk, string name)
    {
        _ = SegmentHeader.TryParseName(name, out var number, out var first);
        SegmentHeader? header;
        using (var file = disk.Open(name, DiskFileMode.Existing))
        {
            header = SegmentHeader.Read(file, name);
        }

        // A recycled file still has the header of what it was, until its own is written.
        header ??= ReadCopy(disk, SegmentHeader.IndexNameOf(name));
        return header is not null && header.Number == number && header.First == first ? header : null;
    }

    /// <summary>The copy of a segment's header in its index; null when there is none that is good.</summary>
    internal static SegmentHeader? ReadCopy(IDisk disk, string indexName)
    {
        try
        {
            using var file = disk.Open(indexName, DiskFileMode.Existing);
            var bytes = new byte[file.Length];
            file.Read(bytes, 0);
            return IndexLayout.Decode(bytes, indexName) is { } layout && layout.IsBodyGood(bytes)
                ? SegmentHeader.Decode(bytes.AsSpan(layout.Header, layout.HeaderBytes), indexName)
                : null;
        }
        catch (DiskException)
        {
            return null; // No copy to be had; the caller says what that means.
        }
    }

    /// <summary>Whether a segment whose header is not good was ever written to.</summary>
    internal static bool HoldsRecords(IDisk disk, string name, ulong? storeId)
    {
        _ = SegmentHeader.TryParseName(name, out var number, out var first);
        using var file = disk.Open(name, DiskFileMode.Existing);
        if (storeId is not null)
        {
            return new RecordCursor(file, SegmentHeader.SaltOf(storeId.Value, number)).Find(0, first, long.MaxValue) >= 0;
        }

        // The only segment, without a header: a store whose making was cut short holds zeros and nothing else after it.
        var block = new byte[SegmentHeader.BlockBytes];
        return file.Read(block, SegmentHeader.BlockBytes) > 0 && block.AsSpan().ContainsAnyExcept((byte)0);
    }

    /// <summary>Makes the index of the active segment, cuts a torn tail, and sees to it that what is left is durable.</summary>
    private static ActiveIndex Recover(IDiskFile file, SegmentHeader header, long durable)
    {
        var scan = SegmentScanner.Scan(file, header, long.MaxValue);
        var index = scan.Index;

        var keep = scan.WholeCount((int)Math.Clamp(durable + 1 - header.First, 0, int.MaxValue));
        if (keep < index.Count)
        {
            index = SegmentScanner.Scan(file, header, header.First + keep - 1).Index;
            file.Clear(index.End, scan.Index.End - index.End); // A good record left in the torn tail could be taken for the next of what is written there.
        }

        WriteAgain(file, index.Offsets[Math.Min(scan.LastBatch, index.Count)], index.End);
        file.Sync();
        return index;
    }

    /// <summary>
    /// Writes the last batch again, as it is. Its sync may have failed before the process ended: the system then still shows its bytes, counts
    /// them as written, and would not write them at the next sync.
    /// </summary>
    private static void WriteAgain(IDiskFile file, int from, int to)
    {
        var bytes = new byte[to - from];
        var read = file.Read(bytes, from); // The last record's padding may be past the end.
        file.Write(bytes.AsSpan(0, read), from);
    }

    private static void ClearAway(IDisk disk, IReadOnlyList<string> names, List<Segment> segments)
    {
        var indexNames = segments.Select(s => s.Header.IndexName).ToHashSet();
        foreach (var name in names)
        {
            if (name.StartsWith("ledger-", StringComparison.Ordinal)
                && (name.EndsWith(".idx" + DraftSuffix, StringComparison.Ordinal)
                    || (name.EndsWith(".idx", StringComparison.Ordinal) && !indexNames.Contains(name))))
            {
                disk.Delete(name); // A draft, or the index of a segment that retention took.
            }
        }
    }

    private static long LengthOf(IDisk disk, string name)
    {
        using var file = disk.Open(name, DiskFileMode.Existing);
        return file.Length;
    }
}
