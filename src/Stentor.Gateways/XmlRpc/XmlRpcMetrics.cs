using System.Diagnostics.Metrics;

namespace Stentor.Gateways;

/// <summary>What the XML-RPC gateway counts.</summary>
internal sealed class XmlRpcMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _calls;
    private readonly Counter<long> _pushes;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _skipped;

    /// <summary>Makes the instruments.</summary>
    /// <param name="scope">The node.</param>
    /// <param name="tablets">Clients registered.</param>
    public XmlRpcMetrics(object scope, Func<int> tablets)
    {
        _meter = new Meter(new MeterOptions(HttpMetrics.MeterName) { Scope = scope });
        _meter.CreateObservableUpDownCounter("stentor.xmlrpc.tablets", tablets, "{client}", "Clients registered for updates over XML-RPC.");
        _calls = _meter.CreateCounter<long>("stentor.xmlrpc.calls", "{call}", "XML-RPC calls answered, by method (tag method) and by how: done, error, fault (tag result).");
        _pushes = _meter.CreateCounter<long>("stentor.xmlrpc.pushes", "{call}", "Updates that registered XML-RPC clients were called with and took.");
        _failures = _meter.CreateCounter<long>("stentor.xmlrpc.push.failures", "{call}", "Calls to registered XML-RPC clients that failed; most are tried again.");
        _skipped = _meter.CreateCounter<long>("stentor.xmlrpc.pushes.skipped", "{update}", "Updates that a registered XML-RPC client never got, by why (tag reason): overrun, refused, dropped.");
    }

    /// <summary>A call was answered.</summary>
    /// <param name="method">A method that exists; else <c>unknown</c>.</param>
    /// <param name="result">How.</param>
    public void OnCall(string method, string result) =>
        _calls.Add(1, new KeyValuePair<string, object?>("method", method), new KeyValuePair<string, object?>("result", result));

    /// <summary>A client took an update.</summary>
    public void OnPushed() => _pushes.Add(1);

    /// <summary>A call to a client failed.</summary>
    public void OnFailure() => _failures.Add(1);

    /// <summary>Clients will never get updates.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="count">How many.</param>
    public void OnSkipped(string reason, int count) => _skipped.Add(count, new KeyValuePair<string, object?>("reason", reason));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
