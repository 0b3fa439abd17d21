using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Stentor.Gateways;

/// <summary>An address where frames are served on plain TCP: the server takes it to <see cref="FrameTransport"/>.</summary>
/// <param name="address">The address.</param>
/// <param name="port">The port; 0 takes a free one.</param>
internal sealed class FrameEndPoint(IPAddress address, int port) : IPEndPoint(address, port);

/// <summary>
/// How the server accepts connections that carry frames. It keeps counting, limiting and closing them; but nobody reads them before the session does, so
/// a session reads as much as there is at once, straight from its socket, and an idle one holds no pipes. (The server's own transport reads 4 KiB at a
/// time into a pipe: on a connection that publishes, twice the system calls and two more hand-overs between threads for every 11 publishes.)
/// </summary>
internal sealed class FrameTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    // Connections that may wait to be accepted: what the server's own transport asks for.
    private const int Backlog = 512;

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is FrameEndPoint;

    /// <inheritdoc/>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var wanted = (FrameEndPoint)endpoint;
        var socket = new Socket(wanted.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(wanted.Address, wanted.Port));
            socket.Listen(Backlog);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw e.SocketErrorCode == SocketError.AddressAlreadyInUse ? new AddressInUseException(e.Message, e) : e;
        }

        return new(new Listener(socket));
    }

    private sealed class Listener(Socket socket) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = new FrameEndPoint(((IPEndPoint)socket.LocalEndPoint!).Address, ((IPEndPoint)socket.LocalEndPoint!).Port); // It is bound.

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (true)
            {
                try
                {
                    return new FrameConnection(await socket.AcceptAsync(cancellationToken));
                }
                catch (ObjectDisposedException)
                {
                    return null;
                }
                catch (SocketException e) when (e.SocketErrorCode == SocketError.OperationAborted)
                {
                    return null;
                }
                catch (SocketException)
                {
                    // The connection went away before it was accepted: the next one.
                }
            }
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            socket.Dispose();
            return default;
        }

        public ValueTask DisposeAsync()
        {
            socket.Dispose();
            return default;
        }
    }
}

/// <summary>An accepted connection that carries frames: a socket, and what the server wants to keep beside it.</summary>
internal sealed class FrameConnection : ConnectionContext, IConnectionSocketFeature
{
    private readonly FeatureCollection _features = new(initialCapacity: 5);
    private IDictionary<object, object?>? _items;
    private string? _id;

    public FrameConnection(Socket socket)
    {
        Socket = socket;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        _features.Set<IConnectionSocketFeature>(this);
    }

    /// <inheritdoc/>
    public Socket Socket { get; }

    public override string ConnectionId
    {
        get => _id ??= Guid.NewGuid().ToString("n");
        set => _id = value;
    }

    public override IFeatureCollection Features => _features;

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    /// <summary>There is none: the session reads and writes the socket.</summary>
    public override System.IO.Pipelines.IDuplexPipe Transport
    {
        get => throw new NotSupportedException("A connection of frames is read and written at its socket.");
        set => throw new NotSupportedException("A connection of frames is read and written at its socket.");
    }

    public override void Abort(ConnectionAbortedException abortReason) => Socket.Dispose();

    public override ValueTask DisposeAsync()
    {
        try
        {
            // Both sides are told before the memory goes: what was sent still arrives.
            Socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is gone already.
        }

        Socket.Dispose();
        return base.DisposeAsync();
    }
}
