using Stentor.Protocol;

namespace Stentor.Replication.Tests;

/// <summary>A ledger in a list, plain and slow.</summary>
internal sealed class MemoryLog : IEntryLog
{
    private readonly List<(byte[] Bytes, OriginId Origin, long Seq, bool Repeat)> _entries = [];

    public long Position => _entries.Count;

    /// <summary>Positions before it are no longer held.</summary>
    public long FirstPosition { get; set; } = 1;

    public IEnumerable<byte[]> Entries => _entries.Select(e => e.Bytes);

    public void Append(Outbox outbox)
    {
        foreach (var entry in outbox.Entries)
        {
            _entries.Add((outbox.Bytes.WrittenSpan.Slice(entry.Offset, entry.Length).ToArray(), entry.Origin, entry.Seq, entry.Repeat));
        }
    }

    public long CoveredThrough(VersionVector seen)
    {
        var index = _entries.FindIndex(e => seen[e.Origin] < e.Seq);
        return index < 0 ? _entries.Count : index;
    }

    public void ReadAll(long after, int bytesMax, LedgerBatch batch)
    {
        batch.Clear();
        if (after + 1 < FirstPosition)
        {
            batch.AddHole(after + 1, FirstPosition - 1, "no longer held");
            after = FirstPosition - 1;
        }

        for (; after < Position && batch.Bytes.Length < bytesMax; after++)
        {
            var (bytes, _, _, repeat) = _entries[(int)after];
            batch.Entries.Add(new LedgerSlice(after + 1, batch.Bytes.Length, bytes.Length, repeat));
            batch.Bytes.Write(bytes);
        }

        batch.Through = after;
    }
}
