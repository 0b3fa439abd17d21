namespace Stentor.Cli.Olympics.Tablets;

/// <summary>Whether the server answers, told once for all tablets when it changes. Any thread may call.</summary>
/// <param name="error">Takes what is told.</param>
internal sealed class ServerWatch(Action<string> error)
{
    private readonly Lock _lock = new();
    private bool _isAway;

    /// <summary>A call has no answer.</summary>
    /// <param name="reason">Why; without a full stop.</param>
    public void OnLost(string reason)
    {
        lock (_lock)
        {
            if (!_isAway)
            {
                error($"{reason}; the tablets go on trying.");
            }

            _isAway = true;
        }
    }

    /// <summary>A call has an answer.</summary>
    public void OnAnswer()
    {
        lock (_lock)
        {
            if (_isAway)
            {
                error("The server answers again.");
            }

            _isAway = false;
        }
    }
}
