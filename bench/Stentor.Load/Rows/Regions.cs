using System.Text;
using Stentor.Load.Net;
using Stentor.Load.Reporting;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>Two linked regions on loopback, each a node of its own: how much they replicate, how soon it is seen, how fast one catches up.</summary>
internal static class Regions
{
    private const string Channel = "load.regions";
    private const int TimeoutSeconds = 120;

    // 50 connections with 20 in flight each: a shape in which one node takes in about as much as it can.
    private const int Connections = 50;
    private const int InFlight = 20;
    private const int ActivityBytes = 300;

    // A send for each of 50,000 publishes a second would take half a core from the two nodes; the replication that it stands for comes in such pieces too.
    private const long PauseNanos = 200_000;

    private static byte[] ChannelBytes { get; } = Encoding.ASCII.GetBytes(Channel);

    /// <summary>Entries a second that one region takes in and the other applies, against one node alone.</summary>
    public static IEnumerable<Case> Replication(Settings settings)
    {
        yield return new Case(
            "replication", $"entries a second taken in by one region and durable in the other, {settings.Bytes ?? ActivityBytes}-byte activities, connections {Connections}, in flight {InFlight}", "entries/s", MoreIsBetter: true,
            [
                new(Contender.Stentor, () => MeasureReplication(settings)),
                new(Contender.Alone, () => MeasureAlone(settings)),
            ],
            new Goal(Contender.Alone, 0.6, 0.8));
    }

    /// <summary>What the dependency check costs: the same two regions with it and without it, both without a disk.</summary>
    public static IEnumerable<Case> CausalityCost(Settings settings)
    {
        yield return new Case(
            "causality-cost", "entries a second from one region to the other, no disk, with the dependency check and without it", "entries/s", MoreIsBetter: true,
            [
                new(Contender.Stentor, () => MeasureReplication(settings, place => place with { IsEphemeral = true })),
                new(Contender.Unchecked, () => MeasureReplication(settings, place => place with { IsEphemeral = true, IgnoresDependencies = true })),
            ],
            new Goal(Contender.Unchecked, 0.95, 0.99));
    }

    /// <summary>From a publish in one region to its delivery in the other.</summary>
    public static IEnumerable<Case> Visibility(Settings settings)
    {
        var rate = settings.Rate ?? 50_000;
        yield return new Case(
            "visibility", $"publish in one region to delivery in the other p99, {rate:#,0} entries a second", "µs", MoreIsBetter: false,
            [new(Contender.Stentor, () => MeasureVisibility(settings, rate))],
            new Goal(null, 5_000, 1_000));
    }

    /// <summary>A region that was away while the other took in many entries.</summary>
    public static IEnumerable<Case> CatchUp(Settings settings)
    {
        var entries = settings.Entries ?? 500_000;
        yield return new Case(
            "region-catch-up", $"a region that was away for {entries:#,0} entries", "entries/s", MoreIsBetter: true,
            [new(Contender.Stentor, () => MeasureCatchUp(settings, entries))],
            new Goal(null, 100_000, 300_000));
    }

    private static Sample MeasureAlone(Settings settings)
    {
        using var server = new StentorServer(settings, overWebSocket: false);
        server.Begin();
        return Load(settings, server, () => 0);
    }

    private static Sample MeasureReplication(Settings settings, Func<ClusterPlace, ClusterPlace>? with = null)
    {
        using var pair = new Pair(settings, with);
        var before = pair.Second.Position();
        var stretch = Stretch.Begin(pair.Second, 0);
        var sample = Load(settings, pair.First, () =>
        {
            pair.Level();
            return 0;
        });
        var second = stretch.End(pair.Second.Position() - before);
        return new Sample(sample.Value, [.. sample.Details, .. second.Details.Select(d => ("second " + d.Name, d.Value)).Where(d => d.Item1.Contains("server", StringComparison.Ordinal))]);
    }

