using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.ActivityStreamer;

/// <summary>
/// One connection to a server of the Activity Streamer protocol: lines out, messages in. It has no opinion on what they mean. No wait is without end. One task
/// receives; any may send.
/// </summary>
internal sealed class StreamerConnection : IAsyncDisposable
{
    /// <summary>Longest wait for a connection, with TLS where there is. Past it the server counts as gone.</summary>
    public static readonly TimeSpan ConnectWait = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Longest wait for an answer, for the server to take a line, and for it to close after a goodbye. 15 s: a server of 2016 asks all others before it answers
    /// a REGISTER. Past it the connection is lost.
    /// </summary>
    public static readonly TimeSpan AnswerWait = TimeSpan.FromSeconds(15);

    /// <summary>Longest time for a close in order. Past it the connection is closed as it is.</summary>
    public static readonly TimeSpan CloseWait = TimeSpan.FromSeconds(2);

    // The protocol has no sign of life: the system asks after half a minute of silence, and three questions without an answer are an end.
    private const int KeepAliveSeconds = 30;
    private const int KeepAliveSecondsBetween = 5;
    private const int KeepAliveQuestions = 3;

    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly PipeReader _reader;
    private readonly Limits _limits;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private ITimer? _closeTimer;
    private volatile bool _saidGoodbye;

