using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>How a node behaves. Times and sizes have the defaults of the design.</summary>
public sealed record NodeOptions
{
    private readonly bool? _joinsCluster;

    /// <summary>The region's name. Default <c>local</c>.</summary>
    public string Region { get; init; } = "local";

    /// <summary>The limits of the contract.</summary>
    public Limits Limits { get; init; } = Limits.Default;

    /// <summary>Most commands waiting to be ordered; past it publishers are told to wait. Default 65,536.</summary>
    public int QueueMax { get; init; } = 65_536;

    /// <summary>Most commands in one commit. Default 8,192.</summary>
    public int BatchMax { get; init; } = 8_192;

    /// <summary>Time between check-points of the state. Default 2 s.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How far ahead of the wall clock a remote time may lie before it no longer drives the local clock. Default 5 minutes.</summary>
    public TimeSpan SkewMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Most bytes of one tail, a wire form of a channel's newest entries; older ones are read from the ledger. Default 1 MiB.</summary>
    public int TailBytes { get; init; } = 1024 * 1024;

    /// <summary>Most bytes of all tails together; past it the oldest entries go. Default 32 MiB.</summary>
    public long TailsBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>Silence after which the node pings a connection. Default 25 s.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Further silence after which a connection is dead. Default 20 s.</summary>
    public TimeSpan HeartbeatGrace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Wait for a token to be covered when a request does not say. Default 5 s.</summary>
    public TimeSpan CatchUpWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a session token is good for. Default 24 hours.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Rounds of PBKDF2 for new secrets. Default <see cref="SecretHash.IterationsDefault"/>.</summary>
    public int SecretIterations { get; init; } = SecretHash.IterationsDefault;

    /// <summary>The cluster's secret, at least 16 bytes; null, the default, for a region without links.</summary>
    public byte[]? ClusterSecret { get; init; }

    /// <summary>Regions to link to. Needs <see cref="ClusterSecret"/>. Default none.</summary>
    public IReadOnlyList<LinkTarget> Links { get; init; } = [];

    /// <summary>Sizes and times of links.</summary>
    public Replication.LinkOptions Link { get; init; } = Replication.LinkOptions.Default;

    /// <summary>
    /// How long a node with links waits at its start for a neighbour to compare what it knows of its own origin, before it takes publishes: a data
    /// directory that lost its end is noticed before a number is used twice. Default 10 s.
    /// </summary>
    public TimeSpan CompareWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Wait for the copies that a publish asks for. Default 5 s.</summary>
    public TimeSpan CopiesWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the node looks after its cluster: founds it or joins it, and changes its voters as regions come and go. Default false: the region is alone.</summary>
    public bool KeepsCluster { get; init; }

    /// <summary>
    /// Whether a region that is in no cluster yet joins the one that it finds behind a link; otherwise it founds one. Means nothing without
    /// <see cref="KeepsCluster"/>. Default: whether it has <see cref="Links"/>.
    /// </summary>
    public bool JoinsCluster
    {
        get => _joinsCluster ?? Links.Count > 0;
        init => _joinsCluster = value;
    }

    /// <summary>Whether the region wishes to be a voter. Default true.</summary>
    public bool WishesVote { get; init; } = true;

    /// <summary>How long a registration or a change of the voters waits to be decided before it is answered <c>undecided</c>. Default 5 s.</summary>
    public TimeSpan ClaimWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest graceful stop. Default 8 s, so that the process ends within 10.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(8);
}
