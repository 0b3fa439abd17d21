using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Simulation;

/// <summary>
/// Sees what a region's ledger holds, what clients are told and what readers are shown, and puts it to the checkers. It asks the product for bytes
/// and texts only; what they should be, the checkers work out by themselves.
/// </summary>
internal sealed class Witness
{
    private const int ReadBytes = 256 * 1024;

    private readonly World _world;
    private readonly SeededRandom _random;
    private readonly LedgerBatch _batch = new();
    private readonly Dictionary<ulong, Fact> _byContent = [];
    private readonly LedgerChecker _ledger;
    private readonly StateChecker _states;
    private readonly SessionChecker _sessions;
    private readonly DeliveryChecker _deliveries;
    private readonly BoundsChecker _bounds;
    private readonly UniqueChecker _unique = new();
    private readonly HashSet<string> _changed = [];

    public Witness(World world)
    {
        _world = world;

        // Of its own: how often the checkers look must not change what happens.
        _random = new SeededRandom(0x5EED);
        Ledgers = [.. world.Regions.Select(_ => new LedgerCopy())];
        _ledger = new LedgerChecker(Facts);
        _states = new StateChecker();
        _sessions = new SessionChecker(Facts);
        _deliveries = new DeliveryChecker(Facts);
        _bounds = new BoundsChecker(world);
    }

    /// <summary>Every entry that was ever durable anywhere.</summary>
    public FactStore Facts { get; } = new();

    /// <summary>What each region's ledger holds.</summary>
    public IReadOnlyList<LedgerCopy> Ledgers { get; }

    /// <summary>How many entries readers were shown.</summary>
    public long Shown => _deliveries.Shown;

    /// <summary>How many names and voter sets were decided.</summary>
    public int Decided => _unique.Decided;

    /// <summary>A process has recovered.</summary>
    public void OnStarted(SimulatedRegion region, Store store)
    {
        var copy = Ledgers[region.Index];
        CheckPrefix(region, store, copy);
        TakeNew(region, store, copy);
        _states.CheckAll(region.Name, copy, store);
    }

    /// <summary>What was on a region's disk is gone, or older than it was.</summary>
    public void OnDiskReplaced(SimulatedRegion region) => Ledgers[region.Index].Clear();

    /// <summary>A batch was applied, and is not yet durable.</summary>
    public void OnApplied(RegionProcess process, Replica replica) => _bounds.OnApplied(process, replica);

    /// <summary>A batch is durable.</summary>
    public void OnCommitted(RegionProcess process)
    {
        var copy = Ledgers[process.Region.Index];
        TakeNew(process.Region, process.Store, copy);
        if (_random.Chance(0.003))
        {
            _states.CheckAll(process.Region.Name, copy, process.Store);
        }
    }

    /// <summary>A region says something to another one.</summary>
    public void OnSent(RegionProcess process, byte[] message)
    {
        switch (LinkCodec.Decode(message))
        {
            case LinkMessage.Announce announce:
                LedgerChecker.CheckAnnounced(process.Region.Name, Ledgers[process.Region.Index], announce.Seen);
                break;
            case LinkMessage.Entries entries:
                LedgerChecker.CheckAnnounced(process.Region.Name, Ledgers[process.Region.Index], entries.Seen);
                break;
        }
    }

    /// <summary>A publisher's region is about to tell it the outcome.</summary>
    public void OnAcknowledged(RegionProcess process, PublishBody body, Answer answer)
    {
        var copy = Ledgers[process.Region.Index];
        LedgerChecker.CheckAcknowledged(process.Region.Name, copy, answer);
        _world.Digest.Add(answer.Seq);
        if (!answer.IsDuplicate)
        {
            _ledger.CheckPublish(process.Region.Name, copy, body, answer);
        }
    }

    /// <summary>A publisher's region is about to tell it how many copies there are.</summary>
    public void OnCopiesTold(RegionProcess process, Answer answer) => LedgerChecker.CheckCopies(process.Region.Name, Ledgers, answer);

    /// <summary>A client was told that its publish is recorded.</summary>
    public void OnPublished(Client client, SimulatedRegion region, string channel, PublishBody body, Answer answer) =>
        _sessions.CheckPublished(client, region.Name, channel, body, answer);

    /// <summary>A client was told a state.</summary>
    public void OnRead(Client client, SimulatedRegion region, string channel, VersionVector after, Answer answer) =>
        _sessions.CheckRead(client, region.Name, channel, after, answer);

    /// <summary>A client takes over a token.</summary>
    public void OnToken(Client client, SimulatedRegion region, Answer answer)
    {
        _world.Digest.Add(client.Token.Count);
        _sessions.CheckToken(client, region.Name, answer);
    }

    /// <summary>An inbox's owner was given what came after its cursor.</summary>
    public static void OnInbox(Client client, SimulatedRegion region, Answer answer) => DeliveryChecker.CheckInbox(client, region.Name, answer);

    /// <summary>A reader was shown an entry.</summary>
    public void OnShown(Subscription subscription, SimulatedRegion region, int diskLife, byte[] entry, VersionVector seen) =>
        _deliveries.OnShown(subscription, region.Name, diskLife, FactOf(entry), seen);