    private StreamerConnection(StreamerServer server, Socket socket, Stream stream, Limits limits, TimeProvider time)
    {
        (Server, _socket, _stream, _limits, _time) = (server, socket, stream, limits, time);
        _reader = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 16 * 1024));
    }

    /// <summary>The other end.</summary>
    public StreamerServer Server { get; }

    /// <summary>Whether a last line was sent, or is being sent, so that the end of the connection is no loss.</summary>
    public bool SaidGoodbye => _saidGoodbye;

    /// <summary>Connects.</summary>
    /// <param name="server">Where.</param>
    /// <param name="limits">Longest line, and what an activity may be.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StreamerLostException">It was not possible within <see cref="ConnectWait"/>.</exception>
    public static async Task<StreamerConnection> ConnectAsync(StreamerServer server, Limits limits, TimeProvider time, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(ConnectWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server.Host, server.Port, either.Token);
            KeepAlive(socket);
            return new StreamerConnection(server, socket, await StreamAsync(socket, server, either.Token), limits, time);
        }
        catch (Exception e)
        {
            socket.Dispose();
            throw e switch
            {
                OperationCanceledException when !cancellationToken.IsCancellationRequested => new StreamerLostException($"no connection within {ConnectWait.TotalSeconds:0} s"),
                SocketException or IOException or AuthenticationException => Lost(e),
                _ => e,
            };
        }
    }

    /// <summary>Sends a line whole. Cancelled before its turn it is not sent at all; once begun it is finished, as half a line would spoil the next one.</summary>
    /// <param name="line">The line with its line feed (<see cref="StreamerLines"/>).</param>
    /// <param name="cancellationToken">Ends the wait for its turn.</param>
    /// <exception cref="StreamerLostException">The connection is gone, or the server took nothing for <see cref="AnswerWait"/>. Nothing can be sent any more.</exception>
    public Task SendAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken) => WriteAsync(line, isLast: false, AnswerWait, cancellationToken);

    /// <summary>
    /// Says LOGOUT and nothing more. Whoever receives goes on until the server closes, which it does when it has read everything; it has <see cref="AnswerWait"/>
    /// for it.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait for its turn.</param>
    /// <exception cref="StreamerLostException">As for <see cref="SendAsync"/>.</exception>
    public async Task LogoutAsync(CancellationToken cancellationToken)
    {
        await WriteAsync(StreamerLines.Logout(), isLast: true, AnswerWait, cancellationToken);
        _closeTimer ??= _time.CreateTimer(_ => _socket.Dispose(), null, AnswerWait, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Receives the next message; empty lines are passed over.</summary>
    /// <param name="cancellationToken">Ends the wait; the next call goes on where this one was.</param>
    /// <returns>The message; null when the server has closed the connection.</returns>
    /// <exception cref="StreamerLostException">The connection is gone.</exception>
    /// <exception cref="ProtocolException">A line is no message, or longer than <see cref="Limits.FrameBytesMax"/>: tell the server by <see cref="CloseAsync"/>.</exception>
    public async ValueTask<StreamerMessage?> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            var end = buffer.PositionOf((byte)'\n');
            var line = end is null ? buffer : buffer.Slice(0, end.Value);
            if (line.Length > _limits.FrameBytesMax)
            {
                _reader.AdvanceTo(buffer.End);
                throw new ProtocolException(ErrorType.Malformed, $"the line is longer than {_limits.FrameBytesMax} bytes");
            }

            if (end is null && !result.IsCompleted)
            {
                _reader.AdvanceTo(buffer.Start, buffer.End);
                continue;
            }

            var bytes = line.ToArray();
            _reader.AdvanceTo(end is null ? buffer.End : buffer.GetPosition(1, end.Value));
            if (end is null)
            {
                return LastMessage(bytes);
            }

            if (!IsBlank(bytes))
            {
                return StreamerMessage.Parse(bytes, _limits);
            }
        }
    }

    /// <summary>Receives the answer to what was sent: the next message with one of these commands. Others are passed over.</summary>
    /// <param name="commands">Some of <see cref="StreamerCommands"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamerLostException">The connection is gone or closed, or there is no answer within <see cref="AnswerWait"/>.</exception>
    /// <exception cref="ProtocolException">As for <see cref="ReceiveAsync"/>.</exception>
    public async Task<StreamerMessage> ReceiveAnswerAsync(IReadOnlyList<string> commands, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(AnswerWait, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            while (await ReceiveAsync(either.Token) is { } message)
            {
                if (commands.Contains(message.Command))
                {
                    return message;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StreamerLostException($"no answer within {AnswerWait.TotalSeconds:0} s");
        }

        throw new StreamerLostException("it closed the connection without an answer");
    }

    /// <summary>
    /// Says a last line and closes in order, within <see cref="CloseWait"/>: what still comes is read, since a socket that is closed with something unread in it
    /// takes back what was sent last. Only whoever receives may call.
    /// </summary>
    /// <param name="lastLine">LOGOUT, or INVALID_MESSAGE with what was wrong.</param>
    public async Task CloseAsync(ReadOnlyMemory<byte> lastLine)
    {
        using var deadline = new CancellationTokenSource(CloseWait, _time);
        try
        {
            if (!_saidGoodbye)
            {
                await WriteAsync(lastLine, isLast: true, CloseWait, deadline.Token);
            }

            while (await ReadAsync(deadline.Token) is { IsCompleted: false } result)
            {
                _reader.AdvanceTo(result.Buffer.End);
            }
        }
        catch (Exception e) when (e is StreamerLostException or OperationCanceledException)
        {
            // It is closed already, or it will be in any case.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_closeTimer is not null)
        {
            await _closeTimer.DisposeAsync();
        }

        _socket.Dispose();
        await _reader.CompleteAsync();
        await _stream.DisposeAsync();
    }

    private static void KeepAlive(Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveSecondsBetween);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveQuestions);
    }

    private static async Task<Stream> StreamAsync(Socket socket, StreamerServer server, CancellationToken cancellationToken)
    {
        var plain = new NetworkStream(socket, ownsSocket: true);
        if (!server.IsTls)
        {
            return plain;
        }

        var tls = new SslStream(plain);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = server.Host }, cancellationToken);
            return tls;
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> line, bool isLast, TimeSpan patience, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            using var deadline = new CancellationTokenSource(patience, _time);
            _saidGoodbye |= isLast; // First: the server may close before the write returns here.
            await _stream.WriteAsync(line, deadline.Token);
            if (isLast)
            {
                await StopSendingAsync().WaitAsync(deadline.Token);
            }
        }
        catch (OperationCanceledException)
        {
            _socket.Dispose(); // Half a line may be out.
            throw new StreamerLostException($"it took nothing for {patience.TotalSeconds:0} s");
        }
        catch (Exception e) when (IsLoss(e))
        {
            throw Lost(e);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Tells the server that nothing more comes, while it can still be heard.</summary>
    private async Task StopSendingAsync()
    {
        if (_stream is SslStream tls)
        {
            await tls.ShutdownAsync();
        }
        else
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
    }

    private async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _reader.ReadAsync(cancellationToken);
        }
        catch (Exception e) when (IsLoss(e))
        {
            throw _saidGoodbye ? new StreamerLostException("it did not close the connection in order after the goodbye") : Lost(e);
        }
    }

    /// <summary>What stood before the end without a line feed: some servers forget the last one, others were cut off.</summary>
    private StreamerMessage? LastMessage(byte[] bytes)
    {
        try
        {
            return IsBlank(bytes) ? null : StreamerMessage.Parse(bytes, _limits);
        }
        catch (ProtocolException)
        {
            return null;
        }
    }

    private static bool IsBlank(ReadOnlySpan<byte> line) => line.Trim(" \t\r"u8).IsEmpty;

    /// <summary>Whether it says that the connection is gone; whoever goes on with one that was closed meanwhile hears of an invalid operation.</summary>
    private static bool IsLoss(Exception e) => e is IOException or SocketException or InvalidOperationException;

    private static StreamerLostException Lost(Exception e)
    {
        var reason = e.InnerException switch
        {
            null => e.Message,
            SocketException system => system.Message, // What stands around it says only that a stream was read or written.
            var inner => $"{e.Message} {inner.Message}",
        };
        return new StreamerLostException(reason.TrimEnd('.'));
    }
}
