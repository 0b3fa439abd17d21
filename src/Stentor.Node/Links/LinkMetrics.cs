using System.Diagnostics.Metrics;

namespace Stentor.Node;

/// <summary>What links count, under the node's meter.</summary>
internal sealed class LinkMetrics
{
    private readonly Counter<long> _ended;
    private readonly Counter<long> _noticesDropped;

    /// <summary>Makes the instruments.</summary>
    /// <param name="meter">The node's meter.</param>
    /// <param name="links">The links' reports.</param>
    /// <param name="waiting">The waiting room.</param>
    /// <param name="micros">The wall clock, microseconds since 1970.</param>
    public LinkMetrics(Meter meter, Func<IReadOnlyList<LinkReport>> links, Func<WaitingView> waiting, Func<long> micros)
    {
        _ended = meter.CreateCounter<long>("stentor.links.ended", "{link}", "Links that ended, by why (tag type).");
        _noticesDropped = meter.CreateCounter<long>("stentor.links.notices.dropped", "{notice}", "Notices dropped: too many at once, or a neighbour that does not read.");
        meter.CreateObservableUpDownCounter("stentor.links", () => links().Count(l => l.Status.State == "open"), "{link}", "Links open.");
        meter.CreateObservableGauge("stentor.links.lag", () => links().Select(l => l.Status.LagEntries).DefaultIfEmpty().Max(), "{entry}", "Entries that the neighbour furthest behind lacks.");
        meter.CreateObservableUpDownCounter("stentor.links.sent", () => links().Sum(l => l.Status.SentEntries), "{entry}", "Entries sent on the links that are open.");
        meter.CreateObservableUpDownCounter("stentor.links.received", () => links().Sum(l => l.Status.ReceivedEntries), "{entry}", "Entries received on the links that are open.");
        meter.CreateObservableUpDownCounter("stentor.links.repeated", () => links().Sum(l => l.Status.RepeatedEntries), "{entry}", "Entries received there that were here already.");
        meter.CreateObservableUpDownCounter("stentor.waiting.entries", () => waiting().Entries, "{entry}", "Received entries that wait for what they depend on.");
        meter.CreateObservableUpDownCounter("stentor.waiting.bytes", () => waiting().Bytes, "By", "Their bytes.");
        meter.CreateObservableGauge("stentor.waiting.seconds", () => waiting() is { Lines: [var first, ..] } ? Math.Max(0, (micros() - first.Since) / 1e6) : 0, "s", "How long the one that has waited longest has waited.");
    }

    /// <summary>A link ended.</summary>
    /// <param name="type">Why.</param>
    public void OnEnded(string type) => _ended.Add(1, new KeyValuePair<string, object?>("type", type));

    /// <summary>Notices were dropped.</summary>
    /// <param name="count">How many.</param>
    public void OnNoticesDropped(int count) => _noticesDropped.Add(count);
}
