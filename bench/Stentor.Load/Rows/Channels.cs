using System.Text;
using Stentor.Load.Net;
using Stentor.Load.Reporting;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>Many channels with one reader each, on connections that hold many subscriptions.</summary>
internal static class Channels
{
    private const int SubscriptionsPerConnection = 100;
    private const int DrainSeconds = 60;

    /// <summary>A step through the channels that is coprime to their number, so that publishes spread over all connections.</summary>
    private const long Step = 7919;

    /// <summary>The row, with NATS beside it for orientation.</summary>
    public static IEnumerable<Case> Many(Settings settings)
    {
        var channels = settings.Channels ?? 100_000;
        var rate = settings.Rate ?? 30_000;
        yield return new Case(
            "many-channels",
            $"publish to delivery p99, {channels:#,0} channels, {SubscriptionsPerConnection} on each connection, {rate:#,0} publishes a second, {settings.Bytes ?? 200}-byte activities",
            "ms",
            MoreIsBetter: false,
            [
                new(Contender.Stentor, () => Measure(settings, () => new StentorServer(settings, overWebSocket: false), channels, rate)),
                new(Contender.Nats, () => Measure(settings, () => new NatsServer(settings, jetStream: false), channels, rate)),
            ],
            new Goal(null, 50, 10));
    }

    private static Sample Measure(Settings settings, Func<ChildServer> start, int channelCount, int rate)
    {
        using var server = start();
        server.Begin();
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally { ReadsAll = false };
        var names = Enumerable.Range(0, channelCount).Select(i => $"load.c{100_000 + i}").ToArray();
        var bytes = names.Select(Encoding.ASCII.GetBytes).ToArray();
        var readers = loop.Connect(
            (channelCount + SubscriptionsPerConnection - 1) / SubscriptionsPerConnection,
            i => server.OpenReader(names[(i * SubscriptionsPerConnection)..Math.Min((i + 1) * SubscriptionsPerConnection, channelCount)], tally));
        var publisher = loop.Connect(() => server.OpenPublisher(new Tally()));
        var activity = new LoadActivity(settings.Bytes ?? 200);
        var expected = new long[readers.Length];

        var begin = Clock.Now + Clock.Millisecond;
        var measureFrom = begin + (long)(settings.LatencyWarmUpSeconds * Clock.Second);
        tally.Latencies = new Latencies(measureFrom);
        var stretch = Stretch.Begin(server, 0);
        var published = Schedule.Run(loop, publisher, begin, measureFrom + (long)(settings.Seconds * Clock.Second), Clock.Second / rate, (nth, due) =>
        {
            var channel = (int)(nth * Step % channelCount);
            expected[channel / SubscriptionsPerConnection]++;
            publisher.Publish(bytes[channel], activity.Make(nth, due));
        });
        var cost = stretch.End(published);
        var end = Clock.Now;

        loop.PollUntil(
            () => tally.Deliveries >= published && (!server.AcknowledgesPublishes || publisher.Acks >= published),
            DrainSeconds,
            () => $"{tally.Deliveries:#,0} of {published:#,0} deliveries and {publisher.Acks:#,0} acknowledgements were there");
        loop.PollFor(50 * Clock.Millisecond); // Anything that comes now is a repeat.
        for (var i = 0; i < readers.Length; i++)
        {
            if (readers[i].Deliveries != expected[i])
            {
                throw new LoadException($"A reader was delivered {readers[i].Deliveries:#,0} of {expected[i]:#,0} activities.");
            }
        }

        return new Sample(
            tally.Latencies.Percentile(0.99) / 1000,
            [("p50", tally.Latencies.Percentile(0.5) / 1000), ("p99.9", tally.Latencies.Percentile(0.999) / 1000), ("max", tally.Latencies.Percentile(1) / 1000), ("last after", (tally.LastDeliveryAt - end) / (double)Clock.Millisecond), .. cost.Details]);
    }
}
