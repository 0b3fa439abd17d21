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
    private readonly Lock _lock = new();
    private readonly Doorbell _bell = new();
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

        }

        _bell.Ring();
        return true;
    }

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public bool Take(List<Command> batch, int countMax, CancellationToken cancellationToken)
    {
        using var ending = cancellationToken.UnsafeRegister(static bell => ((Doorbell)bell!).Ring(), _bell);
        while (true)
        {
            lock (_lock)
            {
                if (_queue.Count > 0 || _isComplete)
                {
                    var count = Math.Min(countMax, _queue.Count);
                    for (var i = 0; i < count; i++)
                    {
                        batch.Add(_queue.Dequeue());
                    }

                    return count > 0;
                }

                _bell.Expect();
            }

            cancellationToken.ThrowIfCancellationRequested();
            _bell.Wait();
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
        }

        _bell.Ring();
    }

    /// <summary>Completes it.</summary>
    public void Dispose() => Complete();
}
