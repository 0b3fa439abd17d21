using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Stentor.Node;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>
/// One connection's conversation in the Activity Streamer protocol: with a client, or with another server. Messages are handled one after the other, in the order
/// in which they came. The last message that it sends leaves whole before the connection is closed.
/// </summary>
internal sealed partial class StreamerSession : IPublisher, IDisposable
{
    /// <summary>Longest wait for the other side to take its last message and close.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    /// <summary>How long a connection may be open without anybody logged in. 5 minutes: people type their names.</summary>
    private static readonly TimeSpan NobodyMax = TimeSpan.FromMinutes(5);

    // A machine that is gone without a word is noticed after 60 + 4 × 15 s.
    private const int KeepAliveSeconds = 60;
    private const int KeepAliveIntervalSeconds = 15;
    private const int KeepAliveRetries = 4;

    private readonly StreamerGateway _gateway;
    private readonly StentorNode _node;
    private readonly ISink _sink;
    private readonly Socket? _socket;
    private readonly IPEndPoint? _from;
    private readonly PipeReader _input;
    private readonly Reader _reader;
    private readonly long _openedAt;
    private volatile Phase _phase;
    private volatile Ending? _ending;
    private bool _isFirst = true;

    /// <summary>Makes a session.</summary>
    /// <param name="gateway">Whose it is.</param>
    /// <param name="sink">Where its bytes go.</param>
    /// <param name="socket">The connection's socket; null where there is none.</param>
    /// <param name="from">The other side.</param>
    /// <param name="input">What the other side sends.</param>
    public StreamerSession(StreamerGateway gateway, ISink sink, Socket? socket, IPEndPoint? from, PipeReader input)
    {
        (_gateway, _node, _sink, _socket, _from, _input) = (gateway, gateway.Node, sink, socket, from, input);
        _reader = _node.Hub.Open(WireForm.ActivityStreamer, sink);
        _openedAt = _node.Time.GetTimestamp();
        KeepAlive(socket);
    }

    private enum Phase
    {
        /// <summary>Nobody has logged in.</summary>
        Nobody,

        /// <summary>A client is logged in.</summary>
        Client,

        /// <summary>It is another server.</summary>
        Peer,
    }

    /// <summary>The other side, for the log.</summary>
    public string Client => _from?.ToString() ?? "an unknown address";

    /// <summary>Why it ended, as the other side said it or as it was told; null when it just ended.</summary>
    public string? Reason { get; private set; }

    private int LineBytesMax => _node.Options.Limits.FrameBytesMax;

    /// <summary>Serves until one side ends it.</summary>
    public async Task RunAsync()
    {
        await ReceiveAsync();
        await FinishAsync();
    }

    /// <summary>It has been dialled: this side is the first to speak, and the other side is a server.</summary>
    /// <param name="secret">The secret that servers give each other.</param>
    public async Task RunDialledAsync(string secret)
    {
        TrySend(StreamerLines.Authenticate(secret)); // The first line finds room.
        BecomePeer("dialled");
        await _gateway.ServeAsync(this);
    }

    /// <summary>Sends a line. Does not wait, and calls nobody back.</summary>
    /// <param name="line">A whole line.</param>
    /// <returns>False when too much waits for the other side.</returns>
    public bool TrySend(ReadOnlySpan<byte> line)
    {
        var hasRoom = _reader.Write(line);
        _reader.Flush();
        return hasRoom;
    }

    /// <summary>The other side, a server, takes nothing of what it is told, and there is no end of announcements.</summary>
    public void GiveUp()
    {
        Reason ??= $"it takes nothing: more than {Reader.UnsentMax} bytes wait for it.";
        _sink.Abort();
    }

    /// <summary>Ends it with INVALID_MESSAGE.</summary>
    /// <param name="reason">What was wrong.</param>
    public void Refuse(string reason) => End(StreamerCommands.InvalidMessage, reason);

    /// <summary>The server stops: clients are sent elsewhere, servers are told.</summary>
    /// <param name="refuge">Where clients may go; null for nowhere.</param>
    public void Stop(StreamerAddress? refuge)
    {
        if (_phase == Phase.Client && refuge is { } place)
        {
            End(new Ending(StreamerLines.Redirect(place.Hostname, place.Port)));
        }
        else
        {
            Refuse("the server is stopping; connect again in a while, or to another one");
        }
    }

