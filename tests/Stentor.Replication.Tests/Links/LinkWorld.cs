using System.Text;
using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>A region with its links: replica and dissemination over memory, committed at every step.</summary>
internal sealed class LinkedRegion
{
    private readonly LinkWorld _world;
    private readonly Outbox _outbox = new();

    public LinkedRegion(LinkWorld world, string name, LinkIdentity identity, LinkOptions options, ReplicaOptions replicaOptions)
    {
        _world = world;
        Name = name;
        Replica = new Replica(identity.Origin, ReplicaMark.Start, States, replicaOptions);
        Links = new Dissemination(identity, Log, VersionVector.Empty, options);
    }

    public string Name { get; }

    public MemoryStates States { get; } = new();

    public MemoryLog Log { get; } = new();

    public Replica Replica { get; private set; }

    public Dissemination Links { get; private set; }

    public LinkOutput Output { get; } = new();

    /// <summary>Everything that happened on its links.</summary>
    public List<LinkEvent> Events { get; } = [];

    /// <summary>The links that ended.</summary>
    public List<LinkEnd> Ends { get; } = [];

    /// <summary>Every notice that it was handed.</summary>
    public List<(string Instance, string Text)> Notices { get; } = [];

    public int NoticesDropped { get; private set; }

    public bool WasOwnOriginBehind { get; private set; }

    public OriginId Origin => Links.Self.Origin;

    public VersionVector Seen => Replica.Mark.Seen;

    public Outcome Publish(string body = """{"activity":{}}""", string channel = "scores.curling")
    {
        Replica.Apply(new Command.Publish(channel, "ann", PublishBody.Parse(Encoding.UTF8.GetBytes(body), Limits.Default)), _world.Micros, _outbox);
        var outcome = _outbox.Outcomes[^1];
        Commit();
        return outcome;
    }

    public void Tell(string text)
    {
        Links.SendNotice(Encoding.UTF8.GetBytes(text), Output);
        Obey();
    }

    /// <summary>Does what the last step of its links asked for, but for what the network does.</summary>
    public void Obey()
    {
        Events.AddRange(Output.Events);
        Ends.AddRange(Output.Ends);
        Notices.AddRange(Output.Notices.Select(notice => (notice.Instance, Encoding.UTF8.GetString(notice.Body.Span))));
        NoticesDropped += Output.NoticesDropped;
        WasOwnOriginBehind |= Output.IsOwnOriginBehind;
        _world.Carry(this, Output);
        var commands = Output.Commands.ToArray();
        Output.Clear();
        if (commands.Length > 0)
        {
            foreach (var command in commands)
            {
                Replica.Apply(command, _world.Micros, _outbox);
            }

            Commit();
        }
    }

    private void Commit()
    {
        Log.Append(_outbox);
        States.Commit(_outbox);
        Replica.Commit();
        Links.OnCommitted(Seen, Log.Position, [.. _outbox.Received], _world.Now, Output);
        _outbox.Clear();
        Obey();
    }
}

/// <summary>A few regions and the connections between them, in virtual time; a step is a millisecond.</summary>
internal sealed class LinkWorld
{
    public static readonly byte[] Secret = Encoding.UTF8.GetBytes("a secret of the whole cluster");

    private static int _worlds;

    private readonly List<Wire> _wires = [];
    private readonly PriorityQueue<(Wire Wire, LinkedRegion To, int Link, byte[] Message), (long At, long Number)> _underWay = new();
    private readonly byte _world = (byte)Interlocked.Increment(ref _worlds);
    private readonly LinkOptions _options;
    private readonly ReplicaOptions _replicaOptions;
    private int _links;
    private long _messages;
    private byte _nonce;

    public LinkWorld(LinkOptions? options = null, ReplicaOptions? replicaOptions = null, params ReadOnlySpan<string> names)
    {
        _options = options ?? LinkOptions.Default;
        _replicaOptions = replicaOptions ?? ReplicaOptions.Default;
        foreach (var name in names)
        {
            Add(name);
        }
    }

    /// <summary>Milliseconds.</summary>
    public long Now { get; private set; } = 1_000;

    public long Micros => 1_700_000_000_000_000 + (Now * 1_000);

    public List<LinkedRegion> Regions { get; } = [];

    /// <summary>How many entries were sent over any connection.</summary>
    public long EntriesSent { get; private set; }

    /// <summary>Sees every message on its way; what it returns is what arrives, null for nothing.</summary>
    public Func<LinkedRegion, LinkedRegion, byte[], byte[]?> Tap { get; set; } = (_, _, message) => message;

    public LinkedRegion this[string name] => Regions.Single(r => r.Name == name);

