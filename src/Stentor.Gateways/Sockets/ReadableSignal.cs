using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Stentor.Gateways;

/// <summary>Waits until a socket has something to read, without a buffer. One wait at a time; nothing is allocated for it.</summary>
internal sealed class ReadableSignal : SocketAsyncEventArgs, IValueTaskSource<bool>
{
    private readonly Socket _socket;
    private ManualResetValueTaskSourceCore<bool> _source;
    private int _isWaiting;
    private volatile bool _isPending;
    private volatile bool _isStopped;

    /// <summary>Makes a signal.</summary>
    /// <param name="socket">The socket.</param>
    public ReadableSignal(Socket socket)
        : base(true)
    {
        _socket = socket;
        SetBuffer(Memory<byte>.Empty);
    }

    /// <summary>Waits until there is something, or the end, to read.</summary>
    /// <returns>False when it was stopped instead.</returns>
    public ValueTask<bool> WaitAsync()
    {
        _source.Reset();
        Interlocked.Exchange(ref _isWaiting, 1); // Seen by Stop before the look at what Stop writes.
        if (_isStopped)
        {
            TryEnd(isReadable: false);
        }
        else if (!_isPending)
        {
            // Set before it starts: it may be over at once, on another thread.
            _isPending = true;
            if (!_socket.ReceiveAsync(this))
            {
                _isPending = false;
                TryEnd(isReadable: true);
            }
        }

        return new(this, _source.Version);
    }

    /// <summary>Ends the wait, and every later one at once.</summary>
    public void Stop()
    {
        _isStopped = true;
        TryEnd(isReadable: false);
    }

    /// <summary>Waits may be made again.</summary>
    public void Restart() => _isStopped = false;

    /// <inheritdoc/>
    public bool GetResult(short token) => _source.GetResult(token);

    /// <inheritdoc/>
    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    /// <inheritdoc/>
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    /// <inheritdoc/>
    protected override void OnCompleted(SocketAsyncEventArgs e)
    {
        _isPending = false;
        TryEnd(isReadable: true);
    }

    private void TryEnd(bool isReadable)
    {
        // Stop and the socket may both want to: the first one does.
        if (Interlocked.Exchange(ref _isWaiting, 0) == 1)
        {
            _source.SetResult(isReadable);
        }
    }
}
