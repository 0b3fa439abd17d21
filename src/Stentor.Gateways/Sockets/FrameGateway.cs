using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Stentor.Node;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Serves JSON frames on TCP connections and WebSockets. Ends its sessions gracefully when the server stops, and those that show no sign of life.</summary>
public sealed class FrameGateway : IDisposable
{
    private readonly ConcurrentDictionary<FrameSession, bool> _sessions = new();
    private readonly ITimer _heartbeat;
    private readonly CancellationTokenRegistration _stopping;

    /// <summary>Makes the gateway.</summary>
    /// <param name="node">The node.</param>
    /// <param name="throttle">Who comes too often.</param>
    /// <param name="logs">Where it reports.</param>
    /// <param name="stopping">The server begins to stop: sessions finish what they accepted, tell their clients to reconnect, and end.</param>
    public FrameGateway(StentorNode node, Throttle throttle, ILoggerFactory logs, CancellationToken stopping)
    {
        (Node, Throttle, Stopping) = (node, throttle, stopping);
        Log = logs.CreateLogger<FrameGateway>();
        Hello = ServerFrames.Hello(node);

        // Often enough that a connection is pinged at most a twentieth late, and given up as much early: a dead one is noticed within both times together.
        var beat = TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerMillisecond * 20, Math.Min(node.Options.Heartbeat.Ticks, node.Options.HeartbeatGrace.Ticks) / 20));
        _heartbeat = node.Time.CreateTimer(_ => Beat(beat), state: null, beat, beat);
        _stopping = stopping.UnsafeRegister(static gateway => ((FrameGateway)gateway!).Stop(), this);
    }

    /// <summary>Sessions at the moment.</summary>
    public int Sessions => _sessions.Count;

    /// <summary>The route of WebSockets.</summary>
    internal Route Route => new("/v1/socket", Access.HeaderOrQuery, new Operation(HttpMethods.Get, exchange =>
    {
        Query.Read(exchange.Http.Request, [Identities.TokenParameter]);
        return ServeWebSocketAsync(exchange.Http, exchange.Username, Identities.TokenOf(exchange.Http.Request) is { } token ? Node.Accounts.CheckToken(token) : null);
    }, Identities.TokenParameter));

    internal StentorNode Node { get; }

    internal Throttle Throttle { get; }

    internal ILogger Log { get; }

    internal byte[] Hello { get; }

    internal CancellationToken Stopping { get; }

    /// <summary>Serves one connection of the TCP port until it ends.</summary>
    /// <param name="connection">The connection, accepted by <see cref="FrameTransport"/>.</param>
    public async Task ServeTcpAsync(ConnectionContext connection)
    {
        var socket = connection.Features.Get<IConnectionSocketFeature>()!.Socket; // It is the transport's promise.
        using var session = new FrameSession(this, WireForm.Lines, new SocketSink(socket, connection.Abort), socket, connection.RemoteEndPoint as IPEndPoint, Username.Anonymous);
        using var receiver = new LineReceiver(session, socket);
        await ServeAsync(session, receiver);
    }

    /// <summary>Serves one WebSocket until it ends; answers a request that is no proper upgrade with a problem.</summary>
    /// <param name="http">The request.</param>
    /// <param name="username">Who asks; known already.</param>
    /// <param name="credential">The session by which it is known, with whose end the connection ends; null for none.</param>
    public async Task ServeWebSocketAsync(HttpContext http, string username, Credential? credential)
    {
        if (await WebSocketHandshake.AcceptAsync(http) is not { } transport)
        {
            return;
        }

        using var pipe = transport.Socket is null ? new PipeSink(transport.Output, http.Abort) : null;
        var sink = pipe ?? (ISink)new SocketSink(transport.Socket!, http.Abort); // One of both is there.
        var from = http.Connection.RemoteIpAddress is { } address ? new IPEndPoint(address, http.Connection.RemotePort) : null;
        using var session = new FrameSession(this, WireForm.WebSocket, sink, transport.Socket, from, username, credential);
        using var receiver = new WebSocketReceiver(session, transport.Input);
        await ServeAsync(session, receiver);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Dispose();
        _heartbeat.Dispose();
    }

    private async Task ServeAsync(FrameSession session, IReceiver receiver)
    {
        _sessions[session] = true;
        try
        {
            session.Start(receiver);
            if (!Stopping.IsCancellationRequested)
            {
                await receiver.ReceiveAsync();
            }

            await session.FinishAsync();
        }
        catch (Exception e) when (e is ConnectionResetException or ConnectionAbortedException or IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The other side is gone. Whatever it had published goes on; nobody is there to be told.
        }
        catch (Exception e)
        {
            SocketLog.ConnectionFailed(Log, e, session.Client);
        }
        finally
        {
            _sessions.TryRemove(session, out _);
        }
    }

    private void Beat(TimeSpan period)
    {
        foreach (var (session, _) in _sessions)
        {
            try
            {
                session.Beat(period);
            }
            catch (ObjectDisposedException)
            {
                // It ended at this very moment.
            }
            catch (Exception e)
            {
                // A fault of ours: on a timer's thread it would end the process, and the others are well.
                SocketLog.ConnectionFailed(Log, e, session.Client);
            }
        }
    }

    private void Stop()
    {
        foreach (var (session, _) in _sessions)
        {
            session.Stop();
        }
    }
}

/// <summary>Takes frames off a connection and hands them to a session, until the connection or the session ends.</summary>
internal interface IReceiver : IDisposable
{
    /// <summary>Receives until it ends.</summary>
    Task ReceiveAsync();

    /// <summary>Makes <see cref="ReceiveAsync"/> return soon.</summary>
    void Stop();

    /// <summary>After the last frame was sent: reads on for a while what the other side still sends, so that what it was sent is not lost by a reset.</summary>
    /// <param name="patience">Ends the wait.</param>
    Task LingerAsync(CancellationToken patience);
}
