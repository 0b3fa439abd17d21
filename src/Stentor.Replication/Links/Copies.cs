using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>
/// Which regions are known to have which origins' entries on disk. Of each origin the few that have most are kept: enough for whoever waits
/// for copies, and bounded however many regions there are. Facts only grow, so an old one is never wrong. One owner.
/// </summary>
/// <param name="holdersMax">Most regions to keep for an origin.</param>
internal sealed class Copies(int holdersMax)
{
    private readonly Dictionary<OriginId, List<CopyFact>> _byOrigin = [];

    /// <summary>Notes a fact.</summary>
    /// <param name="fact">The fact.</param>
    /// <returns>Whether it is news.</returns>
    public bool Add(CopyFact fact)
    {
        if (!_byOrigin.TryGetValue(fact.Origin, out var facts))
        {
            _byOrigin.Add(fact.Origin, facts = []);
        }

        var index = facts.FindIndex(f => f.Holder == fact.Holder);
        if (index >= 0)
        {
            if (facts[index].Seq >= fact.Seq)
            {
                return false;
            }

            facts[index] = fact;
            return true;
        }

        if (facts.Count >= holdersMax)
        {
            var least = 0;
            for (var i = 1; i < facts.Count; i++)
            {
                least = facts[i].Seq < facts[least].Seq ? i : least;
            }

            if (facts[least].Seq >= fact.Seq)
            {
                return false;
            }

            facts.RemoveAt(least);
        }

        facts.Add(fact);
        return true;
    }

    /// <summary>What is known of an origin's entries.</summary>
    /// <param name="origin">The origin.</param>
    public IReadOnlyList<CopyFact> Of(OriginId origin) => _byOrigin.TryGetValue(origin, out var facts) ? facts : [];

    /// <summary>How many regions other than <paramref name="self"/> have an entry. A region that came back under a new incarnation is still one region.</summary>
    /// <param name="origin">The entry's origin.</param>
    /// <param name="seq">Its number.</param>
    /// <param name="self">The region that asks.</param>
    public int Count(OriginId origin, long seq, OriginId self)
    {
        var facts = Of(origin);
        var count = 0;
        for (var i = 0; i < facts.Count; i++)
        {
            if (facts[i].Seq >= seq && !IsSameRegion(facts[i].Holder, self) && !IsCounted(facts, i, seq))
            {
                count++;
            }
        }

        return count;
    }

    private static bool IsCounted(IReadOnlyList<CopyFact> facts, int index, long seq)
    {
        for (var i = 0; i < index; i++)
        {
            if (facts[i].Seq >= seq && IsSameRegion(facts[i].Holder, facts[index].Holder))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether two origins are incarnations of one region: the name stands before the last dash.</summary>
    private static bool IsSameRegion(OriginId one, OriginId other) =>
        one == other || RegionOf(one).SequenceEqual(RegionOf(other));

    private static ReadOnlySpan<char> RegionOf(OriginId origin) =>
        origin.Value.LastIndexOf('-') is var dash and >= 0 ? origin.Value.AsSpan(0, dash) : origin.Value;
}
