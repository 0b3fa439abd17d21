using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// What a node knows: the ledger and the states that are its fold. One thread commits; any thread may read, and reads only what is durable.
/// </summary>
public sealed partial class Store : IStates, IEntryLog, IDisposable
{
    private const int BatchBytes = 1024 * 1024;

    private readonly Ledger _ledger;
    private readonly States _states;
    private readonly StoreOptions _options;
    private bool _isDisposed;

    private Store(Ledger ledger, States states, StoreOptions options)
    {
        _ledger = ledger;
        _states = states;
        _options = options;
    }

    /// <summary>The origin under which this region numbers its entries; made with the store, changed by a batch that takes a new incarnation.</summary>
    public OriginId Origin => _ledger.Self;

    /// <summary>The origin that this store had when it was opened, if it was found to be a copy and goes on under another one; else null.</summary>
    public OriginId? OriginBefore { get; private set; }

    /// <summary>Where a replica goes on.</summary>
    public ReplicaMark Mark => _states.Current.Mark;

    /// <summary>The last durable position; 0 when there is none.</summary>
    public long Position => _ledger.Position;

    /// <summary>The first position that is held; 1 unless retention cut some off.</summary>
    public long FirstPosition => _ledger.FirstPosition;

    /// <summary>The ledger: for tests.</summary>
    internal Ledger Ledger => _ledger;

    /// <summary>The states: for an examination.</summary>
    internal States States => _states;

    /// <summary>Whether so much has changed that a check-point should not wait for its time: it bounds memory, and how long the next start takes.</summary>
    public bool IsCheckpointDue => _states.IsCheckpointDue;

    /// <summary>Told of damage when it is found, on the thread that found it: which positions, and where. It must not wait and must not throw.</summary>
    public event Action<LedgerHole>? DamageFound
    {
        add => _ledger.Damage.Found += value;
        remove => _ledger.Damage.Found -= value;
    }

    /// <summary>How it is doing.</summary>
    public StoreStatus Status => new(
        Position,
        FirstPosition,
        _states.Checkpointed.Position,
        _states.Pending,
        _ledger.Segments.Length,
        _ledger.Segments.Sum(s => s.FileBytes),
        _ledger.Damage.Positions,
        _ledger.Damage.Holes,
        _ledger.Cache.Rebuilt,
        _ledger.Housekeeper.Fault?.Message);

    /// <summary>Makes a batch durable and then visible: entries to the ledger, one sync, states to memory. They take the positions after <see cref="Position"/>.</summary>
    /// <param name="outbox">The batch.</param>
    /// <exception cref="DiskException">It is not durable; nothing of it is visible, and the replica must be rolled back. The next call tries again on sound ground.</exception>
    public void Commit(Outbox outbox)
    {
        if (outbox.Entries.Count == 0 && outbox.Self is null)
        {
            return;
        }

        _states.MakeRoom();
        _ledger.Append(outbox);
        _states.Apply(outbox, Position + outbox.Entries.Count, outbox.Entries.Count, outbox.Bytes.Length);
        _ledger.Publish();
    }

    /// <inheritdoc/>
    public ChannelState? Find(string channel) => _states.Find(channel);

    /// <inheritdoc/>
    public PublishedId? FindId(string author, string id) => _states.FindId(author, id);

    /// <inheritdoc/>
    /// <exception cref="LedgerFaultException">Some of it is damaged. What retention took is left out without a word: it was the operator's choice.</exception>
    public IEnumerable<ReadOnlyMemory<byte>> History(string channel)
    {
        var channels = new ChannelSet(ChannelPattern.Parse(channel));
        var batch = new LedgerBatch();
        for (var after = FirstPosition - 1; after < Position; after = batch.Through)
        {
            Read(after, channels, BatchBytes, batch);
            if (batch.Holes.Count > 0 && batch.Holes[0].First >= FirstPosition)
            {
                throw new HistoryFaultException($"The history of {channel} cannot be folded again: positions {batch.Holes[0].First} to {batch.Holes[0].Last} are {batch.Holes[0].Reason}. Run `stentor doctor`.");
            }

            foreach (var slice in batch.Entries)
            {
                yield return batch.Bytes.WrittenMemory.Slice(slice.Offset, slice.Length);
            }
        }
    }

    /// <summary>Names of channels in ordinal order, a page at a time.</summary>
    /// <param name="pattern">Which.</param>
    /// <param name="afterName">The last name of the page before; empty for the first page.</param>
    /// <param name="countMax">Most channels on the page.</param>
    public IReadOnlyList<KeyValuePair<string, ChannelState>> List(ChannelPattern pattern, string afterName, int countMax) =>
        _states.List(pattern, afterName, countMax);

    /// <summary>Reads entries forwards: those after a position, in order, until <paramref name="bytesMax"/> is reached (at least one entry) or nothing durable is left.</summary>
    /// <param name="after">The position before the first one wanted.</param>
    /// <param name="channels">Which channels.</param>
    /// <param name="bytesMax">About how many bytes to read at most.</param>
    /// <param name="batch">Cleared and filled; its <c>Through</c> is where to go on.</param>
    public void Read(long after, ChannelSet channels, int bytesMax, LedgerBatch batch) => _ledger.Read(after, channels, bytesMax, batch);

