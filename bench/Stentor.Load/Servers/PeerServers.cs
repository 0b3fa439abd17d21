using System.Net;
using Stentor.Load.Clients;
using Stentor.Load.Net;

namespace Stentor.Load.Servers;

/// <summary><c>nats-server</c>, with JetStream on files or without.</summary>
/// <param name="settings">Where it keeps its data.</param>
/// <param name="jetStream">Whether publishes go to a stream on files.</param>
internal sealed class NatsServer(Settings settings, bool jetStream) : ChildServer(settings)
{
    private readonly string? _stream = jetStream ? "LOAD" : null;
    private IPEndPoint _endpoint = new(IPAddress.Loopback, 0);

    /// <inheritdoc/>
    public override bool AcknowledgesPublishes => _stream is not null;

    /// <inheritdoc/>
    public override void Begin()
    {
        var port = FreePort();
        string[] store = _stream is null ? [] : ["-js", "-sd", Directory];
        Start(Programs.Nats, ["-a", "127.0.0.1", "-p", $"{port}", .. store]);
        _endpoint = WaitForPort(port);
    }

    /// <inheritdoc/>
    public override Connection OpenReader(IReadOnlyList<string> channels, Tally tally) => new NatsConnection(_endpoint, tally, channels);

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => new NatsConnection(_endpoint, tally, [], _stream);
}

/// <summary><c>redis-server</c> that syncs its log before it answers.</summary>
/// <param name="settings">Where it keeps its data.</param>
internal sealed class RedisServer(Settings settings) : ChildServer(settings)
{
    private IPEndPoint _endpoint = new(IPAddress.Loopback, 0);

    /// <inheritdoc/>
    public override void Begin()
    {
        var port = FreePort();
        Start(Programs.Redis, ["--bind", "127.0.0.1", "--port", $"{port}", "--dir", Directory, "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        _endpoint = WaitForPort(port);
    }

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => new RedisConnection(_endpoint, tally);
}

/// <summary><c>mosquitto</c>, an MQTT broker, in memory.</summary>
/// <param name="settings">Where its configuration lies.</param>
internal sealed class MosquittoServer(Settings settings) : ChildServer(settings)
{
    private IPEndPoint _endpoint = new(IPAddress.Loopback, 0);

    /// <inheritdoc/>
    public override bool AcknowledgesPublishes => false;

    /// <inheritdoc/>
    public override void Begin()
    {
        var port = FreePort();
        var configuration = Path.Combine(Directory, "mosquitto.conf");

        // Without the bound on queued messages, which it enforces by dropping.
        File.WriteAllText(configuration, $"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\nlog_type error\nuser root\n");
        Start(Programs.Mosquitto, ["-c", configuration]);
        _endpoint = WaitForPort(port);
    }

    /// <inheritdoc/>
    public override Connection OpenReader(IReadOnlyList<string> channels, Tally tally) => new MqttConnection(_endpoint, tally, channels);

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => new MqttConnection(_endpoint, tally, []);
}

/// <summary>The stock SignalR hub of this program (<see cref="SignalRHost"/>), in a process of its own.</summary>
/// <param name="settings">Where its directory is.</param>
internal sealed class SignalRServer(Settings settings) : ChildServer(settings)
{
    private IPEndPoint _endpoint = new(IPAddress.Loopback, 0);

    /// <inheritdoc/>
    public override bool AcknowledgesPublishes => false; // Sent without an invocation id, as SendAsync does.

    /// <inheritdoc/>
    public override void Begin()
    {
        // Server GC, as the template for web applications has it.
        Start("dotnet", [typeof(SignalRServer).Assembly.Location, SignalRHost.Command, "--port", "0"], ("DOTNET_gcServer", "1"), ("DOTNET_gcConcurrent", "1"));
        _endpoint = new IPEndPoint(IPAddress.Loopback, new Uri(NextLine()).Port);
    }

    /// <inheritdoc/>
    public override Connection OpenReader(IReadOnlyList<string> channels, Tally tally) => new SignalRConnection(_endpoint, tally, channels);

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => new SignalRConnection(_endpoint, tally, []);
}

/// <summary>A scoreboard on Python's own <c>SimpleXMLRPCServer</c> (scoreboard.py), a thread a connection, connections kept alive. It keeps everything in memory.</summary>
/// <param name="settings">Where its directory is.</param>
internal sealed class PythonScoreboard(Settings settings) : ChildServer(settings), IScoreboardServer
{
    /// <inheritdoc/>
    public IPEndPoint XmlRpc { get; private set; } = new(IPAddress.Loopback, 0);

    /// <inheritdoc/>
    public override void Begin()
    {
        Start(Programs.Python, [Path.Combine(AppContext.BaseDirectory, "scoreboard.py"), IScoreboardServer.Password]);
        XmlRpc = new IPEndPoint(IPAddress.Loopback, int.Parse(NextLine()));
    }

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => throw new NotSupportedException("A scoreboard is called, not published to.");
}

/// <summary>A server whose scoreboard can be called by XML-RPC.</summary>
internal interface IScoreboardServer
{
    /// <summary>The writer's password. No secret: the server lives for one measurement, on loopback.</summary>
    const string Password = "load-generator-secret";

    /// <summary>Where it is called.</summary>
    IPEndPoint XmlRpc { get; }
}
