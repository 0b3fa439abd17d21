using System.Buffers.Binary;

namespace Stentor.Storage;

/// <summary>What is in a segment's file.</summary>
/// <param name="Index">The records, with what is lost between them.</param>
/// <param name="LastBatch">Ordinal of the first record of the last commit that left a good record.</param>
internal sealed record SegmentScan(ActiveIndex Index, int LastBatch)
{
    /// <summary>
    /// How many records to keep when this is the active segment. A batch is written in one go and the next one only when it is durable: what
    /// is missing from the last batch was torn, and nobody was told of it. What is missing before it, or is known to be durable, is damage.
    /// </summary>
    /// <param name="durable">How many records are known to be durable: the state database reflects them.</param>
    public int WholeCount(int durable)
    {
        var tornFirst = Math.Max(LastBatch, durable);
        foreach (var lost in Index.Lost)
        {
            if (lost.First + lost.Count > tornFirst)
            {
                return Math.Max(lost.First, tornFirst);
            }
        }

        return Index.Count;
    }
}

/// <summary>Told of what a scan finds, in order.</summary>
internal interface IScanVisitor
{
    /// <summary>A good record.</summary>
    void OnRecord(long position, ReadOnlyMemory<byte> entry);

    /// <summary>Positions without a good record.</summary>
    /// <param name="first">The first one.</param>
    /// <param name="count">How many.</param>
    /// <param name="offset">Where in the file they should be.</param>
    /// <param name="bytes">How many bytes there are; 0 when there are none.</param>
    /// <param name="isMarked">Whether the doctor marked them as lost.</param>
    void OnLost(long first, int count, int offset, int bytes, bool isMarked);
}

/// <summary>Reads a segment's file from front to end and makes its index: at recovery, and wherever an index file is missing or damaged.</summary>
internal static class SegmentScanner
{
    /// <summary>Scans a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="header">Its header.</param>
    /// <param name="positionLast">The last position it holds: the one before the next segment's first. <see cref="long.MaxValue"/> for the active segment.</param>
    /// <param name="visitor">Told of everything, or null.</param>
    public static SegmentScan Scan(IDiskFile file, SegmentHeader header, long positionLast, IScanVisitor? visitor = null)
    {
        var index = new ActiveIndex(header.Start, header.Length);
        var cursor = new RecordCursor(file, header.Salt);
        var lastBatch = 0;
        var position = header.First;
        while (position <= positionLast)
        {
            if (!cursor.TryRead(index.End, position, position, out var record))
            {
                // The smallest record has 32 bytes: a bound for how many positions may be missing.
                var positionMax = Math.Min(positionLast, position + ((file.Length - index.End) / 32) + 1);
                var found = cursor.Find(index.End, position + 1, positionMax);
                if (found < 0)
                {
                    break;
                }

                cursor.TryRead(found, position + 1, positionMax, out record);
                visitor?.OnLost(position, (int)(record.Position - position), index.End, found - index.End, isMarked: false);
                index.AddLost((int)(record.Position - position), found - index.End);
                position = record.Position;
            }

            var bytes = RecordFormat.SizeOf(record.Length);
            lastBatch = (int)(position - record.BatchIndex - header.First);
            if ((record.Flags & RecordFlags.Lost) != RecordFlags.None)
            {
                var lost = (int)Math.Min(BinaryPrimitives.ReadInt64LittleEndian(cursor.Entry.Span), positionLast - position + 1);
                visitor?.OnLost(position, lost, index.End, bytes, isMarked: true);
                index.AddLost(lost, bytes);
                position += lost;
                continue;
            }

            if (index.TryAdd(cursor.Entry.Span, bytes))
            {
                visitor?.OnRecord(position, cursor.Entry);
            }
            else
            {
                visitor?.OnLost(position, 1, index.End, bytes, isMarked: false);
                index.AddLost(1, bytes);
            }

            position++;
        }

        if (positionLast != long.MaxValue && position <= positionLast)
        {
            visitor?.OnLost(position, (int)(positionLast - position + 1), index.End, 0, isMarked: false);
            index.AddLost((int)(positionLast - position + 1), 0);
        }

        index.Publish();
        return new SegmentScan(index, Math.Max(0, lastBatch));
    }
}
