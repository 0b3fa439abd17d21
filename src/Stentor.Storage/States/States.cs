using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// The states of all channels and the known publish ids, as far as they are durable: what changed since the last check-point in memory, what is
/// being written, and the database with a cache before it. One thread applies, one at a time checks in, any thread reads.
/// </summary>
internal sealed class States : IDisposable
{
    // A check-point is due after so much; at four times as much a commit waits for one. 250,000 entries fold again in well under 2 s;
    // with 100,000 ids or channels among them, each of which may cost a look into the database, too.
    private const int EntriesDue = 250_000;
    private const int ChannelsDue = 100_000;
    private const int IdsDue = 100_000;
    private const long BytesDue = 128 * 1024 * 1024;
    private const int FullFactor = 4;

    // Two halves: 150,000 small states that change all the time fit into one.
    private const long CacheBytes = 128 * 1024 * 1024;

    private readonly StateDatabase _database;
    private readonly bool _isDatabaseOwned;
    private readonly StateCache _cache = new(CacheBytes);
    private readonly KnownFilter _ids = new();
    private readonly KnownFilter _names = new();
    private readonly Lock _applying = new();
    private readonly Lock _checkpointing = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Thread? _filling;
    private volatile Overlay _overlay = new(new StateGeneration(0, 0), null, null);
    private long _entries;
    private int _channels;
    private int _published;
    private long _bytes;

    public States(StateDatabase database, StateMark start, bool isFilledInBackground, bool isDatabaseOwned = true)
    {
        _database = database;
        _isDatabaseOwned = isDatabaseOwned;
        Current = start;
        Checkpointed = start;
        if (isFilledInBackground && start.Position > 0)
        {
            _filling = new Thread(Fill) { Name = "stentor-known-ids", IsBackground = true };
            _filling.Start();
        }
        else
        {
            Fill();
        }
    }

    /// <summary>The database: for an examination.</summary>
    public StateDatabase Database => _database;

    /// <summary>What is applied.</summary>
    public StateMark Current { get; private set; }

    /// <summary>What is in the database.</summary>
    public StateMark Checkpointed { get; private set; }

    /// <summary>Whether enough has changed for a check-point before its time.</summary>
    public bool IsCheckpointDue => IsOver(1);

    /// <summary>How many channels and ids are in memory because they changed since the last check-point.</summary>
    public int Pending => Volatile.Read(ref _channels) + Volatile.Read(ref _published);

    /// <summary>Makes room when so much has changed that memory must not grow further: waits for the check-point that is running, or makes one.</summary>
    /// <exception cref="DiskException">There is no room, and a check-point cannot be made.</exception>
    public void MakeRoom()
    {
        while (IsOver(FullFactor))
        {
            Checkpoint();
        }
    }

    /// <summary>Makes a durable batch visible.</summary>
    /// <param name="outbox">What it brought about.</param>
    /// <param name="position">The position of its last entry.</param>
    /// <param name="entries">How many entries.</param>
    /// <param name="bytes">How many bytes of entries.</param>
    public void Apply(Outbox outbox, long position, int entries, long bytes)
    {
        lock (_applying)
        {
            var dirty = _overlay.Dirty;
            foreach (var (channel, state) in outbox.Channels)
            {
                if (dirty.Channels.TryAdd(channel, state))
                {
                    _names.Add(HashOf(channel));
                    _channels++;
                }
                else
                {
                    dirty.Channels[channel] = state;
                }
            }

            foreach (var id in outbox.Ids)
            {
                var key = IdKey.Of(id.Author, id.Id);
                _ids.Add(key.Hash);
                dirty.Ids[key] = id;
            }

            Current = Current with { Position = position, Mark = outbox.Mark };
            _published += outbox.Ids.Count;
            _entries += entries;
            _bytes += bytes;
        }
    }

    /// <summary>A channel's state; null when nothing was ever published there.</summary>
    /// <param name="channel">The channel.</param>
    public ChannelState? Find(string channel)
    {
        var overlay = _overlay;
        if (overlay.Dirty.Channels.TryGetValue(channel, out var state) || overlay.Frozen?.Channels.TryGetValue(channel, out state) == true)
        {
            return state;
        }

        state = _cache.Find(channel);
        if (state is not null || (_names.IsComplete && !_names.MayContain(HashOf(channel))))
        {
            return state;
        }

        var version = _cache.Version;
        if (_database.Read(reader => reader.Channel(channel)) is not { } found)
        {
            return null;
        }

        _cache.Add(channel, found.State, found.Bytes, version);
        return found.State;
    }

    /// <summary>What a publish id was used for; null when it is new.</summary>
    /// <param name="author">The author.</param>
    /// <param name="id">The id.</param>
    public PublishedId? FindId(string author, string id)
    {
        var key = IdKey.Of(author, id);
        if (_ids.IsComplete && !_ids.MayContain(key.Hash))
        {
            return null; // The usual case: a new id costs no look anywhere else.
        }

        var overlay = _overlay;
        return overlay.Dirty.Ids.TryGetValue(key, out var known) || overlay.Frozen?.Ids.TryGetValue(key, out known) == true
            ? known
            : _database.Read(reader => reader.Id((long)key.Hash, author, id));
    }

