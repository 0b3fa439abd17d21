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

    /// <summary>What it holds.</summary>
    public TailView View => _view;

    /// <summary>Position of the newest entry; or after which it started, when none came yet.</summary>
    public long Last => Volatile.Read(ref _last);

    /// <summary>Appends an entry. Under the hub's lock.</summary>
    public void Append(long position, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> token)
    {
        Debug.Assert(position > _last, $"position {position} after {_last}");
        var blocks = _view.Blocks;
        if (blocks.Length == 0 || !blocks[^1].TryAppend(position, form, entry, token))
        {
            // Each block is larger than the one before: a channel that few entries come to stays small.
            var size = WireForms.EntryLengthMax(entry.Length, token.Length);
            var block = new Block(this, blocks.Length == 0 ? size : Math.Max(size, Math.Min(blocks[^1].Size * 2, BlockMemory.SizeMax)));
            block.TryAppend(position, form, entry, token);
            budget.Add(block);
            _bytes += block.Size;
            var drop = 0;
            while (_bytes > bytesMax && drop < blocks.Length)
            {
                _bytes -= blocks[drop++].Size;
            }

            var view = new TailView([.. blocks.AsSpan(drop), block], drop == 0 ? _view.After : blocks[drop - 1].Last);
            _view = view;
            Forget(blocks.AsSpan(0, drop));
        }

        Volatile.Write(ref _last, position);
    }

    /// <summary>Forgets a block and all before it. Under the hub's lock.</summary>
    public void Drop(Block block)
    {
        var blocks = _view.Blocks;
        var count = Array.IndexOf(blocks, block) + 1;
        _view = new TailView(blocks[count..], block.Last);
        foreach (var dropped in blocks.AsSpan(0, count))
        {
            _bytes -= dropped.Size;
        }

        Forget(blocks.AsSpan(0, count));
    }

    /// <summary>Forgets everything: its last reader is gone. Under the hub's lock.</summary>
    public void Drop()
    {
        if (_view.Blocks is [.., var newest])
        {
            Drop(newest);
        }
    }

    /// <summary>Notes that its readers must be looked at; false when that was noted already and nobody has begun yet.</summary>
    public bool MarkDirty() => Interlocked.Exchange(ref _isDirty, 1) == 0;

    /// <summary>The readers are about to be looked at.</summary>
    public void MarkClean() => Interlocked.Exchange(ref _isDirty, 0);

    private void Forget(ReadOnlySpan<Block> blocks)
    {
        foreach (var block in blocks)
        {
            budget.Remove(block);
            block.Release();
        }
    }
}

/// <summary>What a tail holds. Immutable, but for what is appended to its last block.</summary>
/// <param name="Blocks">From old to new.</param>
/// <param name="After">Everything after this position is held.</param>
internal sealed record TailView(Block[] Blocks, long After)
{
    /// <summary>Finds the first block with an entry after a position, and keeps it from being used again: <see cref="Block.Release"/> it.</summary>
    /// <param name="position">Not before <see cref="After"/>.</param>
    /// <param name="block">The block; null when there is no such entry.</param>
    /// <returns>False when the tail has dropped a block since: look at its newer view.</returns>
    public bool TryFind(long position, out Block? block)
    {
        foreach (var candidate in Blocks)
        {
            if (!candidate.TryAcquire())
            {
                block = null;
                return false;
            }

            if (candidate.Last > position)
            {
                block = candidate;
                return true;
            }

            candidate.Release();
        }

        block = null;
        return true;
    }
}

/// <summary>The memory of all tails together, and which block is the oldest. Under the hub's lock.</summary>
/// <param name="bytesMax">Most bytes; past it the oldest block goes.</param>
internal sealed class TailBudget(long bytesMax)
{
    private readonly LinkedList<Block> _byAge = new();
    private long _bytes;

    /// <summary>Bytes of all blocks held.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Counts a new block.</summary>
    public void Add(Block block)
    {
        block.Age = _byAge.AddLast(block);
        _bytes += block.Size;
    }

    /// <summary>Counts a block that is gone.</summary>
    public void Remove(Block block)
    {
        _byAge.Remove(block.Age!); // Set when it was added.
        _bytes -= block.Size;
    }

    /// <summary>Drops the oldest blocks until the bound is kept. Not while a tail appends.</summary>
    public void Keep()
    {
        while (_bytes > bytesMax && _byAge.First is { } oldest)
        {
            oldest.Value.Tail.Drop(oldest.Value);
        }
    }
}
