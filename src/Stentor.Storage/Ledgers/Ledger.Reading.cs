using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <content>Reading: any number of threads, without locks. Every record is checked against its checksum each time; what does not pass is a hole.</content>
internal sealed partial class Ledger
{
    // One read of the disk, at most: large enough that its cost does not show, small enough for the caches of a processor.
    private const int ChunkBytes = 256 * 1024;

    // At least so much at once where not every record may be wanted.
    private const int ChunkBytesMin = 32 * 1024;

    private const string RetentionReason = "no longer held (retention)";

    /// <summary>Reads forwards; see <see cref="Store.Read"/>.</summary>
    /// <param name="after">The position before the first one wanted.</param>
    /// <param name="channels">Which channels; null for every entry.</param>
    /// <param name="bytesMax">About how many bytes at most.</param>
    /// <param name="batch">Cleared and filled.</param>
    public void Read(long after, ChannelSet? channels, int bytesMax, LedgerBatch batch)
    {
        batch.Clear();
        var last = Position;
        var position = after + 1;
        while (position <= last && batch.Bytes.Length < bytesMax)
        {
            var segments = _segments;
            if (position < segments[0].First)
            {
                batch.AddHole(position, segments[0].First - 1, RetentionReason);
                position = segments[0].First;
                continue;
            }

            var segment = segments[IndexOf(segments, position)];
            var from = (int)(position - segment.First);
            var to = (int)(Math.Min(last, segment.Last) - segment.First) + 1;
            try
            {
                var next = channels is null || segment.MayContain(channels)
                    ? ReadForwards(segment, from, to, channels, bytesMax, batch)
                    : to;
                position = segment.First + next;
            }
            catch (DiskException) when (segment.IsRetired)
            {
                // Retention took it just now: the next look at the segments says so.
            }
        }

        batch.Through = Math.Max(after, position - 1);
    }

    /// <summary>Reads backwards; see <see cref="Store.ReadNewest"/>.</summary>
    /// <param name="before">The position after the last one wanted.</param>
    /// <param name="channels">Which channels; null for every entry.</param>
    /// <param name="countMax">Most entries.</param>
    /// <param name="bytesMax">About how many bytes at most.</param>
    /// <param name="batch">Cleared and filled.</param>
    public void ReadNewest(long before, ChannelSet? channels, int countMax, int bytesMax, LedgerBatch batch)
    {
        batch.Clear();
        var position = Math.Min(before, Position + 1);
        while (position > 1 && batch.Entries.Count < countMax && batch.Bytes.Length < bytesMax)
        {
            var segments = _segments;
            if (position <= segments[0].First)
            {
                batch.AddHole(1, position - 1, RetentionReason);
                position = 1;
                break;
            }

            var segment = segments[IndexOf(segments, position - 1)];
            var to = (int)(position - segment.First);
            try
            {
                var next = channels is null || segment.MayContain(channels)
                    ? ReadBackwards(segment, to, channels, countMax, bytesMax, batch)
                    : 0;
                position = segment.First + next;
            }
            catch (DiskException) when (segment.IsRetired)
            {
                // Retention took it just now: the next look at the segments says so.
            }
        }

        batch.Entries.Reverse();
        batch.Holes.Reverse();
        batch.Through = position;
    }

    /// <summary>The region's version vector at a position; see <see cref="Store.SeenAt"/>.</summary>
    /// <param name="position">Where.</param>
    public VersionVector SeenAt(long position)
    {
        while (true)
        {
            var segments = _segments;
            if (position < segments[0].First)
            {
                return segments[0].Header.Start;
            }

            var segment = segments[IndexOf(segments, position)];
            try
            {
                return segment.Index.Runs.SeenAfter((int)(position - segment.First) + 1);
            }
            catch (DiskException) when (segment.IsRetired)
            {
                // Retention took it just now: the next look at the segments says so.
            }
        }
    }

    /// <summary>The position up to which a vector covers everything; see <see cref="Store.CoveredThrough"/>.</summary>
    /// <param name="seen">What a reader has seen.</param>
    public long CoveredThrough(VersionVector seen)
    {
        while (true)
        {
            var segments = _segments;
            if (!seen.Covers(segments[0].Header.Start))
            {
                return 0; // Some of what retention took is missing; which position it had is no longer known.
            }

            var segment = segments[LastStartIn(segments, seen)];
            var count = (int)(Math.Min(Position, segment.Last) - segment.First) + 1;
            try
            {
                return segment.First - 1 + segment.Index.Runs.CoveredBy(seen, count);
            }
            catch (DiskException) when (segment.IsRetired)
            {
                // Retention took it just now: the next look at the segments says so.
            }
        }
    }

