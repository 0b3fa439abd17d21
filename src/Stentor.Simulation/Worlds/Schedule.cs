namespace Stentor.Simulation;

/// <summary>
/// What is going to happen, in one total order: by virtual time, then in the order in which it was asked for. Nothing in a world happens outside it.
/// </summary>
internal sealed class Schedule
{
    private readonly PriorityQueue<Action, (long At, long Number)> _events = new();
    private long _number;

    /// <summary>The virtual time, microseconds since the world began.</summary>
    public long Now { get; private set; }

    /// <summary>How many events happened.</summary>
    public long Steps { get; private set; }

    /// <summary>Has something happen later; what is asked for the same time happens in the order of asking.</summary>
    /// <param name="micros">How much later; not negative.</param>
    /// <param name="what">What happens.</param>
    public void After(long micros, Action what) => _events.Enqueue(what, (Now + micros, _number++));

    /// <summary>Lets the next event happen.</summary>
    /// <param name="until">The last time that is still due.</param>
    /// <returns>False when nothing is due up to then; it is then <paramref name="until"/>.</returns>
    public bool RunNext(long until)
    {
        if (!_events.TryPeek(out _, out var due) || due.At > until)
        {
            Now = Math.Max(Now, until);
            return false;
        }

        var what = _events.Dequeue();
        Now = due.At;
        Steps++;
        what();
        return true;
    }
}
