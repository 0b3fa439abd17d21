using System.Net.Sockets;

namespace Stentor.Gateways;

/// <summary>Takes lines off a TCP connection: as many as one system call brings, into memory that connections share.</summary>
internal sealed class LineReceiver : IReceiver
{
    // Bytes received at once. 64 KiB: some 180 publishes a call; past that the copying costs more than the call.
    private const int ReceiveBytes = 64 * 1024;

    [ThreadStatic]
    private static byte[]? _received;

    private readonly FrameSession _session;
    private readonly Socket _socket;
    private readonly ReadableSignal _readable;

    // Lines that have begun and not ended; null when there are none, so that an idle connection holds no memory.
    private byte[]? _partial;
    private int _partialLength;

    /// <summary>Makes a receiver; the socket does not block from here on.</summary>
    /// <param name="session">Whose lines they are.</param>
    /// <param name="socket">The connection.</param>
    public LineReceiver(FrameSession session, Socket socket)
    {
        (_session, _socket) = (session, socket);
        _readable = new ReadableSignal(socket);
        socket.Blocking = false;
    }

    /// <inheritdoc/>
    public async Task ReceiveAsync()
    {
        try
        {
            while (!_session.IsEnding && await _readable.WaitAsync())
            {
                var isFull = true;
                while (isFull && !_session.IsEnding)
                {
                    var lines = Receive(out isFull, out var isEnd);
                    _session.OnHeard();
                    if (!lines.IsEmpty)
                    {
                        await _session.HandleAsync(lines);
                    }

                    if (isEnd)
                    {
                        return;
                    }

                    if (_partialLength > _session.FrameBytesMax)
                    {
                        _session.OnFrameTooLong();
                    }
                }
            }
        }
        catch (ObjectDisposedException)
        {
            // Given up while it waited: as if the other side had closed.
        }
    }

    /// <inheritdoc/>
    public void Stop() => _readable.Stop();

    /// <inheritdoc/>
    public async Task LingerAsync(CancellationToken patience)
    {
        using var ends = patience.UnsafeRegister(static readable => ((ReadableSignal)readable!).Stop(), _readable);
        _partial = null;
        _readable.Restart();
        while (!patience.IsCancellationRequested && await _readable.WaitAsync())
        {
            if (_socket.Receive(_received ??= new byte[ReceiveBytes], SocketFlags.None, out var error) == 0 && error != SocketError.WouldBlock)
            {
                return;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _readable.Dispose();

    /// <summary>Receives once, and copies out what has ended: it outlives the call, since what it publishes waits to be recorded.</summary>
    private ReadOnlyMemory<byte> Receive(out bool isFull, out bool isEnd)
    {
        var buffer = _received ??= GC.AllocateUninitializedArray<byte>(ReceiveBytes);
        var count = _socket.Receive(buffer, SocketFlags.None, out var error);
        isFull = count == buffer.Length;
        isEnd = count == 0 && error != SocketError.WouldBlock;
        if (isEnd)
        {
            // A last line that its sender did not end.
            var last = _partial.AsMemory(0, _partialLength);
            _partial = null;
            return error == SocketError.Success ? last : default;
        }

        var received = buffer.AsSpan(0, count);
        var end = received.LastIndexOf((byte)'\n') + 1;
        var lines = default(ReadOnlyMemory<byte>);
        if (end > 0)
        {
            var owned = GC.AllocateUninitializedArray<byte>(_partialLength + end);
            _partial.AsSpan(0, _partialLength).CopyTo(owned);
            received[..end].CopyTo(owned.AsSpan(_partialLength));
            lines = owned;
            (_partial, _partialLength) = (null, 0);
        }

        Keep(received[end..]);
        return lines;
    }

    private void Keep(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty)
        {
            return;
        }

        var length = _partialLength + rest.Length;
        if (_partial is null || _partial.Length < length)
        {
            Array.Resize(ref _partial, Math.Max(length, Math.Min(_partialLength * 2, _session.FrameBytesMax)));
        }

        rest.CopyTo(_partial.AsSpan(_partialLength));
        _partialLength = length;
    }
}
