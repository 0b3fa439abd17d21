using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <content>
/// Changes of the voter set. Each is decided by the voters there are: it needs a majority of them, and it waits for it for <see cref="NodeOptions.ClaimWait"/>;
/// what is not decided by then goes on by itself. Asking again is safe.
/// </content>
public sealed partial class Cluster
{
    /// <summary>Makes a region a voter.</summary>
    /// <param name="origin">A region of the cluster that has not left.</param>
    /// <param name="cancellationToken">Ends the wait; the proposal goes on.</param>
    /// <returns>Null when it is one; otherwise why not.</returns>
    public ValueTask<Refusal?> AddVoterAsync(OriginId origin, CancellationToken cancellationToken) => ChangeAsync(
        sets => sets.Current.Contains(origin) ? Change.Done
            : RefuseVoter(origin) is { } refusal ? new Change(null, refusal)
            : Change.To(sets.Current.Voters.Append(origin)),
        cancellationToken);

    /// <summary>Makes a region no voter any more. The last one stays.</summary>
    /// <param name="origin">A voter.</param>
    /// <param name="cancellationToken">Ends the wait; the proposal goes on.</param>
    /// <returns>Null when it is none; otherwise why not.</returns>
    public ValueTask<Refusal?> RemoveVoterAsync(OriginId origin, CancellationToken cancellationToken) => ChangeAsync(
        sets => sets.Current.Contains(origin) ? Change.To(sets.Current.Voters.Where(v => v != origin)) : Change.Done,
        cancellationToken);

    /// <summary>Puts one region in another's place: for a voter that lost its disk, and will never vote again.</summary>
    /// <param name="lost">A voter.</param>
    /// <param name="successor">A region of the cluster that has not left.</param>
    /// <param name="cancellationToken">Ends the wait; the proposal goes on.</param>
    /// <returns>Null when it is done; otherwise why not.</returns>
    public ValueTask<Refusal?> ReplaceVoterAsync(OriginId lost, OriginId successor, CancellationToken cancellationToken) => ChangeAsync(
        sets =>
        {
            var isThere = sets.Current.Contains(successor);
            if (!sets.Current.Contains(lost))
            {
                return isThere ? Change.Done : new Change(null, new Refusal(ErrorType.NotFound, $"{lost} is no voter. The voters are {sets.Current}."));
            }

            return !isThere && RefuseVoter(successor) is { } refusal
                ? new Change(null, refusal)
                : Change.To(sets.Current.Voters.Where(v => v != lost).Append(successor));
        },
        cancellationToken);

    /// <summary>
    /// Says that this region leaves the cluster, for good. From then on it takes no publishes. Waits until it is no voter any more, and then, for
    /// <see cref="NodeOptions.CopiesWait"/>, until a neighbour has on disk all that it made: it may be stopped then, and does not come back under this origin.
    /// Asking again is safe.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the region leaves all the same.</param>
    /// <returns>Null when it has left and is not needed any more; otherwise why not, or why not yet.</returns>
    public async ValueTask<Refusal?> LeaveAsync(CancellationToken cancellationToken)
    {
        if (NotYet() is { } early)
        {
            return early;
        }

        var origin = node.Store.Origin;
        if (Voters is not { } voters)
        {
            return NoCluster();
        }

        if (voters.Contains(origin) && voters.Voters.Count == 1)
        {
            return LastVoter(origin);
        }

        if (FindRegion(origin) is not { HasLeft: true }
            && await PublishRegionAsync(new Effect([new("left", "true"u8.ToArray()), new("region", JsonValue.Text(node.Options.Region))], [], []), cancellationToken) is { } refusal)
        {
            return refusal;
        }

        node.OnLeft();
        return await RemoveVoterAsync(origin, cancellationToken) ?? await HandOverAsync(origin, cancellationToken);
    }

    /// <summary>Proposes a voter set as the next version, and waits until some set is decided as that.</summary>
    /// <param name="voters">1 to 7 origins.</param>
    /// <param name="cancellationToken">Ends the wait; the proposal goes on.</param>
    /// <returns>Null when it is this one, or was already; otherwise why not.</returns>
    public ValueTask<Refusal?> ProposeAsync(IReadOnlyCollection<OriginId> voters, CancellationToken cancellationToken)
    {
        var version = (Voters?.Version ?? 0) + 1;
        return ChangeAsync(
            sets => sets.Current.Voters.ToHashSet().SetEquals(voters) ? Change.Done
                : sets.Current.Version < version ? Change.To(voters)
                : new Change(null, new Refusal(ErrorType.ConditionNotMet, $"Somebody else's change came first: the voters are {sets.Current} (version {sets.Current.Version}).")),
            cancellationToken);
    }

