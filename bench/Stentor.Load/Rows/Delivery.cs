using System.Text;
using Stentor.Load.Net;
using Stentor.Load.Reporting;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>One publisher, many readers of one channel: fan-out with a window, and latency on a fixed schedule.</summary>
internal static class Delivery
{
    private const string Channel = "load.fanout";
    private const int DrainSeconds = 60;

    private static byte[] ChannelBytes { get; } = Encoding.ASCII.GetBytes(Channel);

    /// <summary>Deliveries a second over TCP frames, against NATS; mosquitto for orientation.</summary>
    public static IEnumerable<Case> FanOutTcp(Settings settings) =>
        FanOut(settings, "fan-out-tcp", "TCP frames", () => new StentorServer(settings, overWebSocket: false), [(50, 1.5, 3), (1000, 2.5, 6), (5000, 2, 6)],
            (Contender.Nats, () => new NatsServer(settings, jetStream: false)),
            (Contender.Mosquitto, () => new MosquittoServer(settings)));

    /// <summary>Deliveries a second over WebSocket, against SignalR.</summary>
    public static IEnumerable<Case> FanOutWebSocket(Settings settings) =>
        FanOut(settings, "fan-out-ws", "WebSocket", () => new StentorServer(settings, overWebSocket: true), [(50, 3, 5), (1000, 5, 12), (5000, 3, 8)],
            (Contender.SignalR, () => new SignalRServer(settings)));

    /// <summary>Deliveries a second to clients of the Activity Streamer protocol, against TCP frames.</summary>
    public static IEnumerable<Case> FanOutStreamer(Settings settings) =>
        FanOut(settings, "fan-out-streamer", "the Activity Streamer protocol", () => new StentorServer(settings, overWebSocket: false) { StreamerChannel = Channel }, [(1000, 0.5, 1)],
            (Contender.Frames, () => new StentorServer(settings, overWebSocket: false)));

    /// <summary>Publish-to-delivery latency, against NATS and SignalR.</summary>
    public static IEnumerable<Case> Latency(Settings settings)
    {
        var rate = settings.Rate ?? 100_000;
        foreach (var readers in settings.Readers.Count > 0 ? settings.Readers : [1, 10, 100, 1000])
        {
            var title = $"publish to delivery p99, {readers:#,0} readers, {rate:#,0} deliveries a second, 200-byte activities";
            yield return new Case(
                "latency", title + ", TCP", "µs", MoreIsBetter: false,
                [
                    new(Contender.Stentor, () => MeasureLatency(settings, () => new StentorServer(settings, overWebSocket: false), readers, rate)),
                    new(Contender.Nats, () => MeasureLatency(settings, () => new NatsServer(settings, jetStream: false), readers, rate)),
                ],
                new Goal(Contender.Nats, 1.2, 0.9));
            yield return new Case(
                "latency", title + ", WebSocket", "µs", MoreIsBetter: false,
                [
                    new(Contender.Stentor, () => MeasureLatency(settings, () => new StentorServer(settings, overWebSocket: true), readers, rate)),
                    new(Contender.SignalR, () => MeasureLatency(settings, () => new SignalRServer(settings), readers, rate)),
                ],
                new Goal(Contender.SignalR, 0.6, 0.35));
        }
    }

    private static IEnumerable<Case> FanOut(
        Settings settings, string row, string over, Func<ChildServer> start, (int Readers, double Must, double Aim)[] goals, params (string Name, Func<ChildServer> Start)[] peers)
    {
        foreach (var readers in settings.Readers.Count > 0 ? settings.Readers : [.. goals.Select(g => g.Readers)])
        {
            // 500,000 deliveries on their way: a reader's share fits the socket buffers of all servers measured, so none cuts readers off.
            var window = settings.Window ?? Math.Clamp(500_000 / readers, 50, 1000);
            var (_, must, aim) = goals.MinBy(g => Math.Abs(Math.Log((double)readers / g.Readers))); // Of the nearest number of readers.
            yield return new Case(
                row, $"{readers:#,0} readers over {over}, {settings.Bytes ?? 200}-byte activities, window {window:#,0}", "deliveries/s", MoreIsBetter: true,
                [
                    new(Contender.Stentor, () => MeasureFanOut(settings, start, readers, window)),
                    .. peers.Select(peer => new Contender(peer.Name, () => MeasureFanOut(settings, peer.Start, readers, window))),
                ],
                new Goal(peers[0].Name, must, aim));
        }
    }

