using Stentor.Protocol;

namespace Stentor.Node;

/// <content>What a reader is subscribed to. Changes are noted down by anyone, and made by whoever runs the reader.</content>
public sealed partial class Reader
{
    // Up to this many subscriptions, each is looked at when the reader runs. With more, the hub marks those that something came for.
    private const int UnmarkedMax = 16;

    private Subscription[] _subscriptions = [];

    // Subscriptions that something came for, each once; null while there are few. Under the lock, but whether it is there is changed under the hub's.
    private List<Subscription>? _marks;

    // Subscriptions that start before the position that the others have reached; they come first, one group after the other. Null when there are none.
    private List<LateGroup>? _late;
    private ChannelSet? _channels;
    private long _position;

    // Up to here an entry may match without being taken: a subscription starts later, or its token covers it.
    private long _conditionalThrough;

    /// <summary>The region's version vector up to which everything subscribed was handed to the sink: the session's context. Empty without subscriptions.</summary>
    public VersionVector Delivered
    {
        get
        {
            if (Subscriptions == 0)
            {
                return VersionVector.Empty;
            }

            var position = Volatile.Read(ref _position);
            var seen = _hub.Seen;
            return position >= _hub.Position ? seen : _hub.Store.SeenAt(position);
        }
    }

    /// <summary>Subscribes. Entries that match several subscriptions are sent once; what is subscribed again from an earlier start brings what came before.</summary>
    /// <param name="channels">Channels and patterns; allowed already.</param>
    /// <param name="after">Where to start: entries that this does not cover, which the region must cover itself. Null for now.</param>
    /// <param name="answer">
    /// Makes the bytes (in this reader's form) that are sent right before the first entry of these subscriptions, given what they start after.
    /// Called once, on a delivery thread; must not wait.
    /// </param>
    public void Subscribe(IReadOnlyList<ChannelPattern> channels, VersionVector? after, Func<VersionVector, ReadOnlyMemory<byte>>? answer)
    {
        var start = after is null ? 0 : _hub.Store.CoveredThrough(after);

        // With one origin a token and a position say the same; with several it may cover single entries beyond the position.
        var isExact = after is null || _hub.Store.SeenAt(start).Covers(after);
        Note(new Change.Subscribe(channels, after, start, isExact, answer));
    }

    /// <summary>Ends subscriptions; entries already on their way may still arrive.</summary>
    /// <param name="channels">Channels and patterns as they were subscribed.</param>
    public void Unsubscribe(IReadOnlyList<ChannelPattern> channels) => Note(new Change.Unsubscribe(channels));

    /// <summary>Whether the hub marks its subscriptions. Under the hub's lock.</summary>
    internal bool IsMarking => _marks is not null;

    /// <summary>Something came for a subscription.</summary>
    internal void Mark(Subscription subscription)
    {
        lock (_gate)
        {
            if (!subscription.IsMarked)
            {
                subscription.IsMarked = true;
                _marks!.Add(subscription); // Whoever marks has looked whether there are marks.
            }
        }
    }