    /// <summary>Reads every entry forwards, of reserved channels too.</summary>
    /// <param name="after">The position before the first one wanted.</param>
    /// <param name="bytesMax">About how many bytes to read at most.</param>
    /// <param name="batch">Cleared and filled; its <c>Through</c> is where to go on.</param>
    public void ReadAll(long after, int bytesMax, LedgerBatch batch) => _ledger.Read(after, channels: null, bytesMax, batch);

    /// <summary>Reads the newest entries before a position; in the batch they stand in the order of their positions.</summary>
    /// <param name="before">The position after the last one wanted.</param>
    /// <param name="channels">Which channels.</param>
    /// <param name="countMax">Most entries.</param>
    /// <param name="bytesMax">About how many bytes at most.</param>
    /// <param name="batch">Cleared and filled; its <c>Through</c> is where to go on backwards: as the next <paramref name="before"/>.</param>
    public void ReadNewest(long before, ChannelSet channels, int countMax, int bytesMax, LedgerBatch batch) =>
        _ledger.ReadNewest(before, channels, countMax, bytesMax, batch);

    /// <summary>The region's version vector at a position.</summary>
    /// <param name="position">0 to <see cref="Position"/>. Before <see cref="FirstPosition"/>: the vector just before that.</param>
    public VersionVector SeenAt(long position) => _ledger.SeenAt(Math.Min(position, Position));

    /// <summary>The position up to which a vector covers everything: the first entry it does not cover stands right after. Later entries may be covered too.</summary>
    /// <param name="seen">What a reader has seen.</param>
    /// <returns>0 when something of what retention took is not covered either: which position that had is no longer known.</returns>
    public long CoveredThrough(VersionVector seen) => _ledger.CoveredThrough(seen);

    /// <summary>Writes what changed since the last check-point into the state database. The caller sees to it that one runs at a time; commits go on meanwhile.</summary>
    /// <exception cref="DiskException">It could not be written; nothing is lost, and the next one tries again.</exception>
    public void Checkpoint()
    {
        _states.Checkpoint();
        _ledger.Housekeeper.SafePosition = _states.Checkpointed.Position;
        if (_options.IsHousekeepingInBackground)
        {
            _ledger.Housekeeper.Signal();
        }
        else
        {
            _ledger.Housekeeper.Run();
        }
    }

    /// <summary>Closes it. What is not in a check-point is folded again at the next start.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _ledger.Dispose();
        _states.Dispose();
    }
}

/// <summary>How a store is doing.</summary>
/// <param name="Position">The last durable position.</param>
/// <param name="FirstPosition">The first position that is held.</param>
/// <param name="CheckpointPosition">The last position that is in the state database.</param>
/// <param name="Pending">Channels and publish ids in memory because they changed since then.</param>
/// <param name="Segments">Segments of the ledger.</param>
/// <param name="LedgerBytes">Their size on disk.</param>
/// <param name="DamagedPositions">Positions found damaged since the store was opened.</param>
/// <param name="Damage">Which ones, in order; at most 1,000 ranges.</param>
/// <param name="IndexesRebuilt">Index files that were missing or damaged, and were made again.</param>
/// <param name="HousekeepingFault">Why pre-writing, indexing or retention did not get done; null when all is well. It is tried again at every check-point.</param>
public sealed record StoreStatus(
    long Position,
    long FirstPosition,
    long CheckpointPosition,
    int Pending,
    int Segments,
    long LedgerBytes,
    long DamagedPositions,
    IReadOnlyList<LedgerHole> Damage,
    long IndexesRebuilt,
    string? HousekeepingFault);

/// <summary>Sizes and names of a store.</summary>
public sealed record StoreOptions
{
    /// <summary>The origin of a region's incarnation: its name and the incarnation's low 32 bits, since origins stand in every entry, and a region has few incarnations.</summary>
    /// <param name="region">The region's name.</param>
    /// <param name="incarnation">Random.</param>
    public static OriginId OriginOf(string region, ulong incarnation) => new($"{region}-{(uint)incarnation:x8}");

    /// <summary>The region's name: first part of its origin. 1 to 48 of <c>A-Z a-z 0-9 _ -</c>.</summary>
    public required string Region { get; init; }

    /// <summary>A random number for the incarnation, used only when the store is made.</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>Where the state database is: a file's path, or null for one in memory.</summary>
    public string? StatePath { get; init; }

    /// <summary>The state database, in memory and owned by the caller, in place of <see cref="StatePath"/>: it outlives the store, as a file would.</summary>
    public StateMemory? StateMemory { get; init; }

    /// <summary>Size of a segment, in bytes, at least 8 KiB. Default 64 MiB.</summary>
    public int SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Most bytes of sealed segments to keep; older ones are recycled. 0, the default, keeps everything.</summary>
    public long RetainBytes { get; init; }

    /// <summary>
    /// Whether spares, indexes and retention are seen to by a thread of the store. Default true; otherwise they are part of
    /// <see cref="Store.Checkpoint"/>, so that a simulated run is the same every time.
    /// </summary>
    public bool IsHousekeepingInBackground { get; init; } = true;

    /// <summary>Limits and tolerances of the replica that recovers.</summary>
    public ReplicaOptions Replica { get; init; } = ReplicaOptions.Default;
}
