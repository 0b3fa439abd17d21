using System.Buffers.Binary;
using System.Security.Cryptography;
using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>Mends a ledger that nobody has open. What is taken out of it is kept beside it, in files whose names start with <c>quarantine-</c>.</summary>
/// <param name="disk">Where the ledger is.</param>
internal sealed class LedgerRepair(IDisk disk)
{
    /// <summary>How the names of files start that hold what was taken out.</summary>
    public const string QuarantinePrefix = "quarantine-";

    private const int ChunkBytes = 1024 * 1024;

    /// <summary>Writes a segment's header again.</summary>
    public void WriteHeader(SegmentHeader header)
    {
        using var file = disk.Open(header.FileName, DiskFileMode.Existing);
        file.Write(header.Encode(), 0);
        file.Sync();
    }

    /// <summary>Writes a segment's index.</summary>
    public void WriteIndex(SegmentHeader header, byte[] bytes) => SegmentCache.WriteFile(disk, header.IndexName, bytes);

    /// <summary>Copies damaged bytes into a file of their own and puts a record in their place that says what is lost.</summary>
    public void PutAside(LostPositions lost)
    {
        using var file = disk.Open(lost.Header.FileName, DiskFileMode.Existing);
        Keep(file, lost.Header.FileName, lost.Offset, lost.Offset + (long)lost.Bytes);
        var record = new byte[lost.Bytes];
        var content = new byte[lost.Bytes - RecordFormat.HeaderBytes];
        BinaryPrimitives.WriteInt64LittleEndian(content, lost.Count);
        RecordFormat.Write(record, content, lost.First, 0, RecordFlags.Lost, lost.Header.Salt);
        file.Write(record, lost.Offset);
        file.Sync();
        disk.Delete(lost.Header.IndexName); // It does not know of the loss; it is made again.
        disk.SyncDirectory();
    }

    /// <summary>Ends the ledger before what is lost, keeps the rest aside, and lets the region go on under a new incarnation.</summary>
    public void CutAt(IReadOnlyList<SegmentHeader> headers, LostPositions lost, StateMark state)
    {
        var first = Math.Max(lost.First, state.Position + 1);
        using (var file = disk.Open(lost.Header.FileName, DiskFileMode.Existing))
        {
            var scan = SegmentScanner.Scan(file, lost.Header, lost.First - 1);
            var seen = first == lost.First ? scan.Index.Runs.SeenAfter(scan.Index.Count) : state.Mark.Seen;
            var region = headers[^1].Self.Value[..headers[^1].Self.Value.LastIndexOf('-')];

            // The copies first, then the cut, then the new start: whatever ends this half-way, nothing is gone.
            Keep(file, lost.Header.FileName, lost.Offset, file.Length);
            foreach (var later in headers.Where(h => h.Number > lost.Header.Number))
            {
                disk.Rename(later.FileName, QuarantinePrefix + later.FileName);
                disk.Delete(later.IndexName);
            }

            disk.SyncDirectory();
            file.Clear(lost.Offset, (int)(file.Length - lost.Offset));
            file.Sync();
            GoOnAt(headers[^1], first, seen, new OriginId($"{region}-{(uint)RandomNumberGenerator.GetInt32(int.MinValue, int.MaxValue):x8}"));
        }
    }

    /// <summary>Begins a new last segment.</summary>
    public void GoOnAt(SegmentHeader last, long first, VersionVector seen, OriginId self)
    {
        var header = new SegmentHeader(last.StoreId, last.Number + 1, first, self, seen);
        new SegmentSupply(disk, SegmentHeader.BlockBytes).Begin(header).Dispose();
    }

    private void Keep(IDiskFile file, string name, long from, long to)
    {
        var copyName = $"{QuarantinePrefix}{Path.GetFileNameWithoutExtension(name)}-{from:x8}.bin";
        disk.Delete(copyName);
        using var copy = disk.Open(copyName, DiskFileMode.New);
        var chunk = new byte[ChunkBytes];
        for (var offset = from; offset < to; offset += chunk.Length)
        {
            var part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, to - offset));
            Salvage.Read(file, part, offset);
            copy.Write(part, offset - from);
        }

        copy.Sync();
        disk.SyncDirectory();
    }
}