    /// <summary>Time has passed: about four times a second.</summary>
    public void Tick()
    {
        if (_phase == Phase.Nobody && _node.Time.GetElapsedTime(_openedAt) > NobodyMax && _ending is null)
        {
            Refuse($"nobody has logged in within {NobodyMax.TotalMinutes:0} minutes");
        }
    }

    /// <summary>Whoever is here is counted out, and nothing more is sent of what others say.</summary>
    public async Task LeaveAsync()
    {
        var phase = _phase;
        _phase = Phase.Nobody;
        if (phase == Phase.Client)
        {
            _reader.Unsubscribe([_gateway.Channel]);
            _gateway.OnClientGone();
        }
        else if (phase == Phase.Peer)
        {
            _gateway.Close(_peer);
            await _feeding!.CancelAsync(); // A peer has it.
            await _feed;
            StreamerLog.Ended(_gateway.Log, Client, _node.Time.GetElapsedTime(_openedAt).TotalSeconds, Reason ?? "The connection is gone.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _feeding?.Dispose();
        _reader.Dispose();
    }

    private static void KeepAlive(Socket? socket)
    {
        try
        {
            socket?.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket?.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
            socket?.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveIntervalSeconds);
            socket?.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveRetries);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is gone already; reading it says so.
        }
    }

    private async Task ReceiveAsync()
    {
        while (_ending is null)
        {
            var result = await _input.ReadAsync();
            var buffer = result.Buffer;
            var end = EndOfLines(buffer);
            var lines = buffer.Slice(0, end);
            var rest = buffer.Length - lines.Length;
            if (!lines.IsEmpty)
            {
                // Copied out: what is published keeps parts of it.
                var text = lines.ToArray();
                _input.AdvanceTo(end, buffer.End);
                await HandleAsync(text);
            }
            else
            {
                _input.AdvanceTo(buffer.Start, buffer.End);
            }

            if (rest > LineBytesMax)
            {
                Refuse($"a line has more than {LineBytesMax} bytes (limit frame-bytes-max)");
            }

            if (result.IsCompleted || result.IsCanceled)
            {
                return; // A last line without an end was cut off on its way.
            }
        }
    }

    /// <summary>Where the last whole line ends.</summary>
    private static SequencePosition EndOfLines(in ReadOnlySequence<byte> buffer)
    {
        long length = 0;
        long end = 0;
        foreach (var part in buffer)
        {
            if (part.Span.LastIndexOf((byte)'\n') is var feed and >= 0)
            {
                end = length + feed + 1;
            }

            length += part.Length;
        }

        return buffer.GetPosition(end);
    }

    private async Task FinishAsync()
    {
        await HearOwnAsync();
        await LeaveAsync(); // What comes behind the last message would belong to nobody.
        var line = _ending?.Line;
        if (line is not null)
        {
            _reader.Write(line);
            _reader.Flush();
        }

        // Also where the other side has ended it: it may still read what it was answered.
        using var farewell = new CancellationTokenSource(Farewell, _node.Time);
        await _reader.DrainAsync(farewell.Token);
        if (_socket is null || line is null)
        {
            return;
        }

        // The other side reads the last message before it sees the end; what it still sends meanwhile must not reset the connection.
        _socket.Shutdown(SocketShutdown.Send);
        while (true)
        {
            var result = await _input.ReadAsync(farewell.Token);
            _input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>What a client published before it ended comes back to it before the end.</summary>
    private async Task HearOwnAsync()
    {
        if (_phase != Phase.Client || _window is not { } window)
        {
            return;
        }

        using var patience = new CancellationTokenSource(Farewell, _node.Time);
        try
        {
            await window.DrainAsync(0, patience.Token);
            await _reader.CatchUpAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            // It does not read what it is sent, or the disk is slow: the end comes all the same.
        }
    }

    private void End(string command, string info)
    {
        if (_ending is null)
        {
            StreamerLog.ClosedForCause(_gateway.Log, Client, info);
            Reason ??= info;
        }

        End(new Ending(StreamerLines.Info(command, info)));
    }

    private void End(Ending ending)
    {
        // The first one stays.
        Interlocked.CompareExchange(ref _ending, ending, null);
        _input.CancelPendingRead();
    }

    /// <summary>How it ends.</summary>
    /// <param name="Line">The last message; null for none.</param>
    private sealed record Ending(byte[]? Line);
}
