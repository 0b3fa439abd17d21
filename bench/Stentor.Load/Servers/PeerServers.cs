using System.Net;
using Stentor.Load.Clients;
using Stentor.Load.Net;

namespace Stentor.Load.Servers;

/// <summary><c>nats-server</c>, with JetStream on files or without.</summary>
internal sealed class NatsServer : ChildServer
{
    private readonly IPEndPoint _endpoint;
    private readonly string? _stream;

    public NatsServer(Settings settings, bool jetStream)
        : base(settings)
    {
        _stream = jetStream ? "LOAD" : null;
        var port = FreePort();
        string[] store = jetStream ? ["-js", "-sd", Directory] : [];
        Start(Programs.Nats, ["-a", "127.0.0.1", "-p", $"{port}", .. store]);
        _endpoint = WaitForPort(port);
    }

    /// <inheritdoc/>
    public override bool AcknowledgesPublishes => _stream is not null;

    /// <inheritdoc/>
    public override Connection OpenReader(IReadOnlyList<string> channels, Tally tally) => new NatsConnection(_endpoint, tally, channels);

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => new NatsConnection(_endpoint, tally, [], _stream);
}

/// <summary><c>redis-server</c> that syncs its log before it answers.</summary>
internal sealed class RedisServer : ChildServer
{
    private readonly IPEndPoint _endpoint;

    public RedisServer(Settings settings)
        : base(settings)
    {
        var port = FreePort();
        Start(Programs.Redis, ["--bind", "127.0.0.1", "--port", $"{port}", "--dir", Directory, "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        _endpoint = WaitForPort(port);
    }

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => new RedisConnection(_endpoint, tally);
}

/// <summary>The stock SignalR hub of this program (<see cref="SignalRHost"/>), in a process of its own.</summary>
internal sealed class SignalRServer : ChildServer
{
    private readonly IPEndPoint _endpoint;

    public SignalRServer(Settings settings)
        : base(settings)
    {
        // Server GC, as the template for web applications has it.
        Start("dotnet", [typeof(SignalRServer).Assembly.Location, SignalRHost.Command, "--port", "0"], ("DOTNET_gcServer", "1"), ("DOTNET_gcConcurrent", "1"));
        _endpoint = new IPEndPoint(IPAddress.Loopback, new Uri(NextLine()).Port);
    }

    /// <inheritdoc/>
    public override bool AcknowledgesPublishes => false; // Sent without an invocation id, as SendAsync does.

    /// <inheritdoc/>
    public override Connection OpenReader(IReadOnlyList<string> channels, Tally tally) => new SignalRConnection(_endpoint, tally, channels);

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => new SignalRConnection(_endpoint, tally, []);
}
