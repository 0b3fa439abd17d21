using System.Globalization;
using System.Text.RegularExpressions;
using Stentor.Load.Net;
using Stentor.Load.Reporting;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>What a node costs while nothing happens, and how soon it is back.</summary>
internal static class Standing
{
    private const string Channel = "load.idle";

    /// <summary>Channels whose versions are compared before and after a kill.</summary>
    private const int ChannelsCompared = 10;

    /// <summary>Resident memory an idle connection that has subscribed to one channel.</summary>
    public static IEnumerable<Case> IdleMemory(Settings settings)
    {
        var connections = settings.Connections ?? 5000;
        yield return new Case(
            "idle-memory", $"RSS an idle TCP connection with one subscription, {connections:#,0} connections", "KB", MoreIsBetter: false,
            [
                new(Contender.Stentor, () => MeasureMemory(settings, () => new StentorServer(settings, overWebSocket: false), connections)),
                new(Contender.Nats, () => MeasureMemory(settings, () => new NatsServer(settings, jetStream: false), connections)),
            ],
            new Goal(null, 10, 4));
        yield return new Case(
            "idle-memory", $"RSS an idle WebSocket connection with one subscription, {connections:#,0} connections", "KB", MoreIsBetter: false,
            [
                new(Contender.Stentor, () => MeasureMemory(settings, () => new StentorServer(settings, overWebSocket: true), connections)),
                new(Contender.SignalR, () => MeasureMemory(settings, () => new SignalRServer(settings), connections)),
            ],
            new Goal(null, 24, 12));
        yield return new Case(
            "idle-memory", $"RSS an idle client of the Activity Streamer protocol, {connections:#,0} connections", "KB", MoreIsBetter: false,
            [new(Contender.Stentor, () => MeasureMemory(settings, () => new StentorServer(settings, overWebSocket: false) { StreamerChannel = Channel }, connections))]);
    }

    /// <summary>From the start of the process to ready, after a <c>kill -9</c>.</summary>
    public static IEnumerable<Case> Recovery(Settings settings)
    {
        var entries = settings.Entries ?? 10_000_000;
        var channels = settings.Channels ?? 1000;
        yield return new Case(
            "recovery", $"ready again after kill -9, {entries:#,0} entries on disk in {channels:#,0} channels, {settings.Bytes ?? 200}-byte activities", "s", MoreIsBetter: false,
            [new(Contender.Stentor, () => MeasureRecovery(settings, entries, channels))],
            new Goal(null, 5, 2));
    }

    private static Sample MeasureMemory(Settings settings, Func<ChildServer> start, int connectionCount)
    {
        using var server = start();
        server.Begin();

        // The first connections load and compile code; what that takes is not theirs.
        using (var warmUp = new EventLoop(settings.Stop))
        {
            warmUp.Connect(200, _ => server.OpenReader([Channel], new Tally()));
        }

        using var loop = new EventLoop(settings.Stop);
        loop.PollFor(2 * Clock.Second);
        var before = server.ResidentBytes();
        loop.Connect(connectionCount, _ => server.OpenReader([Channel], new Tally()));
        loop.PollFor(3 * Clock.Second);
        var after = server.ResidentBytes();
        return new Sample((after - before) / 1024.0 / connectionCount, ("MB before", before / 1048576.0), ("MB after", after / 1048576.0));
    }

    private static Sample MeasureRecovery(Settings settings, long entries, int channelCount)
    {
        using var server = new StentorServer(settings, overWebSocket: false);
        server.Begin();
        var names = Enumerable.Range(0, channelCount).Select(i => $"load.r{i}").ToArray();
        var fillFrom = Clock.Now;
        var outcomes = Filling.Fill(settings, server, entries, settings.Bytes ?? 200, connectionCount: 2, nth => names[nth % channelCount]);
        var fillSeconds = (Clock.Now - fillFrom) / (double)Clock.Second;
        var seqBefore = outcomes.Max(o => NumberOf("seq", o));
        var versionsBefore = Versions(server, names);

        Thread.Sleep(TimeSpan.FromSeconds(settings.WarmUpSeconds)); // A check-point or two of an idle node.
        server.KillNode();
        var killed = Clock.Now;
        server.StartNode();
        server.WaitUntilReady();
        var seconds = (Clock.Now - killed) / (double)Clock.Second;

        // What was acknowledged last must be there, and the channels must stand where they stood.
        var residentBytes = server.ResidentBytes();
        var versionsAfter = Versions(server, names);
        if (!versionsAfter.SequenceEqual(versionsBefore))
        {
            throw new LoadException($"Channels had versions {string.Join(' ', versionsBefore)} before the kill, {string.Join(' ', versionsAfter)} after it.");
        }

        var outcome = server.Request(HttpMethod.Post, "/v1/channels/load.last/activities", """{"activity":{"type":"Note"}}""").Body;
        return NumberOf("seq", outcome) > seqBefore
            ? new Sample(seconds, ("fill seconds", fillSeconds), ("MB resident", residentBytes / 1048576.0))
            : throw new LoadException($"Before the kill number {seqBefore:#,0} was acknowledged; after it the node gave out {NumberOf("seq", outcome):#,0}.");
    }

    private static long[] Versions(StentorServer server, string[] channels) =>
        [.. channels.Take(ChannelsCompared).Select(c => NumberOf("version", server.Request(HttpMethod.Get, "/v1/channels/" + c, null).Body))];

    /// <summary>The first number of this name in a JSON text.</summary>
    private static long NumberOf(string name, string json) =>
        Regex.Match(json, $"\"{name}\":\\s*(?<number>\\d+)", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)) is { Success: true } found
            ? long.Parse(found.Groups["number"].ValueSpan, CultureInfo.InvariantCulture)
            : throw new LoadException($"An answer without {name}: {json}");
}
