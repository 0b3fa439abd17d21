namespace Stentor.Gateways;

/// <summary>How the Activity Streamer protocol is served (docs/activity-streamer.md).</summary>
public sealed record StreamerOptions
{
    /// <summary>The port that programs of this protocol know.</summary>
    public const int DefaultPort = 3780;

    /// <summary>The secret's file in the data directory.</summary>
    public const string SecretFileName = "activity-streamer.secret";

    /// <summary>Where it is served: <c>HOST:PORT</c>; port 0 takes a free one. Default <c>127.0.0.1:3780</c>.</summary>
    public string Listen { get; init; } = "127.0.0.1:3780";

    /// <summary>Whether it is served over TLS, with the server's certificate. Default no: programs of this protocol do not know it.</summary>
    public bool Tls { get; init; }

    /// <summary>Servers to be linked to: the first that can be reached, in this order. Default none.</summary>
    public IReadOnlyList<StreamerServer> Remotes { get; init; } = [];

    /// <summary>
    /// The secret that servers give each other. Null, the default, for the one in <see cref="SecretFile"/>; needed when there are <see cref="Remotes"/>.
    /// </summary>
    public string? Secret { get; init; }

    /// <summary>
    /// The file with the secret; made, readable by its owner only, when it does not exist and there are no <see cref="Remotes"/>. Null, the default, for
    /// <see cref="SecretFileName"/> in the data directory.
    /// </summary>
    public string? SecretFile { get; init; }

    /// <summary>The channel of the activities. Default <c>activities</c>.</summary>
    public string Channel { get; init; } = "activities";

    /// <summary>The host that others are told to connect to. Null, the default, for the address that is listened on, or this machine's name when that is all of them.</summary>
    public string? Hostname { get; init; }

    /// <summary>Time between two announcements. Default 5 s, as the document has it.</summary>
    public TimeSpan AnnounceInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a registration waits for the other servers. Default 10 s.</summary>
    public TimeSpan LockWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After how long a server that has announced itself and is silent counts as gone. Default 30 s: six announcements.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether answers to lock requests carry the server's id, which many programs demand and the document does not know. Default no.</summary>
    public bool LockServer { get; init; }
}
