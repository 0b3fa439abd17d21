using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Node;

/// <summary>
/// Brings committed entries to readers: tails, positions, catch-up from the ledger; live, catch-up and slow readers are one path. One thread appends;
/// readers come and go on any.
/// </summary>
public sealed class Hub : IDisposable
{
    // Readers looked at before a thread asks for other work: 32 sends of 5 µs.
    private const int Stretch = 32;

    // Readers that the sequencer sends to before it looks for commands: 16 sends of 5 µs, about a sync of the disk, in which the next batch gathers. With 4,
    // the worker was woken for most batches of a channel with 10 readers, for a fifth more processor time and no better latency.
    private const int ReadersInAnyCase = 16;

    private readonly Store _store;
    private readonly NodeOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly RouteTable _routes = new();
    private readonly TailBudget _budget;
    private readonly List<Tail> _dirty = [];
    private readonly List<TaskCompletionSource> _arrived = [];
    private readonly DeliveryQueue _ready = new();
    private readonly DeliveryQueue _behind = new();
    private readonly DeliveryContext _onSequencer = new(mayRead: false);
    private readonly DeliveryContext _onWorker = new(mayRead: false);
    private readonly DeliveryContext _onCatchUp = new(mayRead: true);
    private readonly Thread[] _threads;
    private long _position;
    private long _commit;
    private int _readers;
    private int _sequencerThread;
    private VersionVector _seen;

    internal Hub(Store store, VersionVector seen, NodeOptions options, TimeProvider time, ILogger log)
    {
        (_store, _options, _time, _log) = (store, options, time, log);
        (_position, _seen) = (store.Position, seen);
        _budget = new TailBudget(options.TailsBytes);
        Coverage = new Coverage(time);
        Coverage.OnSeen(seen);
        _threads =
        [
            new Thread(() => Run(_ready, _onWorker)) { Name = "stentor delivery", IsBackground = true },
            new Thread(() => Run(_behind, _onCatchUp)) { Name = "stentor catch-up", IsBackground = true },
        ];
        Array.ForEach(_threads, thread => thread.Start());
    }

    /// <summary>Readers at the moment.</summary>
    public int Readers => Volatile.Read(ref _readers);

    /// <summary>The last position that is durable and appended to the tails.</summary>
    public long Position => Volatile.Read(ref _position);

    /// <summary>The region's version vector at <see cref="Position"/>.</summary>
    public VersionVector Seen => Volatile.Read(ref _seen);

    /// <summary>Readers that wait for their turn to read from the ledger.</summary>
    internal int ReadersBehind => _behind.Count;

    /// <summary>Tails that have readers.</summary>
    internal int TailsInUse
    {
        get
        {
            lock (_gate)
            {
                return _routes.Tails;
            }
        }
    }

    /// <summary>Memory of all tails, in bytes.</summary>
    internal long TailBytes => _budget.Bytes;

    /// <summary>Entries handed to readers' sinks.</summary>
    internal long Deliveries => _onSequencer.Entries + _onWorker.Entries + _onCatchUp.Entries;

    /// <summary>Bytes handed to readers' sinks.</summary>
    internal long DeliveredBytes => _onSequencer.Bytes + _onWorker.Bytes + _onCatchUp.Bytes;

    /// <summary>Reads from the ledger for readers.</summary>
    internal long CatchUpReads => _onCatchUp.Reads;

    internal Store Store => _store;

    internal ILogger Log => _log;

    internal Coverage Coverage { get; }

    /// <summary>Makes a reader without subscriptions.</summary>
    /// <param name="form">The byte form it takes.</param>
    /// <param name="sink">Where its bytes go.</param>
    public Reader Open(WireForm form, ISink sink)
    {
        Interlocked.Increment(ref _readers);
        return new Reader(this, form, sink);
    }

    /// <summary>Ends the delivery threads; readers get nothing more.</summary>
    public void Dispose()
    {
        _ready.Close();
        _behind.Close();
        Array.ForEach(_threads, thread => thread.Join());
    }