    private async ValueTask<Refusal?> ChangeAsync(Func<VoterSets, Change> next, CancellationToken cancellationToken)
    {
        if (NotYet() is { } early)
        {
            return early;
        }

        var start = node.Time.GetTimestamp();
        while (true)
        {
            if (Sets is not { } sets)
            {
                return NoCluster();
            }

            var (voters, refusal) = next(sets);
            if (voters is null || refusal is not null)
            {
                return refusal;
            }

            if (voters.Length == 0)
            {
                return LastVoter(sets.Current.Voters[0]);
            }

            if (voters.Length > VoterSet.VotersMax)
            {
                return new Refusal(ErrorType.TooLarge, $"There would be {voters.Length} voters; the most is {VoterSet.VotersMax}. Remove one, or replace one.");
            }

            var set = VoterSet.Of(sets.Current.Version + 1, voters);
            var channel = ClaimChannels.OfVoterSet(set.Version);
            var outcome = await node.ClaimAsync(channel, Accounts.Operator, NewId(), set.ToJson(), cancellationToken);
            if (outcome.Refusal is not null)
            {
                return outcome.Refusal;
            }

            // Where somebody else proposes, too, theirs may be decided; then this change is proposed as the version after it.
            if (await WaitForDecisionAsync(channel, node.Options.ClaimWait - node.Time.GetElapsedTime(start), cancellationToken) is null)
            {
                return new Refusal(ErrorType.Undecided, $"The voters {set} are proposed, and not decided yet: it takes {sets.Current.Majority} of the voters {sets.Current}. It goes on by itself; ask again to see.");
            }
        }
    }

    /// <summary>Waits until some other region has on disk all that this one made.</summary>
    private async ValueTask<Refusal?> HandOverAsync(OriginId origin, CancellationToken cancellationToken)
    {
        var start = node.Time.GetTimestamp();
        while (true)
        {
            var seq = node.Seen[origin];
            var left = node.Options.CopiesWait - node.Time.GetElapsedTime(start);
            if (node.Links is { } links && await links.WaitForCopiesAsync(origin, seq, 2, left).WaitAsync(cancellationToken) < 2)
            {
                return new Refusal(ErrorType.Undecided, $"{origin} has left and votes no more; but no other region is known to have on disk all that it made, up to number {seq}. Keep it running and linked until one has; ask again to see.");
            }

            // A publish that was taken just before may have come after.
            if (node.Seen[origin] == seq)
            {
                return null;
            }
        }
    }

    /// <summary>Before a neighbour has compared, nothing is said under this region's origin: its number may have been used.</summary>
    private Refusal? NotYet() => node.Keeper is { MayBeAnOldCopy: true }
        ? new Refusal(ErrorType.NotReady, "The node asks a neighbour first what it knows of this region, so that no number is used twice. Try again in a moment.")
        : null;

    private Refusal? RefuseVoter(OriginId origin) => FindRegion(origin) switch
    {
        null => new Refusal(ErrorType.NotFound, $"This region knows no region {origin}. Those of the cluster are {string.Join(", ", Regions.Where(r => !r.HasLeft).Select(r => r.Origin))}."),
        { HasLeft: true } => new Refusal(ErrorType.ConditionNotMet, $"The region {origin} has left the cluster."),
        _ => null,
    };

    private static Refusal LastVoter(OriginId origin) =>
        new(ErrorType.ConditionNotMet, $"{origin} is the only voter: without it nothing could ever be decided again. Add another voter first.");

    /// <summary>What to propose next.</summary>
    /// <param name="Voters">The set; null when there is nothing to propose.</param>
    /// <param name="Refusal">Why nothing can be proposed; null when all is as it was asked for.</param>
    private readonly record struct Change(OriginId[]? Voters, Refusal? Refusal)
    {
        public static Change Done => default;

        public static Change To(IEnumerable<OriginId> voters) => new([.. voters.Distinct()], null);
    }
}
