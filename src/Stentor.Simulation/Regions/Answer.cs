using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Simulation;

/// <summary>What a region answers a client.</summary>
/// <param name="Error">One of <see cref="ErrorType"/>, or null.</param>
/// <param name="Seen">The token.</param>
internal sealed record Answer(string? Error, VersionVector Seen)
{
    /// <summary>The entry's origin, for a publish.</summary>
    public OriginId Origin { get; init; }

    /// <summary>The entry's number.</summary>
    public long Seq { get; init; }

    /// <summary>Whether the publish id was known.</summary>
    public bool IsDuplicate { get; init; }

    /// <summary>How many regions have it.</summary>
    public int Copies { get; init; } = 1;

    /// <summary>A channel's state, canonical; null where there is none.</summary>
    public string? State { get; init; }

    /// <summary>A channel's version; 0 when nothing was published.</summary>
    public long Version { get; init; }

    /// <summary>For an inbox: where its cursor stood.</summary>
    public VersionVector? Cursor { get; init; }

    /// <summary>For an inbox: what came after it.</summary>
    public IReadOnlyList<byte[]> Entries { get; init; } = [];
}

/// <summary>A publish on its way through a region.</summary>
internal sealed class PublishCall(RegionProcess process, PublishBody body, Action<Answer> answer) : IPublisher
{
    /// <summary>What was asked for.</summary>
    public PublishBody Body { get; } = body;

    public void OnOutcome(in Outcome outcome) => process.OnOutcome(this, outcome);

    public void OnCommitEnd()
    {
        // Each answer is sent by itself.
    }

    /// <summary>Sends the answer.</summary>
    public void Answer(Answer what) => answer(what);
}
