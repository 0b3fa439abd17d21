using Stentor.Protocol;

namespace Stentor.Replication;

/// <content>
/// Claims, and this region's votes on them. A vote is made in the batch that brings what it is about, so it is as durable as its cause, and no crash lets a
/// voter vote twice.
/// </content>
public sealed partial class Replica
{
    private readonly UndecidedClaims _undecided = new();
    private VoterSets? _voterSets;
    private bool _areVoterSetsKnown;

    private void OnClaim(Command.Claim claim, long wallMicros, Outbox outbox)
    {
        var publish = claim.AsPublish(_origins.Self.Id);
        var state = State(claim.Channel, outbox);
        if (KnownVoterSets(outbox) is not { } sets)
        {
            outbox.Outcomes.Add(Outcome.Refused(publish, new Refusal(ErrorType.ConditionNotMet, "There is no cluster, so nothing is claimed: this region alone decides."), _origins.Seen));
            return;
        }

        var claims = ClaimState.Read(claim.Channel, state);
        if (RefuseClaim(claim, publish, sets, state, claims) is { } refusal)
        {
            outbox.Outcomes.Add(Outcome.Refused(publish, refusal, _origins.Seen));
            return;
        }

        var decision = sets.Decide(claim.Channel, state, claims);
        var pending = decision is null ? Pending(claim.Channel, claims) : null;
        if (decision is not null || pending is not null)
        {
            outbox.Outcomes.Add(new Outcome(publish, Refusal: null, Duplicate: true, claim.Channel, default, 0, 0, 0, state, _origins.Seen)
            {
                Claim = new ClaimOutcome(pending?.Id, decision),
            });
            return;
        }

        var outcome = Record(publish, state, wallMicros, outbox);
        OnReserved(claim.Channel, wallMicros, outbox);
        state = State(claim.Channel, outbox);
        outbox.Outcomes.Add(outcome with
        {
            State = state,
            Claim = new ClaimOutcome(claim.ClaimId, KnownVoterSets(outbox)!.Decide(claim.Channel, state)), // There was a cluster before.
        });
    }

    private Refusal? RefuseClaim(Command.Claim claim, Command.Publish publish, VoterSets sets, ChannelState? state, ClaimState claims)
    {
        var version = ClaimChannels.VoterSetVersion(claim.Channel);
        if ((version == 0 && !ClaimChannels.IsName(claim.Channel)) || !Claim.IsValidId(claim.ClaimId))
        {
            return new Refusal(ErrorType.Malformed, $"Nothing can be claimed in {Printable.Cut(claim.Channel)} as {Printable.Cut(claim.ClaimId)}.");
        }

        if (version > 0 && VoterSet.TryRead(claim.Value, version) is null)
        {
            return new Refusal(ErrorType.Malformed, $"A voter set is a list of 1 to {VoterSet.VotersMax} different origins.");
        }

        if (version > sets.Current.Version + 1)
        {
            return new Refusal(ErrorType.ConditionNotMet, $"The voter set has version {sets.Current.Version}, so version {version} cannot be next.");
        }

        return claims.Find(claim.ClaimId) is not null
            ? new Refusal(ErrorType.ConditionNotMet, $"There is a claim {claim.ClaimId} in {claim.Channel} already.")
            : Refuse(publish.Body, claim.Channel, state);
    }

    /// <summary>
    /// The claim that a new one would be of no use beside. For a name: this region's own. For a voter set: anyone's, since every voter that has it votes
    /// for it, and a second one could only split their votes.
    /// </summary>
    private Claim? Pending(string channel, ClaimState claims) =>
        claims.Claims.FirstOrDefault(c => c.Origin == _origins.Self.Id || ClaimChannels.VoterSetVersion(channel) > 0);

    /// <summary>An entry of a reserved channel was applied: this region may have to vote.</summary>
    private void OnReserved(string channel, long wallMicros, Outbox outbox)
    {
        if (ClaimChannels.IsName(channel))
        {
            if (KnownVoterSets(outbox) is { } sets)
            {
                VoteOn(channel, sets, wallMicros, outbox);
            }
        }
        else if (channel == ClaimChannels.Cluster || ClaimChannels.VoterSetVersion(channel) > 0)
        {
            ForgetVoterSets();
            VoteOnEverything(wallMicros, outbox);
        }
    }

    /// <summary>The voter sets changed, or who has closed them: any name may have become one that this region can vote on.</summary>
    private void VoteOnEverything(long wallMicros, Outbox outbox)
    {
        VoterSets? sets;
        do
        {
            sets = KnownVoterSets(outbox);
        }
        while (sets is not null && VoteOnSets(sets, wallMicros, outbox));

        // A voter that has closed the current version has nothing to say until the next one is decided.
        var self = _origins.Self.Id;
        if (sets is null || !sets.Current.Contains(self) || sets.IsFrozen(sets.Current.Version, self))
        {
            return;
        }

        foreach (var channel in _undecided.Names())
        {
            VoteOn(channel, sets, wallMicros, outbox);
        }
    }

    /// <summary>Votes on the first voter set that this region may vote on and has not; its vote may bring the next version about.</summary>
    private bool VoteOnSets(VoterSets sets, long wallMicros, Outbox outbox)
    {
        foreach (var set in sets.All)
        {
            if (set.Contains(_origins.Self.Id) && !sets.IsFrozen(set.Version, _origins.Self.Id)
                && VoteOn(ClaimChannels.OfVoterSet(set.Version + 1), sets, wallMicros, outbox))
            {
                ForgetVoterSets();
                return true;
            }
        }

        return false;
    }

    private bool VoteOn(string channel, VoterSets sets, long wallMicros, Outbox outbox)
    {
        var state = State(channel, outbox);
        var claims = ClaimState.Read(channel, state);
        var vote = sets.MayVote(channel, state, claims, _origins.Self.Id);
        if (vote is { } cast)
        {
            var effect = new Effect([new(ClaimState.VoteField(cast.Voter, cast.Version), VoteValue(cast.Claim))], [], []);
            _ = Record(new Command.Publish(channel, cast.Voter.Value, new PublishBody(default, effect)), state, wallMicros, outbox);
            state = State(channel, outbox);
            claims = ClaimState.Read(channel, state);
        }

        if (ClaimChannels.IsName(channel))
        {
            _undecided.Set(channel, claims.Claims.Count > 0 && sets.Decide(channel, state, claims) is null);
        }

        return vote is not null;
    }

    private VoterSets? KnownVoterSets(Outbox outbox)
    {
        if (!_areVoterSetsKnown)
        {
            _voterSets = VoterSets.Read(channel => State(channel, outbox));
            _areVoterSetsKnown = true;
        }

        return _voterSets;
    }

    private void ForgetVoterSets() => _areVoterSetsKnown = false;

    private static ReadOnlyMemory<byte> VoteValue(Claim claim)
    {
        var json = new ByteBuffer(Claim.IdLengthMax + 2);
        JsonText.Write(claim.Id, json);
        return json.WrittenMemory;
    }
}
