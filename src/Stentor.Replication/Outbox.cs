using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>An entry that a replica recorded, in the outbox's bytes.</summary>
/// <param name="Channel">Its channel.</param>
/// <param name="Origin">Its origin.</param>
/// <param name="Seq">Its number.</param>
/// <param name="Offset">Where its bytes start in <see cref="Outbox.Bytes"/>.</param>
/// <param name="Length">How many there are.</param>
/// <param name="Repeat">Whether it is another region's copy of an activity that is known already by its publish id: kept, passed on, but not delivered to readers.</param>
/// <param name="State">The channel's state after it.</param>
public readonly record struct Recorded(string Channel, OriginId Origin, long Seq, int Offset, int Length, bool Repeat, ChannelState State);

/// <summary>What became of a received entry.</summary>
public enum ReceiveResult
{
    /// <summary>Applied, or known already, or waiting for what it depends on.</summary>
    Taken,

    /// <summary>Not kept: the waiting room is full, or its origin's row in it was thrown out. It must be asked for again.</summary>
    Dropped,

    /// <summary>Impossible by this region's clock, which may be the one that is wrong: the link ends, and it is asked for again on the next one.</summary>
    Refused,

    /// <summary>Damaged, forked or impossible; nothing of it was applied.</summary>
    Fault,
}

/// <summary>What became of received entries.</summary>
/// <param name="Link">The link that brought them.</param>
/// <param name="Result">What became of them.</param>
/// <param name="Bytes">How many bytes they have: room that the link may use again.</param>
/// <param name="Origin">The entry's origin; of nobody when they were taken.</param>
/// <param name="Seq">Its number; 0 when they were taken.</param>
/// <param name="Detail">What was found and what was expected; null where there is nothing to tell.</param>
public readonly record struct ReceiveReport(int Link, ReceiveResult Result, int Bytes, OriginId Origin, long Seq, string? Detail);

/// <summary>
/// What a batch of commands brought about: entries to make durable, outcomes to tell, states that changed. One owner; used again batch after batch.
/// A replica works on one outbox from commit to commit: it is where it finds the states that the batch changed so far.
/// </summary>
public sealed class Outbox
{
    private Replica? _replica;

    /// <summary>The bytes of <see cref="Entries"/>, one after the other.</summary>
    public ByteBuffer Bytes { get; } = new(256 * 1024);

    /// <summary>The entries recorded, in the region's order.</summary>
    public List<Recorded> Entries { get; } = [];

    /// <summary>The outcomes, in the order of the commands.</summary>
    public List<Outcome> Outcomes { get; } = [];

    /// <summary>The newest state of every channel that changed.</summary>
    public Dictionary<string, ChannelState> Channels { get; } = [];

    /// <summary>The publish ids that became known.</summary>
    public List<PublishedId> Ids { get; } = [];

    /// <summary>What became of the entries received, in order; those that were taken one after the other from one link together.</summary>
    public List<ReceiveReport> Received { get; } = [];

    /// <summary>The origin that the region took in this batch; null when it stayed the same.</summary>
    public OriginId? Self { get; internal set; }

    /// <summary>Where the replica stands after the batch. Valid until the replica applies more.</summary>
    public ReplicaMark Mark
    {
        get => _replica?.Mark ?? field;
        set => (_replica, field) = (null, value);
    } = ReplicaMark.Start;

    /// <summary>Empties it for the next batch.</summary>
    public void Clear()
    {
        Bytes.Clear(keepMax: 4 * 1024 * 1024);
        Entries.Clear();
        Outcomes.Clear();
        Channels.Clear();
        Ids.Clear();
        Received.Clear();
        Self = null;
    }

    /// <summary>Counts an entry that was taken.</summary>
    internal void AddTaken(int link, int bytes)
    {
        if (Received.Count > 0 && Received[^1] is { Result: ReceiveResult.Taken } last && last.Link == link)
        {
            Received[^1] = last with { Bytes = last.Bytes + bytes };
        }
        else
        {
            Received.Add(new ReceiveReport(link, ReceiveResult.Taken, bytes, default, 0, Detail: null));
        }
    }

    /// <summary>Made when it is asked for, since it costs more than an entry.</summary>
    internal void MarkIsOf(Replica replica) => _replica = replica;
}
