using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>
/// All versions of a cluster's voter set that are decided, as far as a region has applied, and who has closed which of them. What it knows only grows.
/// Immutable.
/// </summary>
/// <remarks>
/// A name is decided in rounds, one for each version of the voter set. Each round is a fast round in the sense of Lamport ("Fast Paxos", 2006), without a
/// leader; and the change from one set to the next is that of Vertical Paxos (Lamport, Malkhi, Zhou, 2009): voters of the new set vote only for what the
/// old ones decided or may have decided.
/// </remarks>
public sealed class VoterSets
{
    private readonly VoterSet[] _sets;
    private readonly HashSet<OriginId>[] _frozen;
    private readonly Stamp _founded;

    private VoterSets(string clusterId, Stamp founded, VoterSet[] sets, HashSet<OriginId>[] frozen)
    {
        (ClusterId, _founded, _sets, _frozen) = (clusterId, founded, sets, frozen);
    }

    /// <summary>The cluster's random id.</summary>
    public string ClusterId { get; }

    /// <summary>The greatest version that is decided.</summary>
    public VoterSet Current => _sets[^1];

    /// <summary>All versions, the first one first.</summary>
    public IReadOnlyList<VoterSet> All => _sets;

    /// <summary>Reads the voter sets.</summary>
    /// <param name="find">A channel's state.</param>
    /// <returns>Null when there is no cluster.</returns>
    public static VoterSets? Read(Func<string, ChannelState?> find)
    {
        if (find(ClaimChannels.Cluster) is not { } cluster
            || VoterSet.TryRead(cluster.Field("voters"), version: 1) is not { } first
            || ReadText(cluster.Field("id")) is not { } id)
        {
            return null;
        }

        var founded = cluster.Fields["id"].Register!.Stamp; // It shows, so it was set.
        var sets = new List<VoterSet> { first };
        var frozen = new List<HashSet<OriginId>>();
        while (true)
        {
            var set = sets[^1];
            var next = ClaimChannels.OfVoterSet(set.Version + 1);
            var proposals = ClaimState.Read(next, find(next));
            frozen.Add([.. proposals.Votes.Where(v => v.Version == set.Version).Select(v => v.Voter)]);
            if (Round.Winner(proposals, set) is not { } winner)
            {
                return new VoterSets(id, founded, [.. sets], [.. frozen]);
            }

            sets.Add(VoterSet.TryRead(winner.Value, set.Version + 1)!); // A claim of something else is no claim here.
        }
    }

    /// <summary>
    /// Whether a voter has closed a version: it has voted for the next voter set, so it casts no further vote under this one, and all it ever cast
    /// is applied here.
    /// </summary>
    /// <param name="version">A decided version.</param>
    /// <param name="voter">The voter.</param>
    public bool IsFrozen(int version, OriginId voter) => _frozen[version - 1].Contains(voter);

    /// <summary>What is decided about a channel's name, as far as this region has applied; once it is not null it never changes.</summary>
    /// <param name="channel">A claim channel.</param>
    /// <param name="state">Its state; null when nothing was ever published there.</param>
    public Decision? Decide(string channel, ChannelState? state) => state is null ? null : Decide(channel, state, ClaimState.Read(channel, state));

    /// <summary>Whether a voter has something to vote for now, and may.</summary>
    /// <param name="channel">A claim channel.</param>
    /// <param name="state">Its state; null when nothing was ever published there.</param>
    /// <param name="voter">The voter.</param>
    public bool MayVote(string channel, ChannelState? state, OriginId voter) =>
        state is not null && MayVote(channel, state, ClaimState.Read(channel, state), voter) is not null;

    /// <inheritdoc cref="Decide(string, ChannelState?)"/>
    /// <param name="channel">A claim channel.</param>
    /// <param name="state">Its state.</param>
    /// <param name="claims">What stands in it.</param>
    internal Decision? Decide(string channel, ChannelState? state, ClaimState claims)
    {
        var version = ClaimChannels.VoterSetVersion(channel);
        if (version == 0 && IsOlderThanCluster(state))
        {
            return new Decision(0, null);
        }

        foreach (var set in _sets)
        {
            if ((version == 0 || set.Version == version - 1) && Round.Winner(claims, set) is { } winner)
            {
                return new Decision(set.Version, winner);
            }
        }

        return null;
    }

    /// <summary>
    /// The claim that a voter may vote for now, and under which version; null when it may not, has nothing to vote for, or must wait until more is known.
    /// </summary>
    /// <param name="channel">A claim channel.</param>
    /// <param name="state">Its state.</param>
    /// <param name="claims">What stands in it.</param>
    /// <param name="voter">The voter.</param>
    internal Vote? MayVote(string channel, ChannelState? state, ClaimState claims, OriginId voter)
    {
        var version = ClaimChannels.VoterSetVersion(channel);
        return claims.Claims.Count == 0 ? null
            : version > 0 ? MayVoteOnSet(version, claims, voter)
            : Decide(channel, state, claims) is not null ? null
            : MayVoteOnName(claims, voter);
    }

    /// <summary>
    /// Voters of a set vote once on what comes after it, even when that is decided already: the vote closes the version, and tells all others that this
    /// voter has nothing more to say under it.
    /// </summary>
    private Vote? MayVoteOnSet(int version, ClaimState claims, OriginId voter) =>
        version - 1 <= _sets.Length && _sets[version - 2].Contains(voter) && !claims.HasVoted(voter, version - 1)
            ? new Vote(voter, version - 1, claims.Claims[0])
            : null;

    private Vote? MayVoteOnName(ClaimState claims, OriginId voter)
    {
        if (!Current.Contains(voter) || IsFrozen(Current.Version, voter) || claims.HasVoted(voter, Current.Version))
        {
            return null;
        }

        // What an earlier round may have decided without this region knowing is all that a later round may decide.
        string? possible = null;
        foreach (var set in _sets.AsSpan(..^1))
        {
            var round = new Round(claims, set, _frozen[set.Version - 1]);
            if (round.MayDecideByPlurality)
            {
                return null;
            }

            foreach (var candidate in round.Possible)
            {
                if (possible is not null && possible != candidate)
                {
                    return null;
                }

                possible = candidate;
            }
        }

        // The earliest of those at hand: a replica that looks again after a restart votes as it would have before.
        var claim = possible is null ? claims.Claims[0] : claims.Claims.First(c => c.Candidate == possible);
        return new Vote(voter, Current.Version, claim);
    }

    /// <summary>Whether an account was made before there was a cluster: only its founder can have one, and it is the founder's for ever.</summary>
    private bool IsOlderThanCluster(ChannelState? state) =>
        state is not null && state.Fields.TryGetValue("username", out var field)
        && field.Register is { Kind: FieldChangeKind.Set, Stamp: var made } && made.Origin == _founded.Origin && made.Seq < _founded.Seq;

    private static string? ReadText(ReadOnlyMemory<byte> json)
    {
        var reader = new Utf8JsonReader(json.Span);
        return !json.IsEmpty && reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
    }
}
