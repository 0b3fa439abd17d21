using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Stentor.Load.Clients;
using Stentor.Load.Net;
using Stentor.Load.Reporting;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>The scoreboard over XML-RPC: scores set and read by keep-alive connections, and clients that are called back.</summary>
internal static class Scoreboards
{
    private const string Event = "Stone Curling";
    private const int Tablets = 50;
    private const int PushesPerSecond = 20;
    private const int ConnectionCount = 20;
    private const int DrainSeconds = 30;

    /// <summary>Scores set, one call at a time on each connection.</summary>
    public static IEnumerable<Case> Set(Settings settings)
    {
        var connections = settings.Connections ?? ConnectionCount;
        yield return new Case(
            "xml-rpc-set", $"set_score by {connections} writers, keep-alive connections", "calls/s", MoreIsBetter: true,
            [
                new(Contender.Stentor, () => MeasureSet(settings, connections, new StentorServer(settings, overWebSocket: false) { HasScoreboard = true })),
                new(Contender.Python, () => MeasureSet(settings, connections, new PythonScoreboard(settings))),
            ],
            [new(null, 5_000, 15_000), new(Contender.Python, 1, 3)]);
    }

    /// <summary>Scores read, one call at a time on each connection.</summary>
    public static IEnumerable<Case> Get(Settings settings)
    {
        var connections = settings.Connections ?? ConnectionCount;
        yield return new Case(
            "xml-rpc-get", $"get_score by {connections} readers, keep-alive connections", "calls/s", MoreIsBetter: true,
            [
                new(Contender.Stentor, () => MeasureGet(settings, connections, new StentorServer(settings, overWebSocket: false) { HasScoreboard = true })),
                new(Contender.Python, () => MeasureGet(settings, connections, new PythonScoreboard(settings))),
            ],
            [new(null, 10_000, 30_000), new(Contender.Python, 1, 5)]);
    }

    /// <summary>From the writer's return to the last of the clients that are called back.</summary>
    public static IEnumerable<Case> Push(Settings settings)
    {
        var tablets = settings.Readers.Count > 0 ? settings.Readers[0] : Tablets;
        yield return new Case(
            "xml-rpc-push", $"set_score to the last of {tablets} clients called back, {PushesPerSecond} updates a second, p99", "ms", MoreIsBetter: false,
            [new(Contender.Stentor, () => MeasurePush(settings, tablets))],
            new Goal(null, 50, 20));
    }

    private static Sample MeasureSet<TServer>(Settings settings, int connectionCount, TServer start)
        where TServer : ChildServer, IScoreboardServer
    {
        using var server = start;
        server.Begin();
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var connections = loop.Connect(connectionCount, _ => Open(server.XmlRpc, tally, "<boolean>1</boolean>"));
        var sample = Publishing.CloseLoop(settings, server, loop, connections, 1, (connection, nth) =>
            ((HttpConnection)connection).Request(Call("set_score", Text(Event), $"<int>{nth.ToString(CultureInfo.InvariantCulture)}</int>", Text(IScoreboardServer.Password)), 200));

        // None lost: the channel has as many updates as calls were answered.
        if (server is StentorServer node)
        {
            var version = JsonDocument.Parse(node.Request(HttpMethod.Get, "/v1/channels/scores.stone-curling", null).Body).RootElement.GetProperty("version").GetInt64();
            if (version != tally.Acks)
            {
                throw new LoadException($"{tally.Acks:#,0} calls were answered, and {version:#,0} updates were recorded.");
            }
        }

        return sample;
    }

    private static Sample MeasureGet<TServer>(Settings settings, int connectionCount, TServer start)
        where TServer : ChildServer, IScoreboardServer
    {
        using var server = start;
        server.Begin();
        using var loop = new EventLoop(settings.Stop);
        var writer = loop.Connect(() => Open(server.XmlRpc, new Tally(), "<boolean>1</boolean>"));
        writer.Request(Call("set_score", Text(Event), Text("Gaul leads by 1"), Text(IScoreboardServer.Password)), 200);
        loop.Flush(writer);
        loop.PollUntil(() => writer.Acks == 1, DrainSeconds, () => "the score was not set");
        var tally = new Tally();
        var connections = loop.Connect(connectionCount, _ => Open(server.XmlRpc, tally, "Gaul leads by 1"));
        var call = Call("get_score", Text(Event));
        return Publishing.CloseLoop(settings, server, loop, connections, 1, (connection, _) => ((HttpConnection)connection).Request(call, 200));
    }

    private static Sample MeasurePush(Settings settings, int tabletCount)
    {
        using var server = new StentorServer(settings, overWebSocket: false) { HasScoreboard = true };
        server.Begin();
        using var tablets = new TabletHost(tabletCount);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{server.XmlRpc}"), Timeout = TimeSpan.FromSeconds(30) };
        foreach (var port in tablets.Ports)
        {
            Post(http, Body("register_client", $"<array><data><value>localhost</value><value><int>{port}</int></value></data></array>", $"<array><data><value>{Text(Event)}</value></data></array>", "<array><data/></array>"));
        }

        var from = Clock.Now + (long)(settings.LatencyWarmUpSeconds * Clock.Second);
        var to = from + (long)(settings.Seconds * Clock.Second);
        var latencies = new Latencies(from);
        Stretch? stretch = null;
        var updates = 0L;
        for (var due = Clock.Now; due < to; due += Clock.Second / PushesPerSecond)
        {
            settings.Stop.ThrowIfCancellationRequested();
            if (due >= from)
            {
                stretch ??= Stretch.Begin(server, updates);
            }

            while (Clock.Now < due)
            {
                Thread.Sleep(1);
            }

            Post(http, Body("set_score", Text(Event), $"<int>{++updates}</int>", Text(IScoreboardServer.Password)));
            var returned = Clock.Now;
            var last = tablets.WaitUntilAllShow(updates, DrainSeconds);
            latencies.Add(returned, Math.Max(returned, last));
        }

        var cost = stretch!.End(updates); // The measured stretch is not empty.
        double Ms(double share) => latencies.Percentile(share) / 1000;
        return new Sample(Ms(0.99), [("p50 ms", Ms(0.5)), ("max ms", Ms(1)), .. cost.Details]);
    }

    private static HttpConnection Open(IPEndPoint server, Tally tally, string expected) => new(server, tally) { ExpectedInBody = Encoding.ASCII.GetBytes(expected) };

    private static void Post(HttpClient http, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "text/xml");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/RPC2") { Content = content };
        using var response = http.Send(request);
        using var reader = new StreamReader(response.Content.ReadAsStream());
        var answer = reader.ReadToEnd();
        if (!answer.Contains("<boolean>1</boolean>", StringComparison.Ordinal))
        {
            throw new LoadException($"A call was answered with {answer}");
        }
    }

    private static byte[] Call(string method, params ReadOnlySpan<string> values)
    {
        var body = Body(method, values);
        return Encoding.ASCII.GetBytes($"POST /RPC2 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    }

    private static string Body(string method, params ReadOnlySpan<string> values)
    {
        var body = new StringBuilder($"<?xml version='1.0'?>\n<methodCall>\n<methodName>{method}</methodName>\n<params>\n"); // As Python's client writes it.
        foreach (var value in values)
        {
            body.Append("<param>\n<value>").Append(value).Append("</value>\n</param>\n");
        }

        return body.Append("</params>\n</methodCall>\n").ToString();
    }

    private static string Text(string text) => $"<string>{text}</string>";
}
