using System.Runtime.InteropServices;
using Stentor.Load;
using Stentor.Load.Reporting;
using Stentor.Load.Rows;
using Stentor.Load.Servers;

(string Name, string What, Func<Settings, IEnumerable<Case>> Cases)[] rows =
[
    ("machine", "what the machine does by itself: stalls, syncs of the disk", Machine.Floor),
    ("fan-out-tcp", "deliveries a second over TCP frames, against nats-server", Delivery.FanOutTcp),
    ("fan-out-ws", "deliveries a second over WebSocket, against a SignalR hub", Delivery.FanOutWebSocket),
    ("fan-out-streamer", "deliveries a second by the Activity Streamer protocol, against TCP frames", Delivery.FanOutStreamer),
    ("latency", "publish to delivery, against nats-server and SignalR", Delivery.Latency),
    ("publish", "durable publishes a second over TCP frames, against JetStream and Redis", Publishing.OverTcp),
    ("publish-http", "durable publishes a second over HTTP", Publishing.OverHttp),
    ("reads-http", "reads of channel states a second over HTTP", Reading.States),
    ("xml-rpc-set", "scores set a second over XML-RPC, against Python's server", Scoreboards.Set),
    ("xml-rpc-get", "scores read a second over XML-RPC, against Python's server", Scoreboards.Get),
    ("xml-rpc-push", "a score set to the last of 50 XML-RPC clients called", Scoreboards.Push),
    ("catch-up", "entries a second to one reader that reads from the start", Reading.CatchUp),
    ("many-channels", "latency over 100,000 channels with a reader each, against nats-server", Channels.Many),
    ("idle-memory", "resident memory an idle connection, against nats-server and SignalR", Standing.IdleMemory),
    ("replication", "entries a second through two linked regions, against one node alone", Regions.Replication),
    ("causality-cost", "what the dependency check costs", Regions.CausalityCost),
    ("visibility", "publish in one region to delivery in the other", Regions.Visibility),
    ("region-catch-up", "entries a second to a region that was away", Regions.CatchUp),
    ("recovery", "time to ready after kill -9", Standing.Recovery),
];

if (args is [SignalRHost.Command, "--port", var port])
{
    await SignalRHost.RunAsync(int.Parse(port));
    return 0;
}

if (args.Length == 0 || Array.Exists(args, a => a is "--help" or "-h"))
{
    Console.WriteLine("Stentor.Load ROW [options]: measures a whole server on loopback, against peers in the same run.\n");
    foreach (var (name, what, _) in rows)
    {
        Console.WriteLine($"  {name,-16} {what}");
    }

    Console.WriteLine($"  {"all",-16} every row above");
    Console.WriteLine($"  {SignalRHost.Command,-16} serves the stock SignalR hub (--port N, 0 for a free one)\n\n{Settings.Help}");
    return args.Length == 0 ? 2 : 0;
}

using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
try
{
    var settings = Settings.Parse(args.AsSpan(1), stop.Token);
    var chosen = rows.Where(r => args[0] == "all" || r.Name == args[0]).ToArray();
    if (chosen.Length == 0)
    {
        throw new ArgumentException($"Unknown row {args[0]}; see --help.");
    }

    var results = Runner.Run(chosen.SelectMany(r => r.Cases(settings)), settings);
    if (settings.JsonFile is not null)
    {
        ResultFile.Write(settings.JsonFile, results, settings);
    }

    return results.Any(r => r.Contenders.Any(c => c.Failures.Count > 0)) ? 1 : 0;
}
catch (ArgumentException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped; the servers have ended.");
    return 1;
}

void OnSignal(PosixSignalContext signal)
{
    // The loop notices, and the servers are ended on the way out.
    signal.Cancel = true;
    stop.Cancel();
}