    private static Sample MeasureFanOut(Settings settings, Func<ChildServer> start, int readerCount, int window)
    {
        using var server = start();
        server.Begin();
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var readers = loop.Connect(readerCount, _ => server.OpenReader([Channel], tally));
        var publisher = loop.Connect(() => server.OpenPublisher(new Tally()));
        var activity = new LoadActivity(settings.Bytes ?? 200);
        var published = 0L;

        PublishFor(settings.WarmUpSeconds);
        var stretch = Stretch.Begin(server, tally.Deliveries);
        PublishFor(settings.Seconds);
        var sample = stretch.End(tally.Deliveries);

        Drain(loop, server, publisher, readers, published);
        return sample;

        void PublishFor(double seconds)
        {
            for (var end = Clock.Now + (long)(seconds * Clock.Second); Clock.Now < end;)
            {
                if (!publisher.HasBacklog)
                {
                    var now = Clock.Now;
                    for (var room = window - (published - (tally.Deliveries / readerCount)); room > 0; room--)
                    {
                        publisher.Publish(ChannelBytes, activity.Make(published++, now));
                    }

                    loop.Flush(publisher);
                }

                loop.Poll(10 * Clock.Millisecond);
            }
        }
    }

    private static Sample MeasureLatency(Settings settings, Func<ChildServer> start, int readerCount, int deliveryRate)
    {
        using var server = start();
        server.Begin();
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var readers = loop.Connect(readerCount, _ => server.OpenReader([Channel], tally));
        var publisher = loop.Connect(() => server.OpenPublisher(new Tally()));
        var activity = new LoadActivity(settings.Bytes ?? 200);

        var period = Clock.Second * readerCount / deliveryRate;
        var begin = Clock.Now + Clock.Millisecond;
        var measureFrom = begin + (long)(settings.LatencyWarmUpSeconds * Clock.Second);
        tally.Latencies = new Latencies(measureFrom);
        var stretch = Stretch.Begin(server, 0);
        var published = Schedule.Run(loop, publisher, begin, measureFrom + (long)(settings.Seconds * Clock.Second), period,
            (nth, due) => publisher.Publish(ChannelBytes, activity.Make(nth, due)));
        var cost = stretch.End(published);
        var end = Clock.Now;

        Drain(loop, server, publisher, readers, published);
        return new Sample(
            tally.Latencies.Percentile(0.99),
            [("p50", tally.Latencies.Percentile(0.5)), ("p99.9", tally.Latencies.Percentile(0.999)), ("max", tally.Latencies.Percentile(1)), ("last after µs", (tally.LastDeliveryAt - end) / (double)Clock.Microsecond), .. cost.Details]);
    }

    /// <summary>Waits for the rest, then checks that every reader got all there is, once.</summary>
    private static void Drain(EventLoop loop, ChildServer server, Connection publisher, Connection[] readers, long published)
    {
        var expected = published * readers.Length;
        loop.PollUntil(
            () => readers[0].Tally.Deliveries >= expected && (!server.AcknowledgesPublishes || publisher.Acks >= published),
            DrainSeconds,
            () => $"{readers[0].Tally.Deliveries:#,0} of {expected:#,0} deliveries and {publisher.Acks:#,0} of {published:#,0} acknowledgements were there");
        loop.PollFor(50 * Clock.Millisecond); // Anything that comes now is a repeat.
        foreach (var reader in readers)
        {
            if (reader.Deliveries != published)
            {
                throw new LoadException($"A reader was delivered {reader.Deliveries:#,0} of {published:#,0} activities.");
            }
        }

        if (server.AcknowledgesPublishes && publisher.Acks != published)
        {
            throw new LoadException($"{publisher.Acks:#,0} acknowledgements for {published:#,0} publishes.");
        }
    }
}
