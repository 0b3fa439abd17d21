using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Stentor.Cli.CommandLine;
using Stentor.Gateways;
using Stentor.Node;

namespace Stentor.Cli.Serving;

/// <summary><c>stentor serve</c>: runs a node until it is asked to end.</summary>
internal partial class ServeCommand : ExampleCommand
{
    private static readonly ServerOptions Defaults = new();

    private readonly Option<string[]> _listen;
    private readonly Option<string?> _tcp = new("--tcp") { Description = "Where JSON frames are served on plain TCP.", HelpName = "HOST:PORT" };
    private readonly Option<string> _data = new("--data") { Description = "Where everything that must last is kept; made when it does not exist.", HelpName = "DIR", DefaultValueFactory = _ => DataDirectory };
    private readonly Option<bool> _ephemeral = new("--ephemeral") { Description = "Keep everything in memory; nothing outlives the process." };
    private readonly Option<string> _region = new Option<string>("--region") { Description = "The region's name, first part of its origin.", HelpName = "NAME", DefaultValueFactory = _ => Defaults.Node.Region }.By(ValueRules.Region);
    private readonly Option<string[]> _link = new("--link") { Description = "Another region to link to; may be repeated. `;delay=500ms;jitter=50ms` behind it simulates distance.", HelpName = "URL" };
    private readonly Option<string?> _clusterSecretFile = new("--cluster-secret-file") { Description = "The file with the secret that all regions share, needed for links; made when it does not exist and no --link is given.", HelpName = "FILE" };
    private readonly Option<string> _voter = CommonOptions.Choice("--voter", "Whether the region becomes a voter of its cluster, one of those that decide whose a name is.", "on", "off");
    private readonly Option<string?> _operatorSecretFile = new("--operator-secret-file") { Description = "The file with the operator's secret; made when it does not exist. Default: operator.secret in the data directory.", HelpName = "FILE" };
    private readonly Option<string?> _certificateFile = new("--certificate-file") { Description = "The certificate for https, a PEM file.", HelpName = "FILE" };
    private readonly Option<string?> _certificateKeyFile = new("--certificate-key-file") { Description = "The certificate's key, a PEM file, when it is not in the certificate's file.", HelpName = "FILE" };
    private readonly Option<string[]> _allowOrigin = new("--allow-origin") { Description = "An origin whose pages may use this node from a browser, like https://example.org; may be repeated.", HelpName = "ORIGIN" };
    private readonly Option<bool> _insecure = new("--insecure") { Description = "Allow listening beyond loopback without TLS, where secrets can be read on the way." };
    private readonly Option<string> _rateLimits = CommonOptions.Choice("--rate-limits", "Whether logins, registrations and publishes are limited in their rate.", "on", "off");
    private readonly Option<Uri?> _otlp = new("--otlp") { Description = "Where metrics are exported over OTLP.", HelpName = "URL", CustomParser = result => CommonOptions.Url("--otlp", result.Tokens[0].Value, result) };
    private readonly Option<string> _logLevel = CommonOptions.Choice("--log-level", "The least severe log messages that are written.", "info", "trace", "debug", "warn", "error", "none");
    private readonly Option<bool> _json = new("--json") { Description = "Print listeners and log messages as JSON, one object a line." };

    // For demonstrations only, so help and documents pass over them, and no variable and no file can set them.
    private readonly Option<bool> _stopWithInput = new("--stop-with-input") { Description = "End when standard input ends.", Hidden = true };
    private readonly Option<bool> _ignoreDependencies = new("--ignore-dependencies") { Description = "Apply what other regions send whatever it depends on. Needs --ephemeral.", Hidden = true };
    private readonly StreamerServing _streamer = new();
    private readonly XmlRpcServing _xmlRpc;
    private readonly List<(NumberOption Number, Option<long> Option)> _numbers = [.. NumberOptions.All.Select(number => (number, NumberOptions.OptionOf(number)))];

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public ServeCommand(Surroundings around)
        : this("serve", "Run a node.", Defaults.Listen, isScoreboard: false, around)
    {
    }

