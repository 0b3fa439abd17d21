using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Simulation;

/// <summary>Many regions and the links between them, in virtual time, for counting: how many messages, bytes and milliseconds an entry takes.</summary>
internal sealed class ScalingWorld
{
    public static readonly byte[] Secret = Encoding.UTF8.GetBytes("a secret of the whole cluster");

    private const long TickMicros = 50_000;

    private readonly PriorityQueue<(Wire Wire, ScalingRegion To, int Link, byte[] Message), (long At, long Number)> _underWay = new();
    private readonly Dictionary<int, Wire> _byLink = [];
    private readonly Dictionary<(OriginId Origin, long Seq), (long At, long Last, int Regions)> _published = [];
    private int _links;
    private long _number;
    private byte[] _nonce = new byte[32];

    public ScalingWorld(int regions, IEnumerable<(int One, int Other, int DelayMs)> links, LinkOptions options)
    {
        Regions = [.. Enumerable.Range(0, regions).Select(i => new ScalingRegion(this, i, options))];
        foreach (var (one, other, delay) in links)
        {
            Connect(Regions[one], Regions[other], delay);
        }
    }

    /// <summary>The virtual clock, microseconds.</summary>
    public long Now { get; private set; } = 1_000_000;

    public long NowMs => Now / 1000;

    public long Micros => 1_700_000_000_000_000 + Now;

    public ScalingRegion[] Regions { get; }

    public int LinkCount => _byLink.Count / 2;

    /// <summary>Messages sent since <see cref="Reset"/>.</summary>
    public long Messages { get; private set; }

    /// <summary>Bytes of all messages.</summary>
    public long Bytes { get; private set; }

    /// <summary>Entries in all messages: transmissions.</summary>
    public long Transmissions { get; private set; }

    /// <summary>Forgets what was counted.</summary>
    public void Reset()
    {
        (Messages, Bytes, Transmissions) = (0, 0, 0);
        _published.Clear();
    }

    /// <summary>An entry is published, as small as they come.</summary>
    public void Publish(int region) => Regions[region].Apply(new Command.Publish("scores.a", "ann", PublishBody.Parse("""{"effect":{"add":{"n":1}}}"""u8.ToArray(), Limits.Default)));

    public void OnApplied(ScalingRegion region, OriginId origin, long seq)
    {
        if (region.Origin == origin)
        {
            _published[(origin, seq)] = (Now, Now, 1);
        }
        else if (_published.TryGetValue((origin, seq), out var entry))
        {
            _published[(origin, seq)] = (entry.At, Now, entry.Regions + 1);
        }
    }

    /// <summary>How long entries took to their last region, milliseconds: mean and greatest. All must have reached all.</summary>
    public (double Mean, double Max) Delays()
    {
        var delays = _published.Values.Where(e => e.Regions == Regions.Length).Select(e => (e.Last - e.At) / 1000.0).ToList();
        return delays.Count == _published.Count && delays.Count > 0
            ? (delays.Average(), delays.Max())
            : throw new InvalidOperationException($"{_published.Count - delays.Count} of {_published.Count} entries did not reach every region.");
    }

    /// <summary>Cuts a link for good: neither side hears of it.</summary>
    public void Cut(int one, int other)
    {
        foreach (var wire in _byLink.Values.Where(w => w.IsBetween(Regions[one], Regions[other])))
        {
            wire.IsCut = true;
        }
    }

    /// <summary>Lets time pass.</summary>
    public void RunFor(long ms)
    {
        for (var end = Now + (ms * 1000); Now < end;)
        {
            var tick = Math.Min(end, ((Now / TickMicros) + 1) * TickMicros);
            while (_underWay.TryPeek(out var next, out var when) && when.At <= tick)
            {
                _underWay.Dequeue();
                Now = Math.Max(Now, when.At);
                if (!next.Wire.IsCut)
                {
                    next.To.Links.Receive(next.Link, next.Message, NowMs, next.To.Output);
                    next.To.Obey();
                }
            }

            Now = tick;
            if (Now % TickMicros == 0)
            {
                foreach (var region in Regions)
                {
                    region.Links.Tick(NowMs, region.Output);
                    region.Obey();
                }
            }
        }
    }

    /// <summary>Lets time pass until something is so.</summary>
    /// <returns>How many milliseconds it took.</returns>
    public double RunUntil(Func<bool> isSo, long msMax)
    {
        var start = Now;
        while (!isSo())
        {
            if (Now - start > msMax * 1000)
            {
                throw new InvalidOperationException($"Not within {msMax} ms.");
            }

            if (_underWay.TryPeek(out _, out var when) && when.At < ((Now / TickMicros) + 1) * TickMicros)
            {
                var (wire, to, link, message) = _underWay.Dequeue();
                Now = Math.Max(Now, when.At);
                if (!wire.IsCut)
                {
                    to.Links.Receive(link, message, NowMs, to.Output);
                    to.Obey();
                }
            }
            else
            {
                Now = ((Now / TickMicros) + 1) * TickMicros;
                foreach (var region in Regions)
                {
                    region.Links.Tick(NowMs, region.Output);
                    region.Obey();
                }
            }
        }

        return (Now - start) / 1000.0;
    }

    /// <summary>Whether all regions have applied the same.</summary>
    public bool AreLevel() => Array.TrueForAll(Regions, r => r.Seen.Equals(Regions[0].Seen));

    public void Carry(LinkOutput output)
    {
        foreach (var (link, message, entries) in output.Sends)
        {
            if (_byLink.TryGetValue(link, out var wire) && !wire.IsCut)
            {
                Messages++;
                Bytes += message.Length;
                Transmissions += entries;
                var (to, toLink) = wire.FromLink == link ? (wire.To, wire.ToLink) : (wire.From, wire.FromLink);
                _underWay.Enqueue((wire, to, toLink, message), (Now + (wire.DelayMs * 1000L), _number++));
            }
        }

        if (output.Ends.Count > 0 && output.Ends.Exists(e => !_byLink[e.Link].IsCut))
        {
            throw new InvalidOperationException($"A link ended: {output.Ends[0]}");
        }
    }

    private void Connect(ScalingRegion from, ScalingRegion to, int delayMs)
    {
        var wire = new Wire(from, to, ++_links, ++_links, delayMs);
        _byLink.Add(wire.FromLink, wire);
        _byLink.Add(wire.ToLink, wire);
        from.Links.Open(wire.FromLink, isDialer: true, Nonce(), NowMs, from.Output);
        from.Obey();
        to.Links.Open(wire.ToLink, isDialer: false, Nonce(), NowMs, to.Output);
        to.Obey();
    }

    private byte[] Nonce()
    {
        _nonce = [.. _nonce];
        BitConverter.TryWriteBytes(_nonce, ++_number);
        return _nonce;
    }

    private sealed class Wire(ScalingRegion from, ScalingRegion to, int fromLink, int toLink, int delayMs)
    {
        public ScalingRegion From { get; } = from;

        public ScalingRegion To { get; } = to;

        public int FromLink { get; } = fromLink;

        public int ToLink { get; } = toLink;

        public int DelayMs { get; } = delayMs;

        public bool IsCut { get; set; }

        public bool IsBetween(ScalingRegion one, ScalingRegion other) => (From == one && To == other) || (From == other && To == one);
    }
}
