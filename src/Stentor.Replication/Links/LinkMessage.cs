using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>What one region tells another on a link (docs/protocol/links.md). A closed set.</summary>
internal abstract record LinkMessage
{
    private LinkMessage()
    {
    }

    /// <summary>Who I am. The first message, from both sides.</summary>
    /// <param name="Version">The version of the link protocol.</param>
    /// <param name="Cluster">My cluster; empty when I have none yet.</param>
    /// <param name="Region">My region's name.</param>
    /// <param name="Origin">The origin under which I number my entries.</param>
    /// <param name="Instance">Random, new at each start of my process: tells two processes with one origin apart.</param>
    /// <param name="Nonce">32 random bytes, never used before.</param>
    public sealed record Hello(long Version, string Cluster, string Region, OriginId Origin, string Instance, byte[] Nonce) : LinkMessage;

    /// <summary>That I know the cluster's secret: the side that dialled first, then the other.</summary>
    /// <param name="Mac">HMAC-SHA256 over both hellos.</param>
    public sealed record Proof(byte[] Mac) : LinkMessage;

    /// <summary>What I have on disk, who else has what, and how much you may send. Also sent when nothing changed, as a sign of life.</summary>
    /// <param name="Seen">The components of my version vector that changed since I last told you.</param>
    /// <param name="Credit">How many bytes of entries you may send on this link, counted from its start.</param>
    /// <param name="Copies">Which other regions have which entries on disk.</param>
    public sealed record Announce(VersionVector Seen, long Credit, IReadOnlyList<CopyFact> Copies) : LinkMessage;

    /// <summary>Entries, in my region's order.</summary>
    /// <param name="Seen">As in <see cref="Announce"/>; together with what I told before it covers these entries and all that they depend on.</param>
    /// <param name="Items">The entries' bytes, in the memory of the message.</param>
    public sealed record Entries(VersionVector Seen, IReadOnlyList<ReadOnlyMemory<byte>> Items) : LinkMessage;

    /// <summary>Do not send me entries of these origins any more: another link brings them.</summary>
    /// <param name="Origins">The origins.</param>
    public sealed record Prune(IReadOnlyList<OriginId> Origins) : LinkMessage;

    /// <summary>Send me entries of these origins (again), from the number after the one I have.</summary>
    /// <param name="From">The origins with the last number that I have; 0 for none.</param>
    public sealed record Graft(IReadOnlyList<KeyValuePair<OriginId, long>> From) : LinkMessage;

    /// <summary>Why I end this link.</summary>
    /// <param name="Type">One of <see cref="LinkEndType"/>.</param>
    /// <param name="Detail">For people.</param>
    public sealed record Bye(string Type, string Detail) : LinkMessage;

    /// <summary>What a process tells every other one of the cluster; passed on, never recorded.</summary>
    /// <param name="Instance">The process that began it.</param>
    /// <param name="Number">1, 2, … of that process.</param>
    /// <param name="Body">What it says, in the memory of the message; at most <see cref="Dissemination.NoticeBodyBytesMax"/>.</param>
    public sealed record Notice(string Instance, long Number, ReadOnlyMemory<byte> Body) : LinkMessage;
}

/// <summary>That a region has an origin's entries on disk.</summary>
/// <param name="Origin">The entries' origin.</param>
/// <param name="Holder">The region that has them, by its own origin.</param>
/// <param name="Seq">Up to which number.</param>
internal readonly record struct CopyFact(OriginId Origin, OriginId Holder, long Seq);

/// <summary>Why links end. Stable: they stand in logs, metrics and docs/protocol/links.md.</summary>
public static class LinkEndType
{
    /// <summary>The node stops.</summary>
    public const string Stopping = "stopping";

    /// <summary>The connection is gone.</summary>
    public const string Lost = "lost";

    /// <summary>Nothing was heard for too long.</summary>
    public const string Silent = "silent";

    /// <summary>The other side does not know the cluster's secret.</summary>
    public const string WrongSecret = "wrong-secret";

    /// <summary>The regions belong to different clusters, or neither belongs to one yet.</summary>
    public const string OtherCluster = "other-cluster";

    /// <summary>The other side speaks another version of the protocol.</summary>
    public const string OtherVersion = "other-version";

    /// <summary>Another node claims the same origin.</summary>
    public const string SameOrigin = "same-origin";

    /// <summary>The other side is this very node.</summary>
    public const string Itself = "itself";

    /// <summary>A message is damaged, too large or out of place.</summary>
    public const string BadMessage = "bad-message";

    /// <summary>An entry is damaged, forked or impossible.</summary>
    public const string BadEntry = "bad-entry";

    /// <summary>The other side says that it has entries that others wait for, and does not send them.</summary>
    public const string Withheld = "withheld";

    /// <summary>This region goes on under a new incarnation.</summary>
    public const string Renewed = "renewed";
}
