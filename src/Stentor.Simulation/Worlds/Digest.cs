using System.Numerics;
using Stentor.Protocol;

namespace Stentor.Simulation;

/// <summary>Everything that happened in a world, in order, as one number: two runs of a seed are the same run when their digests are equal.</summary>
internal sealed class Digest
{
    /// <summary>The number so far.</summary>
    public ulong Value { get; private set; } = 0x9E3779B97F4A7C15;

    /// <summary>Takes a number in.</summary>
    /// <param name="number">What happened, where or when.</param>
    public void Add(long number) => Value = (BitOperations.RotateLeft(Value, 23) ^ (ulong)number) * 0xC2B2AE3D27D4EB4F;

    /// <summary>Takes bytes in.</summary>
    /// <param name="bytes">What was written, sent or shown.</param>
    public void Add(ReadOnlySpan<byte> bytes) => Add((long)Checksum.Xxh64(bytes, Value));
}
