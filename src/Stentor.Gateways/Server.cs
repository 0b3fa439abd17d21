using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Gateways;

/// <summary>A place where the server takes connections.</summary>
/// <param name="Kind">What is spoken there: <c>http</c> (with Server-Sent Events and WebSocket), <c>tcp</c> (frames), <c>activity-streamer</c> or <c>xml-rpc</c>.</param>
/// <param name="Address">Where it really is, a free port filled in: <c>http://127.0.0.1:5050</c>, <c>tcp://127.0.0.1:5051</c>.</param>
public readonly record struct Listener(string Kind, string Address);

/// <summary>A running server: a node and its listeners.</summary>
public sealed partial class Server : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly StreamerGateway? _streamer;
    private readonly XmlRpcGateway? _xmlRpc;
    private readonly List<IDisposable> _parts;
    private readonly ILogger _log;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private Task? _stop;

    private Server(StentorNode node, OperatorSecret? operatorSecret, SecretFile? streamerSecret, Built built, List<IDisposable> parts, IReadOnlyList<Listener> listeners, ILogger log)
    {
        Routes = built.Routes;
        NewWriterSecret = built.XmlRpc?.NewWriterSecret;
        StreamerSecretFile = streamerSecret?.File;
        NewStreamerSecret = streamerSecret is { IsNew: true } ? streamerSecret.Secret : null;
        Node = node;
        OperatorSecretFile = operatorSecret?.File;
        OperatorSecretIsNew = operatorSecret?.IsNew ?? false;
        Listeners = listeners;
        (_app, _streamer, _xmlRpc, _parts, _log) = (built.App, built.Streamer, built.XmlRpc, parts, log);
    }

    /// <summary>Where it listens.</summary>
    public IReadOnlyList<Listener> Listeners { get; }

    /// <summary>The node.</summary>
    public StentorNode Node { get; }

    /// <summary>The file that holds the operator's secret; null when nobody can be the operator: an ephemeral server without such a file.</summary>
    public string? OperatorSecretFile { get; }

    /// <summary>Whether this start made <see cref="OperatorSecretFile"/>.</summary>
    public bool OperatorSecretIsNew { get; }

    /// <summary>The file that holds the secret of Activity Streamer servers; null when it is in none, or not served.</summary>
    public string? StreamerSecretFile { get; }

    /// <summary>The secret of Activity Streamer servers, when this start made it: to be shown once. Null otherwise.</summary>
    public string? NewStreamerSecret { get; }

    /// <summary>The secret of the scoreboard's writer, when this start made it: to be shown once. Null otherwise.</summary>
    public string? NewWriterSecret { get; }

    /// <summary>Completes when the server has stopped, by whatever cause; faulted when it was not asked to.</summary>
    public Task Completion => _completion.Task;

    /// <summary>What can be asked over HTTP.</summary>
    internal IReadOnlyList<Route> Routes { get; }

    /// <summary>Opens the store, starts the node and listens. When it returns, requests are answered.</summary>
    /// <param name="options">What to serve.</param>
    /// <param name="logs">Where log messages go; not disposed by the server.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="ServerStartException">It cannot start; the message is for the operator and says why and what to do.</exception>
    public static async Task<Server> StartAsync(ServerOptions options, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var endpoints = Endpoints.Of(options);
        var parts = new List<IDisposable>();
        StentorNode? node = null;
        Built? built = null;
        try
        {
            var disk = DiskOf(options, parts);
            var operatorSecret = OperatorSecret.Of(options);
            var streamerSecret = StreamerSecretOf(options);
            node = StentorNode.Start(disk, StoreOptionsOf(options), NodeOptionsOf(options), options.Time, logs);
            if (operatorSecret is not null)
            {
                node.Accounts.SetOperatorSecret(operatorSecret.Secret);
            }

            built = Build(options with { XmlRpc = XmlRpcOf(options) }, endpoints, node, streamerSecret?.Secret, parts, logs);
            await (built.XmlRpc?.StartAsync(cancellationToken) ?? Task.CompletedTask); // Before anybody can write what only the writer may.
            await built.App.StartAsync(cancellationToken);
            var listeners = endpoints.Bound(built.App.Services.GetRequiredService<IServer>());
            built.Streamer?.Start(System.Net.IPEndPoint.Parse(new Uri(listeners.First(l => l.Kind == Endpoints.StreamerKind).Address).Authority));
            var server = new Server(node, operatorSecret, streamerSecret, built, parts, listeners, logs.CreateLogger<Server>());
            server.Watch();
            return server;
        }
        catch (Exception e)
        {
            await (built?.XmlRpc?.EndAsync() ?? Task.CompletedTask);
            await CloseAsync(built?.App, node, parts);
            throw e switch
            {
                ServerStartException or OperationCanceledException => e,
                DiskException or LedgerFaultException or IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException => new ServerStartException(e.Message, e),
                _ => e,
            };
        }
    }

    /// <summary>Stops gracefully: finishes what was accepted, tells clients to reconnect, closes the store. At most 10 s.</summary>
    /// <param name="cancellationToken">Ends the patience, not the stop.</param>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return _stop ??= StopOnceAsync(cancellationToken);
        }
    }

    /// <summary>Stops, as <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None);

    private async Task StopOnceAsync(CancellationToken cancellationToken)
    {
        await Task.Yield(); // The lock is not held over what follows.
        try
        {
            // Streams, sockets and long polls see the host's stopping token and end; what else is on its way has the host's time.
            Node.StopPublishes();
            try
            {
                await _app.StopAsync(cancellationToken);
            }
            finally
            {
                await (_streamer?.EndAsync() ?? Task.CompletedTask);
                await (_xmlRpc?.EndAsync() ?? Task.CompletedTask);
                await CloseAsync(_app, Node, _parts);
            }

            _completion.TrySetResult();
        }
        catch (Exception e)
        {
            LogStopFault(_log, e);
            _completion.TrySetException(e);
            throw;
        }
    }

    /// <summary>Ends the server when its node ends by itself.</summary>
    private void Watch() => _ = Node.Completion.ContinueWith(
        node =>
        {
            if (node.Exception is { } fault)
            {
                _completion.TrySetException(fault.InnerExceptions);
                _ = StopAsync(CancellationToken.None); // Whoever awaits Completion knows the cause; this ends the listeners.
            }
        },
        TaskScheduler.Default);

    private static Built Build(
        ServerOptions options, Endpoints endpoints, StentorNode node, string? streamerSecret, List<IDisposable> parts, ILoggerFactory logs)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<ILoggerFactory>(new ServerLogs(logs));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.Node.StopGrace);

        HttpMetrics? metrics = null;
        FrameGateway? frames = null;
        StreamerGateway? streamer = null;
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            SetLimits(kestrel, options.Node.Limits);
            endpoints.Listen(kestrel, connection => frames!.ServeTcpAsync(connection), connection => streamer!.ServeAsync(connection), (change, kind) => metrics?.OnConnection(change, kind));
        });
        builder.Services.AddSingleton<IConnectionListenerFactory, FrameTransport>();

        // What a socket brought is handled on the thread that saw it, as on the TCP port: nothing of ours blocks that thread.
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        if (endpoints.HasTls)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        var app = builder.Build();
        var throttle = new Throttle(options.RateLimits, node.Accounts, options.Time);
        var services = new Services(node, node.Accounts, node.Grants, node.Inboxes, throttle, options, app.Lifetime.ApplicationStopping);
        frames = Add(parts, new FrameGateway(node, throttle, logs, services.Stopping));
        if (options.ActivityStreamer is not null)
        {
            streamer = Add(parts, new StreamerGateway(node, options.ActivityStreamer, streamerSecret!, throttle, logs, services.Stopping)); // Read with the options.
        }

        var xmlRpc = options.XmlRpc is null ? null : new XmlRpcGateway(services, options.XmlRpc, logs);
        var pages = new EntryPages(services);
        var loads = Add(parts, new Loads(() => node.Store.Position, options.Ephemeral ? null : options.DataDirectory, options.Time));
        var text = Add(parts, new MetricsText(meter => meter.Name == "System.Runtime" || (meter.Scope == node && meter.Name.StartsWith("Stentor", StringComparison.Ordinal))));
        IReadOnlyList<Route> routes =
        [
            .. new ChannelAnswers(services, pages).Routes,
            .. new InboxAnswers(services, pages).Routes,
            frames.Route,
            Add(parts, new EventStreams(services)).Route,
            .. new AccountAnswers(services).Routes,
            new LinkGateway(node, services.Stopping).Route,
            .. new ClusterAnswers(services).Routes,
            .. new StatusAnswers(services, loads, () => metrics?.Connections ?? 0, text, streamer).Routes,
            .. options.XmlRpc is { Listen: null } ? xmlRpc!.Routes : [], // Made with the options.
        ];
        var gateway = new HttpGateway(routes, options.XmlRpc?.Listen is null ? [] : xmlRpc!.Routes, services, counts => metrics = Add(parts, new HttpMetrics(services, loads, counts)), logs);
        if (options.OtlpEndpoint is not null)
        {
            parts.Add(OtlpExport.Start(options.OtlpEndpoint, options.OtlpInterval, node));
        }

        if (node.Links is not null)
        {
            app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero }); // Links have a heartbeat of their own.
        }

        app.Run(gateway.AnswerAsync);
        return new Built(app, routes, streamer, xmlRpc);
    }

    private static void SetLimits(KestrelServerOptions kestrel, Limits limits)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowSynchronousIO = false;
        kestrel.Limits.MaxConcurrentConnections = limits.ConnectionsMax;
        kestrel.Limits.MaxConcurrentUpgradedConnections = limits.ConnectionsMax;
        kestrel.Limits.MaxRequestLineSize = 8 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 100;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);

        // The answers count what they take and say which limit it is over; this one is behind theirs.
        kestrel.Limits.MaxRequestBodySize = Math.Max(limits.NdjsonBytesMax, limits.BodyBytesMax) + (1024 * 1024);
    }

    private static NodeOptions NodeOptionsOf(ServerOptions options)
    {
        if (options.ClusterSecretFile is null)
        {
            return options.Node.Links.Count == 0 ? options.Node
                : throw new ServerStartException("Links need the cluster's secret; give --cluster-secret-file FILE, the same for all regions.") { IsUsage = true };
        }

        // Whoever dials must have the secret of those who are there already; only a region by itself may make one.
        var secret = SecretFile.Read(options.ClusterSecretFile, "the cluster's secret", mayMake: options.Node.Links.Count == 0);
        return secret.Secret.Length < ServerOptions.ClusterSecretCharactersMin
            ? throw new ServerStartException($"The cluster's secret in '{secret.File}' has {secret.Secret.Length} characters; at least {ServerOptions.ClusterSecretCharactersMin} are needed, since whoever guesses it may write anything.")
            : options.Node with { ClusterSecret = System.Text.Encoding.UTF8.GetBytes(secret.Secret), KeepsCluster = true };
    }

    private static SecretFile? StreamerSecretOf(ServerOptions options)
    {
        if (options.ActivityStreamer is not { } streamer)
        {
            return null;
        }

        if (streamer.Secret is not null)
        {
            return new SecretFile("", streamer.Secret, IsNew: false);
        }

        // Whoever dials must have the secret of those who are there already; only a server alone may make one.
        var isAlone = streamer.Remotes.Count == 0;
        if (streamer.SecretFile is null && !isAlone)
        {
            throw new ServerStartException("A server that links to others needs their secret; give --activity-streamer-secret-file FILE or --activity-streamer-secret SECRET.") { IsUsage = true };
        }

        return streamer.SecretFile is null && options.DataDirectory is null
            ? new SecretFile("", SecretFile.New(), IsNew: true)
            : SecretFile.Read(streamer.SecretFile ?? Path.Combine(options.DataDirectory!, StreamerOptions.SecretFileName), "the secret of Activity Streamer servers", isAlone);
    }

    private static XmlRpcOptions? XmlRpcOf(ServerOptions options) => options.XmlRpc is { WriterSecretFile: { } file } xmlRpc
        ? xmlRpc with { WriterSecret = SecretFile.Read(file, $"the secret of the account '{XmlRpcOptions.Writer}'", mayMake: options.Node.Links.Count == 0).Secret }
        : options.XmlRpc;

    private static StoreOptions StoreOptionsOf(ServerOptions options)
    {
        Span<byte> random = stackalloc byte[8];
        System.Security.Cryptography.RandomNumberGenerator.Fill(random);
        return new StoreOptions
        {
            Region = options.Node.Region,
            Incarnation = BitConverter.ToUInt64(random),
            StatePath = options.Ephemeral ? null : Path.Combine(options.DataDirectory!, ServerOptions.StateFileName), // Checked with the disk.
            SegmentBytes = options.SegmentBytes,
            RetainBytes = options.RetainBytes,
            Replica = new ReplicaOptions(options.Node.Limits, options.Node.SkewMax),
        };
    }

    private static IDisk DiskOf(ServerOptions options, List<IDisposable> parts)
    {
        if (options.Disk is not null)
        {
            return options.Disk;
        }

        if (options.Ephemeral)
        {
            return new MemoryDisk();
        }

        return options.DataDirectory is null
            ? throw new ServerStartException("A data directory is needed; give --data DIR, or --ephemeral to keep nothing.")
            : Add(parts, PhysicalDisk.Open(options.DataDirectory));
    }

    private static T Add<T>(List<IDisposable> parts, T part)
        where T : IDisposable
    {
        parts.Add(part);
        return part;
    }

    private static async Task CloseAsync(WebApplication? app, StentorNode? node, List<IDisposable> parts)
    {
        if (app is not null)
        {
            await app.DisposeAsync();
        }

        if (node is not null)
        {
            await node.DisposeAsync();
        }

        // The disk, which was taken first, is given back last.
        for (var i = parts.Count - 1; i >= 0; i--)
        {
            parts[i].Dispose();
        }
    }

    /// <summary>What a server is made of, besides its node.</summary>
    private sealed record Built(WebApplication App, IReadOnlyList<Route> Routes, StreamerGateway? Streamer, XmlRpcGateway? XmlRpc);

    [LoggerMessage(3002, LogLevel.Error, "The server did not stop cleanly.")]
    private static partial void LogStopFault(ILogger log, Exception fault);
}

/// <summary>A server could not start.</summary>
/// <param name="message">For the operator: what is wrong and what to do.</param>
/// <param name="inner">The cause.</param>
public sealed class ServerStartException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether an option is wrong by itself, whatever the machine: who asked must ask otherwise.</summary>
    public bool IsUsage { get; init; }
}
