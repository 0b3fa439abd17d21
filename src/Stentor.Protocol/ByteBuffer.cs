using System.Buffers;

namespace Stentor.Protocol;

/// <summary>A growing buffer that keeps its memory when it is cleared. One owner, one thread.</summary>
/// <param name="capacity">Bytes to start with.</param>
public sealed class ByteBuffer(int capacity = 1024) : IBufferWriter<byte>
{
    private byte[] _bytes = new byte[capacity];

    /// <summary>How many bytes are written.</summary>
    public int Length { get; private set; }

    /// <summary>How many bytes fit before it grows.</summary>
    public int Capacity => _bytes.Length;

    /// <summary>What was written. Valid until the next write.</summary>
    public ReadOnlySpan<byte> WrittenSpan => _bytes.AsSpan(0, Length);

    /// <inheritdoc cref="WrittenSpan"/>
    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    /// <summary>Forgets what was written; memory over <paramref name="keepMax"/> bytes is given back.</summary>
    /// <param name="keepMax">Most bytes to keep.</param>
    public void Clear(int keepMax = int.MaxValue)
    {
        Length = 0;
        if (_bytes.Length > keepMax)
        {
            _bytes = new byte[keepMax];
        }
    }

    /// <summary>Forgets what was written after the first <paramref name="length"/> bytes.</summary>
    /// <param name="length">0 to <see cref="Length"/>.</param>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Length);
        Length = length;
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_bytes.Length - Length));
        Length += count;
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Length);
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Length);
    }

    /// <summary>Appends bytes.</summary>
    /// <param name="bytes">What to append.</param>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Length += bytes.Length;
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - Length < Math.Max(count, 1))
        {
            Array.Resize(ref _bytes, Math.Max(checked(Length + Math.Max(count, 1)), _bytes.Length * 2));
        }
    }
}
