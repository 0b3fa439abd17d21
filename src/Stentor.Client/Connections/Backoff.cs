namespace Stentor.Client;

/// <summary>How long to wait before the next attempt: hardly at all while there are addresses not yet tried, then twice as long every round.</summary>
internal sealed class Backoff(StentorClientOptions options, int addresses)
{
    private int _failures;

    /// <summary>The last attempt worked.</summary>
    public void Reset() => _failures = 0;

    /// <summary>The wait after one more failure. A random part is taken off, so that clients that lost one server together do not come back together.</summary>
    public TimeSpan Next()
    {
        _failures++;

        var random = Random.Shared.NextDouble();
        if (_failures % addresses != 0)
        {
            return Whole(options.ReconnectDelayMin.TotalMilliseconds * (random / 2));
        }

        // 30 doublings are beyond any maximum, and do not overflow.
        var round = Math.Min((_failures / addresses) - 1, 30);
        var delay = Math.Min(options.ReconnectDelayMin.TotalMilliseconds * Math.Pow(2, round), options.ReconnectDelayMax.TotalMilliseconds);
        return Whole(delay * (1 - (random / 2)));
    }

    // Timers count milliseconds.
    private static TimeSpan Whole(double milliseconds) => TimeSpan.FromMilliseconds(Math.Ceiling(milliseconds));
}
