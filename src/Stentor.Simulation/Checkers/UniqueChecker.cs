using System.Text.Json;

namespace Stentor.Simulation;

/// <summary>
/// Judges claims: invariant 7 (unique). From the entries that a region holds it counts the votes itself, in the plainest way, and asks that what one
/// region finds decided is never decided otherwise, by that region later or by any other.
/// </summary>
internal sealed class UniqueChecker
{
    private readonly Dictionary<string, (string Winner, string Region)> _decided = [];
    private readonly Dictionary<string, string> _owners = [];
    private readonly Dictionary<(string Channel, string VoteField), string> _votes = [];

    /// <summary>How many names and voter sets were decided.</summary>
    public int Decided => _decided.Count;

    /// <summary>A vote, or anything else of a claim channel, came to stand in some ledger: a voter votes once a name and version, for ever.</summary>
    public void CheckVote(Fact fact)
    {
        foreach (var effect in fact.Effects)
        {
            if (effect.Kind == '=' && effect.Field.StartsWith("vote/", StringComparison.Ordinal) && effect.Field.Split('/')[1] == fact.Origin
                && !_votes.TryAdd((fact.Channel, effect.Field), fact.Name) && _votes[(fact.Channel, effect.Field)] != fact.Name)
            {
                throw new InvariantException(Invariant.Unique, $"{fact.Origin} voted a second time in {fact.Channel} ({effect.Field}): with {_votes[(fact.Channel, effect.Field)]}, and with {fact.Name}.");
            }
        }
    }

    /// <summary>Counts the votes of the claim channels in which something changed; of all of them when a voter set may have.</summary>
    public void CheckDecisions(string region, LedgerCopy copy, HashSet<string> changed)
    {
        var isSetChanged = changed.Any(channel => channel.StartsWith("_voters.", StringComparison.Ordinal) || channel == "_cluster");
        if (!isSetChanged && !changed.Any(channel => channel.StartsWith("_accounts.", StringComparison.Ordinal)))
        {
            return;
        }

        var sets = VoterSets(copy);
        if (sets.Count == 0)
        {
            return;
        }

        for (var version = 2; version <= sets.Count; version++)
        {
            Note(region, $"_voters.{version}", string.Join(' ', sets[version - 1]));
        }

        foreach (var (channel, facts) in copy.Channels)
        {
            if (!channel.StartsWith("_accounts.", StringComparison.Ordinal) || (!isSetChanged && !changed.Contains(channel)))
            {
                continue;
            }

            for (var version = 1; version <= sets.Count; version++)
            {
                if (Winner(facts, version, sets[version - 1]) is { } winner)
                {
                    Note(region, channel, winner.Id);
                    break; // The least version that decides.
                }
            }
        }
    }

    /// <summary>Someone was told that a name is theirs; null for nobody.</summary>
    public void CheckOwner(string region, string channel, string? owner)
    {
        if (owner is not null && !_owners.TryAdd(channel, owner) && _owners[channel] != owner)
        {
            throw new InvariantException(Invariant.Unique, $"{region} told {owner} that the name of {channel} is theirs; {_owners[channel]} was told so before.");
        }
    }

    private void Note(string region, string channel, string winner)
    {
        if (!_decided.TryAdd(channel, (winner, region)) && _decided[channel].Winner != winner)
        {
            throw new InvariantException(Invariant.Unique, $"In {region} the votes in {channel} decide for {winner}; in {_decided[channel].Region} they decided for {_decided[channel].Winner}.");
        }
    }

    /// <summary>The voter sets, each decided by the votes of the one before.</summary>
    private static List<string[]> VoterSets(LedgerCopy copy)
    {
        var sets = new List<string[]>();
        var founding = copy.Channels.GetValueOrDefault("_cluster", []).SelectMany(fact => fact.Effects).FirstOrDefault(effect => effect.Field == "voters");
        if (founding.Value is null)
        {
            return sets;
        }

        sets.Add(JsonSerializer.Deserialize<string[]>(founding.Value)!); // Whoever founds names voters.
        while (copy.Channels.TryGetValue($"_voters.{sets.Count + 1}", out var facts) && Winner(facts, sets.Count, sets[^1]) is { } winner)
        {
            sets.Add(VotersOf(winner.Value));
        }

        return sets;
    }

    private static string[] VotersOf(string claim)
    {
        using var json = JsonDocument.Parse(claim);
        return [.. json.RootElement.GetProperty("value").EnumerateArray().Select(voter => voter.GetString()!).Order(StringComparer.Ordinal)];
    }

    /// <summary>A majority; or, when all have voted, the most votes, then the earliest claim. Null while neither is so.</summary>
    private static (string Id, string Value)? Winner(List<Fact> facts, int version, string[] voters)
    {
        var claims = new Dictionary<string, (Fact Fact, string Value, string Candidate)>();
        foreach (var (fact, effect) in facts.SelectMany(fact => fact.Effects.Where(effect => effect.Field.StartsWith("claim/", StringComparison.Ordinal)).Select(effect => (fact, effect))))
        {
            var id = effect.Field["claim/".Length..];
            claims[id] = (fact, effect.Value, fact.Channel.StartsWith("_voters.", StringComparison.Ordinal) ? string.Join(' ', VotersOf(effect.Value)) : id);
        }

        var votes = new List<(Fact Claim, string Id, string Value, string Candidate)>();
        foreach (var voter in voters)
        {
            var field = $"vote/{voter}/{version}";
            var vote = facts.Where(fact => fact.Origin == voter).SelectMany(fact => fact.Effects).FirstOrDefault(effect => effect.Field == field);
            if (vote.Value is not null && claims.TryGetValue(vote.Value.Trim('"'), out var claim))
            {
                votes.Add((claim.Fact, vote.Value.Trim('"'), claim.Value, claim.Candidate));
            }
        }

        if (votes.Count == 0)
        {
            return null;
        }

        var best = votes.GroupBy(vote => vote.Candidate)
            .Select(group => (Count: group.Count(), Earliest: group.Aggregate((a, b) => Fact.Compare(a.Claim, b.Claim) <= 0 ? a : b)))
            .Aggregate((a, b) => a.Count > b.Count || (a.Count == b.Count && Fact.Compare(a.Earliest.Claim, b.Earliest.Claim) <= 0) ? a : b);
        return best.Count > voters.Length / 2 || votes.Count == voters.Length ? (best.Earliest.Id, best.Earliest.Value) : null;
    }
}
