namespace Stentor.Cli.Lab;

/// <summary>What a stretch of time costs one client: an average a second.</summary>
/// <param name="CallsIn">What the node sent without being asked for it at that moment: calls of the client's server, frames, events.</param>
/// <param name="CallsOut">Requests of the client.</param>
/// <param name="BytesIn">Bytes that the client received, headers included.</param>
/// <param name="BytesOut">Bytes that the client sent, headers included.</param>
internal readonly record struct Cost(double CallsIn, double CallsOut, double BytesIn, double BytesOut);

/// <summary>What was measured of the clients of one kind in one combination.</summary>
/// <param name="Arch"><c>push</c>, <c>pull</c>; <c>mixed-push</c> and <c>mixed-pull</c> for the two halves of a mixed population.</param>
/// <param name="Transport">The transport's word.</param>
/// <param name="Clients">How many clients the node had, of both kinds.</param>
/// <param name="Samples">How many latencies were measured: one a write and client.</param>
/// <param name="Missed">How many writes a client never showed, nor anything newer.</param>
/// <param name="Latency">The latencies, in milliseconds; null when there are none.</param>
/// <param name="Cost">What it cost a client.</param>
/// <param name="NodeCores">How many cores the node used on average, for all of its clients and the writer.</param>
/// <param name="OtherCores">How many cores processes that are not the lab's used on average; null where the system does not tell.</param>
internal sealed record LatencyRow(string Arch, string Transport, int Clients, int Samples, int Missed, Spread? Latency, Cost Cost, double NodeCores, double? OtherCores)
{
    /// <summary>Whether its clients were pushed to: then nothing may be missed.</summary>
    public bool IsPush => Arch.EndsWith("push", StringComparison.Ordinal);
}

/// <summary>A row as JSON.</summary>
internal sealed record LatencyJson(
    string Arch, string Transport, int Clients, int Samples, int Missed, Spread? Milliseconds, double CallsIn, double CallsOut, double BytesIn, double BytesOut, double NodeCores, double? OtherCores)
{
    /// <summary>The JSON of a row.</summary>
    /// <param name="row">The row.</param>
    public static LatencyJson Of(LatencyRow row) => new(
        row.Arch, row.Transport, row.Clients, row.Samples, row.Missed, row.Latency, row.Cost.CallsIn, row.Cost.CallsOut, row.Cost.BytesIn, row.Cost.BytesOut, row.NodeCores, row.OtherCores);
}
