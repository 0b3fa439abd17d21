using System.Numerics;
using BenchmarkDotNet.Attributes;
using Stentor.Protocol;

namespace Stentor.Benchmarks;

/// <summary>The checksums of records and chains, against the processor's CRC a byte at a time.</summary>
public class Checksums
{
    private byte[] _bytes = [];

    [Params(64, 400, 4096)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Setup() => _bytes = Samples.Activity(4096)[..Bytes];

    [Benchmark(Baseline = true)]
    public uint Crc32CByteByByte()
    {
        var crc = uint.MaxValue;
        foreach (var b in _bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return ~crc;
    }

    [Benchmark]
    public uint Crc32C() => Checksum.Crc32C(_bytes);

    [Benchmark]
    public ulong Xxh64() => Checksum.Xxh64(_bytes, seed: 42);
}
