using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// The engine of a region that is one node: its queue orders, its disk's sync makes durable. What arrives while a commit runs is the next batch;
/// no timer has a say.
/// </summary>
/// <param name="store">Where batches are made durable. Not owned.</param>
/// <param name="queueMax">Most commands waiting to be ordered.</param>
public sealed class EmbeddedEngine(Store store, int queueMax) : ILedgerEngine
{
    private readonly object _lock = new();
    private readonly Queue<Command> _queue = new();
    private bool _isComplete;

    /// <inheritdoc/>
    public bool TrySubmit(ReadOnlySpan<Command> commands)
    {
        lock (_lock)
        {
            if (_isComplete || _queue.Count + commands.Length > queueMax)
            {
                return false;
            }

            foreach (var command in commands)
            {
                _queue.Enqueue(command);
            }

            Monitor.Pulse(_lock);
            return true;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public bool Take(List<Command> batch, int countMax, CancellationToken cancellationToken)
    {
        using var ending = cancellationToken.UnsafeRegister(static engine => ((EmbeddedEngine)engine!).Wake(), this);
        lock (_lock)
        {
            while (_queue.Count == 0 && !_isComplete)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Monitor.Wait(_lock);
            }

            var count = Math.Min(countMax, _queue.Count);
            for (var i = 0; i < count; i++)
            {
                batch.Add(_queue.Dequeue());
            }

            return count > 0;
        }
    }

    /// <inheritdoc/>
    public void Commit(Outbox outbox) => store.Commit(outbox);

    /// <inheritdoc/>
    public void Complete()
    {
        lock (_lock)
        {
            _isComplete = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Completes it.</summary>
    public void Dispose() => Complete();

    private void Wake()
    {
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }
    }
}
