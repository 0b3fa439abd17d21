using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>One region's wish to have a name: field <c>claim/ID</c> of the name's channel.</summary>
/// <param name="Id">Random, chosen by the region that claims.</param>
/// <param name="Origin">That region: always the origin of the entry that made the claim.</param>
/// <param name="Value">What is claimed with the name: compact JSON.</param>
public sealed record Claim(string Id, OriginId Origin, ReadOnlyMemory<byte> Value)
{
    /// <summary>Longest id, in characters.</summary>
    public const int IdLengthMax = 64;

    /// <summary>Where its entry stands: the earliest claim is the one with the least stamp.</summary>
    internal Stamp Stamp { get; init; }

    /// <summary>What a vote for this claim is a vote for: claims of the same voter set are one candidate, any other claim is its own.</summary>
    internal string Candidate { get; init; } = Id;

    /// <summary>Whether <paramref name="id"/> can be a claim's id: 1 to 64 of <c>A-Z a-z 0-9 _ -</c>.</summary>
    /// <param name="id">Any text.</param>
    public static bool IsValidId(string id) => id.Length <= IdLengthMax && !id.Contains('.', StringComparison.Ordinal) && ChannelName.IsValid(id);
}

/// <summary>One voter's vote under one version of the voter set: field <c>vote/ORIGIN/VERSION</c> of the name's channel, its value the claim's id.</summary>
/// <param name="Voter">Who votes: always the origin of the entry that cast the vote.</param>
/// <param name="Version">The version of the voter set that it counts with.</param>
/// <param name="Claim">What it is for.</param>
public readonly record struct Vote(OriginId Voter, int Version, Claim Claim);

/// <summary>What was decided about a name, for ever.</summary>
/// <param name="Version">The version of the voter set that decided; 0 for an account that is older than the cluster.</param>
/// <param name="Claim">Whose it is; null only for an account that is older than the cluster.</param>
public sealed record Decision(int Version, Claim? Claim);
