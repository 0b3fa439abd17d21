using System.Diagnostics;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>The votes on one name under one version of the voter set, as far as a region has applied them.</summary>
internal sealed class Round
{
    private readonly ClaimState _claims;
    private readonly VoterSet _set;
    private readonly int _voted;
    private readonly int _abstained;

    /// <summary>Looks at a round that a later version has followed.</summary>
    /// <param name="claims">What stands in the name's channel.</param>
    /// <param name="set">The voter set.</param>
    /// <param name="frozen">Who has closed this version.</param>
    public Round(ClaimState claims, VoterSet set, HashSet<OriginId> frozen)
    {
        (_claims, _set) = (claims, set);
        foreach (var voter in set.Voters)
        {
            if (claims.HasVoted(voter, set.Version))
            {
                _voted++;
            }
            else if (frozen.Contains(voter))
            {
                _abstained++;
            }
        }

        Debug.Assert(Unknown < set.Majority, $"version {set.Version} was followed while {Unknown} of {set.Voters.Count} voters had not closed it");
    }

    /// <summary>
    /// Whether voters of whom nothing is known may complete the round: when all have voted, the most votes win, so whoever is ahead now need not be it.
    /// One voter that abstained rules that out.
    /// </summary>
    public bool MayDecideByPlurality => Unknown > 0 && _abstained == 0 && _voted > 0;

    /// <summary>The candidates that a majority has voted for, if all those of whom nothing is known have.</summary>
    public IEnumerable<string> Possible => Tally(_claims, _set).Where(t => t.Value.Count + Unknown >= _set.Majority).Select(t => t.Key);

    /// <summary>
    /// The voters that may or may not have voted under this version. A version is followed by the next one only when a majority has closed it, so they
    /// are always too few to decide for a claim that nobody else voted for.
    /// </summary>
    private int Unknown => _set.Voters.Count - _voted - _abstained;

    /// <summary>The claim that a round has decided for: a majority; or, when all have voted, the most votes, then the earliest claim.</summary>
    /// <param name="claims">What stands in the name's channel.</param>
    /// <param name="set">The voter set.</param>
    /// <returns>Null when it is not decided yet, as far as this region has applied.</returns>
    public static Claim? Winner(ClaimState claims, VoterSet set)
    {
        var votes = 0;
        (int Count, Claim Earliest)? best = null;
        foreach (var (_, candidate) in Tally(claims, set))
        {
            votes += candidate.Count;
            if (best is not { } leader || candidate.Count > leader.Count
                || (candidate.Count == leader.Count && leader.Earliest.Stamp.IsAfter(candidate.Earliest.Stamp)))
            {
                best = candidate;
            }
        }

        return best is { } winner && (winner.Count >= set.Majority || votes == set.Voters.Count) ? winner.Earliest : null;
    }

    /// <summary>
    /// For each candidate its votes, and its earliest claim among those voted for. Claims without a vote must not matter: one may still come that is earlier
    /// than all, and what is decided must stay.
    /// </summary>
    private static Dictionary<string, (int Count, Claim Earliest)> Tally(ClaimState claims, VoterSet set)
    {
        var tally = new Dictionary<string, (int Count, Claim Earliest)>();
        foreach (var vote in claims.Votes)
        {
            if (vote.Version == set.Version && set.Contains(vote.Voter))
            {
                var known = tally.GetValueOrDefault(vote.Claim.Candidate, (Count: 0, Earliest: vote.Claim));
                tally[vote.Claim.Candidate] = (known.Count + 1, known.Earliest.Stamp.IsAfter(vote.Claim.Stamp) ? vote.Claim : known.Earliest);
            }
        }

        return tally;
    }
}
