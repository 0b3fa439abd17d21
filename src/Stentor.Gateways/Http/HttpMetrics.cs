using System.Diagnostics.Metrics;

namespace Stentor.Gateways;

/// <summary>What the HTTP gateway measures. Names of routes and methods only: nothing that a client chose.</summary>
internal sealed class HttpMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Stentor.Gateways";

    private readonly Meter _meter;
    private readonly Histogram<double> _durations;
    private readonly IReadOnlyList<RequestCounts> _counts;
    private readonly long[] _connections = new long[Enum.GetValues<EndpointKind>().Length];

    /// <summary>Makes the instruments.</summary>
    /// <param name="services">Whose they are.</param>
    /// <param name="loads">What is sampled.</param>
    /// <param name="counts">The counts of all routes.</param>
    public HttpMetrics(Services services, Loads loads, IReadOnlyList<RequestCounts> counts)
    {
        _counts = counts;
        _meter = new Meter(new MeterOptions(MeterName) { Scope = services.Node });
        _meter.CreateObservableCounter("stentor.http.requests", () => _counts.SelectMany(c => c.Read()), "{request}", "HTTP requests answered, by route and status.");
        _durations = _meter.CreateHistogram<double>("stentor.http.request.duration", "s", "Time from a request's headers to the end of its answer, by route. Streams, sockets and long polls are left out.");
        _meter.CreateObservableUpDownCounter("stentor.connections", () => new[]
        {
            Measure(EndpointKind.Http, "http"),
            Measure(EndpointKind.Frames, "tcp"),
            Measure(EndpointKind.Streamer, Endpoints.StreamerKind),
            Measure(EndpointKind.XmlRpc, Endpoints.XmlRpcKind),
        }, "{connection}", "Connections open, by listener.");
        _meter.CreateObservableGauge("stentor.ready", () => services.Node.NotReady is null ? 1 : 0, description: "1 when the node can take publishes, else 0.");
        _meter.CreateObservableGauge("stentor.position", () => services.Node.Store.Position, "{entry}", "The last durable position of the region's ledger.");
        _meter.CreateObservableGauge("stentor.disk", () => loads.DiskBytes, "By", "Bytes of the data directory.");
        _meter.CreateObservableGauge("stentor.disk.free", () => loads.DiskFreeBytes, "By", "Bytes free on the data directory's file system.");
    }

    /// <summary>Connections open at the moment, on all listeners.</summary>
    public long Connections => Array.ConvertAll(Enum.GetValues<EndpointKind>(), Count).Sum();

    /// <summary>A connection was opened (1) or closed (-1).</summary>
    /// <param name="change">1 or -1.</param>
    /// <param name="kind">What is spoken on it.</param>
    public void OnConnection(int change, EndpointKind kind) => Interlocked.Add(ref _connections[(int)kind], change);

    /// <summary>A request was answered.</summary>
    /// <param name="counts">The route's counts.</param>
    /// <param name="status">The status.</param>
    /// <param name="took">How long it took; null where the client decides how long.</param>
    public void OnAnswered(RequestCounts counts, int status, TimeSpan? took)
    {
        counts.Add(status);
        if (took is { } time)
        {
            _durations.Record(time.TotalSeconds, counts.Tag);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private long Count(EndpointKind kind) => Volatile.Read(ref _connections[(int)kind]);

    private Measurement<long> Measure(EndpointKind kind, string word) => new(Count(kind), new KeyValuePair<string, object?>("kind", word));
}

/// <summary>How many requests of one route were answered with which status. A count a request must cost nothing, so it goes to no instrument by itself.</summary>
/// <param name="route">The route's template, or a word for none.</param>
internal sealed class RequestCounts(string route)
{
    private readonly long[] _byStatus = new long[600];

    /// <summary>The route as a tag.</summary>
    public KeyValuePair<string, object?> Tag { get; } = new("route", route);

    /// <summary>Counts one.</summary>
    /// <param name="status">Its status.</param>
    public void Add(int status) => Interlocked.Increment(ref _byStatus[Math.Clamp(status, 0, _byStatus.Length - 1)]);

    /// <summary>The counts that are not zero.</summary>
    public IEnumerable<Measurement<long>> Read()
    {
        for (var status = 0; status < _byStatus.Length; status++)
        {
            if (Volatile.Read(ref _byStatus[status]) is > 0 and var count)
            {
                yield return new Measurement<long>(count, Tag, new KeyValuePair<string, object?>("status", status));
            }
        }
    }
}
