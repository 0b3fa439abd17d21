using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication.Tests;

/// <summary>A region whose ledger survives its crashes: a replica that is made anew from its entries.</summary>
internal sealed class ClaimRegion
{
    private readonly Outbox _outbox = new();
    private MemoryStates _states = new();
    private Replica _replica;

    public ClaimRegion(string origin)
    {
        Origin = new OriginId(origin);
        _replica = NewReplica();
    }

    /// <summary>Under which it numbers its own entries now.</summary>
    public OriginId Origin { get; private set; }

    /// <summary>Everything durable, in the region's order.</summary>
    public List<Entry> Ledger { get; } = [];

    /// <summary>Microseconds since 1970.</summary>
    public long Wall { get; set; } = 1_700_000_000_000_000;

    /// <summary>False once its disk is gone: it never says anything again.</summary>
    public bool IsAlive { get; set; } = true;

    /// <summary>Whether it crashed, and has not walked through its claim channels since.</summary>
    public bool HasForgotten { get; private set; }

    public VersionVector Seen => _replica.Mark.Seen;

    public VoterSets? Sets => VoterSets.Read(_states.Find);

    public IEnumerable<string> ClaimChannelNames => _states.Channels.Keys
        .Where(c => ClaimChannels.IsName(c) || ClaimChannels.VoterSetVersion(c) > 0)
        .Order(StringComparer.Ordinal);

    public void Found(params OriginId[] voters)
    {
        var set = VoterSet.Of(1, voters);
        Apply(new Command.Publish(ClaimChannels.Cluster, "operator", Body("id", "\"c0ffee\""u8.ToArray(), "voters", set.ToJson())));
    }

    public ClaimOutcome? Claim(string channel, string id, string value = "{}") =>
        Apply(new Command.Claim(channel, "ann", id, Encoding.UTF8.GetBytes(value)))!.Value.Claim;

    public ClaimOutcome? Propose(string id, params OriginId[] voters)
    {
        var next = Sets!.Current.Version + 1; // A region that proposes has a cluster.
        return Apply(new Command.Claim(ClaimChannels.OfVoterSet(next), "operator", id, VoterSet.Of(next, voters).ToJson()))!.Value.Claim;
    }

    public void Consider(string channel) => Apply(new Command.Consider(channel));

    /// <summary>What a node does after a restart.</summary>
    public void ConsiderAll()
    {
        foreach (var channel in ClaimChannelNames)
        {
            Consider(channel);
        }

        HasForgotten = false;
    }

    /// <summary>Takes what another region has and this one lacks, in that region's order.</summary>
    public int Take(ClaimRegion other, int countMax = int.MaxValue)
    {
        var taken = 0;
        foreach (var entry in other.Ledger.ToArray())
        {
            if (taken < countMax && Seen[entry.Origin] < entry.Seq)
            {
                Apply(new Command.Receive(entry));
                taken++;
            }
        }

        return taken;
    }

    public ChannelState? State(string channel) => _states.Find(channel);

    /// <summary>What is decided, as this region sees it: a claim's id, or the voters of a set; null when nothing is.</summary>
    public string? Decided(string channel)
    {
        var decision = Sets?.Decide(channel, _states.Find(channel));
        return decision is null ? null
            : ClaimChannels.VoterSetVersion(channel) > 0 ? VoterSet.TryRead(decision.Claim!.Value, 0)!.ToString() // A set is always claimed.
            : decision.Claim?.Id ?? "older than the cluster";
    }

    /// <summary>Applies a command and makes it durable.</summary>
    public Outcome? Apply(Command command)
    {
        _replica.Apply(command, ++Wall, _outbox);
        Outcome? outcome = _outbox.Outcomes.Count > 0 ? _outbox.Outcomes[^1] : null;
        Commit(_outbox.Entries.Count);
        return outcome;
    }

    /// <summary>Applies a command, but the disk fails: nothing of it happened.</summary>
    public void ApplyInVain(Command command)
    {
        _replica.Apply(command, ++Wall, _outbox);
        _replica.Rollback();
        _outbox.Clear();
    }

    /// <summary>Applies a command and crashes: only some of its entries are on the disk, and nobody was told of any.</summary>
    public void ApplyAndCrash(Command command, int durable)
    {
        _replica.Apply(command, ++Wall, _outbox);
        Keep(Math.Min(durable, _outbox.Entries.Count));
        Crash();
    }

    /// <summary>Loses what is in memory.</summary>
    public void Crash()
    {
        _states = new MemoryStates();
        _replica = NewReplica();
        _outbox.Clear();
        foreach (var entry in Ledger)
        {
            _replica.Replay(entry.Bytes, _outbox);
        }

        _states.Commit(_outbox);
        _replica.Commit();
        _outbox.Clear();
        HasForgotten = true;
    }

    private static PublishBody Body(string one, ReadOnlyMemory<byte> oneValue, string two, ReadOnlyMemory<byte> twoValue) =>
        new(default, new Effect([new(one, oneValue), new(two, twoValue)], [], []));

    private Replica NewReplica() => new(Origin, ReplicaMark.Start, _states, ReplicaOptions.Default);

    private void Commit(int count)
    {
        Keep(count);
        Origin = _outbox.Self ?? Origin;
        _states.Commit(_outbox);
        _replica.Commit();
        _outbox.Clear();
    }

    private void Keep(int count)
    {
        foreach (var recorded in _outbox.Entries.Take(count))
        {
            Ledger.Add(Entry.Parse(_outbox.Bytes.WrittenSpan.Slice(recorded.Offset, recorded.Length).ToArray()));
        }
    }
}
