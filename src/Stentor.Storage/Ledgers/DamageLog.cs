using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>Positions found damaged since the store was opened. Any thread.</summary>
internal sealed class DamageLog
{
    // What a status page can show; past it only the count grows.
    private const int HolesMax = 1000;

    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, LedgerHole> _holes = [];
    private long _positions;

    /// <summary>Told of each new find, on the thread that made it.</summary>
    public event Action<LedgerHole>? Found;

    /// <summary>How many positions.</summary>
    public long Positions => Interlocked.Read(ref _positions);

    /// <summary>Which ones, in order; at most 1,000 ranges.</summary>
    public IReadOnlyList<LedgerHole> Holes
    {
        get
        {
            lock (_lock)
            {
                return [.. _holes.Values];
            }
        }
    }

    /// <summary>Adds what was found; nothing happens when it is known.</summary>
    /// <param name="first">The first position.</param>
    /// <param name="last">The last position.</param>
    /// <param name="reason">Why, for people.</param>
    public void Add(long first, long last, string reason)
    {
        var hole = new LedgerHole(first, last, reason);
        lock (_lock)
        {
            foreach (var known in _holes.Values)
            {
                if (known.First <= first && last <= known.Last)
                {
                    return;
                }
            }

            if (_holes.Count == HolesMax)
            {
                return;
            }

            _holes[first] = hole;
            _positions += last - first + 1;
        }

        Found?.Invoke(hole);
    }
}
