using System.Globalization;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Simulation;

/// <summary>
/// A client: publishes, reads, subscribes, keeps an inbox, and goes from region to region with what it has seen. What it is told and shown is what
/// the checkers judge.
/// </summary>
internal sealed class Client
{
    private const long PatienceMicros = 8_000_000;
    private const int FieldsCount = 4;

    // After so many answers in a row that a region has not seen what the client has, the client takes it for lost.
    private const int BehindMax = 6;

    private readonly World _world;
    private readonly SeededRandom _random;
    private readonly List<Subscription> _subscriptions = [];
    private readonly Dictionary<string, long> _versions = [];
    private readonly ChannelSet _inbox;
    private VersionVector _acked = VersionVector.Empty;
    private VersionVector _ackedSeen = VersionVector.Empty;
    private int _publishes;
    private int _subscribed;
    private int _behind;
    private SimulatedRegion _region;

    public Client(World world, int index, SimulatedRegion region, SeededRandom random)
    {
        (_world, _region, _random) = (world, region, random);
        Name = string.Create(CultureInfo.InvariantCulture, $"c{index}");
        _inbox = new ChannelSet(ChannelPattern.Parse(_world.Plan.Channels[index % _world.Plan.Channels.Count]));
    }

    public string Name { get; }

    public string InboxChannel => $"_inboxes.{Name}.news";

    /// <summary>What it has seen.</summary>
    public VersionVector Token { get; private set; } = VersionVector.Empty;

    /// <summary>Its subscriptions, those that it gave up not among them.</summary>
    public IReadOnlyList<Subscription> Subscriptions => _subscriptions;

    /// <summary>What its inbox's owner has said that it has.</summary>
    public VersionVector Acked => _acked;

    /// <summary>What a region must have seen to know of the last time that it said so.</summary>
    public VersionVector AckedSeen => _ackedSeen;

    /// <summary>Starts it.</summary>
    public void Begin() => _world.Schedule.After(_random.Around(_world.Plan.ThinkMicros), Step);

    /// <summary>How long something takes between it and a region.</summary>
    public long Travel() => 500 + _random.Around(_world.Plan.ClientDelayMicros);

    /// <summary>Goes to some region that runs for good; its subscriptions follow.</summary>
    public void MoveTo(SimulatedRegion region)
    {
        _region = region;
        foreach (var subscription in _subscriptions)
        {
            Reconnect(subscription);
        }
    }

    private void Next() => _world.Schedule.After(_random.Around(_world.Plan.ThinkMicros), Step);

    private void Step()
    {
        _world.Digest.Add(_world.Schedule.Now);
        CheckSubscriptions();
        var what = _random.Below(100);
        switch (what)
        {
            case < 62 when _world.WantsEntries:
                PublishSome();
                break;
            case < 72:
                ReadState();
                break;
            case < 80:
                FetchInbox();
                break;
            case < 86 when _subscriptions.Count < 2:
                Subscribe();
                break;
            case < 90 when _world.Faults.IsOn:
                Roam();
                Next();
                break;
            case < 91:
                Register();
                break;
            case < 93 when _subscriptions.Count > 0 && _world.Faults.IsOn:
                // A connection that breaks by itself.
                Reconnect(_random.Pick(_subscriptions));
                Next();
                break;
            default:
                Next();
                break;
        }
    }

    private void Roam()
    {
        _region = _random.Pick(_world.RegionsForClients);
        _world.Story?.Tell(_world.Schedule.Now, -1, $"{Name} goes to {_region.Name}");
        foreach (var subscription in _subscriptions)
        {
            if (_random.Chance(0.7))
            {
                Reconnect(subscription);
            }
        }
    }

    private void PublishSome()
    {
        // Now and then many at once, so that batches form.
        var count = _random.Chance(0.05) ? _random.Between(5, 30) : 1;
        var left = count;
        for (var i = 0; i < count; i++)
        {
            var id = _random.Chance(_world.Plan.IdChance) ? string.Create(CultureInfo.InvariantCulture, $"p{_publishes}") : null;
            _publishes++;
            var channel = _random.Pick(_world.Plan.Channels);
            Publish(channel, id, ContentFor(channel, isAlone: count == 1), tries: 0, () =>
            {
                if (--left == 0)
                {
                    Next();
                }
            });
        }
    }

