using System.Diagnostics.Metrics;

namespace Stentor.Node;

/// <summary>What a node counts, under the meter <see cref="MeterName"/>. Counted per commit or per send, never per delivery.</summary>
internal sealed class NodeMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Stentor";

    private readonly Meter _meter;
    private readonly Counter<long> _publishes;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _entries;
    private readonly Histogram<double> _commitSeconds;
    private readonly Histogram<long> _commitEntries;
    private readonly Histogram<double> _checkpointSeconds;

    /// <summary>Makes the instruments.</summary>
    /// <param name="scope">The node that they are about: the meter's scope, by which two nodes of one process are told apart.</param>
    public NodeMetrics(object scope)
    {
        _meter = new Meter(new MeterOptions(MeterName) { Scope = scope });
        _publishes = _meter.CreateCounter<long>("stentor.publishes", "{publish}", "Publishes answered after a commit, refusals of a rule among them.");
        _refused = _meter.CreateCounter<long>("stentor.publishes.refused", "{publish}", "Publishes refused because the node could not record them.");
        _entries = _meter.CreateCounter<long>("stentor.entries", "{entry}", "Entries recorded.");
        _commitSeconds = _meter.CreateHistogram<double>("stentor.commit.duration", "s", "Time to apply a batch and make it durable.");
        _commitEntries = _meter.CreateHistogram<long>("stentor.commit.entries", "{entry}", "Entries in a commit.");
        _checkpointSeconds = _meter.CreateHistogram<double>("stentor.checkpoint.duration", "s", "Time to write a check-point of the state.");
    }

    /// <summary>Adds what the hub and the sequencer can tell at any time.</summary>
    /// <param name="hub">The hub.</param>
    /// <param name="queue">Commands that wait.</param>
    public void Observe(Hub hub, Func<int> queue)
    {
        _meter.CreateObservableUpDownCounter("stentor.queue.length", queue, "{command}", "Commands that wait to be ordered.");
        _meter.CreateObservableUpDownCounter("stentor.readers", () => hub.Readers, "{reader}", "Readers connected.");
        _meter.CreateObservableUpDownCounter("stentor.readers.behind", () => hub.ReadersBehind, "{reader}", "Readers that wait for their turn to read from the ledger.");
        _meter.CreateObservableUpDownCounter("stentor.tails.bytes", () => hub.TailBytes, "By", "Memory of all tails.");
        _meter.CreateObservableCounter("stentor.deliveries", () => hub.Deliveries, "{entry}", "Entries handed to readers' connections.");
        _meter.CreateObservableCounter("stentor.delivered.bytes", () => hub.DeliveredBytes, "By", "Bytes handed to readers' connections.");
        _meter.CreateObservableCounter("stentor.catchup.reads", () => hub.CatchUpReads, "{read}", "Reads from the ledger for readers that were behind.");
    }

    /// <summary>Adds what links count.</summary>
    /// <param name="links">The links' reports.</param>
    /// <param name="waiting">The waiting room.</param>
    /// <param name="micros">The wall clock, microseconds since 1970.</param>
    public LinkMetrics ForLinks(Func<IReadOnlyList<LinkReport>> links, Func<WaitingView> waiting, Func<long> micros) => new(_meter, links, waiting, micros);

    /// <summary>A batch became durable.</summary>
    public void OnCommit(int entries, int publishes, TimeSpan took)
    {
        _entries.Add(entries);
        _publishes.Add(publishes);
        _commitSeconds.Record(took.TotalSeconds);
        _commitEntries.Record(entries);
    }

    /// <summary>Publishes were refused because they could not be recorded.</summary>
    public void OnRefused(int publishes) => _refused.Add(publishes);

    /// <summary>A check-point was written.</summary>
    public void OnCheckpoint(TimeSpan took) => _checkpointSeconds.Record(took.TotalSeconds);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
