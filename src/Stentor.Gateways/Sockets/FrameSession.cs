using System.Net;
using System.Net.Sockets;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>
/// One connection's conversation in frames, whatever carries them. Frames are handled one after the other in the order in which they came; publishes
/// are handed over all that one read brought at once, and answered when they are durable, all of one commit in one send.
/// </summary>
internal sealed partial class FrameSession : IPublisher, IDisposable
{
    /// <summary>Longest wait for the other side to take its last answers and close. 2 s, of the 8 that a stop has.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    [ThreadStatic]
    private static FrameBuilder? _builder;

    private readonly FrameGateway _gateway;
    private readonly StentorNode _node;
    private readonly WireForm _form;
    private readonly Socket? _socket;
    private readonly IPEndPoint? _from;
    private readonly ISink _sink;
    private readonly Reader _reader;
    private IReceiver? _receiver;
    private string _username;
    private Credential? _session;
    private long _heardAt;
    private long _checkedAt;
    private bool _isPinged;
    private volatile bool _isHandling;
    private volatile CloseReason? _ending;

    public FrameSession(FrameGateway gateway, WireForm form, ISink sink, Socket? socket, IPEndPoint? from, string username, Credential? session = null)
    {
        (_gateway, _node, _form, _sink, _socket, _from, _username, _session) = (gateway, gateway.Node, form, sink, socket, from, username, session);
        _reader = _node.Hub.Open(form, sink);
        _heardAt = _checkedAt = _node.Time.GetTimestamp();
    }

    /// <summary>Longest frame taken, in bytes.</summary>
    public int FrameBytesMax => _node.Options.Limits.FrameBytesMax;

    /// <summary>Whether it takes no more frames.</summary>
    public bool IsEnding => _ending is not null;

    /// <summary>The other side, for the log.</summary>
    public string Client => _from?.ToString() ?? "an unknown address";

    private static FrameBuilder Builder => _builder ??= new FrameBuilder();

    /// <summary>Greets.</summary>
    /// <param name="receiver">What takes frames off the connection.</param>
    public void Start(IReceiver receiver)
    {
        _receiver = receiver;
        WriteJson(_gateway.Hello);
        _reader.Flush();
        if (_gateway.Stopping.IsCancellationRequested)
        {
            Stop(); // The gateway may have asked before there was a receiver.
        }
    }

    /// <summary>Something came from the other side.</summary>
    public void OnHeard()
    {
        Volatile.Write(ref _heardAt, _node.Time.GetTimestamp());
        _isPinged = false;
    }

    /// <summary>Looks for a sign of life: asks for one after some silence, gives up after some more. Ends what was logged in by a session that is over.</summary>
    /// <param name="period">Time until the next call: what would be late by then is given up now.</param>
    public void Beat(TimeSpan period)
    {
        var options = _node.Options;
        if (_session is { } session && _node.Time.GetElapsedTime(_checkedAt) >= options.Heartbeat)
        {
            _checkedAt = _node.Time.GetTimestamp();
            if (!session.Holds)
            {
                End(CloseReason.Unauthenticated, new Refusal(ErrorType.Unauthenticated, "The session that this connection logged in with is over."));
                return;
            }
        }

        if (_reader.IsBlocked)
        {
            // It has more to read than it reads; a ping would wait behind that.
            AskItsMachine();
            OnHeard();
            return;
        }

        // Looked at before the silence: whoever stops handling has set the time first.
        var isUnread = _isHandling;
        var silence = _node.Time.GetElapsedTime(Volatile.Read(ref _heardAt));
        if (isUnread)
        {
            // It is paced, or waits for room. Whatever it says is not heard meanwhile; but it must hear that we are there.
            AskItsMachine();
            if (silence >= options.Heartbeat)
            {
                OnHeard();
                Ping();
            }
        }
        else if (silence >= options.Heartbeat + options.HeartbeatGrace - period)
        {
            SocketLog.Silent(_gateway.Log, Client, silence.TotalSeconds);
            _sink.Abort();
        }
        else if (silence >= options.Heartbeat && !_isPinged)
        {
            _isPinged = true;
            Ping();
        }
    }

    /// <summary>The server stops: what was accepted is finished, then the client is told to come again.</summary>
    public void Stop() =>
        End(CloseReason.ShuttingDown, new Refusal(ErrorType.NotReady, "The node is stopping. Reconnect; another node, or this one after its restart, takes over."));