    public LinkedRegion Add(string name, string? cluster = "c1", byte[]? secret = null, string? origin = null, string? instance = null)
    {
        var identity = new LinkIdentity(name, new OriginId(origin ?? name + "-1"), instance ?? "process of " + name, cluster, secret ?? Secret);
        var region = new LinkedRegion(this, name, identity, _options, _replicaOptions);
        Regions.Add(region);
        return region;
    }

    public Wire Connect(string from, string to, int delayMs = 1) => Connect(this[from], this[to], delayMs);

    public Wire Connect(LinkedRegion from, LinkedRegion to, int delayMs = 1)
    {
        var wire = new Wire(from, to, ++_links, ++_links, delayMs);
        _wires.Add(wire);
        from.Links.Open(wire.FromLink, isDialer: true, Nonce(), Now, from.Output);
        from.Obey();
        to.Links.Open(wire.ToLink, isDialer: false, Nonce(), Now, to.Output);
        to.Obey();
        return wire;
    }

    /// <summary>Every connection between two regions is gone; both sides know it unless it is silent.</summary>
    public void Cut(string one, string other, bool isSilent = false)
    {
        foreach (var wire in _wires.Where(w => w.IsBetween(this[one], this[other])).ToArray())
        {
            wire.IsCut = true;
            if (!isSilent)
            {
                Close(wire);
            }
        }
    }

    public void Run(int ms)
    {
        for (var end = Now + ms; Now < end;)
        {
            Now++;
            while (_underWay.TryPeek(out var next, out var when) && when.At <= Now)
            {
                _underWay.Dequeue();
                if (!next.Wire.IsCut)
                {
                    next.To.Links.Receive(next.Link, next.Message, Now, next.To.Output);
                    next.To.Obey();
                }
            }

            if (Now % 50 == 0)
            {
                foreach (var region in Regions)
                {
                    region.Links.Tick(Now, region.Output);
                    region.Obey();
                }
            }
        }
    }

    /// <summary>Runs until all regions have applied the same.</summary>
    /// <returns>How many milliseconds it took.</returns>
    public long RunUntilLevel(int msMax = 5_000) => RunUntilLevel(Regions, msMax);

    /// <summary>Runs until some regions have applied the same.</summary>
    public long RunUntilLevelOf(params ReadOnlySpan<string> names) => RunUntilLevel([.. names.ToArray().Select(n => this[n])], 5_000);

    private long RunUntilLevel(List<LinkedRegion> regions, int msMax)
    {
        var start = Now;
        while (regions.Exists(r => !r.Seen.Equals(regions[0].Seen)))
        {
            Assert.True(Now - start < msMax, $"not level after {Now - start} ms: {string.Join("; ", regions.Select(r => $"{r.Name} {r.Seen}"))}");
            Run(1);
        }

        return Now - start;
    }

    public void Carry(LinkedRegion from, LinkOutput output)
    {
        foreach (var (link, message, entries) in output.Sends)
        {
            var wire = _wires.Find(w => w.FromLink == link || w.ToLink == link);
            if (wire is null || wire.IsCut)
            {
                continue;
            }

            var (to, toLink) = wire.FromLink == link ? (wire.To, wire.ToLink) : (wire.From, wire.FromLink);
            EntriesSent += entries;
            if (Tap(from, to, message) is { } arriving)
            {
                _underWay.Enqueue((wire, to, toLink, arriving), (Now + wire.DelayMs, _messages++));
            }
        }

        foreach (var end in output.Ends)
        {
            if (_wires.Exists(w => w.FromLink == end.Link || w.ToLink == end.Link))
            {
                from.Links.Close(end.Link, Now, from.Output);
            }
        }
    }

    private void Close(Wire wire)
    {
        _wires.Remove(wire);
        wire.From.Links.Close(wire.FromLink, Now, wire.From.Output);
        wire.From.Obey();
        wire.To.Links.Close(wire.ToLink, Now, wire.To.Output);
        wire.To.Obey();
    }

    private byte[] Nonce()
    {
        var nonce = new byte[32];
        (nonce[0], nonce[1]) = (++_nonce, _world);
        return nonce;
    }

    internal sealed class Wire(LinkedRegion from, LinkedRegion to, int fromLink, int toLink, int delayMs)
    {
        public LinkedRegion From { get; } = from;

        public LinkedRegion To { get; } = to;

        public int FromLink { get; } = fromLink;

        public int ToLink { get; } = toLink;

        public int DelayMs { get; set; } = delayMs;

        public bool IsCut { get; set; }

        public bool IsBetween(LinkedRegion one, LinkedRegion other) => (From == one && To == other) || (From == other && To == one);
    }
}
