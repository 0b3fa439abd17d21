using Stentor.Protocol;

namespace Stentor.Simulation;

/// <summary>Judges what a region's ledger holds: invariants 1 (durable), 2 (no gaps, no repeats), 3 (causal) and 8 (exactly once).</summary>
/// <param name="facts">Every entry that was ever durable anywhere.</param>
internal sealed class LedgerChecker(FactStore facts)
{
    /// <summary>Something that was promised is not there.</summary>
    public static void Lost(string region, Fact fact, string what) =>
        throw new InvariantException(Invariant.Durable, $"{fact.Name} was durable in {region} and {what}.");

    /// <summary>An entry comes to stand behind those that a ledger holds.</summary>
    public void CheckNext(string region, LedgerCopy copy, Fact fact)
    {
        var known = facts.Find(fact.Origin, fact.Seq);
        if (known is null)
        {
            facts.Add(fact);
        }
        else if (!ReferenceEquals(known, fact))
        {
            throw new InvariantException(Invariant.Contiguous, $"The number {fact.Name} was used twice: for an entry in {known.Channel} by {known.Author}, and in {region} for one in {fact.Channel} by {fact.Author}.");
        }

        if (fact.Seq != copy.Of(fact.Origin) + 1)
        {
            throw new InvariantException(Invariant.Contiguous, $"{region} recorded {fact.Name} after {fact.Origin}:{copy.Of(fact.Origin)}.");
        }

        CheckStamps(region, fact, fact.Origin, fact.Seq - 1);
        foreach (var (origin, seq) in fact.After)
        {
            if (!copy.Has(origin, seq))
            {
                throw new InvariantException(Invariant.Causal, $"{region} recorded {fact.Name}, which depends on {origin}:{seq}, and has {origin} only up to {copy.Of(origin)}.");
            }

            CheckStamps(region, fact, origin, seq);
        }
    }

    /// <summary>A region tells a neighbour what it has.</summary>
    public static void CheckAnnounced(string region, LedgerCopy copy, VersionVector seen)
    {
        foreach (var (origin, seq) in seen)
        {
            if (!copy.Has(origin.Value, seq))
            {
                throw new InvariantException(Invariant.Durable, $"{region} told a neighbour that it has {origin}:{seq}; its ledger has {origin} up to {copy.Of(origin.Value)}.");
            }
        }
    }

    /// <summary>A region tells a publisher that its entry is recorded.</summary>
    public static void CheckAcknowledged(string region, LedgerCopy copy, Answer answer)
    {
        if (!copy.Has(answer.Origin.Value, answer.Seq))
        {
            throw new InvariantException(Invariant.Durable, $"{region} acknowledged {answer.Origin}:{answer.Seq}, which is not in its ledger.");
        }
    }

    /// <summary>A region tells a publisher how many regions have its entry.</summary>
    public static void CheckCopies(string region, IReadOnlyList<LedgerCopy> ledgers, Answer answer)
    {
        var count = ledgers.Count(copy => copy.Had(answer.Origin.Value, answer.Seq));
        if (count < answer.Copies)
        {
            throw new InvariantException(Invariant.Durable, $"{region} told that {answer.Copies} regions have {answer.Origin}:{answer.Seq} on disk; it is in {count}.");
        }
    }

    /// <summary>A publish that was recorded anew: its id was new to the region, and its condition held there.</summary>
    public void CheckPublish(string region, LedgerCopy copy, PublishBody body, Answer answer)
    {
        var fact = facts.Find(answer.Origin.Value, answer.Seq)!; // It is in the ledger, which was checked before.
        if (fact.Id is not null && copy.FirstWith(fact.Author, fact.Id) is var first && first != fact)
        {
            throw new InvariantException(Invariant.ExactlyOnce, $"{region} recorded {fact.Name} under the publish id {fact.Id} of {fact.Author}, under which it had {first?.Name} already.");
        }

        if (body.Version is null && body.Exists is null)
        {
            return;
        }

        var before = copy.Before(fact);
        if ((body.Version is { } version && version != before) || (body.Exists is { } exists && exists != before > 0))
        {
            throw new InvariantException(Invariant.Session, $"{region} recorded {fact.Name} under a condition (version {body.Version}, exists {body.Exists}) that did not hold: {fact.Channel} had {before} activities before it.");
        }
    }

    private void CheckStamps(string region, Fact fact, string origin, long seq)
    {
        if (seq > 0 && facts.Find(origin, seq) is { } before && (before.Micros >= fact.Micros || before.Lamport >= fact.Lamport))
        {
            throw new InvariantException(Invariant.Causal, $"{fact.Name} in {region} depends on {before.Name}, and its stamps are not greater: lamport {fact.Lamport} after {before.Lamport}, time {fact.Micros} after {before.Micros}.");
        }
    }
}
