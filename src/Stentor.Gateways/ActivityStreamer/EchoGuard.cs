namespace Stentor.Gateways;

/// <summary>
/// Finds activities that come back: servers that are linked in a loop, or send what they were sent, would otherwise keep one activity going round for ever. In
/// a tree none ever comes back, so one that says the very same as one that the same peer was sent a moment ago is its echo; and one that comes from one peer
/// again and again goes round behind it. Any thread may call.
/// </summary>
internal sealed class EchoGuard
{
    /// <summary>How soon an echo comes, in milliseconds. 3 s: longer than servers take to pass an activity on, and so short that people hardly say the same by chance.</summary>
    public const long EchoMs = 3_000;

    /// <summary>For how long what one peer brings again and again is counted, in milliseconds. 10 s: longer than servers take to notice a loop by their announcements.</summary>
    public const long WindowMs = 10_000;

    /// <summary>How often one peer may bring the very same activity in that time. 1,000: no person does, a loop does at once.</summary>
    public const int RepeatsMax = 1_000;

    // Past it the oldest go; 64 bytes each. What is forgotten early is passed on.
    private const int MarksMax = 65_536;

    private readonly Lock _gate = new();
    private readonly Dictionary<(int Peer, ulong Hash, bool IsSent), Mark> _marks = [];
    private readonly Queue<((int Peer, ulong Hash, bool IsSent) Key, long At)> _order = new();

    /// <summary>An activity was sent to a peer.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="hash">The activity's <see cref="JsonValueHash"/>.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    public void OnSent(int peer, ulong hash, long now)
    {
        lock (_gate)
        {
            Count((peer, hash, true), now);
        }
    }

    /// <summary>Whether an activity that a peer brings is to be dropped.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="hash">The activity's <see cref="JsonValueHash"/>.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    public bool IsEcho(int peer, ulong hash, long now)
    {
        lock (_gate)
        {
            return (_marks.TryGetValue((peer, hash, true), out var sent) && now - sent.At < EchoMs) || Count((peer, hash, false), now) > RepeatsMax;
        }
    }

    private int Count((int Peer, ulong Hash, bool IsSent) key, long now)
    {
        while (_order.TryPeek(out var oldest) && (_order.Count >= MarksMax || now - oldest.At >= WindowMs))
        {
            _order.Dequeue();
            if (!_marks.TryGetValue(oldest.Key, out var known) || known.FirstAt != oldest.At)
            {
                continue;
            }

            if (_order.Count < MarksMax && now - known.At < EchoMs)
            {
                // Counted from now on; but what was sent last may still come back.
                _marks[oldest.Key] = known with { FirstAt = now, Count = 1 };
                _order.Enqueue((oldest.Key, now));
            }
            else
            {
                _marks.Remove(oldest.Key);
            }
        }

        if (_marks.TryGetValue(key, out var mark))
        {
            _marks[key] = mark with { At = now, Count = mark.Count + 1 };
            return mark.Count + 1;
        }

        _marks.Add(key, new Mark(now, now, 1));
        _order.Enqueue((key, now));
        return 1;
    }

    private readonly record struct Mark(long FirstAt, long At, int Count);
}