    /// <summary>What is published, without id and token.</summary>
    private string ContentFor(string channel, bool isAlone)
    {
        var text = new StringBuilder();
        var field = _random.Below(FieldsCount);
        var number = _random.Between(1, 9);
        text.Append(CultureInfo.InvariantCulture, $"\"activity\":{{\"type\":\"Note\",\"by\":\"{Name}\",\"n\":{_publishes}}}");
        switch (_random.Below(10))
        {
            case < 3:
                text.Append(CultureInfo.InvariantCulture, $",\"effect\":{{\"add\":{{\"n{field}\":{number}{(_random.Chance(0.2) ? ".5" : "")}}}}}");
                break;
            case < 5:
                text.Append(CultureInfo.InvariantCulture, $",\"effect\":{{\"set\":{{\"s{field}\":\"{Name}-{_publishes}\"}}}}");
                break;
            case 5:
                text.Append(CultureInfo.InvariantCulture, $",\"effect\":{{\"set\":{{\"s{field}\":{number}}},\"add\":{{\"n{field}\":1}}}}");
                break;
            case 6:
                text.Append(CultureInfo.InvariantCulture, $",\"effect\":{{\"remove\":[\"{_random.Pick(["n", "s", "m"])}{field}\"]}}");
                break;
            case 7:
                // A field that some set and some add to.
                text.Append(CultureInfo.InvariantCulture, $",\"effect\":{{\"{_random.Pick(["set", "add"])}\":{{\"m{field}\":{number}}}}}");
                break;
        }

        if (isAlone && _random.Chance(0.1))
        {
            text.Append(_random.Chance(0.7) && _versions.TryGetValue(channel, out var version)
                ? string.Create(CultureInfo.InvariantCulture, $",\"if\":{{\"version\":{version}}}")
                : _random.Chance(0.5) ? ",\"if\":{\"exists\":true}" : ",\"if\":{\"exists\":false}");
        }

        if (_random.Chance(0.1))
        {
            text.Append(CultureInfo.InvariantCulture, $",\"copies\":{_random.Between(2, 3)}");
        }

        return text.ToString();
    }

