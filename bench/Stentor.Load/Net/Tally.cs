namespace Stentor.Load.Net;

/// <summary>What the connections of one measurement count together. One thread.</summary>
internal sealed class Tally
{
    /// <summary>Activities delivered to readers.</summary>
    public long Deliveries { get; set; }

    /// <summary>When the newest delivery arrived; kept only with <see cref="Latencies"/>.</summary>
    public long LastDeliveryAt { get; set; }

    /// <summary>Publishes or requests that were answered as they should be.</summary>
    public long Acks { get; set; }

    /// <summary>Where the age of every delivery goes; null when only counts matter.</summary>
    public Latencies? Latencies { get; set; }

    /// <summary>
    /// True when a reader's n-th delivery must carry number n (it reads all that is published); false when numbers must only grow
    /// (it reads some of the channels).
    /// </summary>
    public bool ReadsAll { get; init; } = true;
}
