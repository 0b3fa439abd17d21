using System.Text;
using Stentor.Load.Clients;
using Stentor.Load.Net;
using Stentor.Load.Reporting;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>Reads: channel states over HTTP, and catching up over TCP frames.</summary>
internal static class Reading
{
    private const string CatchUpChannel = "load.catch-up";
    private const int CatchUpSeconds = 120;

    /// <summary>State reads over HTTP, every second one with the current <c>ETag</c>.</summary>
    public static IEnumerable<Case> States(Settings settings)
    {
        var connections = settings.Connections ?? 50;
        var channels = settings.Channels ?? 100;
        yield return new Case(
            "reads-http", $"GET of {channels} channels, half of them 304, keep-alive connections {connections}", "reads/s", MoreIsBetter: true,
            [new(Contender.Stentor, () => MeasureStates(settings, connections, channels))],
            new Goal(null, 25_000, 50_000));
    }

    /// <summary>One reader that reads a channel from its beginning.</summary>
    public static IEnumerable<Case> CatchUp(Settings settings)
    {
        var entries = settings.Entries ?? 2_000_000;
        yield return new Case(
            "catch-up", $"one TCP reader, {entries:#,0} entries, {settings.Bytes ?? 200}-byte activities", "entries/s", MoreIsBetter: true,
            [new(Contender.Stentor, () => MeasureCatchUp(settings, entries))],
            new Goal(null, 500_000, 1_500_000));
    }

    private static Sample MeasureStates(Settings settings, int connectionCount, int channelCount)
    {
        using var server = new StentorServer(settings, overWebSocket: false);
        server.Begin();
        using var loop = new EventLoop(settings.Stop);
        var plain = new byte[channelCount][];
        var conditional = new byte[channelCount][];
        for (var i = 0; i < channelCount; i++)
        {
            var path = $"/v1/channels/load.state-{i}";
            server.Request(HttpMethod.Post, path + "/activities",
                $$$"""{"effect":{"add":{"score":{{{i}}} },"set":{"name":"Team {{{i}}}","country":"Norway","updated":"2026-02-14T10:00:00Z"} } }""");
            var (_, etag) = server.Request(HttpMethod.Get, path, null);
            plain[i] = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            conditional[i] = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-None-Match: {etag ?? throw new LoadException("A state came without an ETag.")}\r\n\r\n");
        }

        var tally = new Tally();
        var connections = loop.Connect(connectionCount, _ => new HttpConnection(server.Http, tally));
        return Publishing.CloseLoop(settings, server, loop, connections, 1, (connection, nth) =>
        {
            var channel = (int)((nth / 2) % channelCount);
            var is304 = nth % 2 == 1;
            ((HttpConnection)connection).Request(is304 ? conditional[channel] : plain[channel], is304 ? 304 : 200);
        });
    }

    private static Sample MeasureCatchUp(Settings settings, long entries)
    {
        using var server = new StentorServer(settings, overWebSocket: false);
        server.Begin();
        Filling.Fill(settings, server, entries, settings.Bytes ?? 200, connectionCount: 1, _ => CatchUpChannel);

        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var stretch = Stretch.Begin(server, 0);
        var reader = loop.Connect(() => server.OpenReaderFromStart([CatchUpChannel], tally));
        loop.PollUntil(() => reader.Deliveries >= entries, CatchUpSeconds, () => $"{reader.Deliveries:#,0} of {entries:#,0} entries were there");
        var sample = stretch.End(reader.Deliveries);
        loop.PollFor(50 * Clock.Millisecond); // Anything that comes now is a repeat.
        return reader.Deliveries == entries ? sample : throw new LoadException($"{reader.Deliveries:#,0} deliveries of {entries:#,0} entries.");
    }
}
