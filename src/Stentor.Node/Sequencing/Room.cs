namespace Stentor.Node;

/// <summary>Counts the commands that wait in the queue, and wakes those who wait for room. Any thread.</summary>
/// <param name="max">Most commands in the queue.</param>
internal sealed class Room(int max)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _freed;
    private int _taken;
    private bool _isClosed;

    /// <summary>Commands in the queue.</summary>
    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Counts commands before they are offered to the queue.</summary>
    /// <param name="count">How many.</param>
    public void Take(int count) => Interlocked.Add(ref _taken, count);

    /// <summary>Counts commands that left the queue, or were not taken by it.</summary>
    /// <param name="count">How many.</param>
    public void Return(int count)
    {
        if (Interlocked.Add(ref _taken, -count) <= max / 2 && Volatile.Read(ref _freed) is not null)
        {
            Wake();
        }
    }

    /// <summary>Waits until half of the queue is free: whoever is let in then finds room for more than one batch.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        Task freed;
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _freed ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            freed = _freed.Task;
        }

        // Looked at after the wait is known to Return: one of the two sees the other.
        Interlocked.MemoryBarrier();
        if (Taken <= max / 2)
        {
            Wake();
        }

        await freed.WaitAsync(cancellationToken);
    }

    /// <summary>The queue is gone: nobody waits any more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
        }

        Wake();
    }

    private void Wake()
    {
        TaskCompletionSource? freed;
        lock (_gate)
        {
            freed = _freed;
            _freed = null;
        }

        freed?.SetResult();
    }
}
