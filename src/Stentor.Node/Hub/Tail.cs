using System.Diagnostics;

namespace Stentor.Node;

/// <summary>
/// The newest entries of a channel or shared pattern, encoded once for a wire form. Appended to under the hub's lock; read by anyone without one.
/// What it no longer holds is read from the ledger.
/// </summary>
/// <param name="slot">Which channel or pattern.</param>
/// <param name="form">Which form.</param>
/// <param name="after">It holds everything after this position.</param>
/// <param name="bytesMax">Most bytes; older blocks go.</param>
/// <param name="budget">Counts the memory of all tails.</param>
internal sealed class Tail(Slot slot, WireForm form, long after, int bytesMax, TailBudget budget)
{
    private volatile TailView _view = new([], after);
    private long _last = after;
    private int _bytes;
    private int _isDirty;

    /// <summary>Which channel or pattern.</summary>
    public Slot Slot => slot;

    /// <summary>Which form.</summary>
    public WireForm Form => form;

    /// <summary>Who reads it. Changed under the hub's lock.</summary>
    public SubscriptionList Subscriptions { get; } = new();

    /// <summary>It holds everything after this position.</summary>
    public long After => _view.After;

    /// <summary>Position of the newest entry; or after which it started, when none came yet.</summary>
    public long Last => Volatile.Read(ref _last);

    /// <summary>Appends an entry. Under the hub's lock.</summary>
    public void Append(long position, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> token)
    {
        Debug.Assert(position > _last, $"position {position} after {_last}");
        if (_view.Blocks is not [.., var newest] || !newest.TryAppend(position, form, entry, token))
        {
            Begin(position, entry, token);
        }

        Volatile.Write(ref _last, position);
    }

    /// <summary>Forgets a block and all before it. Under the hub's lock.</summary>
    public void Drop(Block block)
    {
        var blocks = _view.Blocks;
        var count = Array.IndexOf(blocks, block) + 1;
        _view = new TailView(count == blocks.Length ? [] : blocks[count..], block.Last);
        foreach (var dropped in blocks.AsSpan(0, count))
        {
            _bytes -= dropped.Size;
            budget.Remove(dropped);
            dropped.Release();
        }
    }

    /// <summary>Forgets everything: its last reader is gone. Under the hub's lock.</summary>
    public void Drop()
    {
        if (_view.Blocks is [.., var newest])
        {
            Drop(newest);
        }
    }

    /// <summary>Finds the first block with an entry after a position.</summary>
    /// <param name="position">What its reader has.</param>
    /// <param name="block">The block, held: release it. Null when there is no such entry.</param>
    /// <returns>False when the tail no longer holds what comes after the position.</returns>
    public bool TryFind(long position, out Block? block)
    {
        while (true)
        {
            var view = _view;
            block = null;
            if (position < view.After)
            {
                return false;
            }

            var isCurrent = true;
            for (var i = 0; i < view.Blocks.Length && isCurrent; i++)
            {
                var candidate = view.Blocks[i];
                if (!TryHold(candidate, view))
                {
                    isCurrent = false; // Blocks came or went meanwhile: look at the newer view.
                }
                else if (candidate.Last > position)
                {
                    block = candidate;
                    return true;
                }
                else
                {
                    candidate.Release();
                }
            }

            if (isCurrent)
            {
                return true;
            }
        }
    }

    /// <summary>Adds the entries after a position, up to another, to a list; each holds its block.</summary>
    /// <returns>False when the tail no longer holds what comes after the position.</returns>
    public bool TryCollect(long position, long through, List<MergeItem> items)
    {
        while (TryFind(position, out var block))
        {
            if (block is null)
            {
                return true;
            }

            var end = block.Count;
            for (var i = block.IndexAfter(position, end); i < end; i++)
            {
                position = block.PositionOf(i);
                if (position > through)
                {
                    block.Release();
                    return true;
                }

                items.Add(new MergeItem(position, block, i));
                var isHeld = block.TryAcquire();
                Debug.Assert(isHeld, "a block that is held can be held again");
            }

            block.Release();
        }

        return false;
    }

    /// <summary>Notes that its readers must be looked at; false when that was noted already and nobody has begun yet.</summary>
    public bool MarkDirty() => Interlocked.Exchange(ref _isDirty, 1) == 0;

    /// <summary>The readers are about to be looked at.</summary>
    public void MarkClean() => Interlocked.Exchange(ref _isDirty, 0);

    private void Begin(long position, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> token)
    {
        // Each block is larger than the one before: a channel that few entries come to stays small.
        var wanted = WireForms.EntryLengthMax(entry.Length, token.Length);
        if (_view.Blocks is [.., var newest])
        {
            wanted = Math.Max(wanted, Math.Min(newest.Size + 1, BlockPool.SizeMax));
        }

        // This may drop blocks of this very tail.
        var size = BlockPool.SizeFor(wanted);
        budget.MakeRoom(size);
        while (_bytes + size > bytesMax && _view.Blocks is [var oldest, ..])
        {
            Drop(oldest);
        }

        var block = BlockPool.Rent(wanted);
        block.Begin(this);
        block.TryAppend(position, form, entry, token);
        budget.Add(block);
        _bytes += size;
        var view = _view;
        _view = view.Blocks.Length == 0 ? new TailView([block], view.After) : new TailView([.. view.Blocks, block], view.After);
    }

    private bool TryHold(Block block, TailView view)
    {
        if (!block.TryAcquire())
        {
            return false;
        }

        // It may have gone, and come back to another tail: only what the view says now counts.
        if (ReferenceEquals(_view, view))
        {
            return true;
        }

        block.Release();
        return false;
    }

    /// <summary>What a tail holds. Immutable, but for what is appended to its last block.</summary>
    /// <param name="Blocks">From old to new.</param>
    /// <param name="After">Everything after this position is held.</param>
    private sealed record TailView(Block[] Blocks, long After);
}

/// <summary>The memory of all tails together, and which block is the oldest. Under the hub's lock.</summary>
/// <param name="bytesMax">Most bytes; past it the oldest block goes.</param>
internal sealed class TailBudget(long bytesMax)
{
    private Block? _oldest;
    private Block? _newest;
    private long _bytes;

    /// <summary>Bytes of all blocks held.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Drops the oldest blocks until another one fits.</summary>
    /// <param name="size">Its size.</param>
    public void MakeRoom(int size)
    {
        while (_bytes + size > bytesMax && _oldest is { } oldest)
        {
            oldest.Tail!.Drop(oldest); // Every block that is counted has a tail.
        }
    }

    /// <summary>Counts a new block.</summary>
    public void Add(Block block)
    {
        block.Older = _newest;
        if (_newest is null)
        {
            _oldest = block;
        }
        else
        {
            _newest.Newer = block;
        }

        _newest = block;
        _bytes += block.Size;
    }

    /// <summary>Counts a block that is gone.</summary>
    public void Remove(Block block)
    {
        if (block.Older is null)
        {
            _oldest = block.Newer;
        }
        else
        {
            block.Older.Newer = block.Newer;
        }

        if (block.Newer is null)
        {
            _newest = block.Older;
        }
        else
        {
            block.Newer.Older = block.Older;
        }

        (block.Older, block.Newer) = (null, null);
        _bytes -= block.Size;
    }
}
