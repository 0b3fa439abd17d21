using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>Entries read from the ledger, back to back in one buffer. Owned and used again by its reader.</summary>
public sealed class LedgerBatch
{
    /// <summary>The bytes of <see cref="Entries"/>.</summary>
    public ByteBuffer Bytes { get; } = new(64 * 1024);

    /// <summary>The entries, in the order of their positions.</summary>
    public List<LedgerSlice> Entries { get; } = [];

    /// <summary>Everything wanted up to this position is in the batch (or, read backwards, from this position on).</summary>
    public long Through { get; set; }

    /// <summary>Positions that are damaged and were stepped over: a hole that the reader must be told about. Empty when all is well.</summary>
    public List<LedgerHole> Holes { get; } = [];

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        Bytes.Clear();
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
