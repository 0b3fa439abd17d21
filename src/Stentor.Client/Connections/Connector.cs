namespace Stentor.Client;

/// <summary>Makes connections: tries the addresses in turn, with waits that grow, until one works or trying is pointless. One a user; not thread-safe.</summary>
internal sealed class Connector(StentorClientOptions options, AddressList addresses, HttpMessageInvoker http)
{
    private readonly Backoff _backoff = new(options, addresses.Count);
    private TimeSpan _delay;
    private long _lostAt = options.Time.GetTimestamp();

    /// <summary>Why there is no connection; null when there is one. Any thread may read it.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Connects.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">A server refuses this client, or <see cref="StentorClientOptions.ReconnectDeadline"/> is over.</exception>
    public async Task<Connection> ConnectAsync(CancellationToken cancellationToken)
    {
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
        _lostAt = 0;
    }

    /// <summary>A connection was lost: the next attempt goes to the next address, after a wait.</summary>
    /// <exception cref="StentorException"><see cref="StentorClientOptions.ReconnectDeadline"/> is over.</exception>
    public void OnLost(Uri address, ConnectionLostException lost)
    {
        if (_lostAt == 0)
        {
            _lostAt = options.Time.GetTimestamp();
        }

        Trouble = lost.Message;
        addresses.MoveOnFrom(address);
        _delay = _backoff.Next();
        if (lost.RetryAfter > _delay && addresses.Count == 1)
        {
            _delay = lost.RetryAfter;
        }

        var givesUp = options.ReconnectDeadline != Timeout.InfiniteTimeSpan && options.Time.GetElapsedTime(_lostAt) + _delay >= options.ReconnectDeadline;
        options.OnConnection?.Invoke(new ConnectionEvent(address, Connected: false, lost.Message, givesUp ? null : _delay));
        if (givesUp)
        {
            throw new StentorException(StentorException.Unreachable, $"No connection within {options.ReconnectDeadline.TotalSeconds:0.#} s (option ReconnectDeadline). {lost.Message}", 0, lost);
        }
    }
}
