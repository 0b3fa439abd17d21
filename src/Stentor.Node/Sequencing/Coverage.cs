using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>Those who wait until the region has applied what a token covers. Any thread.</summary>
/// <param name="time">Timers of the waits.</param>
internal sealed class Coverage(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly List<(VersionVector After, TaskCompletionSource Covered)> _waits = [];
    private VersionVector _seen = VersionVector.Empty;
    private volatile bool _any;

    /// <summary>Tells what is applied and durable.</summary>
    /// <param name="seen">The region's version vector.</param>
    public void OnSeen(VersionVector seen)
    {
        Volatile.Write(ref _seen, seen);

        // A wait is announced before it looks at what is seen: one of the two sees the other.
        Interlocked.MemoryBarrier();
        if (!_any)
        {
            return;
        }

        lock (_gate)
        {
            _waits.RemoveAll(wait => seen.Covers(wait.After) && (wait.Covered.TrySetResult() || true));
            _any = _waits.Count > 0;
        }
    }

    /// <summary>Waits until a token is covered.</summary>
    /// <param name="after">What must be covered.</param>
    /// <param name="wait">Longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when it is covered; otherwise what is still missing.</returns>
    public ValueTask<VersionVector?> WaitAsync(VersionVector after, TimeSpan wait, CancellationToken cancellationToken)
    {
        var seen = Volatile.Read(ref _seen);
        return seen.Covers(after) ? default
            : wait <= TimeSpan.Zero ? ValueTask.FromResult<VersionVector?>(seen.MissingFrom(after))
            : WaitLongerAsync(after, wait, cancellationToken);
    }

    private async ValueTask<VersionVector?> WaitLongerAsync(VersionVector after, TimeSpan wait, CancellationToken cancellationToken)
    {
        var covered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _waits.Add((after, covered));
            _any = true;
        }

        Interlocked.MemoryBarrier();
        try
        {
            if (!Volatile.Read(ref _seen).Covers(after))
            {
                await covered.Task.WaitAsync(wait, time, cancellationToken);
            }

            return null;
        }
        catch (TimeoutException)
        {
            var missing = Volatile.Read(ref _seen).MissingFrom(after);
            return missing.Count == 0 ? null : missing;
        }
        finally
        {
            lock (_gate)
            {
                _waits.RemoveAll(w => ReferenceEquals(w.Covered, covered));
                _any = _waits.Count > 0;
            }
        }
    }
}
