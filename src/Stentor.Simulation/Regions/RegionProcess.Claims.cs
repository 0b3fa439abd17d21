using System.Globalization;
using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Simulation;

/// <content>Names that are unique everywhere: the cluster, its voters, and who registers.</content>
internal sealed partial class RegionProcess
{
    private const long ClaimWaitMicros = 5_000_000;

    // Each version is a round that every later vote looks back on; a run need not have more.
    private const int VoterVersionsMax = 8;

    private readonly List<(string Channel, string ClaimId, Client Client, Action<Answer> Answer, long Until)> _registrations = [];

    /// <summary>Founds the cluster, with this region as its only voter.</summary>
    public void Found()
    {
        var text = $"{{\"effect\":{{\"set\":{{\"id\":\"{Cluster}\",\"voters\":[\"{Store.Origin}\"]}}}}}}";
        Submit(new Command.Publish(ClaimChannels.Cluster, "system", PublishBody.Parse(Encoding.UTF8.GetBytes(text), Limits.Default)));
    }

    /// <summary>Registers a name for a client: answers when it is decided, or that it is not.</summary>
    public void Register(Client client, string name, Action<Answer> answer)
    {
        var channel = ClaimChannels.OfUsername(name);
        var id = _random.NextBits().ToString("x16", CultureInfo.InvariantCulture);
        var value = Encoding.UTF8.GetBytes($"{{\"username\":\"{name}\",\"secret\":\"{client.Name}\"}}");
        _queue.Enqueue(new Command.Claim(channel, client.Name, id, value, new ClaimCall(this, channel, client, answer)));
        Wake();
    }

    /// <summary>The outcome of a claim is due.</summary>
    public void OnClaimed(ClaimCall call, in Outcome outcome)
    {
        if (outcome.Claim is not { } claim)
        {
            call.Answer(new Answer(outcome.Refusal?.Type ?? ErrorType.NotReady, Seen));
        }
        else if (claim.ClaimId is { } id && claim.Decision is null && _world.Planted != PlantedFault.OwnerDecidedAlone)
        {
            _registrations.Add((call.Channel, id, call.Client, call.Answer, _schedule.Now + ClaimWaitMicros));
            if (_world.Planted == PlantedFault.VotedTwice)
            {
                VoteAgain(call.Channel, id);
            }
        }
        else
        {
            OnDecided(call.Channel, claim.Decision?.Claim ?? ClaimState.Read(call.Channel, outcome.State).Find(claim.ClaimId!), call.Client, call.Answer);
        }
    }

    /// <summary>Proposes the next voter set: regions that run come in, those that are gone go out. Any voter may, at any time; the others vote.</summary>
    private void LookAfterVoters()
    {
        if (_world.Faults.IsOn && VoterSets.Read(Store.Find) is { } sets && sets.Current.Contains(Store.Origin) && sets.Current.Version < VoterVersionsMax)
        {
            var running = _world.Regions.Where(region => region.Process is not null && _random.Chance(0.8)).Select(region => region.Process!.Store.Origin);
            OriginId[] wanted = [.. sets.Current.Voters.Where(voter => _random.Chance(0.9)).Union(running).Take(_random.Between(1, VoterSet.VotersMax))];
            if (wanted.Length > 0 && !wanted.ToHashSet().SetEquals(sets.Current.Voters))
            {
                var set = VoterSet.Of(sets.Current.Version + 1, wanted);
                var id = _random.NextBits().ToString("x16", CultureInfo.InvariantCulture);
                _world.Story?.Tell(_schedule.Now, Region.Index, $"proposes voter set {set.Version}: {set}");
                Submit(new Command.Claim(ClaimChannels.OfVoterSet(set.Version), "system", id, set.ToJson()));
            }
        }

        Later(_random.Around(15_000_000), LookAfterVoters);
    }

    /// <summary>Answers registrations that are decided by now, or that waited long enough.</summary>
    private void AnswerRegistrations()
    {
        if (_registrations.Count == 0)
        {
            return;
        }

        var sets = VoterSets.Read(Store.Find);
        for (var i = 0; i < _registrations.Count; i++)
        {
            var (channel, id, client, answer, until) = _registrations[i];
            if (sets?.Decide(channel, Store.Find(channel)) is { } decision)
            {
                _registrations.RemoveAt(i--);
                OnDecided(channel, decision.Claim, client, answer);
            }
            else if (until <= _schedule.Now)
            {
                _registrations.RemoveAt(i--);
                answer(new Answer(ErrorType.Undecided, Seen));
            }
        }
    }

    private void OnDecided(string channel, Claim? winner, Client client, Action<Answer> answer)
    {
        var isOwner = winner is not null && Encoding.UTF8.GetString(winner.Value.Span).Contains($"\"secret\":\"{client.Name}\"", StringComparison.Ordinal);
        _world.Witness.OnRegistered(Region, channel, isOwner ? client.Name : null);
        answer(new Answer(isOwner ? null : ErrorType.Taken, Seen));
    }

    /// <summary>Planted: a second vote, for whichever other claim there is.</summary>
    private void VoteAgain(string channel, string id)
    {
        if (VoterSets.Read(Store.Find) is { } sets && ClaimState.Read(channel, Store.Find(channel)) is var claims && claims.HasVoted(Store.Origin, sets.Current.Version))
        {
            var other = claims.Claims.FirstOrDefault(claim => claim.Id != id)?.Id ?? id;
            var text = $"{{\"effect\":{{\"set\":{{\"{ClaimState.VoteField(Store.Origin, sets.Current.Version)}\":\"{other}\"}}}}}}";
            Submit(new Command.Publish(channel, "system", PublishBody.Parse(Encoding.UTF8.GetBytes(text), Limits.Default)));
        }
    }
}

/// <summary>A registration on its way through a region.</summary>
internal sealed class ClaimCall(RegionProcess process, string channel, Client client, Action<Answer> answer) : IPublisher
{
    public string Channel { get; } = channel;

    public Client Client { get; } = client;

    public Action<Answer> Answer { get; } = answer;

    public void OnOutcome(in Outcome outcome) => process.OnClaimed(this, outcome);

    public void OnCommitEnd()
    {
        // Each answer is sent by itself.
    }
}
