using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>What one reader takes of one channel or pattern.</summary>
/// <param name="reader">Whose it is.</param>
/// <param name="pattern">The channel or pattern.</param>
/// <param name="start">It takes entries after this position.</param>
internal sealed class Subscription(Reader reader, ChannelPattern pattern, long start)
{
    /// <summary>Whose it is.</summary>
    public Reader Reader => reader;

    /// <summary>The channel or pattern.</summary>
    public ChannelPattern Pattern => pattern;

    /// <summary>It takes entries after this position.</summary>
    public long Start => start;

    /// <summary>What its reader had when it subscribed; null when it asked for what is new.</summary>
    public VersionVector? After { get; init; }

    /// <summary>Up to here, entries that <see cref="After"/> covers are not taken; 0 when it says the same as the start does.</summary>
    public long CoveredThrough { get; init; }

    /// <summary>What is not taken, up to <see cref="CoveredThrough"/>: the reader has it. Null for no such.</summary>
    public VersionVector? Covered => CoveredThrough > 0 ? After : null;

    /// <summary>The tail it reads.</summary>
    public required Tail Tail { get; init; }

    /// <summary>Whether something came for it that its reader has not looked at. Under the reader's lock.</summary>
    public bool IsMarked { get; set; }

    /// <summary>Where it stands in the tail's list. Under the hub's lock.</summary>
    public int Index { get; set; }

    /// <summary>From this position on every entry that matches is taken.</summary>
    public long UnconditionalAfter => Covered is null ? start : Math.Max(start, CoveredThrough);

    /// <summary>Whether an entry is taken.</summary>
    /// <param name="position">Its position.</param>
    /// <param name="entry">Its bytes.</param>
    /// <param name="channel">Its channel.</param>
    public bool Takes(long position, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> channel) =>
        position > start && pattern.Matches(channel) && !(Covered is not null && position <= CoveredThrough && IsCovered(entry));

    private bool IsCovered(ReadOnlySpan<byte> entry)
    {
        if (!EntryHeader.TryRead(entry, out var header))
        {
            return false;
        }

        foreach (var (origin, seq) in Covered!.Components) // Its callers looked.
        {
            if (header.Origin.SequenceEqual(System.Text.Encoding.ASCII.GetBytes(origin.Value)))
            {
                return header.Seq <= seq;
            }
        }

        return false;
    }
}

/// <summary>Subscriptions of a tail: changed under the hub's lock, walked by anyone. Who comes while someone walks may be missed, who goes may still be met.</summary>
internal sealed class SubscriptionList
{
    private Subscription?[] _items = new Subscription?[1];
    private int _end;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The places to walk over; some are empty.</summary>
    public Subscription?[] Items => Volatile.Read(ref _items);

    /// <summary>Adds one.</summary>
    public void Add(Subscription subscription)
    {
        if (_end == _items.Length)
        {
            Compact();
        }

        subscription.Index = _end;
        Volatile.Write(ref _items[_end++], subscription);
        Count++;
    }

    /// <summary>Removes one.</summary>
    public void Remove(Subscription subscription)
    {
        _items[subscription.Index] = null;
        Count--;
        if (Count < _items.Length / 4)
        {
            Compact();
        }
    }

    private void Compact()
    {
        // A new array, so that whoever walks over the old one misses nobody.
        var items = new Subscription?[(Count * 2) + 1];
        _end = 0;
        foreach (var item in _items)
        {
            if (item is not null)
            {
                item.Index = _end;
                items[_end++] = item;
            }
        }

        Volatile.Write(ref _items, items);
    }
}