    /// <summary>A client is about to be told whether a name is theirs.</summary>
    public void OnRegistered(SimulatedRegion region, string channel, string? owner)
    {
        _world.Digest.Add(owner is null ? 0 : 1);
        _unique.CheckOwner(region.Name, channel, owner);
    }

    /// <summary>A subscription will not be resumed.</summary>
    public void OnGivenUp(Subscription subscription) => _deliveries.Forget(subscription);

    /// <summary>Whether all regions hold all that any of them holds, and have shown it to all that asked.</summary>
    public bool IsConverged(IReadOnlyList<SimulatedRegion> healed)
    {
        var first = Ledgers[healed[0].Index];
        foreach (var region in healed)
        {
            var other = Ledgers[region.Index];
            if (region.Process is not { Waiting: 0 } || other.Position != first.Position || other.Seen.Any(pair => first.Of(pair.Key) != pair.Value))
            {
                return false;
            }
        }

        return _world.Clients.All(client => client.Subscriptions.All(subscription => _deliveries.Missing(subscription, first) is null));
    }

    /// <summary>The time to converge is over.</summary>
    public void FailToConverge(IReadOnlyList<SimulatedRegion> healed)
    {
        var most = Ledgers[healed.MaxBy(region => Ledgers[region.Index].Position)!.Index];
        foreach (var region in healed)
        {
            var copy = Ledgers[region.Index];
            foreach (var (origin, seq) in most.Seen)
            {
                if (copy.Of(origin) < seq)
                {
                    throw new InvariantException(Invariant.Live, $"The faults stopped long ago, and {region.Name} still has {origin} up to {copy.Of(origin)}, while another region has {seq}; {region.Process?.WaitingRoom} entries wait there.");
                }
            }
        }

        foreach (var subscription in _world.Clients.SelectMany(client => client.Subscriptions))
        {
            if (_deliveries.Missing(subscription, most) is { } missing)
            {
                throw new InvariantException(Invariant.Delivery, $"The faults stopped long ago, and {subscription.Name} in {subscription.Region?.Name} was never shown {missing.Name} in {missing.Channel}. Its token is {subscription.Token}.");
            }
        }

        throw new InvariantException(Invariant.Live, $"The faults stopped long ago, and {string.Join(", ", healed.Where(region => region.Process is not { Waiting: 0 }).Select(region => region.Name))} still did not come to rest.");
    }

    /// <summary>Everything is at rest: all regions show the same.</summary>
    public void AtEnd(IReadOnlyList<SimulatedRegion> healed)
    {
        foreach (var region in healed)
        {
            _states.CheckAll(region.Name, Ledgers[region.Index], region.Process!.Store);
        }

        _bounds.AtEnd();
    }

    /// <summary>What was durable before a crash is there after it, at the same positions.</summary>
    private void CheckPrefix(SimulatedRegion region, Store store, LedgerCopy copy)
    {
        for (long after = 0; after < copy.Position; after = _batch.Through)
        {
            store.ReadAll(after, ReadBytes, _batch);
            if (_batch.Entries.Count == 0)
            {
                LedgerChecker.Lost(region.Name, copy.Facts[(int)after], "is gone after a crash");
            }

            foreach (var slice in _batch.Entries)
            {
                if (slice.Position <= copy.Position && !_batch.BytesOf(slice).SequenceEqual(copy.Facts[(int)slice.Position - 1].Bytes))
                {
                    LedgerChecker.Lost(region.Name, copy.Facts[(int)slice.Position - 1], $"stood at position {slice.Position}, and after a crash something else stands there");
                }
            }
        }
    }

    private void TakeNew(SimulatedRegion region, Store store, LedgerCopy copy)
    {
        _changed.Clear();
        for (var after = copy.Position; after < store.Position; after = _batch.Through)
        {
            store.ReadAll(after, ReadBytes, _batch);
            if (_batch.Holes.Count > 0)
            {
                throw new InvariantException(Invariant.Durable, $"{region.Name} cannot read positions {_batch.Holes[0].First} to {_batch.Holes[0].Last}: {_batch.Holes[0].Reason}.");
            }

            foreach (var slice in _batch.Entries)
            {
                var bytes = _batch.BytesOf(slice);
                _world.Digest.Add(bytes);
                var fact = FactOf(bytes);
                _ledger.CheckNext(region.Name, copy, fact);
                copy.Add(fact, slice.Repeat);
                if (fact.Channel[0] == '_')
                {
                    _unique.CheckVote(fact);
                    _changed.Add(fact.Channel);
                }
            }
        }

        if (_changed.Count > 0)
        {
            _unique.CheckDecisions(region.Name, copy, _changed);
        }
    }

    /// <summary>What bytes say: read once, since the same bytes come to many regions and readers.</summary>
    private Fact FactOf(ReadOnlySpan<byte> bytes)
    {
        var key = Checksum.Xxh64(bytes, 0);
        if (!_byContent.TryGetValue(key, out var fact) || !bytes.SequenceEqual(fact.Bytes))
        {
            fact = Fact.Read(bytes);
            _byContent[key] = fact;
        }

        return fact;
    }
}
