using Stentor.Node;
using Stentor.Storage;

namespace Stentor.Gateways;

/// <summary>What a server process serves, where, and within which bounds. The defaults are those of <c>stentor serve</c>.</summary>
public sealed record ServerOptions
{
    /// <summary>The state database's name in <see cref="DataDirectory"/>.</summary>
    public const string StateFileName = "state.db";

    /// <summary>
    /// Where HTTP, Server-Sent Events and WebSocket are served: <c>http://HOST:PORT</c> or <c>https://HOST:PORT</c>, host an address or <c>localhost</c>;
    /// port 0 takes a free one. Default <c>http://127.0.0.1:5050</c>.
    /// </summary>
    public IReadOnlyList<string> Listen { get; init; } = ["http://127.0.0.1:5050"];

    /// <summary>Where JSON frames are served on plain TCP: <c>HOST:PORT</c>. Null, the default, for nowhere.</summary>
    public string? Tcp { get; init; }

    /// <summary>How the Activity Streamer protocol is served; null, the default, for nowhere.</summary>
    public StreamerOptions? ActivityStreamer { get; init; }

    /// <summary>How the scoreboard is served over XML-RPC; null, the default, for nowhere.</summary>
    public XmlRpcOptions? XmlRpc { get; init; }

    /// <summary>The certificate for <c>https</c>, a PEM file. Null where nothing listens on <c>https</c>.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>The certificate's key, a PEM file; null when it stands in <see cref="CertificateFile"/>.</summary>
    public string? CertificateKeyFile { get; init; }

    /// <summary>Where everything that must last is kept; made when it does not exist. Needed unless <see cref="Ephemeral"/>.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>Keeps everything in memory; nothing outlives the process.</summary>
    public bool Ephemeral { get; init; }

    /// <summary>
    /// The file with the operator's secret; made, readable by its owner only, when it does not exist. Null, the default, for <c>operator.secret</c> in
    /// <see cref="DataDirectory"/>, and for none when <see cref="Ephemeral"/>.
    /// </summary>
    public string? OperatorSecretFile { get; init; }

    /// <summary>Fewest characters of a cluster's secret.</summary>
    public const int ClusterSecretCharactersMin = 16;

    /// <summary>
    /// The file with the secret that all regions of a cluster share; made, readable by its owner only, when it does not exist and the node links to
    /// nobody. Null, the default, for a region by itself.
    /// </summary>
    public string? ClusterSecretFile { get; init; }

    /// <summary>Region, limits, times and bounds of the node.</summary>
    public NodeOptions Node { get; init; } = new();

    /// <summary>Size of a ledger segment, in bytes. Default 64 MiB.</summary>
    public int SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Most bytes of sealed segments to keep; older ones are recycled. 0, the default, keeps everything.</summary>
    public long RetainBytes { get; init; }

    /// <summary>How often logins, registrations and publishes may come.</summary>
    public RateLimits RateLimits { get; init; } = new();

    /// <summary>Origins (<c>https://example.org</c>) whose pages may use this server from a browser. Empty, the default, for none.</summary>
    public IReadOnlyList<string> AllowOrigins { get; init; } = [];

    /// <summary>Allows listening beyond loopback without TLS, where secrets can be read on the way.</summary>
    public bool Insecure { get; init; }

    /// <summary>Where metrics are exported over OTLP (gRPC, or HTTP when the path ends in <c>/v1/metrics</c>); null, the default, for nowhere.</summary>
    public Uri? OtlpEndpoint { get; init; }

    /// <summary>Time between two OTLP exports. Default 10 s.</summary>
    public TimeSpan OtlpInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The disk under the ledger, in place of the one that <see cref="DataDirectory"/> names: for tests that make it fail.</summary>
    public IDisk? Disk { get; init; }

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>
/// How often someone may do what is costly or guesses. Each is a bucket that starts full, holds as many as may come at once and fills up evenly;
/// an empty one answers <c>429</c> with <c>Retry-After</c>.
/// </summary>
public sealed record RateLimits
{
    /// <summary>No limits: what <c>--rate-limits off</c> gives.</summary>
    public static RateLimits Off { get; } = new() { Enabled = false };

    /// <summary>Whether they hold at all. Default yes.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Failed logins a minute, for each client address and for each username. Default 20.</summary>
    public int FailedLoginsPerMinute { get; init; } = 20;

    /// <summary>Sessions a minute that one account may open. Default 60.</summary>
    public int SessionsPerMinute { get; init; } = 60;

    /// <summary>Registrations a minute, for each client address. Default 30.</summary>
    public int RegistrationsPerMinute { get; init; } = 30;

    /// <summary>Publishes a second of one account. Default 50,000: a bound against a runaway program, not a price list.</summary>
    public int PublishesPerSecond { get; init; } = 50_000;

    /// <summary>Publishes a second that come from one client address without an account. Default 100.</summary>
    public int AnonymousPublishesPerSecond { get; init; } = 100;
}
