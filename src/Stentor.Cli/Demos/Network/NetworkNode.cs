using System.Globalization;
using System.Text.Json;
using Stentor.Client;
using Stentor.Gateways;

namespace Stentor.Cli.Demos.Network;

/// <summary>What a node says of itself and of the servers that it knows.</summary>
/// <param name="Id">Its id as a server.</param>
/// <param name="Load">Clients logged in there.</param>
/// <param name="Ours">The other nodes that it knows: their ids, with their loads.</param>
/// <param name="Foreign">The ids of the foreign servers that it knows.</param>
/// <param name="Vector">What it has seen; equal for nodes that have seen the same.</param>
internal sealed record NodeStatus(string Id, int Load, IReadOnlyDictionary<string, int> Ours, IReadOnlyList<string> Foreign, string Vector)
{
    /// <summary>Reads <c>GET /v1/cluster</c>.</summary>
    /// <param name="status">The answer of a node that serves the Activity Streamer protocol.</param>
    public static NodeStatus Read(JsonElement status)
    {
        var streamer = status.GetProperty("activityStreamer");
        var servers = streamer.GetProperty("servers").EnumerateArray().ToLookup(
            server => server.GetProperty("ours").GetBoolean(),
            server => (Id: server.GetProperty("id").GetString()!, Load: server.GetProperty("load").GetInt32())); // Every server has an id.
        return new NodeStatus(
            streamer.GetProperty("id").GetString()!, // Every server has an id.
            streamer.GetProperty("load").GetInt32(),
            servers[true].ToDictionary(server => server.Id, server => server.Load, StringComparer.Ordinal),
            [.. servers[false].Select(server => server.Id)],
            status.GetProperty("vector").GetRawText());
    }
}

/// <summary>A node of the network: a region of its own, and a server to which clients connect. It keeps its data, and its ports, when it is started again.</summary>
/// <param name="stage">Where it stands.</param>
/// <param name="number">Its number.</param>
/// <param name="parent">The node that it is linked to; null for the first.</param>
internal sealed class NetworkNode(Stage stage, int number, NetworkNode? parent)
{
    private readonly string _data = Path.Combine(stage.Directory, string.Create(CultureInfo.InvariantCulture, $"data-{number}"));
    private DemoNode? _process;
    private StentorClient? _client;

    /// <summary>Its number.</summary>
    public int Number => number;

    /// <summary>As it is called here.</summary>
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"node {number}");

    /// <summary>Where clients of the Activity Streamer protocol reach it.</summary>
    public StreamerServer Server { get; private set; }

    /// <summary>Its process.</summary>
    public DemoNode Process => _process ?? throw new System.Diagnostics.UnreachableException("It was never started.");

    /// <summary>A client of its other side.</summary>
    public StentorClient Client => _client ?? throw new System.Diagnostics.UnreachableException("It was never started.");

    /// <summary>Starts it, or starts it again.</summary>
    /// <param name="cancellationToken">Ends the start.</param>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var options = DemoCluster.Options(stage, parent is null ? [] : [$"ws://127.0.0.1:{parent.Process.Address.Port}"]);
        var streamer = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Server.Port}");
        _process = stage.Add(DemoNode.Start(
            stage.Directory, $"node{number}", _process is null ? 0 : Process.Address.Port, _data, [.. options, "--activity-streamer", streamer, "--rate-limits", "off"]));
        await Process.WaitUntilListeningAsync(Stage.Patience, cancellationToken);
        Server = new StreamerServer("127.0.0.1", (await Process.WaitUntilStreamingAsync(Stage.Patience, cancellationToken)).Port);
        _client = stage.NewClient(Process);
    }

    /// <summary>The secret that other servers have to give it.</summary>
    public string ServerSecret() => File.ReadAllText(Path.Combine(_data, StreamerOptions.SecretFileName)).Trim();

    /// <summary>What it says of itself.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<NodeStatus> StatusAsync(CancellationToken cancellationToken) => NodeStatus.Read(await Client.GetClusterAsync(cancellationToken));

    /// <summary>The activities in its ledger.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IReadOnlyList<Broadcast>> LedgerAsync(CancellationToken cancellationToken)
    {
        var entries = new List<Broadcast>();
        await foreach (var entry in Client.ReadAllAsync("activities", cancellationToken: cancellationToken))
        {
            entries.Add(Broadcast.Read(entry.Activity));
        }

        return entries;
    }
}
