namespace Stentor.Cli.Lab.Output;

/// <summary>Rows and samples as lines of CSV. No value in them needs quotes.</summary>
internal static class CsvText
{
    /// <summary>The file with a line a row.</summary>
    public const string RowsFile = "latency.csv";

    /// <summary>The file with a line a sample.</summary>
    public const string SamplesFile = "samples.csv";

    /// <summary>What the columns of a row are. Calls and bytes are those of one client in a second.</summary>
    public const string RowsHead = "arch,transport,clients,samples,missed,min_ms,p5_ms,median_ms,p95_ms,p99_ms,max_ms,calls_in,calls_out,bytes_in,bytes_out,node_cores,other_cores";

    /// <summary>What the columns of a sample are.</summary>
    public const string SamplesHead = "arch,transport,clients,client,write,latency_ms";

    /// <summary>The line of a row. Latencies are empty when there are none.</summary>
    /// <param name="row">The row.</param>
    public static string Line(LatencyRow row)
    {
        var latency = row.Latency is { } l ? $"{l.Min:0.000},{l.P5:0.000},{l.Median:0.000},{l.P95:0.000},{l.P99:0.000},{l.Max:0.000}" : ",,,,,";
        return $"{row.Arch},{row.Transport},{row.Clients},{row.Samples},{row.Missed},{latency},"
            + $"{row.Cost.CallsIn:0.00},{row.Cost.CallsOut:0.00},{row.Cost.BytesIn:0},{row.Cost.BytesOut:0},{row.NodeCores:0.000},{row.OtherCores:0.000}";
    }

    /// <summary>The line of a sample.</summary>
    /// <param name="arch">Its row's arch.</param>
    /// <param name="combination">What was measured.</param>
    /// <param name="client">The client's number.</param>
    /// <param name="sample">The sample.</param>
    public static string Line(string arch, Combination combination, int client, Sample sample) =>
        $"{arch},{LabWords.Of(combination.Transport)},{combination.Clients},{client},{sample.Number},{sample.Milliseconds:0.000}";
}