    /// <summary>A frame came that is longer than may be.</summary>
    public void OnFrameTooLong() =>
        End(CloseReason.OverLimit, new Refusal(ErrorType.TooLarge, $"A frame has more than {FrameBytesMax} bytes (limit frame-bytes-max)."));

    /// <summary>The other side broke the rules of what carries the frames.</summary>
    /// <param name="reason">How the connection is closed.</param>
    /// <param name="detail">What was wrong.</param>
    public void OnBroken(CloseReason reason, string detail) => End(reason, new Refusal(ErrorType.Malformed, detail));

    /// <summary>Sends bytes that are no frame of ours: a WebSocket's pong or close.</summary>
    /// <param name="bytes">Whole frames.</param>
    public void WriteRaw(ReadOnlySpan<byte> bytes)
    {
        Write(bytes);
        _reader.Flush();
    }

    /// <summary>The other side said goodbye.</summary>
    /// <param name="reason">How it is answered.</param>
    public void OnGoodbye(CloseReason reason) => End(reason, refusal: null);

    /// <summary>After the last frame was taken: waits for outstanding outcomes, says why it ends, and lets everything leave.</summary>
    public async Task FinishAsync()
    {
        using var patience = new CancellationTokenSource(_node.Options.StopGrace, _node.Time);
        if (_window is { } window)
        {
            await window.DrainAsync(0, patience.Token);
        }

        if (_ending is { } ending)
        {
            if (ending.Refusal is not null)
            {
                if (ending.Code != CloseReason.ShuttingDown.Code)
                {
                    SocketLog.ClosedForCause(_gateway.Log, Client, ending.Refusal.Detail);
                }

                // Behind the outcomes of what came before: whoever stops reading at an error has missed none.
                WriteError(ending.Ref, ending.Refusal, ending.RetryAfter);
            }

            if (_form == WireForm.WebSocket)
            {
                _reader.Write(WebSocketFrames.Close(ending.Code, ending.Refusal?.Detail ?? ""));
            }

            _reader.Flush();
        }

        using var farewell = new CancellationTokenSource(Farewell, _node.Time);
        await _reader.DrainAsync(farewell.Token);
        if (_ending is { IsOurs: true } && _socket is not null)
        {
            _socket.Shutdown(SocketShutdown.Send);
            await _receiver!.LingerAsync(farewell.Token); // Set at the start.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    /// <summary>Gives up a connection whose other side cannot be asked itself, when its machine does not answer either.</summary>
    private void AskItsMachine()
    {
        var silence = _node.Options.Heartbeat + _node.Options.HeartbeatGrace;
        if (_socket is not null && SocketHealth.IsDead(_socket, silence))
        {
            SocketLog.Silent(_gateway.Log, Client, silence.TotalSeconds);
            _sink.Abort();
        }
    }

    private void Ping()
    {
        WriteJson(ServerFrames.Ping);
        if (_form == WireForm.WebSocket)
        {
            // Whoever only reads in a browser answers this one without knowing it.
            _reader.Write(WebSocketFrames.Ping);
        }

        _reader.Flush();
    }

    /// <summary>Refuses a frame, and ends with it.</summary>
    private void EndWith(CloseReason reason, ReadOnlyMemory<byte> reference, Refusal refusal, TimeSpan retryAfter) =>
        End(reason with { Ref = reference, RetryAfter = retryAfter }, refusal);

    private void End(CloseReason reason, Refusal? refusal)
    {
        // The first reason stays.
        Interlocked.CompareExchange(ref _ending, reason with { Refusal = refusal }, null);
        _receiver?.Stop();
    }

    private void WriteJson(ReadOnlySpan<byte> json)
    {
        var builder = Builder;
        builder.Json.Write(json);
        Write(builder.Finish(_form));
    }

    private void WriteError(ReadOnlyMemory<byte> reference, Refusal refusal, TimeSpan retryAfter)
    {
        var builder = Builder;
        ServerFrames.WriteError(reference.Span, refusal, retryAfter, builder.Json);
        Write(builder.Finish(_form));
    }

    private void WriteOk(ReadOnlyMemory<byte> reference)
    {
        var builder = Builder;
        ServerFrames.WriteOk(reference.Span, builder.Json);
        Write(builder.Finish(_form));
    }

    private void Write(ReadOnlySpan<byte> frame)
    {
        if (!_reader.Write(frame))
        {
            _isOverfull = true;
        }
    }
}
