namespace Stentor.Storage;

/// <summary>
/// Wakes one thread that has nothing to do. Rung after the lock that guards the work is left: <see cref="Monitor.Pulse"/> wakes a thread that then waits for the
/// pulsing one to leave the lock, and on a processor that both share that costs four changes of threads in place of one. Nobody pays for a thread that is awake.
/// </summary>
public sealed class Doorbell
{
    // Not disposed: whoever rings may outlive whoever waits.
    private readonly AutoResetEvent _bell = new(initialState: false);
    private int _isExpected;

    /// <summary>Says that the calling thread found nothing and is about to wait. Under the lock that guards the work, so that whoever adds some afterwards rings.</summary>
    public void Expect() => Volatile.Write(ref _isExpected, 1);

    /// <summary>Waits for the bell. May return although nothing was added: look again.</summary>
    /// <param name="milliseconds">Longest wait; <see cref="Timeout.Infinite"/> for as long as it takes.</param>
    public void Wait(int milliseconds = Timeout.Infinite) => _bell.WaitOne(milliseconds);

    /// <summary>Wakes the thread if it waits, or is about to. After something was added, outside the lock.</summary>
    public void Ring()
    {
        if (Volatile.Read(ref _isExpected) != 0 && Interlocked.Exchange(ref _isExpected, 0) != 0)
        {
            _bell.Set();
        }
    }
}