    /// <summary>The last segment whose start a vector covers, by halving: vectors grow along the ledger. The first one's start must be covered.</summary>
    private static int LastStartIn(Segment[] segments, VersionVector seen)
    {
        int low = 0, high = segments.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (seen.Covers(segments[middle].Header.Start))
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    private static int IndexOf(Segment[] segments, long position)
    {
        int low = 0, high = segments.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (segments[middle].First <= position)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    private int ReadForwards(Segment segment, int from, int to, ChannelSet? channels, int bytesMax, LedgerBatch batch)
    {
        var index = segment.Index;
        while (from < to && batch.Bytes.Length < bytesMax)
        {
            // No record is smaller than 32 bytes.
            var countMax = ((bytesMax - batch.Bytes.Length) / 32) + 1;
            var through = channels is null ? -1 : index.Select(channels, from, to, countMax, newest: false, batch.Ordinals);
            if (through < 0)
            {
                var left = bytesMax - batch.Bytes.Length;
                var chunk = Math.Min(channels is null ? left : Math.Max(left, ChunkBytesMin), ChunkBytes);
                from = ReadRange(segment, index, from, to, channels, chunk, left, batch);
                continue;
            }

            AddLost(segment, index, from, through, batch);
            var offsets = index.Offsets;
            foreach (var ordinal in batch.Ordinals)
            {
                ReadOne(segment, offsets, ordinal, channels, batch);
                if (batch.Bytes.Length >= bytesMax)
                {
                    return ordinal + 1;
                }
            }

            from = through;
        }

        return from;
    }

    private int ReadBackwards(Segment segment, int to, ChannelSet? channels, int countMax, int bytesMax, LedgerBatch batch)
    {
        var index = segment.Index;
        while (to > 0 && batch.Entries.Count < countMax && batch.Bytes.Length < bytesMax)
        {
            var wanted = countMax - batch.Entries.Count;
            var through = channels is null ? -1 : index.Select(channels, 0, to, wanted, newest: true, batch.Ordinals);
            var offsets = index.Offsets;
            if (through < 0)
            {
                to = ReadRangeBackwards(segment, index, to, channels, wanted, bytesMax - batch.Bytes.Length, batch);
                continue;
            }

            AddLost(segment, index, through, to, batch);
            for (var i = batch.Ordinals.Count - 1; i >= 0; i--)
            {
                ReadOne(segment, offsets, batch.Ordinals[i], channels, batch);
                if (batch.Entries.Count >= countMax || batch.Bytes.Length >= bytesMax)
                {
                    return batch.Ordinals[i];
                }
            }

            to = through;
        }

        return to;
    }

    /// <summary>Reads the last records before an ordinal that one read of the disk brings, and adds the newest of them first.</summary>
    /// <returns>The ordinal of the oldest one that was looked at.</returns>
    private int ReadRangeBackwards(Segment segment, SegmentIndex index, int to, ChannelSet? channels, int countMax, int bytesMax, LedgerBatch batch)
    {
        var offsets = index.Offsets;
        var from = to - 1;
        while (from > 0 && to - from < countMax * 2L && offsets[to] - offsets[from - 1] <= ChunkBytes)
        {
            from--;
        }

        var before = batch.Entries.Count;
        ReadRange(segment, index, from, to, channels, int.MaxValue, int.MaxValue, batch);
        var found = batch.Entries.Count - before;
        batch.Entries.Reverse(before, found);
        var bytes = 0;
        for (var i = 0; i < found; i++)
        {
            bytes += batch.Entries[before + i].Length;
            if (i + 1 < found && (i + 1 == countMax || bytes >= bytesMax))
            {
                // The older ones are left for the next time.
                from = (int)(batch.Entries[before + i].Position - segment.First);
                batch.Entries.RemoveRange(before + i + 1, found - i - 1);
                break;
            }
        }

        return from;
    }

    /// <summary>Reads records in a row, at least one and no more than <paramref name="chunkBytes"/>; what is wanted of them stays in the batch, up to about <paramref name="bytesMax"/>.</summary>
    /// <returns>The ordinal after the last one that was looked at.</returns>
    private int ReadRange(Segment segment, SegmentIndex index, int from, int to, ChannelSet? channels, int chunkBytes, int bytesMax, LedgerBatch batch)
    {
        var offsets = index.Offsets;
        var start = offsets[from];
        var fits = offsets[(from + 1)..(to + 1)].BinarySearch((int)Math.Min(start + (long)chunkBytes, int.MaxValue));
        var end = Math.Max(from + 1, from + (fits < 0 ? ~fits : fits + 1));
        var bytes = offsets[end] - start;
        var chunk = batch.Bytes.GetSpan(bytes)[..bytes];
        try
        {
            chunk[segment.Read(chunk, start)..].Clear();
        }
        catch (DiskException) when (end - from > 1 && !segment.IsRetired)
        {
            // One bad block must not hide its neighbours.
            for (var ordinal = from; ordinal < end; ordinal++)
            {
                ReadOne(segment, offsets, ordinal, channels, batch);
            }

            return end;
        }
        catch (DiskException)
        {
            AddHole(segment, from, end, batch);
            return end;
        }

        // What is wanted moves together at the front; where all is wanted, nothing moves.
        var at = batch.Bytes.Length;
        var kept = 0;
        for (var ordinal = from; ordinal < end; ordinal++)
        {
            var record = chunk[(offsets[ordinal] - start)..(offsets[ordinal + 1] - start)];
            if (!TryTake(segment, record, ordinal, at + kept, channels, batch))
            {
                continue;
            }

            if (kept != offsets[ordinal] - start)
            {
                record.CopyTo(chunk[kept..]);
            }

            kept += record.Length;
            if (kept >= bytesMax)
            {
                end = ordinal + 1;
            }
        }

        batch.Bytes.Advance(kept);
        return end;
    }

    private void ReadOne(Segment segment, ReadOnlySpan<int> offsets, int ordinal, ChannelSet? channels, LedgerBatch batch)
    {
        var bytes = offsets[ordinal + 1] - offsets[ordinal];
        var record = batch.Bytes.GetSpan(bytes)[..bytes];
        try
        {
            record[segment.Read(record, offsets[ordinal])..].Clear();
        }
        catch (DiskException)
        {
            AddHole(segment, ordinal, ordinal + 1, batch);
            return;
        }

        if (TryTake(segment, record, ordinal, batch.Bytes.Length, channels, batch))
        {
            batch.Bytes.Advance(bytes);
        }
    }

    /// <summary>Checks a record and adds it to the batch when it is wanted.</summary>
    private bool TryTake(Segment segment, ReadOnlySpan<byte> bytes, int ordinal, int at, ChannelSet? channels, LedgerBatch batch)
    {
        if (!RecordFormat.TryRead(bytes, segment.Header.Salt, out var record)
            || record.Position != segment.First + ordinal || (record.Flags & RecordFlags.Lost) != RecordFlags.None)
        {
            AddHole(segment, ordinal, ordinal + 1, batch);
            return false;
        }

        if (channels is not null && !channels.Contains(EntryHeader.ChannelOf(bytes[RecordFormat.HeaderBytes..])))
        {
            return false;
        }

        batch.Entries.Add(new LedgerSlice(
            record.Position,
            at + RecordFormat.HeaderBytes,
            record.Length,
            (record.Flags & RecordFlags.Repeat) != RecordFlags.None));
        return true;
    }

    /// <summary>What is lost belongs to channels unknown, so every reader is told.</summary>
    private void AddLost(Segment segment, SegmentIndex index, int from, int to, LedgerBatch batch)
    {
        foreach (var lost in index.Lost)
        {
            var first = Math.Max(from, lost.First);
            var end = Math.Min(to, lost.First + lost.Count);
            if (first < end)
            {
                AddHole(segment, first, end, batch);
            }
        }
    }

    private void AddHole(Segment segment, int from, int to, LedgerBatch batch)
    {
        if (segment.IsRetired)
        {
            batch.AddHole(segment.First + from, segment.First + to - 1, RetentionReason);
            return;
        }

        var reason = "damaged in " + segment.Header.FileName;
        batch.AddHole(segment.First + from, segment.First + to - 1, reason);
        Damage.Add(segment.First + from, segment.First + to - 1, reason);
    }
}
