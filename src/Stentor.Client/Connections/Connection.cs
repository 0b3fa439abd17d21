using System.Net.WebSockets;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>
/// One WebSocket to a server, greeted and logged in: frames out and in, heartbeats, and a clear end. One reader and any number of senders at a time.
/// A dead server shows within <see cref="StentorClientOptions.Heartbeat"/> and <see cref="StentorClientOptions.HeartbeatGrace"/> while someone reads;
/// while nobody does (a consumer is busy), the server still hears from this side.
/// </summary>
internal sealed partial class Connection : IAsyncDisposable
{
    // A server may have closed the connection without reading what is still on its way to it.
    private static readonly TimeSpan CloseWait = TimeSpan.FromSeconds(1);

    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly Lock _clock = new();
    private readonly StentorClientOptions _options;
    private readonly TimeProvider _time;
    private readonly byte[] _chunk = new byte[16 * 1024];
    private readonly ByteBuffer _gathered = new();
    private ReadOnlyMemory<byte> _message;
    private ITimer? _heartbeat;
    private Task _ping = Task.CompletedTask;
    private StentorException? _lastError;
    private string? _deadBecause;
    private TimeSpan _pingAfter;
    private long _sentAt;
    private long _heardAt;
    private bool _reading;
    private long _ref;
    private bool _ended;

    private Connection(Uri address, StentorClientOptions options)
    {
        Address = address;
        _options = options;
        _time = options.Time;
        _sentAt = _heardAt = _time.GetTimestamp();

        _pingAfter = options.Heartbeat * 0.8;
        _socket.Options.KeepAliveInterval = TimeSpan.Zero; // Pings are frames of the protocol here.
        _socket.Options.CollectHttpResponseDetails = true;
        _socket.Options.SetRequestHeader("User-Agent", options.ClientName);
    }

    /// <summary>The server.</summary>
    public Uri Address { get; }

    /// <summary>The server's node and region, as it said.</summary>
    public string Peer { get; private set; } = "";

    /// <summary>Longest frame that the server takes, in bytes.</summary>
    public int FrameBytesMax { get; private set; } = Limits.Default.FrameBytesMax;

