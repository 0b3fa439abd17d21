using System.CommandLine;
using System.Globalization;
using Stentor.Cli.CommandLine;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Serving;

/// <summary>The options of <c>serve</c> for the Activity Streamer protocol, and those that the protocol's first program had.</summary>
internal sealed class StreamerServing
{
    private static readonly StreamerOptions Defaults = new();

    private readonly Option<string?> _listen = new("--activity-streamer")
    {
        Description = $"Serve the Activity Streamer protocol on TCP, on this host and port; without a value on port {StreamerOptions.DefaultPort} of 127.0.0.1.",
        HelpName = "[HOST:]PORT",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _remote = new("--activity-streamer-remote") { Description = "An Activity Streamer server to be linked to; may be repeated: the first that can be reached. tls:// before it for TLS.", HelpName = "HOST:PORT" };
    private readonly Option<string?> _secret = new("--activity-streamer-secret") { Description = "The secret that Activity Streamer servers give each other. Others on this machine can see it here: better in a file.", HelpName = "SECRET" };
    private readonly Option<string?> _secretFile = new("--activity-streamer-secret-file") { Description = "The file with that secret; made when it does not exist and no remote is given. Default: activity-streamer.secret in the data directory.", HelpName = "FILE" };
    private readonly Option<string> _channel = new("--activity-streamer-channel") { Description = "The channel that its activities go to and come from.", HelpName = "CHANNEL", DefaultValueFactory = _ => Defaults.Channel };
    private readonly Option<string?> _hostname = new("--activity-streamer-hostname") { Description = "The host that clients are told to connect to. Default: the address that is listened on.", HelpName = "HOST" };
    private readonly Option<bool> _tls = new("--activity-streamer-tls") { Description = "Serve it over TLS, with the certificate for https." };
    private readonly Option<int> _announce = CommonOptions.Number("--activity-streamer-announce", "Seconds between two announcements to other servers.", "SECONDS", (int)Defaults.AnnounceInterval.TotalSeconds, 1, 3_600);
    private readonly Option<int> _lockWait = CommonOptions.Number("--activity-streamer-lock-wait", "Seconds that a registration waits for other servers.", "SECONDS", (int)Defaults.LockWait.TotalSeconds, 1, 600);
    private readonly Option<int> _silence = CommonOptions.Number("--activity-streamer-silence", "Seconds of silence after which a server that has announced itself is given up.", "SECONDS", (int)Defaults.Silence.TotalSeconds, 1, 3_600);
    private readonly Option<bool> _lockServer = new("--activity-streamer-lock-server") { Description = "Give this server's id in answers to lock requests, which many programs demand." };

    // The flags of the protocol's first program, so that its scripts still work.
    private readonly Option<string?> _localHost = new("-lh") { Description = "Local host: as --activity-streamer-hostname, and where it is served.", HelpName = "HOST", Hidden = true };
    private readonly Option<int?> _localPort = new("-lp") { Description = "Local port: as --activity-streamer.", HelpName = "PORT", Hidden = true };
    private readonly Option<string?> _remoteHost = new("-rh") { Description = "Remote host: as --activity-streamer-remote.", HelpName = "HOST", Hidden = true };
    private readonly Option<int?> _remotePort = new("-rp") { Description = "Remote port: as --activity-streamer-remote.", HelpName = "PORT", Hidden = true };
    private readonly Option<string?> _shortSecret = new("-s") { Description = "As --activity-streamer-secret.", HelpName = "SECRET", Hidden = true };
    private readonly Option<int?> _activityInterval = new("-a") { Description = "Milliseconds between two announcements.", HelpName = "MILLISECONDS", Hidden = true };

    /// <summary>All of them, in the order of the help.</summary>
    public IReadOnlyList<Option> Options =>
    [
        _listen, _remote, _secret, _secretFile, _channel, _hostname, _tls, _announce, _lockWait, _silence, _lockServer,
        _localHost, _localPort, _remoteHost, _remotePort, _shortSecret, _activityInterval,
    ];

    /// <summary>What was asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="around">What the command finds around it.</param>
    /// <returns>Null when the protocol is not to be served.</returns>
    /// <exception cref="CommandException">An option's value is wrong, or options contradict each other.</exception>
    public StreamerOptions? Read(ParseResult parsed, Surroundings around)
    {
        var given = Options.Where(option => parsed.GetResult(option) is { Implicit: false }).ToList();
        if (given.Count == 0)
        {
            return null;
        }

        Option[] starts = [_listen, _localPort, _localHost, _remoteHost, _remotePort];
        if (!given.Exists(starts.Contains))
        {
            throw CommandException.Usage($"{given[0].Name} means nothing without --activity-streamer.");
        }

        Exclude(parsed, _listen, _localPort);
        Exclude(parsed, _hostname, _localHost);
        Exclude(parsed, _remote, _remoteHost);
        Exclude(parsed, _secret, _shortSecret);
        Exclude(parsed, _secret, _secretFile);
        Exclude(parsed, _shortSecret, _secretFile);
        Exclude(parsed, _announce, _activityInterval);
        var channel = parsed.GetRequiredValue(_channel);
        if (!ChannelName.IsValid(channel) || ChannelName.IsReserved(channel))
        {
            throw CommandException.Usage($"'{Printable.Cut(channel)}' is not a value for {_channel.Name}: a channel like activities.");
        }

        if (parsed.GetValue(_secret) is "" || parsed.GetValue(_shortSecret) is "")
        {
            throw CommandException.Usage($"{_secret.Name} must not be empty.");
        }

        var hostname = parsed.GetValue(_hostname) ?? parsed.GetValue(_localHost);
        if (hostname is not null && Uri.CheckHostName(hostname) == UriHostNameType.Unknown)
        {
            throw CommandException.Usage($"'{Printable.Cut(hostname)}' is not a host.");
        }

        return Defaults with
        {
            Listen = ListenOf(parsed),
            Tls = parsed.GetValue(_tls),
            Remotes = RemotesOf(parsed),
            Secret = parsed.GetValue(_secret) ?? parsed.GetValue(_shortSecret),
            SecretFile = parsed.GetValue(_secretFile) is { } file ? around.PathOf(file) : null,
            Channel = channel,
            Hostname = hostname,
            AnnounceInterval = parsed.GetValue(_activityInterval) is { } milliseconds
                ? TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, 250, 3_600_000)) // Whatever the old script says, within reason.
                : TimeSpan.FromSeconds(parsed.GetValue(_announce)),
            LockWait = TimeSpan.FromSeconds(parsed.GetValue(_lockWait)),
            Silence = TimeSpan.FromSeconds(parsed.GetValue(_silence)),
            LockServer = parsed.GetValue(_lockServer),
        };
    }

    private string ListenOf(ParseResult parsed)
    {
        var text = parsed.GetValue(_listen);
        var host = parsed.GetValue(_localHost) is { } local && System.Net.IPAddress.TryParse(local, out _) ? local : "127.0.0.1";
        if (text is null)
        {
            return Join(host, (parsed.GetValue(_localPort) ?? StreamerOptions.DefaultPort).ToString(CultureInfo.InvariantCulture));
        }

        return ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _) ? Join(host, text) : text;

        static string Join(string host, string port) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
    }

    private List<StreamerServer> RemotesOf(ParseResult parsed)
    {
        var texts = parsed.GetValue(_remote) ?? [];
        var remoteHost = parsed.GetValue(_remoteHost);
        var remotePort = parsed.GetValue(_remotePort);
        if (remoteHost is not null || remotePort is not null)
        {
            texts = [(StreamerServer.Default with { Host = (remoteHost ?? StreamerServer.Default.Host).Trim('[', ']'), Port = remotePort ?? StreamerServer.Default.Port }).ToString()];
        }

        return [.. texts.Select(text => StreamerServer.TryParse(text, out var server, StreamerOptions.DefaultPort) ? server : throw CommandException.Usage($"'{Printable.Cut(text)}' is not a value for {_remote.Name}: HOST:PORT."))];
    }

    private static void Exclude(ParseResult parsed, Option one, Option other)
    {
        if (parsed.GetResult(one) is { Implicit: false } && parsed.GetResult(other) is { Implicit: false })
        {
            throw CommandException.Usage($"{one.Name} and {other.Name} say the same: give one of them.");
        }
    }
}
