using System.Runtime.InteropServices;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>What a delivery thread uses for one reader after the other, and what it counts. One owner, one thread.</summary>
/// <param name="mayRead">Whether the thread reads from the ledger.</param>
internal sealed class DeliveryContext(bool mayRead)
{
    private long _entries;
    private long _bytes;
    private long _reads;

    /// <summary>Frames put together for one send.</summary>
    public ByteBuffer Frames { get; } = new(0);

    /// <summary>Where each frame in <see cref="Frames"/> ends, and the position that is reached with it.</summary>
    public List<FrameEnd> Ends { get; } = [];

    /// <summary>Subscriptions whose tails hold something new.</summary>
    public List<Subscription> Grown { get; } = [];

    /// <summary>Entries of several tails, to be brought into one order.</summary>
    public List<MergeItem> Merge { get; } = [];

    /// <summary>Entries read from the ledger; null on a thread that does not read.</summary>
    public LedgerBatch? Batch { get; } = mayRead ? new LedgerBatch() : null;

    /// <summary>Entries handed to sinks.</summary>
    public long Entries => Volatile.Read(ref _entries);

    /// <summary>Bytes handed to sinks.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Reads from the ledger.</summary>
    public long Reads => Volatile.Read(ref _reads);

    /// <summary>Counts what a sink took.</summary>
    public void OnSent(int entries, int bytes)
    {
        Volatile.Write(ref _entries, _entries + entries);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }

    /// <summary>Counts a read.</summary>
    public void OnRead() => Volatile.Write(ref _reads, _reads + 1);

    /// <summary>Notes that a frame in <see cref="Frames"/> is complete.</summary>
    public void EndFrame(long position) => Ends.Add(new FrameEnd(position, Frames.Length));

    /// <summary>Index of the frame that holds the byte at an offset of <see cref="Frames"/>.</summary>
    public int FrameAt(int offset)
    {
        var ends = CollectionsMarshal.AsSpan(Ends);
        var (low, high) = (0, ends.Length - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (ends[middle].Offset > offset)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    /// <summary>Empties the buffers.</summary>
    public void Clear()
    {
        Frames.Clear(keepMax: 1024 * 1024);
        Ends.Clear();
        Merge.Clear();
    }
}

/// <summary>Where a frame ends.</summary>
/// <param name="Position">The position that its reader has reached with it.</param>
/// <param name="Offset">The offset after its last byte.</param>
internal readonly record struct FrameEnd(long Position, int Offset);

/// <summary>An entry in a block.</summary>
/// <param name="Position">Its position.</param>
/// <param name="Block">The block.</param>
/// <param name="Index">Its place there.</param>
internal readonly record struct MergeItem(long Position, Block Block, int Index) : IComparable<MergeItem>
{
    /// <inheritdoc/>
    public int CompareTo(MergeItem other) => Position.CompareTo(other.Position);
}
