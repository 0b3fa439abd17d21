using System.Buffers.Binary;

namespace Stentor.Storage;

/// <summary>What is in a segment's file.</summary>
/// <param name="Index">The records, with what is lost between them.</param>
/// <param name="LastBatch">Ordinal of the first record of the last commit that left a good record.</param>
internal sealed record SegmentScan(ActiveIndex Index, int LastBatch);

/// <summary>Reads a segment's file from front to end and makes its index: at recovery, and wherever an index file is missing or damaged.</summary>
internal static class SegmentScanner
{
    /// <summary>Scans a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="header">Its header.</param>
    /// <param name="positionLast">The last position it holds: the one before the next segment's first. <see cref="long.MaxValue"/> for the active segment.</param>
    public static SegmentScan Scan(IDiskFile file, SegmentHeader header, long positionLast)
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
                index.AddLost((int)(record.Position - position), found - index.End);
                position = record.Position;
            }

            var bytes = RecordFormat.SizeOf(record.Length);
            lastBatch = (int)(position - record.BatchIndex - header.First);
            if ((record.Flags & RecordFlags.Lost) != RecordFlags.None)
            {
                var lost = (int)Math.Min(BinaryPrimitives.ReadInt64LittleEndian(cursor.Entry.Span), positionLast - position + 1);
                index.AddLost(lost, bytes);
                position += lost;
                continue;
            }

            if (!index.TryAdd(cursor.Entry.Span, bytes))
            {
                index.AddLost(1, bytes);
            }

            position++;
        }

        if (positionLast != long.MaxValue && position <= positionLast)
        {
            index.AddLost((int)(positionLast - position + 1), 0);
        }

        index.Publish();
        return new SegmentScan(index, Math.Max(0, lastBatch));
    }
}
