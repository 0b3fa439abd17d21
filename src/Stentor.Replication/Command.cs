using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>A wish to change something. A closed set: every change of a replica is one of these.</summary>
public abstract record Command
{
    private Command()
    {
    }

    /// <summary>Record an activity or an effect, under the next number of this region.</summary>
    /// <param name="Channel">A valid channel name; who may publish there was decided before.</param>
    /// <param name="Author">A username.</param>
    /// <param name="Body">What is published.</param>
    /// <param name="Caller">Who is told the outcome, after it is durable; null for nobody.</param>
    /// <param name="Ref">Whatever the caller wants back with the outcome.</param>
    public sealed record Publish(string Channel, string Author, PublishBody Body, IPublisher? Caller = null, long Ref = 0) : Command;

    /// <summary>
    /// Claim a name for this region (docs/claims.md). The outcome says how the claim stands: decided already; pending, when this region has a claim there that
    /// is not decided; or made now.
    /// </summary>
    /// <param name="Channel">A claim channel (<see cref="ClaimChannels"/>).</param>
    /// <param name="Author">A username.</param>
    /// <param name="ClaimId">A random id, valid by <see cref="Replication.Claim.IsValidId"/>.</param>
    /// <param name="Value">What is claimed with the name: compact JSON.</param>
    /// <param name="Caller">Who is told the outcome, after it is durable; null for nobody.</param>
    /// <param name="Ref">Whatever the caller wants back with the outcome.</param>
    public sealed record Claim(string Channel, string Author, string ClaimId, ReadOnlyMemory<byte> Value, IPublisher? Caller = null, long Ref = 0) : Command
    {
        /// <summary>The publish that a claim of a region is: what its outcome is the outcome of.</summary>
        /// <param name="origin">The region's origin.</param>
        public Publish AsPublish(OriginId origin) => new(
            Channel,
            Author,
            new PublishBody(default, new Effect([new(ClaimState.ClaimField(ClaimId), ClaimState.ClaimValue(origin, Value.Span))], [], [])),
            Caller,
            Ref);
    }

    /// <summary>Look at a claim channel: vote there when this region may and has not. For a node that starts: its replica does not remember what was undecided.</summary>
    /// <param name="Channel">A claim channel; any other is left alone.</param>
    public sealed record Consider(string Channel) : Command;

    /// <summary>Take an entry that another region made.</summary>
    /// <param name="Entry">The entry; its chain is checked when it is applied.</param>
    /// <param name="Link">The link that brought it; 0 for none.</param>
    public sealed record Receive(Entry Entry, int Link = 0) : Command;

    /// <summary>Throw what a link brought out of the waiting room: its other side says that it has what these entries wait for, and does not send it.</summary>
    /// <param name="Link">The link.</param>
    public sealed record Forget(int Link) : Command;

    /// <summary>
    /// Number this region's own entries under another origin from now on: another region knows more of the old one than this region does, or the
    /// data directory is a copy, so that going on could use a number twice.
    /// </summary>
    /// <param name="Origin">An origin that nobody has used: the region's name with a new random incarnation.</param>
    public sealed record TakeIncarnation(OriginId Origin) : Command;
}

/// <summary>Who submitted publishes and is told their outcomes. Called on the sequencing thread: it must not wait and must not throw.</summary>
public interface IPublisher
{
    /// <summary>One outcome. Outcomes come in the order in which their commands were submitted.</summary>
    /// <param name="outcome">The outcome; durable, or refused.</param>
    void OnOutcome(in Outcome outcome);

    /// <summary>All outcomes of this publisher in one commit have been given; now is the time to send.</summary>
    void OnCommitEnd();
}
