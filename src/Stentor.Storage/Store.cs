#pragma warning disable CA1822 // Contract first: the bodies come with the owner of this part.
using System.Diagnostics;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// What a node knows: the ledger and the states that are its fold. One thread commits; any thread may read, and reads only what is durable.
/// </summary>
public sealed class Store : IStates, IDisposable
{
    /// <summary>Opens the store on a disk, makes it when there is none, and recovers: the torn tail is cut, the ledger's rest is folded onto the last check-point.</summary>
    /// <param name="disk">Where the ledger is.</param>
    /// <param name="options">Sizes and names.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    /// <exception cref="LedgerFaultException">What lies there cannot be used; the message says what to do.</exception>
    public static Store Open(IDisk disk, StoreOptions options) => throw new UnreachableException($"{disk} {options}");

    /// <summary>The origin under which this region numbers its entries; made with the store.</summary>
    public OriginId Origin => throw new UnreachableException();

    /// <summary>Where a replica goes on.</summary>
    public ReplicaMark Mark => throw new UnreachableException();

    /// <summary>The last durable position; 0 when there is none.</summary>
    public long Position => throw new UnreachableException();

    /// <summary>The first position that is held; 1 unless retention cut some off.</summary>
    public long FirstPosition => throw new UnreachableException();

    /// <summary>Makes a batch durable and then visible: entries to the ledger, one sync, states to memory. They take the positions after <see cref="Position"/>.</summary>
    /// <param name="outbox">The batch.</param>
    /// <exception cref="DiskException">It is not durable; nothing of it is visible, and the replica must be rolled back. The next call tries again on sound ground.</exception>
    public void Commit(Outbox outbox) => throw new UnreachableException();

    /// <inheritdoc/>
    public ChannelState? Find(string channel) => throw new UnreachableException();

    /// <inheritdoc/>
    public PublishedId? FindId(string author, string id) => throw new UnreachableException();

    /// <inheritdoc/>
    public IEnumerable<ReadOnlyMemory<byte>> History(string channel) => throw new UnreachableException();

    /// <summary>Names of channels in ordinal order, a page at a time.</summary>
    /// <param name="pattern">Which.</param>
    /// <param name="afterName">The last name of the page before; empty for the first page.</param>
    /// <param name="countMax">Most channels on the page.</param>
    public IReadOnlyList<KeyValuePair<string, ChannelState>> List(ChannelPattern pattern, string afterName, int countMax) => throw new UnreachableException();

    /// <summary>Reads entries forwards: those after a position, in order, until <paramref name="bytesMax"/> is reached (at least one) or nothing durable is left.</summary>
    /// <param name="after">The position before the first one wanted.</param>
    /// <param name="channels">Which channels.</param>
    /// <param name="bytesMax">About how many bytes to read at most.</param>
    /// <param name="batch">Cleared and filled; its <c>Through</c> is where to go on.</param>
    public void Read(long after, ChannelSet channels, int bytesMax, LedgerBatch batch) => throw new UnreachableException();

    /// <summary>Reads the newest entries before a position; in the batch they stand in the order of their positions.</summary>
    /// <param name="before">The position after the last one wanted.</param>
    /// <param name="channels">Which channels.</param>
    /// <param name="countMax">Most entries.</param>
    /// <param name="bytesMax">About how many bytes at most.</param>
    /// <param name="batch">Cleared and filled; its <c>Through</c> is where to go on backwards.</param>
    public void ReadNewest(long before, ChannelSet channels, int countMax, int bytesMax, LedgerBatch batch) => throw new UnreachableException();

    /// <summary>The region's version vector at a position.</summary>
    /// <param name="position">0 to <see cref="Position"/>.</param>
    public VersionVector SeenAt(long position) => throw new UnreachableException();

    /// <summary>The position up to which a vector covers everything: the first entry it does not cover stands right after. Later entries may be covered too.</summary>
    /// <param name="seen">What a reader has seen.</param>
    public long CoveredThrough(VersionVector seen) => throw new UnreachableException();

    /// <summary>Writes what changed since the last check-point into the state database. The caller sees to it that one runs at a time; commits go on meanwhile.</summary>
    public void Checkpoint() => throw new UnreachableException();

    /// <inheritdoc/>
    public void Dispose() => throw new UnreachableException();
}

/// <summary>Sizes and names of a store.</summary>
public sealed record StoreOptions
{
    /// <summary>The region's name: first part of its origin. 1 to 48 of <c>A-Z a-z 0-9 _ -</c>.</summary>
    public required string Region { get; init; }

    /// <summary>A random number for the incarnation, used only when the store is made.</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>Where the state database is: a file's path, or null for one in memory.</summary>
    public string? StatePath { get; init; }

    /// <summary>Size of a segment, in bytes. Default 64 MiB.</summary>
    public int SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Most bytes of sealed segments to keep; older ones are recycled. 0, the default, keeps everything.</summary>
    public long RetainBytes { get; init; }

    /// <summary>Limits and tolerances of the replica that recovers.</summary>
    public ReplicaOptions Replica { get; init; } = ReplicaOptions.Default;
}
