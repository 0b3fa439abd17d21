using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Stentor.Gateways;

/// <summary>Says that everything a connection was sent through its transport's output is in the socket's hands once its flush has completed.</summary>
internal interface IDirectOutputFeature
{
    /// <summary>The connection's socket; null when what goes through the output is changed on its way (TLS).</summary>
    Socket? Socket { get; }
}

/// <summary>Lets the answers of a plain connection go straight to its socket, without the server's pipe and the second thread that empties it.</summary>
public static class DirectOutput
{
    /// <summary>Puts it into a listener: before anything that speaks, and not where TLS is.</summary>
    /// <param name="listen">The listener.</param>
    public static void UseDirectOutput(this ListenOptions listen) => listen.Use(next => connection =>
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
        {
            var output = new SocketOutput(socket);
            connection.Transport = new Duplex(connection.Transport.Input, output);
            connection.Features.Set<IDirectOutputFeature>(output);
        }

        return next(connection);
    });

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>A pipe's writing side that is a socket. Holds memory only between the first byte written and the flush that takes the last one.</summary>
    private sealed class SocketOutput : PipeWriter, IDirectOutputFeature
    {
        private const int BytesMin = 4096;

        private readonly Socket _socket;
        private byte[]? _bytes;
        private int _length;
        private bool _isCompleted;
        private bool _isCanceled;

        public SocketOutput(Socket socket)
        {
            _socket = socket;
            socket.Blocking = false;
            socket.NoDelay = true;
        }

        public Socket Socket => _socket;

        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => _length;

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            Reserve(sizeHint);
            return _bytes.AsMemory(_length);
        }

        public override Span<byte> GetSpan(int sizeHint = 0)
        {
            Reserve(sizeHint);
            return _bytes.AsSpan(_length);
        }

        public override void Advance(int bytes)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)((_bytes?.Length ?? 0) - _length));
            _length += bytes;
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            if (_length == 0 || _isCompleted)
            {
                return new(Result());
            }

            var sent = 0;
            try
            {
                sent = _socket.Send(_bytes.AsSpan(0, _length), SocketFlags.None, out var error);
                if (error != SocketError.Success)
                {
                    sent = 0;
                    if (error != SocketError.WouldBlock)
                    {
                        return new(Fail());
                    }
                }
            }
            catch (ObjectDisposedException)
            {
                return new(Fail());
            }

            if (sent < _length)
            {
                return FlushRestAsync(sent, cancellationToken);
            }

            Free();
            return new(Result());
        }

        public override void CancelPendingFlush() => _isCanceled = true;

        public override void Complete(Exception? exception = null)
        {
            _isCompleted = true;
            Free();
        }

        private async ValueTask<FlushResult> FlushRestAsync(int sent, CancellationToken cancellationToken)
        {
            try
            {
                while (sent < _length)
                {
                    sent += await _socket.SendAsync(_bytes.AsMemory(sent, _length - sent), SocketFlags.None, cancellationToken);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return Fail();
            }

            Free();
            return Result();
        }

        private FlushResult Fail()
        {
            // Nobody is there to take it: as when the reading side of a pipe is done.
            _isCompleted = true;
            Free();
            return Result();
        }

        private FlushResult Result()
        {
            var result = new FlushResult(_isCanceled, _isCompleted);
            _isCanceled = false;
            return result;
        }

        private void Free()
        {
            if (_bytes is not null)
            {
                ArrayPool<byte>.Shared.Return(_bytes);
                _bytes = null;
            }

            _length = 0;
        }

        private void Reserve(int sizeHint)
        {
            var size = Math.Max(1, sizeHint);
            if (_bytes is null)
            {
                _bytes = ArrayPool<byte>.Shared.Rent(Math.Max(BytesMin, size));
            }
            else if (_bytes.Length - _length < size)
            {
                var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_bytes.Length * 2, _length + size));
                _bytes.AsSpan(0, _length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(_bytes);
                _bytes = larger;
            }
        }
    }
}