    /// <summary>Publishes for the time of a measurement; what <paramref name="finish"/> takes counts too.</summary>
    private static Sample Load(Settings settings, StentorServer server, Func<int> finish)
    {
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var connections = loop.Connect(settings.Connections ?? Connections, _ => server.OpenPublisher(tally));
        var activity = new LoadActivity(settings.Bytes ?? ActivityBytes);
        var sent = 0L;
        var isRunning = true;
        var inFlight = settings.InFlight ?? InFlight;
        foreach (var connection in connections)
        {
            var own = 0L;
            connection.AfterInput = Refill;
            Refill(connection);
            loop.Flush(connection);

            void Refill(Connection c)
            {
                for (; isRunning && own - c.Acks < inFlight; own++)
                {
                    c.Publish(ChannelBytes, activity.Make(sent++, 0));
                }
            }
        }

        loop.PollFor((long)(settings.WarmUpSeconds * Clock.Second));
        var stretch = Stretch.Begin(server, tally.Acks);
        loop.PollFor((long)(settings.Seconds * Clock.Second));
        isRunning = false;
        loop.PollUntil(() => tally.Acks >= sent, TimeoutSeconds, () => $"{tally.Acks:#,0} of {sent:#,0} answers were there");
        finish();
        return stretch.End(tally.Acks);
    }

    private static Sample MeasureVisibility(Settings settings, int rate)
    {
        using var pair = new Pair(settings);
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var reader = loop.Connect(() => pair.Second.OpenReader([Channel], tally));
        var publisher = loop.Connect(() => pair.First.OpenPublisher(new Tally()));
        var activity = new LoadActivity(settings.Bytes ?? ActivityBytes);
        var begin = Clock.Now;
        var measureFrom = begin + (long)(settings.LatencyWarmUpSeconds * Clock.Second);
        tally.Latencies = new Latencies(measureFrom);
        var published = Schedule.Run(loop, publisher, begin, measureFrom + (long)(settings.Seconds * Clock.Second), Clock.Second / rate,
            (nth, due) => publisher.Publish(ChannelBytes, activity.Make(nth, due)),
            PauseNanos);
        loop.PollUntil(() => reader.Deliveries >= published, TimeoutSeconds, () => $"{reader.Deliveries:#,0} of {published:#,0} deliveries were there");
        return new Sample(tally.Latencies.Percentile(0.99), ("p50", tally.Latencies.Percentile(0.5)), ("p99.9", tally.Latencies.Percentile(0.999)), ("max", tally.Latencies.Percentile(1)));
    }

    private static Sample MeasureCatchUp(Settings settings, long entries)
    {
        using var pair = new Pair(settings);
        pair.Second.KillNode();
        var before = pair.First.Position();
        Filling.Fill(settings, pair.First, entries, settings.Bytes ?? ActivityBytes, connectionCount: 2, _ => Channel);
        var all = pair.First.Position();
        pair.Second.StartNode();
        var start = Clock.Now;
        var first = 0L;
        for (var position = 0L; position < all;)
        {
            position = pair.Second.Position();
            if (first == 0 && position > before)
            {
                (first, start) = (position, Clock.Now); // Starting the process is not catching up.
            }

            // Both sides go on serving: each answers a read of a state in between.
            pair.First.Request(HttpMethod.Get, "/v1/channels/" + Channel, null);
            pair.Second.Request(HttpMethod.Get, "/healthz/live", null);
            if (Clock.Now - start > TimeoutSeconds * Clock.Second)
            {
                throw new LoadException($"{position:#,0} of {all:#,0} positions after {TimeoutSeconds} s.");
            }
        }

        return new Sample((all - first) / ((Clock.Now - start) / (double)Clock.Second));
    }

    /// <summary>Two regions, linked.</summary>
    private sealed class Pair : IDisposable
    {
        public Pair(Settings settings, Func<ClusterPlace, ClusterPlace>? with = null)
        {
            with ??= place => place;
            var secret = Path.Combine(settings.WorkDirectory, $"stentor-load-{Guid.NewGuid():n}.secret");
            _secret = secret;
            First = new StentorServer(settings, overWebSocket: false, with(new ClusterPlace("one", secret, null)));
            try
            {
                First.Begin();
                Second = new StentorServer(settings, overWebSocket: false, with(new ClusterPlace("two", secret, First)));
                Second.Begin();
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        private readonly string _secret;

        public StentorServer First { get; }

        public StentorServer Second { get; } = null!; // Set, or the constructor throws.

        /// <summary>Waits until the second has all that the first has.</summary>
        public void Level()
        {
            var all = First.Position();
            for (var deadline = Clock.Now + (TimeoutSeconds * Clock.Second); Second.Position() < all; Thread.Sleep(1))
            {
                if (Clock.Now > deadline)
                {
                    throw new LoadException($"The second region has {Second.Position():#,0} of {all:#,0} positions after {TimeoutSeconds} s.");
                }
            }
        }

        public void Dispose()
        {
            Second?.Dispose();
            First.Dispose();
            File.Delete(_secret);
        }
    }
}