    /// <summary>A page of channels; see <see cref="Store.List"/>.</summary>
    /// <param name="pattern">Which.</param>
    /// <param name="afterName">The last name of the page before.</param>
    /// <param name="countMax">Most channels.</param>
    public IReadOnlyList<KeyValuePair<string, ChannelState>> List(ChannelPattern pattern, string afterName, int countMax)
    {
        var overlay = _overlay;
        var prefix = PrefixOf(pattern);
        var page = new SortedList<string, ChannelState>(StringComparer.Ordinal);
        foreach (var (name, state) in overlay.Dirty.Channels.Concat(overlay.Frozen?.Channels.AsEnumerable() ?? []))
        {
            if (string.CompareOrdinal(name, afterName) > 0 && pattern.Matches(name) && page.TryAdd(name, state) && page.Count > countMax)
            {
                page.RemoveAt(countMax);
            }
        }

        return _database.Read(reader =>
        {
            var fromDatabase = 0;
            foreach (var (name, state) in reader.Channels(afterName, prefix))
            {
                if (!name.StartsWith(prefix, StringComparison.Ordinal) || fromDatabase == countMax)
                {
                    break;
                }

                if (pattern.Matches(name))
                {
                    page.TryAdd(name, state); // What changed since the check-point is there already, and newer.
                    fromDatabase++;
                }
            }

            return page.Take(countMax).ToList();
        });
    }

    /// <summary>Writes what changed since the last check-point. Those who come while one runs wait for it, and then make the next.</summary>
    /// <exception cref="DiskException">It could not be written; it stays in memory and is written the next time.</exception>
    public void Checkpoint()
    {
        lock (_checkpointing)
        {
            if (_overlay.Frozen is not null)
            {
                WriteFrozen(); // What the last check-point could not write.
            }

            lock (_applying)
            {
                if (Current.Position == Checkpointed.Position)
                {
                    return;
                }

                // As large as the last one: what changed in one interval is a good guess for the next.
                _overlay = new Overlay(new StateGeneration(_channels, _published), _overlay.Dirty, Current);
                _entries = 0;
                _channels = 0;
                _published = 0;
                _bytes = 0;
            }

            WriteFrozen();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Cancel();
        _filling?.Join();
        if (_isDatabaseOwned)
        {
            _database.Dispose();
        }

        _stopping.Dispose();
    }

    private static ulong HashOf(string channel)
    {
        Span<byte> bytes = stackalloc byte[ChannelName.LengthMax];
        return Checksum.Xxh64(bytes[..System.Text.Encoding.UTF8.GetBytes(channel, bytes)], 0);
    }

    /// <summary>The text up to a pattern's first wildcard: all that match start with it.</summary>
    private static string PrefixOf(ChannelPattern pattern)
    {
        var end = pattern.Text.AsSpan().IndexOfAny('*', '>');
        return end < 0 ? pattern.Text : pattern.Text[..end];
    }

    private bool IsOver(int factor)
    {
        return Interlocked.Read(ref _entries) >= EntriesDue * (long)factor
            || Interlocked.Read(ref _bytes) >= BytesDue * factor
            || Volatile.Read(ref _channels) >= ChannelsDue * factor
            || Volatile.Read(ref _published) >= IdsDue * factor;
    }

    private void WriteFrozen()
    {
        var overlay = _overlay;
        var written = new List<(string, ChannelState, int)>(overlay.Frozen!.Channels.Count);
        _database.Write(overlay.Frozen, overlay.FrozenMark!, (channel, state, bytes) => written.Add((channel, state, bytes)));

        // The cache before the overlay goes: no reader may fall through to what the cache held before.
        _cache.Replace(written);
        Checkpointed = overlay.FrozenMark!;
        lock (_applying)
        {
            _overlay = new Overlay(_overlay.Dirty, null, null);
        }
    }

    private void Fill()
    {
        try
        {
            _database.Read(reader =>
            {
                foreach (var hash in reader.Hashes())
                {
                    _stopping.Token.ThrowIfCancellationRequested();
                    _ids.Add(hash);
                }

                foreach (var name in reader.Names())
                {
                    _stopping.Token.ThrowIfCancellationRequested();
                    _names.Add(HashOf(name));
                }

                return 0;
            });
            _ids.IsComplete = true;
            _names.IsComplete = true;
        }
        catch (Exception e) when (e is OperationCanceledException or DiskException)
        {
            // Not complete: every look goes to the database, which is slower and says itself what is wrong.
        }
    }

    /// <summary>What is newer than the database.</summary>
    /// <param name="Dirty">Changed since the last check-point began.</param>
    /// <param name="Frozen">Being written by it; null when none runs.</param>
    /// <param name="FrozenMark">What the database reflects with it.</param>
    private sealed record Overlay(StateGeneration Dirty, StateGeneration? Frozen, StateMark? FrozenMark);
}
