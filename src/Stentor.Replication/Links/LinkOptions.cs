namespace Stentor.Replication;

/// <summary>Who a node is on its links.</summary>
/// <param name="Region">The region's name.</param>
/// <param name="Origin">The origin under which it numbers its entries.</param>
/// <param name="Instance">Random, new at each start of the process: tells two processes with one origin apart, and is who notices are from. 1 to 64 bytes.</param>
/// <param name="Cluster">The cluster's id; null while it belongs to none.</param>
/// <param name="Secret">The cluster's secret; never sent.</param>
public sealed record LinkIdentity(string Region, Protocol.OriginId Origin, string Instance, string? Cluster, byte[] Secret);

/// <summary>Sizes and times of links.</summary>
public sealed record LinkOptions
{
    /// <summary>The defaults.</summary>
    public static LinkOptions Default { get; } = new();

    /// <summary>Most bytes of entries under way on a link: what a slow or cut link costs each side. Default 4 MiB: 30 MB/s at 130 ms there and back.</summary>
    public long WindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>About the most bytes of entries in a message. Default 64 KiB: what the receiver works on while the next one is on its way, and small enough for the garbage collector's youngest generation.</summary>
    public int MessageBytes { get; init; } = 64 * 1024;

    /// <summary>Most bytes of a message received. Default 4 MiB: an entry of the largest state that the limits allow.</summary>
    public int MessageBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Between two announcements of what changed on a link that brought nothing. Default 100 ms.</summary>
    public long AnnounceMs { get; init; } = 100;

    /// <summary>Silence after which a sign of life is sent. Default 1 s.</summary>
    public long HeartbeatMs { get; init; } = 1_000;

    /// <summary>Silence after which the other side counts as gone. Default 10 s.</summary>
    public long SilenceMs { get; init; } = 10_000;

    /// <summary>How long this region sees itself behind in an origin's entries, without progress, before it asks a neighbour to send them. Default 500 ms.</summary>
    public long GraftMs { get; init; } = 500;

    /// <summary>
    /// Messages in a row that bring an origin's entries after another link did, before this link is asked not to bring them any more. Default 3: two neighbours cannot both
    /// be first with the same three messages. <see cref="int.MaxValue"/> for plain flooding.
    /// </summary>
    public int RepeatsMax { get; init; } = 3;

    /// <summary>How long an entry may wait for what its sender says to have and does not send. Default 60 s.</summary>
    public long WithheldMs { get; init; } = 60_000;

    /// <summary>Regions whose copies of an entry are told on, at most; so many, and this one, can be waited for with <c>copies</c>. Default 15.</summary>
    public int CopiesMax { get; init; } = 15;

    /// <summary>
    /// Most origins that a message may name, and half as many as are kept apart in all; a link that brings more ends. Default 4,096: each region that ever
    /// published is one, and one more each time that it lost its disk.
    /// </summary>
    public int OriginsMax { get; init; } = 4_096;

    /// <summary>
    /// Most bytes of notices that a link may bring in a second, and at once after a while without any; what is beyond is dropped. Default 1 MiB: more than a cluster of
    /// hundreds of processes that each tell something every second; a neighbour that floods takes no more of anybody's time than that.
    /// </summary>
    public long NoticeBytesPerSecond { get; init; } = 1024 * 1024;

    /// <summary>Most processes whose last notice is remembered; the one heard of longest ago is forgotten for a new one. Default 1,024.</summary>
    public int NoticeInstancesMax { get; init; } = 1_024;

    /// <summary>
    /// How long a process is remembered at the least: meanwhile the notices of a new one are dropped where there is no room. Default 60 s, longer than a notice is under way:
    /// one that comes back to where it is forgotten would be passed on again, and round and round, for good.
    /// </summary>
    public long NoticeRememberMs { get; init; } = 60_000;

    /// <summary>For benchmarks and the control run of a demonstration only: entries are taken whatever they depend on; see <see cref="ReplicaOptions.IgnoreDependencies"/>.</summary>
    public bool IgnoreDependencies { get; init; }
}