    /// <summary>Notes a change down; false when the reader is closed.</summary>
    private bool Note(Change change)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return false;
            }

            (_changes ??= []).Add(change);
            _subscribed += change.Added;
        }

        Queue();
        return true;
    }

    private void ApplyChanges()
    {
        List<Change>? changes;
        lock (_gate)
        {
            (changes, _changes) = (_changes, null);
            _isApplying = changes is not null;
        }

        if (changes is null)
        {
            return;
        }

        foreach (var change in changes)
        {
            switch (change)
            {
                case Change.Subscribe added:
                    Add(added);
                    break;
                case Change.Unsubscribe removed:
                    Remove(removed);
                    break;
                case Change.Reach reach:
                    (_reached ??= []).Add(reach.Reached);
                    break;
                case Change.Written written:
                    lock (_gate)
                    {
                        Append(written.Bytes);
                    }

                    break;
            }
        }

        _channels = null;
        _conditionalThrough = _subscriptions.Length == 0 ? 0 : _subscriptions.Max(s => s.UnconditionalAfter);
        TaskCompletionSource? drained = null;
        lock (_gate)
        {
            _isApplying = false;
            _subscribed = _isDisposed ? 0 : _subscriptions.Length + (_changes?.Sum(c => c.Added) ?? 0);
            if (HasDrained)
            {
                (drained, _drained) = (_drained, null);
            }
        }

        drained?.TrySetResult();
    }

    private void Add(Change.Subscribe change)
    {
        var known = _subscriptions.ToLookup(s => s.Pattern);
        var added = change.Channels.Distinct().Where(pattern => !known[pattern].Any(change.AddsNothingTo)).ToArray();
        var startsAfter = change.After;
        _hub.Join((position, seen, tailOf) =>
        {
            startsAfter ??= seen;
            var start = change.After is null ? position : change.Start;
            if (_subscriptions.Length == 0)
            {
                Volatile.Write(ref _position, start);
            }
            else if (Array.TrueForAll(_subscriptions, s => s.Tail.Last <= _position) && _late is null)
            {
                Volatile.Write(ref _position, Math.Max(_position, position)); // Nothing for it stands between: it need not look.
            }

            var subscriptions = Array.ConvertAll(added, pattern =>
                new Subscription(this, pattern, start) { Tail = tailOf(pattern, _form), After = change.After, CoveredThrough = change.IsExact ? 0 : position });
            Array.ForEach(subscriptions, Hub.Add);
            if (start < _position && subscriptions.Length > 0)
            {
                (_late ??= []).Add(new LateGroup(subscriptions, start, _position));
            }

            _subscriptions = [.. _subscriptions, .. subscriptions];
            if (_subscriptions.Length > UnmarkedMax)
            {
                // From here on the hub marks what comes; what its tails hold already is looked at once.
                _marks ??= [];
                Array.ForEach(_subscriptions, Mark);
            }
        });

        if (change.Answer is not null)
        {
            var answer = change.Answer(startsAfter!); // Join has set it.
            lock (_gate)
            {
                _unsent += answer.Length;
                Append(answer.Span);
            }
        }
    }

    private void Remove(Change.Unsubscribe change)
    {
        var names = change.Channels.ToHashSet();
        var removed = Array.FindAll(_subscriptions, s => names.Contains(s.Pattern));
        _hub.Leave(removed);
        _subscriptions = Array.FindAll(_subscriptions, s => !names.Contains(s.Pattern));
        foreach (var group in _late ?? [])
        {
            group.Remove(names);
        }

        lock (_gate)
        {
            _marks?.RemoveAll(s => names.Contains(s.Pattern));
        }

        _late?.RemoveAll(group => group.Subscriptions.Length == 0);
        _late = _late is { Count: > 0 } ? _late : null;
    }

    /// <summary>What waits, in its order, for whoever runs the reader next.</summary>
    private abstract record Change
    {
        /// <summary>How many subscriptions it adds, at most.</summary>
        public virtual int Added => 0;

        /// <summary>A wish to subscribe.</summary>
        public sealed record Subscribe(
            IReadOnlyList<ChannelPattern> Channels,
            VersionVector? After,
            long Start,
            bool IsExact,
            Func<VersionVector, ReadOnlyMemory<byte>>? Answer) : Change
        {
            /// <inheritdoc/>
            public override int Added => Channels.Count;

            /// <summary>Whether a subscription to the same brings all that this asks for.</summary>
            public bool AddsNothingTo(Subscription subscription) =>
                After is null || (subscription.Start <= Start && (subscription.Covered is null || After.Covers(subscription.Covered)));
        }

        /// <summary>A wish to unsubscribe.</summary>
        public sealed record Unsubscribe(IReadOnlyList<ChannelPattern> Channels) : Change;

        /// <summary>A wish to know when all is handed over.</summary>
        public sealed record Reach(TaskCompletionSource Reached) : Change;

        /// <summary>Bytes that were written behind a subscription.</summary>
        public sealed record Written(byte[] Bytes) : Change;
    }

    /// <summary>Subscriptions that start before the position that the others have reached.</summary>
    private sealed class LateGroup(Subscription[] subscriptions, long position, long through)
    {
        private ChannelSet? _channels;

        /// <summary>The subscriptions.</summary>
        public Subscription[] Subscriptions { get; private set; } = subscriptions;

        /// <summary>What they name.</summary>
        public ChannelSet Channels => _channels ??= new ChannelSet(Subscriptions.Select(s => s.Pattern));

        /// <summary>How far the group is.</summary>
        public long Position { get; set; } = position;

        /// <summary>Where it meets the others.</summary>
        public long Through => through;

        /// <summary>Takes subscriptions out.</summary>
        public void Remove(HashSet<ChannelPattern> channels)
        {
            Subscriptions = Array.FindAll(Subscriptions, s => !channels.Contains(s.Pattern));
            _channels = null;
        }
    }
}
