using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Stentor.Protocol;

namespace Stentor.Benchmarks;

/// <summary>Seen tokens of a few and of many regions, against the same vector as plain JSON.</summary>
public class SeenTokens
{
    private readonly byte[] _bytes = new byte[SeenToken.LengthMax];
    private VersionVector _vector = VersionVector.Empty;
    private Dictionary<string, long> _plain = [];
    private string _token = "";

    [Params(1, 3, 20)]
    public int Origins { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _plain = Enumerable.Range(0, Origins).ToDictionary(i => $"region{i}-7f3a", i => 1_000_000L + i);
        _vector = VersionVector.Of(_plain.Select(p => KeyValuePair.Create(new OriginId(p.Key), p.Value)));
        _token = SeenToken.Encode(_vector);
    }

    [Benchmark(Baseline = true)]
    public byte[] PlainJson() => JsonSerializer.SerializeToUtf8Bytes(_plain);

    [Benchmark]
    public int EncodeToBytes() => SeenToken.Encode(_vector, _bytes);

    [Benchmark]
    public string EncodeToText() => SeenToken.Encode(_vector);

    [Benchmark]
    public bool Decode() => SeenToken.TryDecode(_token, out _);
}
