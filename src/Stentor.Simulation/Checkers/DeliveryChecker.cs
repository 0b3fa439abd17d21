using System.Runtime.CompilerServices;
using Stentor.Protocol;

namespace Stentor.Simulation;

/// <summary>Judges what readers are shown: invariants 3 (causal) and 6 (delivery), for subscriptions and inboxes.</summary>
/// <param name="facts">Every entry that was ever durable anywhere.</param>
internal sealed class DeliveryChecker(FactStore facts)
{
    private readonly ConditionalWeakTable<Subscription, Showing> _showings = [];

    /// <summary>How many entries were shown.</summary>
    public long Shown { get; private set; }

    /// <summary>A reader was shown an entry.</summary>
    public void OnShown(Subscription subscription, string region, int diskLife, Fact fact, VersionVector seen)
    {
        Shown++;
        var known = facts.Find(fact.Origin, fact.Seq);
        if (!ReferenceEquals(known, fact))
        {
            throw new InvariantException(Invariant.Delivery, $"{region} showed {subscription.Name} {fact.Name}, which was not durable.");
        }

        if (!subscription.Wants(fact.Channel))
        {
            throw new InvariantException(Invariant.Delivery, $"{region} showed {subscription.Name} {fact.Name} in {fact.Channel}, which it did not subscribe to.");
        }

        if (subscription.Start[new OriginId(fact.Origin)] >= fact.Seq)
        {
            throw new InvariantException(Invariant.Delivery, $"{region} showed {subscription.Name} {fact.Name}, which the token that it began with covers.");
        }

        var showing = _showings.GetOrCreateValue(subscription);
        if (!showing.Shown.Add(fact))
        {
            throw new InvariantException(Invariant.Delivery, $"{region} showed {subscription.Name} {fact.Name} a second time.");
        }

        if (showing.Copies(facts, fact) > 1 && fact.Id is not null && showing.ByRegion.TryGetValue((fact.Author, fact.Id, fact.Content), out var earlier) && earlier == (region, diskLife))
        {
            throw new InvariantException(Invariant.ExactlyOnce, $"{region} showed {subscription.Name} the publish id {fact.Id} of {fact.Author} a second time, as {fact.Name}.");
        }

        if (fact.Id is not null)
        {
            showing.ByRegion[(fact.Author, fact.Id, fact.Content)] = (region, diskLife);
        }

        CheckPast(subscription, showing, region, fact, fact.Origin, fact.Seq - 1, "");
        foreach (var (origin, seq) in fact.After)
        {
            CheckPast(subscription, showing, region, fact, origin, seq, "");
        }

        // Whoever resumes from this token is not shown what it covers.
        foreach (var (origin, seq) in seen)
        {
            CheckPast(subscription, showing, region, fact, origin.Value, seq, " and by the token beside it");
        }
    }

    /// <summary>An entry that a ledger holds and a subscription should have been shown; null when there is none.</summary>
    public Fact? Missing(Subscription subscription, LedgerCopy ledger)
    {
        foreach (var (origin, seq) in subscription.Token)
        {
            if (!ledger.Has(origin.Value, seq))
            {
                return null; // It has seen what is lost for good: the region says that it is behind, and that is all it can say.
            }
        }

        var showing = _showings.GetOrCreateValue(subscription);
        foreach (var (origin, seq) in ledger.Seen)
        {
            if (showing.FirstMissing(facts, subscription, origin, seq) is { } missing)
            {
                return missing;
            }
        }

        return null;
    }

    /// <summary>An inbox was read: its cursor covers nothing that its owner did not say it has, and does not go back.</summary>
    public static void CheckInbox(Client client, string region, Answer answer)
    {
        var cursor = answer.Cursor!; // Every answer of an inbox has one.
        if (!client.Acked.Covers(cursor))
        {
            throw new InvariantException(Invariant.Delivery, $"In {region} the cursor of {client.Name}'s inbox stands at {cursor}, and its owner has only said that it has {client.Acked}: entries between them are never shown.");
        }
    }

    /// <summary>A subscription will not be resumed.</summary>
    public void Forget(Subscription subscription) => _showings.Remove(subscription);

    private void CheckPast(Subscription subscription, Showing showing, string region, Fact fact, string origin, long seq, string by)
    {
        if (showing.FirstMissing(facts, subscription, origin, seq) is { } missing)
        {
            throw new InvariantException(
                by.Length == 0 ? Invariant.Causal : Invariant.Delivery,
                $"{region} showed {subscription.Name} {fact.Name}, and had not shown {missing.Name} in {missing.Channel}, which is covered by its dependencies{by}.");
        }
    }

    /// <summary>What a subscription was shown.</summary>
    private sealed class Showing
    {
        private readonly Dictionary<string, long> _checkedThrough = [];

        public HashSet<Fact> Shown { get; } = [];

        public Dictionary<(string Author, string Id, string Content), (string Region, int DiskLife)> ByRegion { get; } = [];

        public int Copies(FactStore facts, Fact fact) => fact.Id is null ? 1 : facts.CopiesOf(fact).Count(copy => Shown.Contains(copy));

        /// <summary>The first entry of an origin up to a number that should have been shown and was not.</summary>
        public Fact? FirstMissing(FactStore facts, Subscription subscription, string origin, long seq)
        {
            var start = subscription.Start[new OriginId(origin)];
            for (var next = Math.Max(_checkedThrough.GetValueOrDefault(origin), start) + 1; next <= seq; next++)
            {
                // Of the copies of one activity, one is shown.
                if (facts.Find(origin, next) is { } fact && subscription.Wants(fact.Channel) && !Shown.Contains(fact)
                    && !facts.CopiesOf(fact).Any(copy => Shown.Contains(copy) || subscription.Start[new OriginId(copy.Origin)] >= copy.Seq))
                {
                    return fact;
                }

                _checkedThrough[origin] = next;
            }

            return null;
        }
    }
}