    /// <summary>Appends a durable batch to the tails. The sequencer's thread; <see cref="Deliver"/> must follow.</summary>
    /// <param name="outbox">The batch.</param>
    /// <param name="after">The position before its first entry.</param>
    /// <param name="seenBefore">The region's version vector before it.</param>
    internal void Append(Outbox outbox, long after, VersionVector seenBefore)
    {
        var seen = outbox.Mark.Seen;
        lock (_gate)
        {
            if (_routes.Count > 0)
            {
                AppendToTails(outbox, after, seenBefore);
            }

            Volatile.Write(ref _seen, seen);
            Volatile.Write(ref _position, after + outbox.Entries.Count);
        }

        foreach (var tail in _dirty)
        {
            if (tail.MarkDirty())
            {
                _ready.Add(new Work(null, tail, null, 0), wake: false);
            }
        }

        _dirty.Clear();
        foreach (var wait in _arrived)
        {
            wait.TrySetResult();
        }

        _arrived.Clear();
        Coverage.OnSeen(seen);
    }

    /// <summary>
    /// Delivers on this thread, the sequencer's, as long as it has nothing better to do, and a little in any case: waking another thread costs more
    /// than a few sends. The rest is the worker's, while the next batch is applied and synced.
    /// </summary>
    /// <param name="isIdle">Whether it has nothing better to do.</param>
    internal void Deliver(Func<bool> isIdle)
    {
        var readers = 0;
        while (_ready.TryTake(out var work))
        {
            readers += work.Tail is null ? 1 : (work.Items ?? work.Tail.Subscriptions.Items).Length - work.From;
            if (readers > ReadersInAnyCase && !isIdle())
            {
                _ready.PutBack(work);
                _ready.Wake();
                return;
            }

            Do(work, _onSequencer);
        }
    }

    /// <summary>The calling thread is the sequencer's: readers that it makes ready wait for <see cref="Deliver"/>.</summary>
    internal void BindSequencer() => Volatile.Write(ref _sequencerThread, Environment.CurrentManagedThreadId);

    /// <summary>A reader wants to run.</summary>
    internal void Ready(Reader reader) => _ready.Add(new Work(reader, null, null, 0), wake: Environment.CurrentManagedThreadId != Volatile.Read(ref _sequencerThread));

    /// <summary>A reader wants to read from the ledger.</summary>
    internal void Behind(Reader reader) => _behind.Add(new Work(reader, null, null, 0), wake: true);

    /// <summary>Puts a reader's new subscriptions on their tails.</summary>
    /// <param name="join">Makes the subscriptions, given the region's position and vector and the tail of a pattern.</param>
    internal void Join(Action<long, VersionVector, Func<ChannelPattern, WireForm, Tail>> join)
    {
        lock (_gate)
        {
            join(_position, _seen, TailOf);
        }
    }

    /// <summary>Adds a subscription to its tail. Within <see cref="Join"/>.</summary>
    internal static void Add(Subscription subscription) => subscription.Tail.Subscriptions.Add(subscription);

    /// <summary>Takes subscriptions off their tails; a tail goes with its last reader.</summary>
    internal void Leave(IEnumerable<Subscription> subscriptions)
    {
        lock (_gate)
        {
            foreach (var subscription in subscriptions)
            {
                var tail = subscription.Tail;
                tail.Subscriptions.Remove(subscription);
                if (tail.Subscriptions.Count == 0)
                {
                    tail.Drop();
                    tail.Slot[tail.Form] = null;
                    _routes.Forget(tail.Slot);
                    _routes.RemoveIfEmpty(tail.Slot);
                }
            }
        }
    }

    /// <summary>Counts a reader that is gone.</summary>
    internal void OnClosed() => Interlocked.Decrement(ref _readers);

    /// <summary>Waits until an entry after a position in some channels is durable.</summary>
    internal async ValueTask<bool> WaitForEntryAsync(ChannelSet channels, long position, TimeSpan wait, CancellationToken cancellationToken)
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var slots = new List<Slot>();
        long now;
        lock (_gate)
        {
            now = _position;
            foreach (var pattern in channels.Patterns)
            {
                var slot = _routes.GetOrAdd(pattern);
                slot.Waits.Add(arrived);
                slots.Add(slot);
            }
        }

