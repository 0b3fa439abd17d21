using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Stentor.Storage;

namespace Stentor.Node;

/// <summary>Writes check-points of the state on a thread of its own: every interval, and sooner when the store says that much has changed.</summary>
internal sealed class Checkpointer : IDisposable
{
    private readonly Store _store;
    private readonly NodeMetrics _metrics;
    private readonly ILogger _log;
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly ITimer _timer;
    private readonly Thread _thread;
    private long _position;
    private volatile string? _fault;
    private volatile bool _isStopping;

    public Checkpointer(Store store, TimeSpan interval, TimeProvider time, NodeMetrics metrics, ILogger log)
    {
        (_store, _metrics, _log) = (store, metrics, log);
        _timer = time.CreateTimer(_ => _wake.Set(), state: null, interval, interval);
        _thread = new Thread(Run) { Name = "stentor check-points", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Why the last check-point failed; null when it did not.</summary>
    public string? Fault => _fault;

    /// <summary>Something was committed.</summary>
    public void OnCommitted()
    {
        if (_store.IsCheckpointDue)
        {
            _wake.Set();
        }
    }

    /// <summary>Makes the last check-point and ends the thread.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        _isStopping = true;
        _wake.Set();
        _thread.Join();
        _wake.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            _wake.WaitOne();
            var isLast = _isStopping;
            var position = _store.Position;
            if (position != _position && TryCheckpoint())
            {
                _position = position;
            }

            if (isLast)
            {
                return;
            }
        }
    }

    private bool TryCheckpoint()
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            _store.Checkpoint();
        }
        catch (Exception e)
        {
            // Nothing is lost: the ledger holds it, and the next check-point takes it in. The status shows it until then.
            _fault = $"The state could not be check-pointed: {e.Message} Nothing is lost; the node tries again, and a restart would fold the ledger for longer.";
            NodeLog.CheckpointFailed(_log, e.Message);
            return false;
        }

        _fault = null;
        _metrics.OnCheckpoint(Stopwatch.GetElapsedTime(start));
        return true;
    }
}
