using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;

namespace Stentor.Client.Tests;

/// <summary>A request as a client sent it.</summary>
internal sealed record FakeRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>An answer to it; status 0 cuts the connection instead.</summary>
internal sealed record FakeAnswer(int Status, string Body = "", params (string Name, string Value)[] Headers);

/// <summary>
/// A server that does what a test says: sockets are handed to the test, which plays the server; requests go to <see cref="OnRequest"/>.
/// </summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private readonly Channel<FakeSocket> _sockets = Channel.CreateUnbounded<FakeSocket>();
    private readonly Task _accepting;

    public FakeServer(int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    public ConcurrentQueue<FakeRequest> Requests { get; } = new();

    /// <summary>Answers requests; what it throws cuts the connection.</summary>
    public Func<FakeRequest, FakeAnswer> OnRequest { get; set; } = _ => new FakeAnswer(404);

    /// <summary>The status that a handshake gets; 101 lets it through.</summary>
    public int HandshakeStatus { get; set; } = 101;

    /// <summary>The next socket that a client opens, greeted.</summary>
    public async Task<FakeSocket> NextSocketAsync(bool hello = true)
    {
        var socket = await _sockets.Reader.ReadAsync().AsTask().WaitAsync(Patience.Long);
        if (hello)
        {
            await socket.SendAsync("""{"op":"hello","node":"fake-1","region":"fake","version":"1","limits":{},"heartbeat":25}""");
        }

        return socket;
    }

    /// <summary>The next socket, not greeted, however long it takes; null when the server has ended.</summary>
    public async Task<FakeSocket?> TryNextSocketAsync()
    {
        try
        {
            return await _sockets.Reader.ReadAsync(_end.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Ends at once, without a word to anyone.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_end.IsCancellationRequested)
        {
            return;
        }

        // Accepting ends first: a listener that has stopped cannot be asked for the next connection, and nobody comes after all were closed.
        await _end.CancelAsync();
        await _accepting;
        _listener.Stop();
        foreach (var (socket, _) in _connections)
        {
            socket.Close(0);
        }

        await Task.WhenAll(_connections.Values);
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_end.Token);
                client.NoDelay = true;
                _connections[client.Client] = Task.Run(() => ServeAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            var stream = client.GetStream();
            while (await ReadRequestAsync(stream) is { } request)
            {
                Requests.Enqueue(request);
                if (request.Headers.TryGetValue("Sec-WebSocket-Key", out var key))
                {
                    await ServeSocketAsync(client, stream, request, key);
                    return;
                }

                var answer = OnRequest(request);
                if (answer.Status == 0)
                {
                    client.Client?.Close(0);
                    return;
                }

                var head = new StringBuilder($"HTTP/1.1 {answer.Status} x\r\n");
                foreach (var (name, value) in answer.Headers)
                {
                    head.Append($"{name}: {value}\r\n");
                }

                head.Append($"Content-Length: {(answer.Status == 304 ? 0 : Encoding.UTF8.GetByteCount(answer.Body))}\r\n\r\n");
                await stream.WriteAsync(Encoding.UTF8.GetBytes(head + (answer.Status == 304 ? "" : answer.Body)), _end.Token);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The client, or this server, is gone.
        }
        finally
        {
            client.Dispose();
        }
    }

    private async Task ServeSocketAsync(TcpClient client, NetworkStream stream, FakeRequest request, string key)
    {
        if (HandshakeStatus != 101)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {HandshakeStatus} x\r\nContent-Length: 0\r\n\r\n"), _end.Token);
            return;
        }

#pragma warning disable CA5350 // RFC 6455, section 4.2.2 says SHA-1 and this constant; nothing is protected by them.
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"), _end.Token);
        var socket = new FakeSocket(client, WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = TimeSpan.Zero }), request);
        _sockets.Writer.TryWrite(socket);
        await socket.Ended.WaitAsync(_end.Token);
    }

    private async Task<FakeRequest?> ReadRequestAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!head.TakeLast(4).SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, _end.Token) == 0)
            {
                return null;
            }

            head.Add(one[0]);
        }

        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var first = lines[0].Split(' ');
        var headers = lines.Skip(1).Select(l => l.Split(':', 2)).ToDictionary(p => p[0], p => p[1].Trim(), StringComparer.OrdinalIgnoreCase);
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length) : 0];
        await stream.ReadExactlyAsync(body, _end.Token);
        return new FakeRequest(first[0], first[1], headers, Encoding.UTF8.GetString(body));
    }
}

/// <summary>How long a test waits for what must happen.</summary>
internal static class Patience
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(20);
}
