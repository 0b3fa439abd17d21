using System.Diagnostics.Metrics;

namespace Stentor.Gateways;

/// <summary>What the Activity Streamer gateway counts.</summary>
internal sealed class StreamerMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _received;
    private readonly Counter<long> _redirects;
    private readonly Counter<long> _registrations;

    /// <summary>Makes the instruments.</summary>
    /// <param name="scope">The node.</param>
    /// <param name="clients">Clients logged in.</param>
    /// <param name="peers">Servers linked.</param>
    /// <param name="servers">Servers known.</param>
    public StreamerMetrics(object scope, Func<int> clients, Func<int> peers, Func<int> servers)
    {
        _meter = new Meter(new MeterOptions(HttpMetrics.MeterName) { Scope = scope });
        _meter.CreateObservableUpDownCounter("stentor.streamer.clients", clients, "{client}", "Activity Streamer clients logged in here.");
        _meter.CreateObservableUpDownCounter("stentor.streamer.peers", peers, "{server}", "Activity Streamer servers linked to this node.");
        _meter.CreateObservableUpDownCounter("stentor.streamer.servers", servers, "{server}", "Other Activity Streamer servers heard of, nodes of this cluster among them.");
        _dropped = _meter.CreateCounter<long>("stentor.streamer.dropped", "{message}", "What Activity Streamer servers said and was dropped, by why (tag reason).");
        _received = _meter.CreateCounter<long>("stentor.streamer.received", "{message}", "Messages from other Activity Streamer servers, by command (tag command).");
        _redirects = _meter.CreateCounter<long>("stentor.streamer.redirects", "{client}", "Activity Streamer clients sent to another server.");
        _registrations = _meter.CreateCounter<long>("stentor.streamer.locks", "{name}", "Usernames that other Activity Streamer servers were asked for, by answer (tag answer).");
    }

    /// <summary>Another server said something.</summary>
    /// <param name="command">The command; one that servers say to each other.</param>
    public void OnReceived(string command) => _received.Add(1, new KeyValuePair<string, object?>("command", command));

    /// <summary>Something was dropped.</summary>
    /// <param name="drop">Why.</param>
    public void OnDropped(StreamerDrop drop) => _dropped.Add(1, new KeyValuePair<string, object?>("reason", WordOf(drop)));

    /// <summary>A client was sent elsewhere.</summary>
    public void OnRedirect() => _redirects.Add(1);

    /// <summary>A registration was answered by the other servers.</summary>
    /// <param name="answer">How.</param>
    public void OnDecision(NameAnswer answer) => _registrations.Add(1, new KeyValuePair<string, object?>("answer", answer.ToString().ToLowerInvariant()));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private static string WordOf(StreamerDrop drop) => drop switch
    {
        StreamerDrop.Unasked => "unasked",
        StreamerDrop.OwnId => "own-id",
        StreamerDrop.Loop => "loop",
        StreamerDrop.Echo => "echo",
        StreamerDrop.Unfit => "unfit",
        StreamerDrop.TooManyServers => "too-many-servers",
        StreamerDrop.TooManyAnnouncements => "too-many-announcements",
        StreamerDrop.TooManyNames => "too-many-names",
        _ => "notice",
    };
}