    /// <summary>Connects, reads the greeting and logs in.</summary>
    /// <param name="address">The server.</param>
    /// <param name="options">As whom, and how patiently.</param>
    /// <param name="http">What sends the handshake.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ConnectionLostException">It did not work; later or elsewhere it may.</exception>
    /// <exception cref="StentorException">The server refuses, and would do so again.</exception>
    public static async Task<Connection> OpenAsync(Uri address, StentorClientOptions options, HttpMessageInvoker http, CancellationToken cancellationToken)
    {
        var connection = new Connection(address, options);
        using var deadline = new CancellationTokenSource(options.ConnectTimeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            await connection.ConnectAsync(http, either.Token).ConfigureAwait(false);
            await connection.GreetAsync(either.Token).ConfigureAwait(false);
            connection.StartHeartbeat();
            return connection;
        }
        catch (Exception e)
        {
            connection.Abort();
            await connection.DisposeAsync().ConfigureAwait(false);
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new ConnectionLostException($"{address} did not answer within {options.ConnectTimeout.TotalSeconds:0.#} s.", e);
            }

            throw;
        }
    }

    /// <summary>A number for a request that no other request of this connection has.</summary>
    public long NextRef() => Interlocked.Increment(ref _ref);

    /// <summary>Sends one message: a frame, or several with a line feed between.</summary>
    /// <exception cref="ConnectionLostException">The connection is over.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> frames, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await _socket.SendAsync(frames, WebSocketMessageType.Text, endOfMessage: true, cancellationToken).ConfigureAwait(false);
            lock (_clock)
            {
                _sentAt = _time.GetTimestamp();
            }
        }
        catch (Exception e) when (e is WebSocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            throw Lost(e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw Lost(e);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>The next frame that is not about the connection itself. Its memory stays valid.</summary>
    /// <exception cref="ConnectionLostException">The connection is over; another may be made.</exception>
    /// <exception cref="StentorException">The server closed it for good.</exception>
    public async ValueTask<Frame> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_message.IsEmpty)
            {
                _message = await ReadMessageAsync(cancellationToken).ConfigureAwait(false);
            }

            var end = _message.Span.IndexOf((byte)'\n');
            var line = end < 0 ? _message : _message[..end];
            _message = end < 0 ? default : _message[(end + 1)..];
            if (line.IsEmpty)
            {
                continue;
            }

            var frame = Frame.Parse(line);
            if (frame.Op == FrameOp.Ping)
            {
                await SendAsync(PingFrame(), cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (frame.Op == FrameOp.Error && frame.Ref < 0)
            {
                // It says why the connection ends; the close that follows says whether for good.
                _lastError = frame.Error;
                continue;
            }

            return frame;
        }
    }

    /// <summary>Ends the connection at once.</summary>
    public void Abort() => _socket.Abort();

    /// <summary>Says goodbye, for at most a second, and ends the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_clock)
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
        }

        if (_heartbeat is not null)
        {
            await _heartbeat.DisposeAsync().ConfigureAwait(false);
        }

        if (_socket.State == WebSocketState.Open)
        {
            await SayGoodbyeAsync().ConfigureAwait(false);
        }

        _socket.Abort();
        await _ping.ConfigureAwait(false);
        _socket.Dispose();
    }

    private async Task SayGoodbyeAsync()
    {
        using var patience = new CancellationTokenSource(CloseWait);
        try
        {
            await _sending.WaitAsync(patience.Token).ConfigureAwait(false);
            try
            {
                await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, statusDescription: null, patience.Token).ConfigureAwait(false);
            }
            finally
            {
                _sending.Release();
            }
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // A courtesy; what counts is the end that follows.
            _socket.Abort();
        }
    }

    private async Task<ReadOnlyMemory<byte>> ReadMessageAsync(CancellationToken cancellationToken)
    {
        SetReading(true);
        try
        {
            _gathered.Clear(keepMax: 1024 * 1024);
            while (true)
            {
                var part = await _socket.ReceiveAsync(_chunk.AsMemory(), cancellationToken).ConfigureAwait(false);
                Heard();
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    throw Closed();
                }

                if (_gathered.Length + part.Count > _options.MessageBytesMax)
                {
                    throw new ConnectionLostException($"{Address} sent a message of more than {_options.MessageBytesMax} bytes (option MessageBytesMax).");
                }

                if (part.EndOfMessage && _gathered.Length == 0)
                {
                    return _chunk.AsSpan(0, part.Count).ToArray();
                }

                _gathered.Write(_chunk.AsSpan(0, part.Count));
                if (part.EndOfMessage)
                {
                    return _gathered.WrittenSpan.ToArray();
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            throw Lost(e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw Lost(e);
        }
        finally
        {
            SetReading(false);
        }
    }

    /// <summary>What the server's close code means: 3500 to 3999 for good, everything else "come again" (docs: Frames).</summary>
    private Exception Closed()
    {
        var code = _socket.CloseStatus is { } status ? (int)status : 0;
        var reason = _lastError?.Detail ?? _socket.CloseStatusDescription ?? "";
        if (code is < 3500 or > 3999)
        {
            return new ConnectionLostException($"{Address} closed the connection ({code}). {Printable.Cut(reason, 500)}".TrimEnd());
        }

        var type = _lastError?.Type ?? code switch
        {
            3500 => ErrorType.Unauthenticated,
            3501 => ErrorType.Malformed,
            3504 => ErrorType.TooLarge,
            _ => ErrorType.Internal,
        };
        return new StentorException(type, $"{Address} closed the connection for good ({code}). {Printable.Cut(reason, 500)}".TrimEnd(), ErrorType.StatusOf(type));
    }

    private ConnectionLostException Lost(Exception e) => new($"Connection to {Address} lost: {_deadBecause ?? Innermost(e)}", e);

    private void StartHeartbeat()
    {
        lock (_clock)
        {
            _heartbeat = _time.CreateTimer(static state => ((Connection)state!).Beat(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        Beat();
    }

    /// <summary>Asks for a sign of life, gives up, or waits for whichever comes next.</summary>
    private void Beat()
    {
        lock (_clock)
        {
            if (_ended)
            {
                return;
            }

            var deadAfter = _options.Heartbeat + _options.HeartbeatGrace;
            var silence = _reading ? _time.GetElapsedTime(_heardAt) : TimeSpan.Zero;
            if (silence >= deadAfter)
            {
                _deadBecause = $"the server said nothing for {silence.TotalSeconds:0} s.";
                _socket.Abort();
                return;
            }

            var quiet = _time.GetElapsedTime(_sentAt);
            if (quiet >= _pingAfter)
            {
                quiet = TimeSpan.Zero;
                _sentAt = _time.GetTimestamp();
                if (_ping.IsCompleted)
                {
                    _ping = PingAsync();
                }
            }

            var next = deadAfter - silence < _pingAfter - quiet ? deadAfter - silence : _pingAfter - quiet;
            _heartbeat!.Change(next, Timeout.InfiniteTimeSpan); // Made before the first beat.
        }
    }

    private async Task PingAsync()
    {
        try
        {
            // Not under the timer's lock: a send may complete at once and take it.
            await Task.Yield();
            await SendAsync(PingFrame(), CancellationToken.None).ConfigureAwait(false);
        }
        catch (ConnectionLostException)
        {
            // Whoever reads, or sends next, learns the same and says so.
            _socket.Abort();
        }
    }

    // Also the answer to a server's ping: whatever this side says ends its silence.
    private byte[] PingFrame() => Encoding.UTF8.GetBytes($"{{\"op\":\"ping\",\"ref\":{NextRef()}}}");

    private void SetReading(bool reading)
    {
        lock (_clock)
        {
            _reading = reading;
            if (reading)
            {
                // What was not read cannot have been heard: silence counts from here.
                _heardAt = _time.GetTimestamp();
            }
        }
    }

    private void Heard()
    {
        lock (_clock)
        {
            _heardAt = _time.GetTimestamp();
        }
    }

    private static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
        {
            e = inner;
        }

        return Printable.Cut(e.Message, 200);
    }
}
