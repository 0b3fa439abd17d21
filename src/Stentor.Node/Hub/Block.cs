using System.Collections.Concurrent;
using System.Diagnostics;

namespace Stentor.Node;

/// <summary>
/// Part of a tail: entries in one wire form, back to back, and the position and start of each. Its tail appends under the hub's lock; readers read what
/// was published without a lock, and hold a reference while they do. A block without references is used again, so a reader that found one in a tail
/// looks, once it holds it, whether the tail still has it.
/// </summary>
internal sealed class Block
{
    // A frame has at least 128 bytes: fixed parts of an entry alone are more. A broadcast may have fewer; a block of very short ones is full before its bytes are.
    private const int BytesPerEntryMin = 128;

    private readonly byte[] _bytes;
    private readonly long[] _positions;
    private readonly int[] _starts;
    private int _references;
    private int _count;

    /// <summary>Makes a block.</summary>
    /// <param name="size">Its memory, in bytes.</param>
    public Block(int size)
    {
        _bytes = GC.AllocateUninitializedArray<byte>(size);
        _positions = new long[(size / BytesPerEntryMin) + 1];
        _starts = new int[_positions.Length + 1];
    }

    /// <summary>Whose it is. Under the hub's lock.</summary>
    public Tail? Tail { get; private set; }

    /// <summary>The next older block of all tails. Under the hub's lock.</summary>
    public Block? Older { get; set; }

    /// <summary>The next newer block of all tails. Under the hub's lock.</summary>
    public Block? Newer { get; set; }

    /// <summary>Its memory, in bytes.</summary>
    public int Size => _bytes.Length;

    /// <summary>Entries published.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Position of the last entry published; there is always one.</summary>
    public long Last => _positions[Count - 1];

    /// <summary>Begins its life in a tail, empty, with the tail's reference.</summary>
    public void Begin(Tail tail)
    {
        Debug.Assert(_references == 0, "a block in use is not used again");
        Tail = tail;
        _count = 0;
        Volatile.Write(ref _references, 1);
    }

    /// <summary>Keeps it from being used again; false when nobody holds it.</summary>
    public bool TryAcquire()
    {
        var references = Volatile.Read(ref _references);
        while (references > 0)
        {
            var found = Interlocked.CompareExchange(ref _references, references + 1, references);
            if (found == references)
            {
                return true;
            }

            references = found;
        }

        return false;
    }

    /// <summary>Gives a reference back; after the last one it may be used again.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            BlockPool.Return(this);
        }
    }

    /// <summary>Appends an entry, if it fits. Under the hub's lock.</summary>
    public bool TryAppend(long position, WireForm form, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> token)
    {
        var index = _count;
        var start = _starts[index];
        if (index == _positions.Length || _bytes.Length - start < WireForms.EntryLengthMax(entry.Length, token.Length))
        {
            return false;
        }

        _positions[index] = position;
        _starts[index + 1] = start + WireForms.WriteEntry(form, entry, token, _bytes.AsSpan(start));
        Volatile.Write(ref _count, index + 1); // Publishes what was written above.
        return true;
    }

    /// <summary>Index of the first of <paramref name="count"/> entries that stands after a position.</summary>
    public int IndexAfter(long position, int count)
    {
        var index = _positions.AsSpan(0, count).BinarySearch(position);
        return index < 0 ? ~index : index + 1;
    }

    /// <summary>Position of an entry.</summary>
    public long PositionOf(int index) => _positions[index];

    /// <summary>Bytes of entries <paramref name="first"/> up to, not with, <paramref name="end"/>.</summary>
    public ReadOnlySpan<byte> Bytes(int first, int end) => _bytes.AsSpan(_starts[first].._starts[end]);

    /// <summary>Index of the entry that holds the byte at <paramref name="offset"/> after the start of entry <paramref name="first"/>.</summary>
    public int IndexAt(int first, int end, int offset)
    {
        var index = _starts.AsSpan(first, end - first).BinarySearch(_starts[first] + offset);
        return first + (index < 0 ? ~index - 1 : index);
    }

    /// <summary>Bytes from the start of entry <paramref name="first"/> to the start of entry <paramref name="index"/>.</summary>
    public int Distance(int first, int index) => _starts[index] - _starts[first];
}

/// <summary>Blocks that are used again and again: a busy tail goes through hundreds of megabytes a second, and a hundred thousand quiet ones begin a block each.</summary>
internal static class BlockPool
{
    // From one entry, for a quiet channel, to 128 KiB, where a send already costs more in copying than in the call.
    private static readonly int[] Sizes = [512, 2 * 1024, 16 * 1024, 128 * 1024];

    // Most blocks kept for later, of each size: 4 MiB of each, but 8 MiB of the largest.
    private static readonly int[] KeptMax = [8192, 2048, 256, 64];

    private static readonly ConcurrentQueue<Block>[] Kept = [new(), new(), new(), new()];
    private static readonly int[] KeptCounts = new int[Sizes.Length];

    /// <summary>The largest size that is kept for later, in bytes.</summary>
    public static int SizeMax => Sizes[^1];

    /// <summary>The size of the block that <see cref="Rent"/> gives.</summary>
    /// <param name="bytesMin">Bytes that must fit.</param>
    public static int SizeFor(int bytesMin)
    {
        var index = ClassOf(bytesMin);
        return index < 0 ? bytesMin : Sizes[index];
    }

    /// <summary>Gives a block.</summary>
    /// <param name="bytesMin">Bytes that must fit.</param>
    public static Block Rent(int bytesMin)
    {
        var index = ClassOf(bytesMin);
        if (index >= 0 && Kept[index].TryDequeue(out var block))
        {
            Interlocked.Decrement(ref KeptCounts[index]);
            return block;
        }

        return new Block(index < 0 ? bytesMin : Sizes[index]);
    }

    /// <summary>Takes a block back that nobody holds.</summary>
    public static void Return(Block block)
    {
        var index = Array.IndexOf(Sizes, block.Size);
        if (index >= 0 && Volatile.Read(ref KeptCounts[index]) < KeptMax[index])
        {
            // A few more than the bound, when several threads come at once, do no harm.
            Interlocked.Increment(ref KeptCounts[index]);
            Kept[index].Enqueue(block);
        }
    }

    private static int ClassOf(int bytesMin) => Array.FindIndex(Sizes, size => bytesMin <= size);
}
