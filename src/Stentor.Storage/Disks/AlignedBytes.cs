using System.Runtime.InteropServices;

namespace Stentor.Storage;

/// <summary>Memory that begins at a multiple of a block and is never moved, as writes around the system's cache want it.</summary>
internal sealed class AlignedBytes
{
    /// <summary>4,096: a multiple of every usual disk's sector, and a page of memory.</summary>
    public const int BlockBytes = 4096;

    private readonly byte[] _array;
    private readonly int _start;
    private readonly int _length;

    /// <summary>Zeros.</summary>
    /// <param name="length">How many.</param>
    public AlignedBytes(int length)
    {
        _array = GC.AllocateArray<byte>(length + BlockBytes, pinned: true);
        _start = (int)(-Marshal.UnsafeAddrOfPinnedArrayElement(_array, 0).ToInt64() & (BlockBytes - 1));
        _length = length;
    }

    /// <summary>Where the block ends that a byte before an offset is in.</summary>
    /// <param name="end">The offset after the byte.</param>
    public static long BlockEnd(long end) => (end + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>All of it.</summary>
    public Span<byte> Span => _array.AsSpan(_start, _length);
}
