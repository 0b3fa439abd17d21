namespace Stentor.Storage;

/// <summary>
/// The last megabytes that were written around the system's cache: what they are written from, and where readers of the newest entries find them. A ring over ever
/// growing addresses. One thread writes; any thread reads, without a lock: a reader looks, after it has copied, whether that was overwritten meanwhile (a sequence
/// lock, Lameter 2005).
/// </summary>
internal sealed class RecentWrites
{
    /// <summary>Most that is taken at once: 2 MiB, so that most of the rest stays readable.</summary>
    public const int PieceBytes = RingBytes / 4;

    // 8 MiB: some hundredths of a second of all that one node can write, where those who read the newest entries are a few commits behind.
    private const int RingBytes = 8 * 1024 * 1024;

    private readonly Lazy<AlignedBytes> _ring = new(() => new AlignedBytes(RingBytes));
    private long _lowest = RingBytes;

    /// <summary>The first address that was never taken: a multiple of a block.</summary>
    public long Next { get; private set; } = RingBytes;

    /// <summary>Takes addresses, to write their bytes; what stood there a ring before is gone.</summary>
    /// <param name="address">The first one; none before <see cref="Next"/> but in its last block.</param>
    /// <param name="length">How many are wanted.</param>
    /// <returns>As many of them as lie in a row.</returns>
    public Span<byte> Take(long address, int length)
    {
        var at = (int)(address % RingBytes);
        length = Math.Min(length, RingBytes - at);
        Next = Math.Max(Next, AlignedBytes.BlockEnd(address + length));
        Volatile.Write(ref _lowest, Math.Max(_lowest, Next - RingBytes));
        Interlocked.MemoryBarrier();
        return _ring.Value.Span.Slice(at, length);
    }

    /// <summary>The whole blocks in which some bytes lie that were taken.</summary>
    /// <param name="address">The first one: a multiple of a block.</param>
    /// <param name="length">How many.</param>
    public Span<byte> Blocks(long address, int length) => _ring.Value.Span.Slice((int)(address % RingBytes), (int)AlignedBytes.BlockEnd(length));

    /// <summary>Reads bytes that were written.</summary>
    /// <param name="destination">Filled.</param>
    /// <param name="address">The first one.</param>
    /// <returns>False when they are no longer here.</returns>
    public bool TryRead(Span<byte> destination, long address)
    {
        if (address < Volatile.Read(ref _lowest))
        {
            return false;
        }

        var ring = _ring.Value.Span;
        var at = (int)(address % RingBytes);
        var first = Math.Min(destination.Length, RingBytes - at);
        ring.Slice(at, first).CopyTo(destination);
        ring[..(destination.Length - first)].CopyTo(destination[first..]);
        Interlocked.MemoryBarrier();
        return address >= Volatile.Read(ref _lowest);
    }
}
