using Stentor.Protocol;

namespace Stentor.Simulation;

/// <summary>Judges what one client is told, in whichever regions: invariant 5 (session), and that a state is the one of the token beside it.</summary>
/// <param name="facts">Every entry that was ever durable anywhere.</param>
internal sealed class SessionChecker(FactStore facts)
{
    /// <summary>A publish was recorded: it covers itself, and depends on what its author had seen.</summary>
    public void CheckPublished(Client client, string region, string channel, PublishBody body, Answer answer)
    {
        if (answer.Seen[answer.Origin] < answer.Seq)
        {
            throw new InvariantException(Invariant.Session, $"{region} answered {client.Name} with a token that does not cover its own entry {answer.Origin}:{answer.Seq}.");
        }

        var fact = facts.Find(answer.Origin.Value, answer.Seq)!; // The region's ledger was looked at when it answered.
        if (fact.Channel != channel || fact.Author != client.Name)
        {
            throw new InvariantException(Invariant.Session, $"{region} answered {client.Name}'s publish to {channel} with {fact.Name}, which {fact.Author} published to {fact.Channel}.");
        }

        foreach (var (origin, seq) in body.After ?? VersionVector.Empty)
        {
            if (!answer.IsDuplicate && (origin.Value == fact.Origin ? fact.Seq <= seq : fact.After.FirstOrDefault(pair => pair.Key == origin.Value).Value < seq))
            {
                throw new InvariantException(Invariant.Session, $"{fact.Name} in {region} does not depend on {origin}:{seq}, which {client.Name} had seen when it was published.");
            }
        }
    }

    /// <summary>A state was read: its token covers what the client had seen, and it is the fold of what the token covers.</summary>
    public void CheckRead(Client client, string region, string channel, VersionVector after, Answer answer)
    {
        if (!answer.Seen.Covers(after))
        {
            throw new InvariantException(Invariant.Session, $"{client.Name} had seen {after}, and {region} answered a read of {channel} from {answer.Seen}: it went back.");
        }

        var seen = answer.Seen.ToDictionary(pair => pair.Key.Value, pair => pair.Value);
        var expected = NaiveFold.Of(facts.OfChannel(channel).Where(fact => seen.GetValueOrDefault(fact.Origin) >= fact.Seq));
        if (expected?.State != answer.State || (expected?.Version ?? 0) != answer.Version)
        {
            throw new InvariantException(Invariant.Session, $"{region} showed {client.Name} {answer.State} (version {answer.Version}) in {channel} at {answer.Seen}; what this covers gives {expected?.State} (version {expected?.Version}).");
        }
    }

    /// <summary>A token was answered: everything that it covers was recorded.</summary>
    public void CheckToken(Client client, string region, Answer answer)
    {
        foreach (var (origin, seq) in answer.Seen)
        {
            if (facts.LastOf(origin.Value) < seq)
            {
                throw new InvariantException(Invariant.Durable, $"{region} gave {client.Name} a token that covers {origin}:{seq}, which was never durable.");
            }
        }
    }
}
