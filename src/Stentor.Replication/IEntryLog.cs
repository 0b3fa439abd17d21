using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>A region's durable entries in its order, as links read them. Implemented by the store. Any thread.</summary>
public interface IEntryLog
{
    /// <summary>The last durable position; 0 when there is none.</summary>
    long Position { get; }

    /// <summary>The position up to which a vector covers everything: the first entry it does not cover stands right after. Later entries may be covered too.</summary>
    /// <param name="seen">What the other side has.</param>
    /// <returns>0 when something of what retention took is not covered either: which position that had is no longer known.</returns>
    long CoveredThrough(VersionVector seen);

    /// <summary>Reads every entry forwards.</summary>
    /// <param name="after">The position before the first one wanted.</param>
    /// <param name="bytesMax">About how many bytes to read at most; at least one entry.</param>
    /// <param name="batch">Cleared and filled; its <c>Through</c> is where to go on.</param>
    void ReadAll(long after, int bytesMax, LedgerBatch batch);
}
