namespace Stentor.Load.Net;

/// <summary>Every latency of a measurement, so that percentiles are exact.</summary>
/// <param name="from">Only what was due at or after this time counts (<see cref="Clock"/>).</param>
internal sealed class Latencies(long from)
{
    private long[] _values = new long[1 << 20];
    private bool _isSorted;

    public int Count { get; private set; }

    /// <summary>Takes in one latency.</summary>
    /// <param name="due">When it should have been sent: not when it was, or a stalled server would hide its own stall.</param>
    /// <param name="now">When it arrived.</param>
    public void Add(long due, long now)
    {
        if (due < from)
        {
            return;
        }

        if (Count == _values.Length)
        {
            Array.Resize(ref _values, Count * 2);
        }

        _values[Count++] = now - due;
        _isSorted = false;
    }

    /// <summary>The latency that the given share did not exceed, in microseconds.</summary>
    public double Percentile(double share)
    {
        if (Count == 0)
        {
            throw new LoadException("Nothing was timed.");
        }

        if (!_isSorted)
        {
            Array.Sort(_values, 0, Count);
            _isSorted = true;
        }

        var index = (int)Math.Ceiling(share * Count) - 1;
        return _values[Math.Clamp(index, 0, Count - 1)] / (double)Clock.Microsecond;
    }
}