        try
        {
            if (!HasEntry(channels, position, now))
            {
                await arrived.Task.WaitAsync(wait, _time, cancellationToken);
            }

            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            lock (_gate)
            {
                foreach (var slot in slots)
                {
                    slot.Waits.Remove(arrived);
                    _routes.RemoveIfEmpty(slot);
                }
            }
        }
    }

    // What came between the caller's look and its wait.
    private bool HasEntry(ChannelSet channels, long position, long through)
    {
        var batch = new LedgerBatch();
        while (position < through)
        {
            _store.Read(position, channels, bytesMax: 1, batch);
            if (batch.Entries.Exists(entry => !entry.Repeat))
            {
                return true;
            }

            position = batch.Through;
        }

        return false;
    }

    private Tail TailOf(ChannelPattern pattern, WireForm form)
    {
        var slot = _routes.GetOrAdd(pattern);
        if (slot[form] is not { } tail)
        {
            tail = new Tail(slot, form, _position, _options.TailBytes, _budget);
            slot[form] = tail;
            _routes.Forget(slot);
        }

        return tail;
    }

    private void AppendToTails(Outbox outbox, long after, VersionVector seenBefore)
    {
        // From the end, to know each channel's last entry in this commit: that one carries the seen token.
        var commit = ++_commit;
        var entries = outbox.Entries;
        Span<byte> token = stackalloc byte[SeenToken.EncodedLengthMax(outbox.Mark.Seen)];
        Span<bool> isLast = entries.Count <= 1024 ? stackalloc bool[entries.Count] : new bool[entries.Count];
        for (var i = entries.Count - 1; i >= 0; i--)
        {
            if (!entries[i].Repeat)
            {
                var route = _routes.RouteOf(entries[i].Channel);
                isLast[i] = route.Commit != commit;
                route.Commit = commit;
            }
        }

        var bytes = outbox.Bytes.WrittenSpan;
        var seen = seenBefore;
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            if (i > 0 && entries[i - 1].Origin != entry.Origin)
            {
                seen = seen.With(entries[i - 1].Origin, entries[i - 1].Seq);
            }

            if (entry.Repeat)
            {
                continue;
            }

            var route = _routes.RouteOf(entry.Channel);
            var entryBytes = bytes.Slice(entry.Offset, entry.Length);
            var tokenLength = 0;
            foreach (var tail in route.Tails)
            {
                if (!WireForms.Carries(tail.Form, entryBytes))
                {
                    continue; // To the tail's readers it is like an entry of another channel.
                }

                var hasToken = WireForms.HasToken(tail.Form, isLast[i]);
                if (hasToken && tokenLength == 0)
                {
                    tokenLength = SeenToken.Encode(seen, entry.Origin, entry.Seq, token);
                }

                var isFirst = tail.Last <= after;
                tail.Append(after + 1 + i, entryBytes, hasToken ? token[..tokenLength] : default);
                if (isFirst)
                {
                    // After the entry is there: a reader takes a mark away when it finds nothing new.
                    _dirty.Add(tail);
                    Mark(tail);
                }
            }

            if (isLast[i])
            {
                foreach (var slot in route.Slots)
                {
                    _arrived.AddRange(slot.Waits);
                }
            }
        }
    }

    /// <summary>Tells readers of many channels which one something comes for; those of few look themselves.</summary>
    private static void Mark(Tail tail)
    {
        foreach (var subscription in tail.Subscriptions.Items)
        {
            if (subscription is not null && subscription.Reader.IsMarking)
            {
                subscription.Reader.Mark(subscription);
            }
        }
    }

    private void Run(DeliveryQueue queue, DeliveryContext context)
    {
        while (queue.Take(out var work))
        {
            Do(work, context);
        }
    }

    private void Do(in Work work, DeliveryContext context)
    {
        if (work.Reader is not null)
        {
            work.Reader.RunQueued(context);
            return;
        }

        var items = work.Items;
        if (items is null)
        {
            // In this order: who comes later than the list runs by itself, what comes later than the mark makes it dirty again.
            work.Tail!.MarkClean(); // Work is a reader or a tail.
            items = work.Tail.Subscriptions.Items;
        }

        var end = Math.Min(work.From + Stretch, items.Length);
        if (end < items.Length)
        {
            _ready.PutBack(work with { Items = items, From = end });
        }

        foreach (var subscription in items.AsSpan(work.From..end))
        {
            subscription?.Reader.RunIfIdle(context);
        }
    }
}
