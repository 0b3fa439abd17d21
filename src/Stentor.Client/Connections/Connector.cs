namespace Stentor.Client;

/// <summary>Makes connections: tries the addresses in turn, with waits that grow, until one works or trying is pointless. One a user; not thread-safe.</summary>
/// <param name="options">As whom, and how patiently.</param>
/// <param name="addresses">Where.</param>
/// <param name="http">What sends handshakes.</param>
/// <param name="deadline">How long to try without a connection, from the first attempt or the loss of the last one.</param>
internal sealed class Connector(StentorClientOptions options, AddressList addresses, HttpMessageInvoker http, TimeSpan deadline)
{
    private readonly Backoff _backoff = new(options, addresses.Count);
    private TimeSpan _delay;
    private long? _lostAt;

    /// <summary>Why there is no connection; null when there is one. Any thread may read it.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Connects.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">A server refuses this client, or <see cref="StentorClientOptions.ReconnectDeadline"/> is over.</exception>
    public async Task<Connection> ConnectAsync(CancellationToken cancellationToken)
    {
        _lostAt ??= options.Time.GetTimestamp();
        while (true)
        {
            if (_delay > TimeSpan.Zero)
            {
                await Task.Delay(_delay, options.Time, cancellationToken).ConfigureAwait(false);
                _delay = TimeSpan.Zero;
            }

            var address = addresses.Current;
            try
            {
                var connection = await Connection.OpenAsync(address, options, http, cancellationToken).ConfigureAwait(false);
                Trouble = null;
                options.OnConnection?.Invoke(new ConnectionEvent(address, Connected: true, connection.Peer, RetryIn: null));
                return connection;
            }
            catch (ConnectionLostException e)
            {
                OnLost(address, e);
            }
        }
    }

    /// <summary>A connection did what it was made for: the next loss starts with the shortest wait again.</summary>
    public void OnHealthy()
    {
        _backoff.Reset();
        _lostAt = null;
    }

    /// <summary>A connection was lost: the next attempt goes to the next address, after a wait.</summary>
    /// <exception cref="StentorException"><see cref="StentorClientOptions.ReconnectDeadline"/> is over.</exception>
    public void OnLost(Uri address, ConnectionLostException lost)
    {
        _lostAt ??= options.Time.GetTimestamp();
        Trouble = lost.Message;
        addresses.MoveOnFrom(address);
        _delay = _backoff.Next();
        if (lost.RetryAfter > _delay && addresses.Count == 1)
        {
            _delay = lost.RetryAfter;
        }

        var givesUp = deadline != Timeout.InfiniteTimeSpan && options.Time.GetElapsedTime(_lostAt.Value) + _delay >= deadline;
        options.OnConnection?.Invoke(new ConnectionEvent(address, Connected: false, lost.Message, givesUp ? null : _delay));
        if (givesUp)
        {
            throw new StentorException(StentorException.Unreachable, $"No connection within {deadline.TotalSeconds:0.#} s (option ReconnectDeadline). {lost.Message}", 0, lost);
        }
    }
}
