using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Stentor.Protocol;

namespace Stentor.Benchmarks;

/// <summary>Checking what was published, against a plain walk over its tokens and against building a document.</summary>
public class PublishParsing
{
    private byte[] _body = [];

    [Params(200, 1000)]
    public int ActivityBytes { get; set; }

    [GlobalSetup]
    public void Setup() => _body = Samples.Body(ActivityBytes);

    [Benchmark(Baseline = true)]
    public int TokensOnly()
    {
        var reader = new Utf8JsonReader(_body);
        var tokens = 0;
        while (reader.Read())
        {
            tokens++;
        }

        return tokens;
    }

    [Benchmark]
    public bool Document()
    {
        using var document = JsonDocument.Parse(_body);
        return document.RootElement.TryGetProperty("activity"u8, out _);
    }

    [Benchmark]
    public int Walk() => JsonRules.Read(_body, 64, 2, (ref reader, json) => JsonRules.Walk(ref reader, json).End.Value);

    [Benchmark]
    public PublishBody Parse() => PublishBody.Parse(_body, Limits.Default);
}
