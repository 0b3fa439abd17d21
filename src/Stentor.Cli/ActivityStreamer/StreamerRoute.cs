using Stentor.Gateways;

namespace Stentor.Cli.ActivityStreamer;

/// <summary>
/// Where a session connects next, and how long it waits before: decided from what happened, without clock and network. At the start each server is tried once;
/// after a login they are tried in turn, for ever. One owner.
/// </summary>
/// <param name="servers">The servers, at least one, in the order in which they are tried.</param>
internal sealed class StreamerRoute(IReadOnlyList<StreamerServer> servers)
{
    /// <summary>
    /// Most redirects in a row, without a connection that held. 10: a server sends a client to the one with the fewest clients, so more than two or three are a
    /// quarrel of servers. One more ends the session.
    /// </summary>
    public const int RedirectsMax = 10;

    /// <summary>How long a connection lasts that did what it was made for: the longest wait between two attempts.</summary>
    public static readonly TimeSpan HoldTime = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan DelayMin = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan DelayMax = HoldTime;

    private int _index;
    private int _failures;
    private int _redirects;
    private int _wrongWays;
    private bool _isAway;
    private bool _isLoggedIn;
    private bool _wasLoggedIn;

    /// <summary>The server to connect to.</summary>
    public StreamerServer Current { get; private set; } = servers[0];

    /// <summary>The client is logged in there.</summary>
    public void LoggedIn() => _isLoggedIn = _wasLoggedIn = true;

    /// <summary>The connection lasted for <see cref="HoldTime"/>: what went wrong before it is forgotten.</summary>
    public void Held() => _failures = _redirects = _wrongWays = 0;

    /// <summary>The server sends the client elsewhere, which is <see cref="Current"/> from now on.</summary>
    /// <param name="place">Where.</param>
    /// <returns>False when there were <see cref="RedirectsMax"/> already; nothing has changed then.</returns>
    public bool TryRedirect(StreamerServer place)
    {
        if (_redirects == RedirectsMax)
        {
            return false;
        }

        _redirects++;
        (Current, _isAway, _isLoggedIn) = (place, true, false);
        return true;
    }

    /// <summary>The connection could not be made, or is lost. Afterwards <see cref="Current"/> is where to try next.</summary>
    /// <param name="random">0 to 1: takes up to half of the wait off, so that clients that lost one server together do not come back together.</param>
    /// <returns>How long to wait before; null when every server was tried and nobody was ever logged in.</returns>
    public TimeSpan? Fail(double random)
    {
        if (_isAway && !_isLoggedIn)
        {
            // The place is gone: back to the server that named it. When it insists, the next one may know better.
            _isAway = false;
            _index = _wrongWays++ == 0 ? _index : (_index + 1) % servers.Count;
            Current = servers[_index];
            return _wrongWays == 1 ? TimeSpan.Zero : Delay(random);
        }

        _index = _isLoggedIn ? 0 : _index + 1;
        (_isAway, _isLoggedIn) = (false, false);
        if (_index == servers.Count && !_wasLoggedIn)
        {
            return null;
        }

        _index %= servers.Count;
        Current = servers[_index];
        return _wasLoggedIn ? Delay(random) : TimeSpan.Zero;
    }

    private TimeSpan Delay(double random)
    {
        // 30 doublings are beyond the longest wait, and do not overflow.
        var delay = Math.Min(DelayMin.TotalMilliseconds * Math.Pow(2, Math.Min(_failures++, 30)), DelayMax.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(Math.Ceiling(delay * (1 - (random / 2))));
    }
}
