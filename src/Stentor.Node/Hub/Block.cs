using System.Collections.Concurrent;

namespace Stentor.Node;

/// <summary>
/// Part of a tail: entries in one wire form, back to back, and the position and start of each. Its tail appends under the hub's lock; readers read what
/// was published without a lock, and hold a reference while they do, so that the memory is not used again under them.
/// </summary>
internal sealed class Block
{
    private readonly BlockMemory _memory;
    private int _references = 1;
    private int _count;

    /// <summary>Makes a block.</summary>
    /// <param name="tail">Whose it is.</param>
    /// <param name="bytesMin">Bytes that must fit.</param>
    public Block(Tail tail, int bytesMin)
    {
        Tail = tail;
        _memory = BlockMemory.Rent(bytesMin);
    }

    /// <summary>Whose it is.</summary>
    public Tail Tail { get; }

    /// <summary>Neighbours in the hub's list of blocks by age. Under the hub's lock.</summary>
    public LinkedListNode<Block>? Age { get; set; }

    /// <summary>Size of its memory, in bytes.</summary>
    public int Size => _memory.Bytes.Length;

    /// <summary>Entries published.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Position of the last entry published. There is always one.</summary>
    public long Last => _memory.Positions[Count - 1];

    /// <summary>Keeps the memory from being used again; false when that happened already.</summary>
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

    /// <summary>Gives a reference back.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            _memory.Return();
        }
    }

    /// <summary>Appends an entry, if it fits. Under the hub's lock.</summary>
    public bool TryAppend(long position, WireForm form, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> token)
    {
        var index = _count;
        var start = _memory.Starts[index];
        if (index == _memory.Positions.Length || _memory.Bytes.Length - start < WireForms.EntryLengthMax(entry.Length, token.Length))
        {
            return false;
        }

        _memory.Positions[index] = position;
        _memory.Starts[index + 1] = start + WireForms.WriteEntry(form, entry, token, _memory.Bytes.AsSpan(start));
        Volatile.Write(ref _count, index + 1); // Publishes what was written above.
        return true;
    }

    /// <summary>Index of the first of <paramref name="count"/> entries that stands after a position.</summary>
    public int IndexAfter(long position, int count)
    {
        var index = _memory.Positions.AsSpan(0, count).BinarySearch(position);
        return index < 0 ? ~index : index + 1;
    }

    /// <summary>Position of an entry.</summary>
    public long PositionOf(int index) => _memory.Positions[index];

    /// <summary>Bytes of entries <paramref name="first"/> up to, not with, <paramref name="end"/>.</summary>
    public ReadOnlySpan<byte> Bytes(int first, int end) => _memory.Bytes.AsSpan(_memory.Starts[first].._memory.Starts[end]);

    /// <summary>Index of the entry that holds the byte at <paramref name="offset"/> after the start of entry <paramref name="first"/>.</summary>
    public int IndexAt(int first, int end, int offset)
    {
        var index = _memory.Starts.AsSpan(first, end - first).BinarySearch(_memory.Starts[first] + offset);
        return first + (index < 0 ? ~index - 1 : index);
    }

    /// <summary>Bytes from the start of entry <paramref name="first"/> to the start of entry <paramref name="index"/>.</summary>
    public int Distance(int first, int index) => _memory.Starts[index] - _memory.Starts[first];
}

/// <summary>Memory of blocks, used again and again: a busy tail goes through hundreds of megabytes a second.</summary>
internal sealed class BlockMemory
{
    // A frame has at least 128 bytes: fixed parts of an entry alone are more.
    private const int BytesPerEntryMin = 128;

    // Small for channels that few entries come to, large for busy ones. At 128 KiB one send already costs more in copying than in the call.
    private static readonly int[] Sizes = [2 * 1024, 16 * 1024, 128 * 1024];

    // Most blocks kept for later, of each size: 16.6 MiB together.
    private static readonly int[] KeptMax = [1024, 256, 80];

    private static readonly ConcurrentQueue<BlockMemory>[] Kept = [new(), new(), new()];

    private readonly int _sizeClass;

    private BlockMemory(int size, int sizeClass)
    {
        _sizeClass = sizeClass;
        Bytes = GC.AllocateUninitializedArray<byte>(size);
        Positions = new long[(size / BytesPerEntryMin) + 1];
        Starts = new int[Positions.Length + 1];
    }

    /// <summary>The largest size that is kept for later, in bytes.</summary>
    public static int SizeMax => Sizes[^1];

    public byte[] Bytes { get; }

    public long[] Positions { get; }

    public int[] Starts { get; }

    public static BlockMemory Rent(int bytesMin)
    {
        for (var i = 0; i < Sizes.Length; i++)
        {
            if (bytesMin <= Sizes[i])
            {
                return Kept[i].TryDequeue(out var memory) ? memory : new BlockMemory(Sizes[i], i);
            }
        }

        return new BlockMemory(bytesMin, sizeClass: -1);
    }

    public void Return()
    {
        // The count is a snapshot; a few more than the bound do no harm.
        if (_sizeClass >= 0 && Kept[_sizeClass].Count < KeptMax[_sizeClass])
        {
            Kept[_sizeClass].Enqueue(this);
        }
    }
}
