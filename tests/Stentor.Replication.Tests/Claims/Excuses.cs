using System.Text;

namespace Stentor.Replication.Tests;

/// <summary>
/// When a name may stay undecided although everyone who is left has everything: only because voters are gone of whom nobody knows what they voted
/// (docs/claims.md). Counted from the votes alone, apart from the code under test.
/// </summary>
internal static class Excuses
{
    public static bool IsLeftOpenByLostVoters(ClaimRegion region, string channel, IReadOnlyList<ClaimRegion> regions)
    {
        var sets = region.Sets!; // A claim channel has a cluster.
        var last = ClaimChannels.VoterSetVersion(channel);
        if (last > 0)
        {
            return IsSplit(region, channel, sets.All[last - 2], regions);
        }

        // Where the voter set itself cannot change any more, those who closed it cannot vote on names.
        var next = ClaimChannels.OfVoterSet(sets.Current.Version + 1);
        return sets.All.Any(set => IsSplit(region, channel, set, regions)) || IsSplit(region, next, sets.Current, regions);
    }

    /// <summary>Whether those who are left are too few to decide, or are not of one mind while a lost voter may have voted for either side.</summary>
    private static bool IsSplit(ClaimRegion region, string channel, VoterSet set, IReadOnlyList<ClaimRegion> regions)
    {
        var votes = ClaimState.Read(channel, region.State(channel)).Votes.Where(v => v.Version == set.Version && set.Contains(v.Voter)).ToList();
        var next = ClaimChannels.OfVoterSet(set.Version + 1);
        var closed = ClaimState.Read(next, region.State(next)).Votes.Where(v => v.Version == set.Version).Select(v => v.Voter).ToHashSet();
        var lost = set.Voters.Where(v => !regions.Any(r => r.IsAlive && r.Origin == v) && votes.TrueForAll(vote => vote.Voter != v) && !closed.Contains(v)).ToList();
        var sides = votes.Select(v => channel == next ? Encoding.UTF8.GetString(v.Claim.Value.Span) : v.Claim.Id).Distinct().Count();
        return lost.Count > 0 && (set.Voters.Count - lost.Count < set.Majority || sides > 1);
    }
}
