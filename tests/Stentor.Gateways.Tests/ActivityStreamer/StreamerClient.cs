using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>A program of the Activity Streamer protocol whose lines are the test's: a client, or a foreign server.</summary>
internal sealed class StreamerClient : IDisposable
{
    /// <summary>The secret of servers in these tests.</summary>
    public const string Secret = "the-secret-of-servers";

    private readonly TcpClient _tcp;
    private readonly NetworkStream _stream;
    private readonly StreamReader _reader;

    private StreamerClient(TcpClient tcp)
    {
        _tcp = tcp;
        _stream = tcp.GetStream(); // Once: a client that is disposed of meanwhile has none to give.
        _reader = new StreamReader(_stream, new UTF8Encoding(false));
    }

    /// <summary>A server that speaks the protocol, on a free port.</summary>
    /// <param name="change">What is different from a server by itself.</param>
    /// <param name="streamer">How the protocol is served.</param>
    public static Task<TestServer> ServeAsync(Func<StreamerOptions, StreamerOptions>? streamer = null, Func<ServerOptions, ServerOptions>? change = null)
    {
        var options = new StreamerOptions { Listen = "127.0.0.1:0", Secret = Secret };
        return TestServer.StartAsync(o => (change ?? (all => all))(o) with { ActivityStreamer = (streamer ?? (all => all))(options) });
    }

    /// <summary>Where a server speaks it.</summary>
    public static IPEndPoint EndPointOf(TestServer server) =>
        IPEndPoint.Parse(new Uri(server.Server.Listeners.First(l => l.Kind == "activity-streamer").Address).Authority);

    /// <summary>Takes a connection that a server has dialled.</summary>
    public static async Task<StreamerClient> AcceptAsync(TcpListener listener) => new(await listener.AcceptTcpClientAsync().WaitAsync(TestServer.Patience));

    /// <summary>Connects.</summary>
    public static Task<StreamerClient> ConnectAsync(TestServer server) => ConnectAsync(EndPointOf(server));

    /// <summary>Connects.</summary>
    public static async Task<StreamerClient> ConnectAsync(IPEndPoint server)
    {
        var tcp = new TcpClient { NoDelay = true };
        await tcp.ConnectAsync(server).WaitAsync(TestServer.Patience);
        return new StreamerClient(tcp);
    }

    /// <summary>Connects and logs in as nobody in particular.</summary>
    public static async Task<StreamerClient> AnonymousAsync(TestServer server)
    {
        var client = await ConnectAsync(server);
        await client.SendAsync("""{"command":"LOGIN","username":"anonymous"}""");
        await client.ExpectAsync("LOGIN_SUCCESS");
        return client;
    }

    /// <summary>Connects, registers and logs in.</summary>
    public static async Task<StreamerClient> RegisteredAsync(TestServer server, string username, string secret)
    {
        var client = await ConnectAsync(server);
        await client.SendAsync($$"""{"command":"REGISTER","username":"{{username}}","secret":"{{secret}}"}""");
        await client.ExpectAsync("REGISTER_SUCCESS");
        await client.SendAsync($$"""{"command":"LOGIN","username":"{{username}}","secret":"{{secret}}"}""");
        await client.ExpectAsync("LOGIN_SUCCESS");
        return client;
    }

    /// <summary>Connects as a foreign server, and announces itself when it has an id.</summary>
    public static async Task<StreamerClient> PeerAsync(TestServer server, string? id = null, int load = 1_000)
    {
        var peer = await ConnectAsync(server);
        await peer.SendAsync($$"""{"command":"AUTHENTICATE","secret":"{{Secret}}"}""");
        await peer.ExpectAsync("SERVER_ANNOUNCE");
        if (id is not null)
        {
            await peer.AnnounceAsync(id, load);
            await peer.SettleAsync();
        }

        return peer;
    }

    /// <summary>Announces a server.</summary>
    public Task AnnounceAsync(string id, int load, int port = 3999) =>
        SendAsync($$"""{"command":"SERVER_ANNOUNCE","id":"{{id}}","load":{{load}},"hostname":"127.0.0.1","port":{{port}}}""");

    /// <summary>Sends one line.</summary>
    public Task SendAsync(string line) => SendBytesAsync(Encoding.UTF8.GetBytes(line + "\n"));

    /// <summary>Sends bytes as they are.</summary>
    public async Task SendBytesAsync(byte[] bytes)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        await _stream.WriteAsync(bytes, timeout.Token);
    }

    /// <summary>The next line; null at the end.</summary>
    /// <param name="patience">Longest wait; as usual when null.</param>
    /// <param name="stop">Ends the wait.</param>
    public async Task<JsonElement?> ReceiveAsync(TimeSpan? patience = null, CancellationToken stop = default)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timeout.CancelAfter(patience ?? TestServer.Patience);
        var line = await _reader.ReadLineAsync(timeout.Token);
        return line is null ? null : JsonDocument.Parse(line).RootElement;
    }

    /// <summary>The next line that is no announcement; null at the end.</summary>
    public async Task<JsonElement?> ReceiveOtherAsync(CancellationToken stop = default)
    {
        while (true)
        {
            var message = await ReceiveAsync(stop: stop);
            if (message?.GetProperty("command").GetString() != "SERVER_ANNOUNCE")
            {
                return message;
            }
        }
    }

    /// <summary>The next line, which must be of a command; announcements are passed over unless one is wanted.</summary>
    public async Task<JsonElement> ExpectAsync(string command)
    {
        var message = command == "SERVER_ANNOUNCE" ? await ReceiveAsync() : await ReceiveOtherAsync();
        Assert.True(message is not null, $"The connection ended where {command} was expected.");
        Assert.True(message.Value.GetProperty("command").GetString() == command, $"{command} was expected: {message}");
        return message.Value;
    }

    /// <summary>The end must be next; announcements are passed over.</summary>
    public async Task ExpectEndAsync() => Assert.Null(await ReceiveOtherAsync());

    /// <summary>Waits, as a foreign server, until everything that it sent was seen to; what it hears meanwhile is passed over.</summary>
    public async Task SettleAsync()
    {
        // `operator` is nobody's to give, so this question changes nothing.
        var mark = Guid.NewGuid().ToString("n");
        await SendAsync($$"""{"command":"LOCK_REQUEST","username":"operator","secret":"{{mark}}"}""");
        while (await ReceiveAsync() is { } heard)
        {
            if (heard.GetProperty("command").GetString() == "LOCK_DENIED" && heard.GetProperty("secret").GetString() == mark)
            {
                return;
            }
        }

        Assert.Fail("The connection ended.");
    }

    /// <summary>No more is sent from this side.</summary>
    public void EndSending() => _tcp.Client.Shutdown(SocketShutdown.Send);

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _tcp.Dispose();
    }
}
