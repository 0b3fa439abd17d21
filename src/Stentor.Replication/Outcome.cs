using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>What became of a publish: recorded, known already, or refused with a reason.</summary>
/// <param name="Command">The publish.</param>
/// <param name="Refusal">Null, or why it was refused.</param>
/// <param name="Duplicate">Whether the same author's same id was known: the stamps are then those of the first time.</param>
/// <param name="Channel">The channel of the entry; of the first one for a duplicate.</param>
/// <param name="Origin">The entry's origin.</param>
/// <param name="Seq">The entry's number.</param>
/// <param name="Lamport">The entry's Lamport clock.</param>
/// <param name="Time">The entry's time, microseconds since 1970.</param>
/// <param name="State">The channel's state after it, where there was an effect; else null.</param>
/// <param name="SeenBefore">What the region had applied before, the own origin perhaps less; together with the entry itself it makes <see cref="Seen"/>, which is exact.</param>
public readonly record struct Outcome(
    Command.Publish Command,
    Refusal? Refusal,
    bool Duplicate,
    string Channel,
    OriginId Origin,
    long Seq,
    long Lamport,
    long Time,
    ChannelState? State,
    VersionVector SeenBefore)
{
    /// <summary>For a <see cref="Replication.Command.Claim"/> that was not refused: how it stands. Where no entry was made, <see cref="Seq"/> is 0.</summary>
    public ClaimOutcome? Claim { get; init; }

    /// <summary>The region's version vector at the entry's position.</summary>
    public VersionVector Seen => Refusal is null && SeenBefore[Origin] < Seq ? SeenBefore.With(Origin, Seq) : SeenBefore;

    /// <summary>The outcome of a publish that is refused.</summary>
    /// <param name="command">The publish.</param>
    /// <param name="refusal">Why.</param>
    /// <param name="seen">What the region has applied.</param>
    public static Outcome Refused(Command.Publish command, Refusal refusal, VersionVector seen) =>
        new(command, refusal, Duplicate: false, command.Channel, default, 0, 0, 0, State: null, seen);
}

/// <summary>How a claim stands.</summary>
/// <param name="ClaimId">The claim that the name waits for: the one just made, or one that was pending; null when the name was decided already.</param>
/// <param name="Decision">What is decided; null when nothing is yet.</param>
public sealed record ClaimOutcome(string? ClaimId, Decision? Decision);

/// <summary>Why a publish was refused.</summary>
/// <param name="Type">One of <see cref="ErrorType"/>.</param>
/// <param name="Detail">What was wrong and what to do.</param>
/// <param name="Missing">For <see cref="ErrorType.Behind"/>: what the region has not applied yet.</param>
public sealed record Refusal(string Type, string Detail, VersionVector? Missing = null);
