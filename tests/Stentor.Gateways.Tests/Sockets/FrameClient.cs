using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Stentor.Gateways.Tests.Sockets;

/// <summary>A client that speaks frames, over either transport.</summary>
public abstract class FrameClient : IAsyncDisposable
{
    /// <summary>The transports that every session test runs over.</summary>
    public static TheoryData<string> Transports => ["tcp", "websocket"];

    /// <summary>Connects, and takes the hello.</summary>
    public static async Task<FrameClient> ConnectAsync(TestServer server, string transport, (string Username, string Secret)? login = null)
    {
        FrameClient client = transport == "tcp" ? await TcpFrameClient.OpenAsync(server) : await WebSocketFrameClient.OpenAsync(server);
        client.Hello = await client.ReceiveAsync();
        if (login is { } user)
        {
            var answer = await client.AskAsync($$"""{"op":"login","ref":0,"username":"{{user.Username}}","secret":"{{user.Secret}}"}""");
            Assert.Equal("ok", Op(answer));
        }

        return client;
    }

    public JsonElement Hello { get; private set; }

    public static string Op(JsonElement frame) => frame.GetProperty("op").GetString()!; // Every frame has one.

    public static int NumberOf(JsonElement activity) => activity.GetProperty("entry").GetProperty("activity").GetProperty("n").GetInt32();

    /// <summary>Sends frames, in one write or message.</summary>
    public abstract Task SendAsync(params string[] frames);

    /// <summary>The next frame; fails when the connection ends.</summary>
    public async Task<JsonElement> ReceiveAsync() => JsonDocument.Parse(await NextAsync() ?? throw new InvalidOperationException($"The connection ended ({CloseCode}).")).RootElement;

    /// <summary>The next frames.</summary>
    public async Task<List<JsonElement>> ReceiveAsync(int count)
    {
        var frames = new List<JsonElement>();
        while (frames.Count < count)
        {
            frames.Add(await ReceiveAsync());
        }

        return frames;
    }

    /// <summary>Sends a frame and takes the next one.</summary>
    public async Task<JsonElement> AskAsync(string frame)
    {
        await SendAsync(frame);
        return await ReceiveAsync();
    }

    /// <summary>Takes what comes until the connection ends.</summary>
    public async Task<List<JsonElement>> ReadToEndAsync()
    {
        var frames = new List<JsonElement>();
        while (await NextAsync() is { } frame)
        {
            frames.Add(JsonDocument.Parse(frame).RootElement);
        }

        return frames;
    }

    /// <summary>The code that the server closed with; 0 on TCP.</summary>
    public abstract int CloseCode { get; }

    public abstract ValueTask DisposeAsync();

    protected abstract Task<byte[]?> NextAsync();
}

internal sealed class TcpFrameClient : FrameClient
{
    private readonly TcpClient _client;
    private readonly StreamReader _reader;

    private TcpFrameClient(TcpClient client)
    {
        _client = client;
        _reader = new StreamReader(client.GetStream(), Encoding.UTF8);
    }

    public override int CloseCode => 0;

    public Socket Socket => _client.Client;

    public static async Task<TcpFrameClient> OpenAsync(TestServer server, int? receiveBufferBytes = null)
    {
        var client = new TcpClient(AddressFamily.InterNetwork);
        if (receiveBufferBytes is { } bytes)
        {
            client.ReceiveBufferSize = bytes;
        }

        await client.ConnectAsync(EndPointOf(server, "tcp"));
        return new TcpFrameClient(client);
    }

    public static IPEndPoint EndPointOf(TestServer server, string kind) => IPEndPoint.Parse(new Uri(server.Server.Listeners.First(l => l.Kind == kind).Address).Authority);

    public override Task SendAsync(params string[] frames) => SendBytesAsync(Encoding.UTF8.GetBytes(string.Join('\n', frames) + "\n"));

    public async Task SendBytesAsync(byte[] bytes)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        await Socket.SendAsync(bytes, timeout.Token);
    }

    public override ValueTask DisposeAsync()
    {
        _client.Dispose();
        return default;
    }

    protected override async Task<byte[]?> NextAsync()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        return await _reader.ReadLineAsync(timeout.Token) is { } line ? Encoding.UTF8.GetBytes(line) : null;
    }
}

/// <summary>Over the framework's own WebSocket client: what it takes, other clients take.</summary>
internal sealed class WebSocketFrameClient : FrameClient
{
    private readonly ClientWebSocket _socket;
    private readonly byte[] _buffer = new byte[256 * 1024];

    private WebSocketFrameClient(ClientWebSocket socket) => _socket = socket;

    public override int CloseCode => _socket.CloseStatus is { } status ? (int)status : 0;

    /// <summary>Why the server closed, as its close frame says it.</summary>
    public string CloseText => _socket.CloseStatusDescription ?? "";

    public static async Task<WebSocketFrameClient> OpenAsync(TestServer server, string query = "")
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{server.Address.Authority}/v1/socket{query}"), timeout.Token);
        return new WebSocketFrameClient(socket);
    }

    public override async Task SendAsync(params string[] frames)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        await _socket.SendAsync(Encoding.UTF8.GetBytes(string.Join('\n', frames)), WebSocketMessageType.Text, endOfMessage: true, timeout.Token);
    }

    public async Task CloseAsync()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", timeout.Token);
    }

    public override ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return default;
    }

    protected override async Task<byte[]?> NextAsync()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        var length = 0;
        while (true)
        {
            var result = await _socket.ReceiveAsync(_buffer.AsMemory(length), timeout.Token);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            length += result.Count;
            if (result.EndOfMessage)
            {
                return _buffer[..length];
            }
        }
    }
}
