using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>What is committed, as a replica reads it while it applies a batch. Implemented by the store, and in memory for tests.</summary>
public interface IStates
{
    /// <summary>The committed state of a channel; null when nothing was ever published there.</summary>
    /// <param name="channel">A channel name.</param>
    ChannelState? Find(string channel);

    /// <summary>What a publish id was used for; null when it is new.</summary>
    /// <param name="author">The author.</param>
    /// <param name="id">The id.</param>
    PublishedId? FindId(string author, string id);

    /// <summary>
    /// The committed entries of a channel, in the region's order: for the rare fold that cannot go forward. While a ledger is replayed, all that it holds
    /// (or at least what was replayed): the replica leaves out what it has not applied. The memory may be used again for the next entry.
    /// </summary>
    /// <param name="channel">A channel name.</param>
    IEnumerable<ReadOnlyMemory<byte>> History(string channel);
}

/// <summary>What an author's publish id was used for.</summary>
/// <param name="Author">The author.</param>
/// <param name="Id">The id.</param>
/// <param name="Channel">The channel.</param>
/// <param name="Origin">The entry's origin.</param>
/// <param name="Seq">The entry's number.</param>
/// <param name="Lamport">The entry's Lamport clock.</param>
/// <param name="Time">The entry's time, microseconds since 1970.</param>
/// <param name="Content">A checksum over channel, effect and activity: tells a copy of the same activity from another one under the same id.</param>
public sealed record PublishedId(string Author, string Id, string Channel, OriginId Origin, long Seq, long Lamport, long Time, ulong Content);
