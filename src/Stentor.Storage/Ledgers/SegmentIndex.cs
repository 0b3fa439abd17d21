using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>Ordinals whose records are damaged or missing.</summary>
/// <param name="First">The first one.</param>
/// <param name="Count">How many.</param>
internal readonly record struct LostRange(int First, int Count);

/// <summary>
/// Where a segment's records are, and whose. A record's ordinal is its place in the segment, from 0: its position less the segment's first.
/// Any thread reads; in the active segment one thread adds at the end.
/// </summary>
internal abstract class SegmentIndex
{
    // A record found by index costs a read of its own, about six times what it costs to look at one in passing
    // (docs/ledger-format.md, "Reading"): from that share on, a reader scans.
    protected const int ScanShare = 6;

    /// <summary>How many records, lost ones included.</summary>
    public abstract int Count { get; }

    /// <summary>Where each record starts, and at the end where the last one ends: <see cref="Count"/> + 1 offsets or more.</summary>
    public abstract ReadOnlySpan<int> Offsets { get; }

    /// <summary>Whose records these are.</summary>
    public abstract OriginRuns Runs { get; }

    /// <summary>What is known to be lost, in order.</summary>
    public abstract IReadOnlyList<LostRange> Lost { get; }

    /// <summary>Finds the records of some channels.</summary>
    /// <param name="channels">Which channels.</param>
    /// <param name="from">The first ordinal.</param>
    /// <param name="to">The ordinal after the last.</param>
    /// <param name="countMax">About how many to find.</param>
    /// <param name="newest">Whether to find the last ones instead of the first ones.</param>
    /// <param name="ordinals">Receives them, ascending.</param>
    /// <returns>
    /// Up to where all were found: an ordinal after the last one (or with <paramref name="newest"/>, the first one). -1 when the channels have
    /// so many records here that reading them all is cheaper.
    /// </returns>
    public abstract int Select(ChannelSet channels, int from, int to, int countMax, bool newest, List<int> ordinals);

    /// <summary>Cuts a sorted list of what was found to <paramref name="countMax"/> and says how far it goes.</summary>
    protected static int Cut(List<int> ordinals, int from, int to, int countMax, bool newest)
    {
        if (ordinals.Count <= countMax)
        {
            return newest ? from : to;
        }

        if (newest)
        {
            ordinals.RemoveRange(0, ordinals.Count - countMax);
            return ordinals[0];
        }

        ordinals.RemoveRange(countMax, ordinals.Count - countMax);
        return ordinals[^1] + 1;
    }
}