    private void Publish(string channel, string? id, string content, int tries, Action done)
    {
        var after = _random.Chance(0.7) ? Token : null;
        var text = $"{{{content}{(id is null ? "" : $",\"id\":\"{id}\"")}{(after is null ? "" : $",\"after\":\"{SeenToken.Encode(after)}\"")}}}";
        var body = PublishBody.Parse(Encoding.UTF8.GetBytes(text), Limits.Default);
        Call(
            (region, answer) => region.Publish(this, channel, body, answer),
            (region, answer) =>
            {
                if (answer is null || answer.Error is ErrorType.NotReady or ErrorType.Behind)
                {
                    // Unsure whether it was recorded: with an id it is safe to say it again, wherever.
                    if (id is not null && tries < 3 && _random.Chance(0.8))
                    {
                        if (_random.Chance(0.4))
                        {
                            Roam();
                        }

                        _world.Schedule.After(_random.Around(200_000), () => Publish(channel, id, content, tries + 1, done));
                        return;
                    }
                }
                else if (answer.Error is null)
                {
                    _world.Witness.OnPublished(this, region, channel, body, answer);
                    Take(region, answer);
                    if (answer.Version > 0)
                    {
                        _versions[channel] = answer.Version;
                    }

                    if (id is not null && _random.Chance(0.05) && tries < 3)
                    {
                        // It was recorded, and is said again: by mistake, and perhaps elsewhere.
                        Roam();
                        Publish(channel, id, content, tries + 1, done);
                        return;
                    }
                }

                done();
            });
    }

    private void ReadState()
    {
        var channel = _random.Pick(_world.Plan.Channels);
        var after = Token;
        Call(
            (region, answer) => region.ReadState(channel, after, answer),
            (region, answer) =>
            {
                if (answer is { Error: null })
                {
                    _world.Witness.OnRead(this, region, channel, after, answer);
                    Take(region, answer);
                    _versions[channel] = answer.Version;
                }

                Next();
            });
    }

    private void Register()
    {
        // Few names and many who want them.
        var name = string.Create(CultureInfo.InvariantCulture, $"name{_random.Below(_world.Plan.NamesCount)}");
        Call((region, answer) => region.Register(this, name, answer), (_, _) => Next());
    }

    private void FetchInbox()
    {
        var after = Token;
        Call(
            (region, answer) => region.FetchInbox(this, _inbox, after, answer),
            (region, answer) =>
            {
                if (answer is not { Error: null })
                {
                    Next();
                    return;
                }

                Witness.OnInbox(this, region, answer);
                Take(region, answer with { Seen = Token });
                if (answer.Entries.Count == 0 || !_world.WantsEntries || _random.Chance(0.3))
                {
                    Next(); // It forgets to say that it has them: they come again.
                    return;
                }

                Acknowledge(answer.Seen);
            });
    }

    private void Acknowledge(VersionVector seen)
    {
        var after = Token.Merge(seen);
        _acked = _acked.Merge(seen);
        Call(
            (region, answer) => region.MoveCursor(this, _acked, after, answer),
            (region, answer) =>
            {
                if (answer is { Error: null })
                {
                    Take(region, answer);
                    _ackedSeen = VersionVector.Of(answer.Origin, answer.Seq);
                }

                Next();
            });
    }

    private void Subscribe()
    {
        var (set, wants) = _random.Below(3) switch
        {
            0 => (new ChannelSet(ChannelPattern.Parse(">")), (Func<string, bool>)(channel => channel[0] != '_')),
            1 => (new ChannelSet(ChannelPattern.Parse("scores.>")), channel => channel.StartsWith("scores.", StringComparison.Ordinal)),
            _ => _random.Pick(_world.Plan.Channels) is var one ? (new ChannelSet(ChannelPattern.Parse(one)), channel => channel == one) : default,
        };
        var subscription = new Subscription(_world, this, ++_subscribed, set, wants, _random.Chance(0.8) ? Token : VersionVector.Empty);
        _subscriptions.Add(subscription);
        Reconnect(subscription);
        Next();
    }

    /// <summary>Connects a subscription to the client's region, with its token.</summary>
    private void Reconnect(Subscription subscription)
    {
        var connection = subscription.Connect(_region);
        var after = subscription.Token;
        _world.Story?.Tell(_world.Schedule.Now, -1, $"{subscription.Name} connects to {_region.Name} after {after}");
        Call(
            (region, answer) => region.Subscribe(subscription, connection, after, answer),
            (_, answer) =>
            {
                if (subscription.Connection != connection)
                {
                    return;
                }

                if (answer is { Error: null })
                {
                    subscription.Failures = 0;
                    return;
                }

                subscription.Disconnect();
                if (answer?.Error == ErrorType.Behind && ++subscription.Failures == BehindMax)
                {
                    // What it covers was lost with a disk: nobody will ever have it again.
                    _subscriptions.Remove(subscription);
                    _world.Witness.OnGivenUp(subscription);
                }
            });
    }

    /// <summary>What has no connection, or one to a region that is gone, gets a new one.</summary>
    private void CheckSubscriptions()
    {
        foreach (var subscription in _subscriptions)
        {
            if (subscription.Region is not { Process: not null } && _random.Chance(0.5))
            {
                Reconnect(subscription);
            }
        }

        // The region that it talks to may have started again since: what it does not know sends nothing.
        if (_subscriptions.Count > 0 && _world.Faults.IsOn && _random.Chance(0.02))
        {
            Reconnect(_random.Pick(_subscriptions));
        }
    }

    /// <summary>Takes over what an answer has shown.</summary>
    private void Take(SimulatedRegion region, Answer answer)
    {
        _behind = 0;
        _world.Witness.OnToken(this, region, answer);
        Token = Token.Merge(answer.Seen);
    }

    /// <summary>Asks the region something; either way may lose it.</summary>
    private void Call(Action<RegionProcess, Action<Answer>> serve, Action<SimulatedRegion, Answer?> done)
    {
        var region = _region;
        var isDone = false;
        void Finish(Answer? answer)
        {
            if (isDone)
            {
                return;
            }

            isDone = true;
            if (answer is null || answer.Error is ErrorType.Behind or ErrorType.NotReady)
            {
                OnTrouble();
            }

            done(region, answer);
        }

        _world.Schedule.After(Travel(), () =>
        {
            if (region.Process is { } process && !_random.Chance(_world.Plan.ClientLoss))
            {
                process.Do(() => serve(process, answer =>
                {
                    if (!_random.Chance(_world.Plan.ClientLoss))
                    {
                        _world.Schedule.After(Travel(), () => Finish(answer));
                    }
                }));
            }
        });
        _world.Schedule.After(PatienceMicros, () => Finish(null));
    }

    /// <summary>The region does not answer, or cannot: try another one; and when none ever has what was seen, because it was lost with a disk, begin anew.</summary>
    private void OnTrouble()
    {
        _behind++;
        if (_behind % BehindMax == 0)
        {
            _world.Story?.Tell(_world.Schedule.Now, -1, $"{Name} gives up what it has seen and begins anew");
            Token = VersionVector.Empty;
            _ackedSeen = VersionVector.Empty;
            foreach (var subscription in _subscriptions)
            {
                subscription.Disconnect();
                _world.Witness.OnGivenUp(subscription);
            }

            _subscriptions.Clear();
            _versions.Clear();
        }
        else if (_behind % 2 == 0)
        {
            _region = _random.Pick(_world.RegionsForClients);
        }
    }
}
