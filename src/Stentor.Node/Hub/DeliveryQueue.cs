using System.Diagnostics.CodeAnalysis;

namespace Stentor.Node;

/// <summary>What a delivery thread does next: a reader, or a stretch of a tail's subscriptions.</summary>
/// <param name="Reader">The reader; null for a tail.</param>
/// <param name="Tail">The tail; null for a reader.</param>
/// <param name="Items">The tail's subscriptions, once someone has begun with them.</param>
/// <param name="From">Where to go on in <paramref name="Items"/>.</param>
internal readonly record struct Work(Reader? Reader, Tail? Tail, Subscription?[]? Items, int From);

/// <summary>Work for delivery threads, first come first served. Holds a reader at most once and a tail at most twice, so it needs no bound of its own.</summary>
internal sealed class DeliveryQueue
{
    private readonly object _gate = new();
    private Work[] _items = new Work[64];
    private int _head;
    private int _count;
    private int _sleeping;
    private bool _isClosed;

    /// <summary>How much waits.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds work at the end.</summary>
    /// <param name="work">The work.</param>
    /// <param name="wake">Whether a sleeping thread is woken; if not, the caller sees to it.</param>
    public void Add(in Work work, bool wake)
    {
        lock (_gate)
        {
            Grow();
            _items[(_head + _count++) & (_items.Length - 1)] = work;
            if (wake && _sleeping > 0)
            {
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>Puts the rest of some work back to the front.</summary>
    public void PutBack(in Work work)
    {
        lock (_gate)
        {
            Grow();
            _head = (_head - 1) & (_items.Length - 1);
            _items[_head] = work;
            _count++;
        }
    }

    /// <summary>Wakes a sleeping thread if there is work.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            if (_count > 0 && _sleeping > 0)
            {
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>Takes the next work if there is some.</summary>
    public bool TryTake(out Work work)
    {
        if (Count == 0)
        {
            work = default;
            return false;
        }

        lock (_gate)
        {
            return TryTakeLocked(out work);
        }
    }

    /// <summary>Takes the next work, sleeping until there is some.</summary>
    /// <returns>False when the queue is closed.</returns>
    public bool Take(out Work work)
    {
        lock (_gate)
        {
            while (!TryTakeLocked(out work))
            {
                if (_isClosed)
                {
                    return false;
                }

                _sleeping++;
                Monitor.Wait(_gate);
                _sleeping--;
            }

            return true;
        }
    }

    /// <summary>Lets the threads end when nothing is left.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private bool TryTakeLocked([MaybeNullWhen(false)] out Work work)
    {
        if (_count == 0)
        {
            work = default;
            return false;
        }

        work = _items[_head];
        _items[_head] = default;
        _head = (_head + 1) & (_items.Length - 1);
        _count--;
        return true;
    }

    private void Grow()
    {
        if (_count == _items.Length)
        {
            var items = new Work[_items.Length * 2]; // Lengths are powers of two: the index is masked.
            for (var i = 0; i < _count; i++)
            {
                items[i] = _items[(_head + i) & (_items.Length - 1)];
            }

            _items = items;
            _head = 0;
        }
    }
}
