using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>Entries read from the ledger, in one buffer. Owned and used again by its reader.</summary>
public sealed class LedgerBatch
{
    // 1 MiB: what a reader asks for at most in the usual case; one huge entry does not stay in memory.
    private const int BytesKept = 1024 * 1024;

    /// <summary>Holds the bytes of <see cref="Entries"/>, as they came from the disk: there may be other bytes between them.</summary>
    public ByteBuffer Bytes { get; } = new(64 * 1024);

    /// <summary>The entries, in the order of their positions.</summary>
    public List<LedgerSlice> Entries { get; } = [];

    /// <summary>Everything wanted up to this position is in the batch (or, read backwards, from this position on).</summary>
    public long Through { get; set; }

    /// <summary>Positions that are damaged and were stepped over: a hole that the reader must be told about. Empty when all is well.</summary>
    public List<LedgerHole> Holes { get; } = [];

    /// <summary>Room for a reader to note where its records are.</summary>
    public List<int> Ordinals { get; } = [];

    /// <summary>The bytes of an entry; valid until the batch is filled again.</summary>
    /// <param name="slice">One of <see cref="Entries"/>.</param>
    public ReadOnlySpan<byte> BytesOf(in LedgerSlice slice) => Bytes.WrittenSpan.Slice(slice.Offset, slice.Length);

    /// <summary>Notes a hole, as one with the last where they touch.</summary>
    /// <param name="first">The first position.</param>
    /// <param name="last">The last position.</param>
    /// <param name="reason">Why, for people.</param>
    public void AddHole(long first, long last, string reason)
    {
        if (Holes.Count > 0 && Holes[^1] is var before && before.Reason == reason && before.Last + 1 >= first && before.First <= last + 1)
        {
            Holes[^1] = before with { First = Math.Min(first, before.First), Last = Math.Max(last, before.Last) };
        }
        else
        {
            Holes.Add(new LedgerHole(first, last, reason));
        }
    }

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        Bytes.Clear(keepMax: BytesKept);
        Entries.Clear();
        Holes.Clear();
    }
}

/// <summary>An entry in a <see cref="LedgerBatch"/>.</summary>
/// <param name="Position">Its place in the region's order, from 1.</param>
/// <param name="Offset">Where its bytes start.</param>
/// <param name="Length">How many there are.</param>
/// <param name="Repeat">Whether it is a copy of an activity known by its publish id: not for readers.</param>
public readonly record struct LedgerSlice(long Position, int Offset, int Length, bool Repeat);

/// <summary>Positions that are not held: cut off by retention, or damaged.</summary>
/// <param name="First">The first one.</param>
/// <param name="Last">The last one.</param>
/// <param name="Reason">Why, for people.</param>
public readonly record struct LedgerHole(long First, long Last, string Reason);
