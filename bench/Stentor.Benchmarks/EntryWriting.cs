using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Stentor.Protocol;

namespace Stentor.Benchmarks;

/// <summary>Making an entry's one byte form, chain included, against the framework's JSON writer without one.</summary>
public class EntryWriting
{
    private static readonly OriginId Origin = new("bench-7f3a");
    private readonly ByteBuffer _buffer = new(4096);
    private EntryParts _parts;

    [Params(200, 1000)]
    public int ActivityBytes { get; set; }

    [GlobalSetup]
    public void Setup() => _parts = new EntryParts(
        "scores.stone-curling", Origin, 1_234_567, 1_234_599, 1_771_063_200_000_000, "anna",
        VersionVector.Of(new OriginId("asia-1c9e"), 4711), null, null, Samples.Activity(ActivityBytes));

    [Benchmark(Baseline = true)]
    public int Utf8JsonWriter()
    {
        _buffer.Clear();
        using var writer = new Utf8JsonWriter(_buffer);
        writer.WriteStartObject();
        writer.WriteString("channel"u8, _parts.Channel);
        writer.WriteString("origin"u8, _parts.Origin.Value);
        writer.WriteNumber("seq"u8, _parts.Seq);
        writer.WriteNumber("lamport"u8, _parts.Lamport);
        writer.WriteString("time"u8, DateTime.UnixEpoch.AddMicroseconds(_parts.Time));
        writer.WriteString("author"u8, _parts.Author);
        writer.WriteStartObject("after"u8);
        foreach (var (origin, seq) in _parts.After.Components)
        {
            writer.WriteNumber(origin.Value, seq);
        }

        writer.WriteEndObject();
        writer.WritePropertyName("activity"u8);
        writer.WriteRawValue(_parts.Activity.Span, skipInputValidation: true);
        writer.WriteEndObject();
        writer.Flush();
        return _buffer.Length;
    }

    [Benchmark]
    public ulong EntryWriter()
    {
        _buffer.Clear();
        return Protocol.EntryWriter.Write(_parts, previousChain: 42, _buffer);
    }
}
