using System.Text;
using Stentor.Load.Clients;
using Stentor.Load.Net;
using Stentor.Load.Reporting;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>Durable publishes a second: each connection keeps a number of them in flight.</summary>
internal static class Publishing
{
    private const int ActivityBytes = 300;
    private const int DrainSeconds = 30;

    private static byte[] Channel { get; } = "load.publish"u8.ToArray();

    /// <summary>Over TCP frames, against JetStream and Redis.</summary>
    public static IEnumerable<Case> OverTcp(Settings settings)
    {
        (int Connections, int InFlight, Goal[] Goals)[] shapes = settings.Connections is null && settings.InFlight is null
            ?
            [
                (1, 1000, [new(Contender.JetStream, 1.2, 3), new(Contender.Redis, 2, 6)]),
                (50, 20, [new(Contender.JetStream, 0.8, 2), new(Contender.Redis, 0.8, 2)]),
                (1, 1, [new(Contender.Redis, 0.8, 1)]),
            ]
            : [(settings.Connections ?? 1, settings.InFlight ?? 1, [])];
        foreach (var (connections, inFlight, goals) in shapes)
        {
            yield return new Case(
                "publish",
                $"durable, {settings.Bytes ?? ActivityBytes}-byte activities, TCP, connections {connections}, in flight on each {inFlight:#,0}",
                "publishes/s",
                MoreIsBetter: true,
                [
                    new(Contender.Stentor, () => Measure(settings, () => new StentorServer(settings, overWebSocket: false), connections, inFlight)),
                    new(Contender.JetStream, () => Measure(settings, () => new NatsServer(settings, jetStream: true), connections, inFlight)),
                    new(Contender.Redis, () => Measure(settings, () => new RedisServer(settings), connections, inFlight)),
                ],
                goals);
        }
    }

    /// <summary>Over HTTP, keep-alive, one request at a time on each connection.</summary>
    public static IEnumerable<Case> OverHttp(Settings settings)
    {
        var connections = settings.Connections ?? 50;
        yield return new Case(
            "publish-http", $"durable, {settings.Bytes ?? ActivityBytes}-byte activities, keep-alive connections {connections}", "publishes/s", MoreIsBetter: true,
            [new(Contender.Stentor, () => MeasureHttp(settings, connections))],
            new Goal(null, 15_000, 40_000));
    }

    /// <summary>Runs a closed loop: whenever answers come in, as many new requests go out.</summary>
    /// <param name="settings">How long.</param>
    /// <param name="server">What is measured.</param>
    /// <param name="loop">Drives the connections.</param>
    /// <param name="connections">All of them ready.</param>
    /// <param name="inFlight">Requests on their way on each.</param>
    /// <param name="request">Puts the n-th request of a connection into its output.</param>
    public static Sample CloseLoop(Settings settings, ChildServer server, EventLoop loop, Connection[] connections, int inFlight, Action<Connection, long> request)
    {
        var tally = connections[0].Tally;
        var sent = new long[connections.Length];
        var sentAt = new long[connections.Length];
        var isRunning = true;
        var timed = new Latencies(Clock.Now + (long)(settings.WarmUpSeconds * Clock.Second));
        for (var i = 0; i < connections.Length; i++)
        {
            var place = i;
            connections[i].AfterInput = connection =>
            {
                if (inFlight == 1 && connection.Acks == sent[place] && sent[place] > 0)
                {
                    timed.Add(sentAt[place], connection.ReceivedAt);
                }

                Refill(connection, place);
            };
            Refill(connections[i], i);
            loop.Flush(connections[i]);
        }

        loop.PollFor((long)(settings.WarmUpSeconds * Clock.Second));
        var stretch = Stretch.Begin(server, tally.Acks);
        loop.PollFor((long)(settings.Seconds * Clock.Second));
        var sample = inFlight == 1
            ? stretch.End(tally.Acks, ("p50 µs", timed.Percentile(0.5)), ("p99 µs", timed.Percentile(0.99)))
            : stretch.End(tally.Acks);

        isRunning = false;
        var all = sent.Sum();
        loop.PollUntil(() => tally.Acks >= all, DrainSeconds, () => $"{tally.Acks:#,0} of {all:#,0} answers were there");
        loop.PollFor(20 * Clock.Millisecond); // Anything that comes now answers nothing.
        for (var i = 0; i < connections.Length; i++)
        {
            if (connections[i].Acks != sent[i])
            {
                throw new LoadException($"{connections[i].Acks:#,0} answers to {sent[i]:#,0} requests on one connection.");
            }
        }

        return sample;

        void Refill(Connection connection, int place)
        {
            if (!isRunning)
            {
                return;
            }

            sentAt[place] = inFlight == 1 ? Clock.Now : 0;
            while (sent[place] - connection.Acks < inFlight)
            {
                request(connection, sent[place]++);
            }
        }
    }

    private static Sample Measure(Settings settings, Func<ChildServer> start, int connectionCount, int inFlight)
    {
        using var server = start();
        server.Begin();
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var connections = loop.Connect(connectionCount, _ => server.OpenPublisher(tally));
        var activity = new LoadActivity(settings.Bytes ?? ActivityBytes);
        return CloseLoop(settings, server, loop, connections, inFlight, (connection, nth) => connection.Publish(Channel, activity.Make(nth, 0)));
    }

    private static Sample MeasureHttp(Settings settings, int connectionCount)
    {
        using var server = new StentorServer(settings, overWebSocket: false);
        server.Begin();
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var connections = loop.Connect(connectionCount, _ => new HttpConnection(server.Http, tally));
        var size = settings.Bytes ?? ActivityBytes;
        var activity = new LoadActivity(size);
        var front = Encoding.ASCII.GetBytes(
            $"POST /v1/channels/load.publish/activities HTTP/1.1\r\nHost: 127.0.0.1\r\n{server.AuthorizationLine}"
            + $"Content-Type: application/json\r\nContent-Length: {size + 13}\r\n\r\n{{\"activity\":");
        byte[] whole = [.. front, .. activity.Make(0, 0), (byte)'}'];
        return CloseLoop(settings, server, loop, connections, 1, (connection, nth) =>
        {
            activity.Make(nth, 0).CopyTo(whole.AsSpan(front.Length));
            ((HttpConnection)connection).Request(whole, 201);
        });
    }
}