    /// <summary>Makes a command that runs a node for a purpose.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="listen">Where HTTP is served unless it is told otherwise.</param>
    /// <param name="isScoreboard">Whether the scoreboard is served in any case.</param>
    /// <param name="around">What it finds around it.</param>
    protected ServeCommand(string name, string description, IReadOnlyList<string> listen, bool isScoreboard, Surroundings around)
        : base(name, description)
    {
        _listen = new("--listen") { Description = "Where HTTP, Server-Sent Events and WebSocket are served; port 0 takes a free one.", HelpName = "URL", DefaultValueFactory = _ => [.. listen] };
        _xmlRpc = new XmlRpcServing(isScoreboard);
        foreach (var option in (IReadOnlyList<Option>)[_listen, _tcp, _data, _ephemeral, _region, _link, _clusterSecretFile, _voter, _operatorSecretFile, _certificateFile, _certificateKeyFile, _allowOrigin, _insecure, _rateLimits, _otlp, _logLevel, _json, .. _streamer.Options, .. _xmlRpc.Options, _stopWithInput, _ignoreDependencies])
        {
            Add(option);
        }

        foreach (var (_, option) in _numbers)
        {
            Add(option);
        }

        SetAction((parsed, _) => RunAsync(parsed, around));
    }

    /// <summary>Where a node keeps its data unless it is told otherwise.</summary>
    public const string DataDirectory = "stentor-data";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor serve",
        "# frames on plain TCP too, data elsewhere",
        "stentor serve --tcp 127.0.0.1:5051 --data /var/lib/stentor",
        "# a throw-away node on free ports, for a script",
        "stentor serve --ephemeral --listen http://127.0.0.1:0 --tcp 127.0.0.1:0 --json",
        "# speak the Activity Streamer protocol too, alone or as a leaf of other servers",
        "stentor serve --activity-streamer 3780",
        "stentor serve --activity-streamer 3781 --activity-streamer-remote 127.0.0.1:3780 --activity-streamer-secret-file as.secret",
        "# the scoreboard over XML-RPC too, on the same port",
        "stentor serve --xml-rpc --teams Gaul,Rome --events 'Stone Curling,Stone Skating' --xml-rpc-secret-file writer.secret",
        "# for the whole network, with a certificate",
        "stentor serve --listen https://0.0.0.0:5050 --certificate-file node.pem --certificate-key-file node.key",
        "# two regions: the first founds the cluster and makes the secret, the second joins",
        "stentor serve --region eu --cluster-secret-file cluster.secret",
        "stentor serve --region us --data us-data --listen http://127.0.0.1:5060 --link ws://127.0.0.1:5050 --cluster-secret-file cluster.secret",
        "# a further region that does not vote on names: one near the users, which may be away for long",
        "stentor serve --region boat --data boat-data --listen http://127.0.0.1:5070 --link ws://127.0.0.1:5050 --cluster-secret-file cluster.secret --voter off",
    ];

    /// <summary>Where log messages go.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="around">What it finds around it.</param>
    /// <param name="lines">Those on standard error.</param>
    protected virtual ILoggerFactory LogsOf(ParseResult parsed, Surroundings around, ILoggerFactory lines) => lines;

    private async Task<int> RunAsync(ParseResult parsed, Surroundings around)
    {
        var json = parsed.GetValue(_json);
        using var lines = new LineLogs(around.Error, LineLogs.LevelOf(parsed.GetRequiredValue(_logLevel)), json, TimeProvider.System);
        using var logs = LogsOf(parsed, around, lines);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(around.Stop);
        if (parsed.GetValue(_stopWithInput))
        {
            StopWithInput(around.In, stop.Cancel);
        }

        try
        {
            var options = OptionsOf(parsed, around);
            if (options.Node.Link.IgnoreDependencies)
            {
                LogIgnoresDependencies(logs.CreateLogger(typeof(ServeCommand).FullName!)); // A class outside of any generic one has it.
            }

            await using var server = await Server.StartAsync(options, logs, stop.Token);
            Announce(server, json, around);
            await Task.WhenAny(server.Completion, Task.Delay(Timeout.Infinite, stop.Token));
            await server.StopAsync(CancellationToken.None);
            // A server that ended by itself says why here.
            await server.Completion;
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to end while it started: nothing was accepted yet.
            return ExitCode.Done;
        }
        catch (ServerStartException e)
        {
            throw e.IsUsage ? CommandException.Usage(e.Message) : new CommandException(e.Message);
        }
    }

    private ServerOptions OptionsOf(ParseResult parsed, Surroundings around)
    {
        string? PathOrNull(Option<string?> option) => parsed.GetValue(option) is { } path ? around.PathOf(path) : null;

        var ephemeral = parsed.GetValue(_ephemeral);
        if (ephemeral && parsed.GetResult(_data) is { Implicit: false })
        {
            throw CommandException.Usage("--ephemeral keeps nothing, --data keeps everything: give one of them.");
        }

        var ignoresDependencies = parsed.GetValue(_ignoreDependencies);
        if (ignoresDependencies && !ephemeral)
        {
            throw CommandException.Usage("--ignore-dependencies is for the control run of a demonstration and makes a ledger that cannot be opened again: it needs --ephemeral.");
        }

        var options = new ServerOptions
        {
            Listen = parsed.GetRequiredValue(_listen),
            Tcp = parsed.GetValue(_tcp),
            ActivityStreamer = _streamer.Read(parsed, around),
            XmlRpc = _xmlRpc.Read(parsed, around),
            CertificateFile = PathOrNull(_certificateFile),
            CertificateKeyFile = PathOrNull(_certificateKeyFile),
            DataDirectory = ephemeral ? null : around.PathOf(parsed.GetRequiredValue(_data)),
            Ephemeral = ephemeral,
            OperatorSecretFile = PathOrNull(_operatorSecretFile),
            ClusterSecretFile = PathOrNull(_clusterSecretFile),
            Node = Defaults.Node with
            {
                Region = parsed.GetRequiredValue(_region),
                Links = [.. (parsed.GetValue(_link) ?? []).Select(LinkOf)],
                WishesVote = parsed.GetValue(_voter) != "off",
                Link = Defaults.Node.Link with { IgnoreDependencies = ignoresDependencies },
            },
            AllowOrigins = parsed.GetValue(_allowOrigin) ?? [],
            Insecure = parsed.GetValue(_insecure),
            OtlpEndpoint = parsed.GetValue(_otlp),
        };
        options = _numbers.Aggregate(options, (all, pair) => pair.Number.With(all, parsed.GetValue(pair.Option)));
        return parsed.GetValue(_rateLimits) == "off" ? options with { RateLimits = options.RateLimits with { Enabled = false } } : options;
    }

    private static LinkTarget LinkOf(string text)
    {
        try
        {
            return LinkTarget.Parse(text);
        }
        catch (FormatException e)
        {
            throw CommandException.Usage(e.Message);
        }
    }

    /// <summary>A thread of its own: reading a pipe cannot be cancelled.</summary>
    private static void StopWithInput(Stream input, Action stop) => new Thread(() =>
    {
        Span<byte> buffer = stackalloc byte[256];
        while (input.Read(buffer) > 0)
        {
            // What it says does not matter.
        }

        try
        {
            stop();
        }
        catch (ObjectDisposedException)
        {
            // It has stopped already.
        }
    })
    { Name = "stentor input", IsBackground = true }.Start();

    [LoggerMessage(4001, LogLevel.Critical, "THIS NODE IGNORES DEPENDENCIES: it shows effects before their causes. It is for the control run of a demonstration and for nothing else; never link it to regions whose data matters.")]
    private static partial void LogIgnoresDependencies(ILogger log);

    private static void Announce(Server server, bool json, Surroundings around)
    {
        using var output = new StreamWriter(around.Out, leaveOpen: true);
        foreach (var listener in server.Listeners)
        {
            output.WriteLine(json
                ? JsonSerializer.Serialize(new ListeningLine(listener.Address, listener.Kind), CommandJson.Default.ListeningLine)
                : $"listening on {listener.Address}");
        }

        if (server.OperatorSecretIsNew && !json)
        {
            output.WriteLine($"the operator's secret is in {server.OperatorSecretFile} (made now, readable by you only)");
        }

        if (server.NewStreamerSecret is { } secret)
        {
            // A secret that is shown, and once: whoever starts another server needs it.
            output.WriteLine(json
                ? JsonSerializer.Serialize(new StreamerSecretLine(secret), CommandJson.Default.StreamerSecretLine)
                : $"activity streamer secret: {secret}");
        }

        if (server.NewWriterSecret is { } password)
        {
            // As above: whoever writes scores needs it.
            output.WriteLine(json
                ? JsonSerializer.Serialize(new WriterSecretLine(password), CommandJson.Default.WriterSecretLine)
                : $"secret of {XmlRpcOptions.Writer} (the password, shown this once): {password}");
        }
    }
}

/// <summary>A listener as JSON.</summary>
internal sealed record ListeningLine(string Listening, string Kind);

/// <summary>The secret of Activity Streamer servers as JSON.</summary>
internal sealed record StreamerSecretLine(string ActivityStreamerSecret);

/// <summary>The secret of the scoreboard's writer as JSON.</summary>
internal sealed record WriterSecretLine(string WriterSecret);
