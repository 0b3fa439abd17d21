using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>
/// The cluster that this region is one of, as far as it has applied: who votes, which regions there are, what is decided (docs/claims.md). Kept as states of
/// reserved channels. Any thread may call.
/// </summary>
/// <param name="node">The node.</param>
/// <param name="log">What the operator is told.</param>
public sealed partial class Cluster(StentorNode node, ILogger log)
{
    // Far more regions than a cluster can sensibly have; past it some would not become voters by themselves.
    private const int RegionsMax = 1_000;

    private static readonly ChannelPattern AllRegions = ChannelPattern.Parse("_regions.>");

    /// <summary>All versions of the voter set; null when there is no cluster.</summary>
    public VoterSets? Sets => VoterSets.Read(node.Store.Find);

    /// <summary>The cluster's random id; null when there is none.</summary>
    public string? Id => Sets?.ClusterId;

    /// <summary>Those whose votes count now; null when there is no cluster.</summary>
    public VoterSet? Voters => Sets?.Current;

    /// <summary>The regions that ever said that they are in the cluster, in the order of their origins.</summary>
    public IReadOnlyList<ClusterRegion> Regions
    {
        get
        {
            var regions = new List<ClusterRegion>();
            foreach (var (channel, _) in node.Store.List(AllRegions, "", RegionsMax))
            {
                if (FindRegion(new OriginId(channel[(channel.IndexOf('.', StringComparison.Ordinal) + 1)..])) is { } region)
                {
                    regions.Add(region);
                }
            }

            return regions;
        }
    }

    /// <summary>The voter sets that are proposed after the current one and not decided, as far as this region has applied; the earliest proposal first.</summary>
    /// <param name="sets">All versions.</param>
    public IReadOnlyList<VoterProposal> ProposalsAfter(VoterSets sets)
    {
        var version = sets.Current.Version + 1;
        var channel = ClaimChannels.OfVoterSet(version);
        var state = ClaimState.Read(channel, node.Store.Find(channel));
        var votes = state.Votes.Where(v => v.Version == sets.Current.Version).ToLookup(v => SetOf(v.Claim).ToString(), v => v.Voter, StringComparer.Ordinal);
        return [.. state.Claims.Select(SetOf).DistinctBy(set => set.ToString()).Select(set => new VoterProposal(set, [.. votes[set.ToString()]]))];

        VoterSet SetOf(Claim claim) => VoterSet.TryRead(claim.Value, version)!; // A claim of something else is no claim here.
    }

    /// <summary>Whether this region has joined a cluster, or founded it, and has not left.</summary>
    public bool IsMember => Sets is not null && FindRegion(node.Store.Origin) is { HasLeft: false };

    /// <summary>What a region says of itself; null when it has said nothing.</summary>
    /// <param name="origin">Its origin.</param>
    public ClusterRegion? FindRegion(OriginId origin)
    {
        var state = node.Store.Find(ClaimChannels.OfRegion(origin));
        return state is not null && JsonValue.ToText(state.Field("region")) is { } name
            ? new ClusterRegion(origin, name, JsonValue.ToText(state.Field("voter")) == "wish", JsonValue.IsTrue(state.Field("left")))
            : null;
    }

    /// <summary>What is decided about a name, as far as this region has applied; null when nothing is, or there is no cluster.</summary>
    /// <param name="channel">A claim channel.</param>
    public Decision? Decide(string channel) => Sets?.Decide(channel, node.Store.Find(channel));

    /// <summary>Waits until a name is decided.</summary>
    /// <param name="channel">A claim channel.</param>
    /// <param name="wait">Longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when the time is over.</returns>
    public async ValueTask<Decision?> WaitForDecisionAsync(string channel, TimeSpan wait, CancellationToken cancellationToken)
    {
        var start = node.Time.GetTimestamp();
        var channels = new ChannelSet(ChannelPattern.Parse(channel));
        while (true)
        {
            // Only votes in the channel itself decide; a vote under a new voter set comes after that set.
            var position = node.Store.Position;
            if (Decide(channel) is { } decision)
            {
                return decision;
            }

            var left = wait - node.Time.GetElapsedTime(start);
            if (left <= TimeSpan.Zero || !await node.WaitForEntryAsync(channels, position, left, cancellationToken))
            {
                return Decide(channel);
            }
        }
    }

    /// <summary>Founds a cluster: with a random id, this region as its only voter. For a region that joins no other one.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when there is a cluster now; otherwise why not.</returns>
    public async ValueTask<Refusal?> FoundAsync(CancellationToken cancellationToken)
    {
        if (Sets is not null)
        {
            return null;
        }

        var origin = node.Store.Origin;
        var id = NewId();
        var effect = new Effect([new("id", JsonValue.Text(id)), new("voters", VoterSet.Of(1, [origin]).ToJson())], [], []);
        var outcome = await node.PublishForClusterAsync(ClaimChannels.Cluster, new PublishBody(default, effect, Exists: false), cancellationToken);
        if (outcome.Refusal is null)
        {
            ClusterLog.Founded(log, id, origin.Value);
        }

        return Sets is not null ? null : outcome.Refusal;
    }

    /// <summary>Says in <c>_regions.ORIGIN</c> that this region is one of the cluster, and whether it wishes to be a voter. Once it is said, saying it again makes no entry.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when it is said; otherwise why not.</returns>
    public async ValueTask<Refusal?> AnnounceAsync(CancellationToken cancellationToken)
    {
        if (Sets is null)
        {
            return NoCluster();
        }

        var origin = node.Store.Origin;
        var told = FindRegion(origin);
        if (told is { HasLeft: true })
        {
            return new Refusal(ErrorType.ConditionNotMet, $"The region {origin} has left the cluster. Start it with an empty data directory to join again.");
        }

        if (told is not null && told.Region == node.Options.Region && told.WishesVote == node.Options.WishesVote)
        {
            return null;
        }

        var effect = new Effect([new("region", JsonValue.Text(node.Options.Region)), new("voter", JsonValue.Text(node.Options.WishesVote ? "wish" : "off"))], [], []);
        return await PublishRegionAsync(effect, cancellationToken);
    }

    /// <summary>A claim's id, or a cluster's.</summary>
    internal static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private async ValueTask<Refusal?> PublishRegionAsync(Effect effect, CancellationToken cancellationToken)
    {
        var outcome = await node.PublishForClusterAsync(ClaimChannels.OfRegion(node.Store.Origin), new PublishBody(default, effect), cancellationToken);
        return outcome.Refusal;
    }

    private static Refusal NoCluster() => new(ErrorType.ConditionNotMet, "This region is in no cluster. Start it with --cluster-secret-file.");
}
