using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Stentor.EndToEnd.Frames;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Faults;

/// <summary>Whatever comes in from outside gets a clear error within its limit, and the node goes on.</summary>
public sealed class HostileInputTests(ITestOutputHelper output)
{
    [Fact(Timeout = 240_000)]
    public async Task Ten_thousand_connections_opened_and_dropped_on_each_listener_leave_nothing_behind()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--ephemeral", "--rate-limits", "off");
        await node.RegisterAsync();
        await DropAsync(node.Tcp, 1_000);
        await DropAsync(node.Http, 1_000);
        var (descriptors, resident) = (Descriptors(node), node.ResidentBytes);

        await DropAsync(node.Tcp, 10_000);
        await DropAsync(node.Http, 10_000);

        await AssertAliveAsync(node);
        output.WriteLine($"resident {resident / 1024 / 1024} MB, then {node.ResidentBytes / 1024 / 1024} MB; {descriptors} descriptors, then {Descriptors(node)}");
        Assert.InRange(node.ResidentBytes, 0, resident + (64L * 1024 * 1024));
        Assert.InRange(Descriptors(node), 0, descriptors + 50);
    }

    [Fact(Timeout = 120_000)]
    public async Task Half_open_handshakes_hold_up_nobody()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--ephemeral", "--rate-limits", "off");
        await node.RegisterAsync();
        string[] beginnings =
        [
            "", "G", "GET /v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgr", "POST /v1/channels/chat.general/activities HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"act",
        ];
        var open = new List<Socket>();
        try
        {
            foreach (var address in (Uri[])[node.Http, node.Tcp])
            {
                for (var i = 0; i < 200; i++)
                {
                    var socket = await ConnectAsync(address);
                    await socket.SendAsync(Encoding.ASCII.GetBytes(beginnings[i % beginnings.Length]), TestContext.Current.CancellationToken);
                    open.Add(socket);
                }
            }

            await AssertAliveAsync(node);
        }
        finally
        {
            open.ForEach(socket => socket.Dispose());
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task A_header_of_1_MB_is_refused()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--ephemeral", "--rate-limits", "off");
        await node.RegisterAsync();
        using var socket = await ConnectAsync(node.Http);

        var answer = await ExchangeAsync(socket, Encoding.ASCII.GetBytes($"GET /v1/cluster HTTP/1.1\r\nHost: x\r\nX-Long: {new string('x', 1024 * 1024)}\r\n\r\n"));

        Assert.StartsWith("HTTP/1.1 431 ", answer, StringComparison.Ordinal);
        await AssertAliveAsync(node);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_frame_of_10_MB_is_refused_on_TCP_and_the_limit_is_named()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--ephemeral", "--rate-limits", "off");
        await node.RegisterAsync();
        using var socket = await ConnectAsync(node.Tcp);

        var answer = await ExchangeAsync(socket, Encoding.ASCII.GetBytes($"{{\"op\":\"publish\",\"ref\":1,\"channel\":\"chat\",\"activity\":{{\"x\":\"{new string('x', 10 * 1024 * 1024)}\"}}}}\n"));

        Assert.Contains("too-large", answer, StringComparison.Ordinal);
        Assert.Contains("frame-bytes-max", answer, StringComparison.Ordinal);
        await AssertAliveAsync(node);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_frame_of_10_MB_is_refused_on_WebSocket_with_the_close_code_for_a_limit()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--ephemeral", "--rate-limits", "off");
        await node.RegisterAsync();
        using var socket = await OpenWebSocketAsync(node);

        var close = await SendAndDrainAsync(socket, Encoding.ASCII.GetBytes($"{{\"op\":\"publish\",\"ref\":1,\"channel\":\"chat\",\"activity\":{{\"x\":\"{new string('x', 10 * 1024 * 1024)}\"}}}}"));

        Assert.Equal(3504, close);
        await AssertAliveAsync(node);
    }

    [Fact(Timeout = 120_000)]
    public async Task What_is_not_a_frame_is_answered_with_an_error_and_ends_its_own_connection_only()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--ephemeral", "--rate-limits", "off");
        await node.RegisterAsync();
        await using var bystander = await FrameConnection.ConnectAsync(node.Tcp);
        await bystander.SubscribeAsync("now", "chat.general");
        string Publish(string activity) => $$"""{"op":"publish","ref":1,"channel":"activities","activity":{{activity}}}""";
        var deep = string.Concat(Enumerable.Repeat("[", 10_000)) + string.Concat(Enumerable.Repeat("]", 10_000));
        byte[][] frames =
        [
            [.. "{\"op\":\"publish\",\"ref\":1,\"channel\":\"activities\",\"activity\":{\"x\":\""u8, 0xC3, .. "\"}}"u8],
            [0xFF, 0xFE, 0x00],
            Encoding.ASCII.GetBytes(Publish($"{{\"x\":{deep}}}")),
            Encoding.ASCII.GetBytes(deep),
            Encoding.ASCII.GetBytes(Publish("""{"x":1,"x":2}""")),
            Encoding.ASCII.GetBytes(Publish("""{"x":1e999}""")),
            Encoding.ASCII.GetBytes(Publish("""{"x":"\u0000"}""")),
            Encoding.ASCII.GetBytes(Publish("""{"x":"\ud800"}""")),
            Encoding.ASCII.GetBytes(Publish("[]")),
            "null"u8.ToArray(),
            "{}"u8.ToArray(),
            "GET / HTTP/1.1"u8.ToArray(),
            """{"op":"explode","ref":1}"""u8.ToArray(),
            """{"op":"subscribe","ref":1,"channels":"x"}"""u8.ToArray(),
            """{"op":"subscribe","ref":"""u8.ToArray(),
        ];

        foreach (var frame in frames)
        {
            using var socket = await ConnectAsync(node.Tcp);
            var answer = await ExchangeAsync(socket, [.. frame, (byte)'\n']);
            var error = answer.Split('\n').FirstOrDefault(line => line.Contains("\"op\":\"error\"", StringComparison.Ordinal));
            Assert.True(error is not null, $"{Encoding.UTF8.GetString(frame)[..Math.Min(60, frame.Length)]} was answered with {answer}");
            Assert.Equal("malformed", (string?)JsonNode.Parse(error)!["type"]);
            Assert.NotEqual("", (string?)JsonNode.Parse(error)!["detail"]);
        }

        await AssertAliveAsync(node, bystander);
    }

    /// <summary>A publish is taken and reaches a reader: the node lives.</summary>
    private static async Task AssertAliveAsync(NodeProcess node, FrameConnection? subscribed = null)
    {
        var reader = subscribed ?? await FrameConnection.ConnectAsync(node.Tcp);
        try
        {
            if (subscribed is null)
            {
                await reader.SubscribeAsync("now", "chat.general");
            }

            var (status, text) = await node.AskAsync(HttpMethod.Post, "v1/channels/chat.general/activities", """{"activity":{"type":"Note","content":"still here"}}""");
            Assert.True(status == 201, text);
            var frame = await reader.ReadAsync();
            Assert.Equal("still here", (string?)frame["entry"]?["activity"]?["content"]);
        }
        finally
        {
            if (subscribed is null)
            {
                await reader.DisposeAsync();
            }
        }
    }

    private static async Task DropAsync(Uri address, int count) => await Parallel.ForAsync(
        0,
        count,
        new ParallelOptions { MaxDegreeOfParallelism = 50, CancellationToken = TestContext.Current.CancellationToken },
        async (number, _) =>
        {
            using var socket = await ConnectAsync(address);
            if (number % 2 == 0)
            {
                // Half of them are reset, as a peer that crashes does.
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
            }

            if (number % 3 == 0)
            {
                await socket.SendAsync("""{"op":"""u8.ToArray(), TestContext.Current.CancellationToken);
            }
        });

    private static int Descriptors(NodeProcess node) => Directory.GetFileSystemEntries($"/proc/{node.Id}/fd").Length;

    private static async Task<Socket> ConnectAsync(Uri address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port), TestContext.Current.CancellationToken);
        return socket;
    }

    /// <summary>Sends as much as is taken, and reads until the other side closes.</summary>
    private static async Task<string> ExchangeAsync(Socket socket, byte[] bytes)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var sending = Task.Run(
            async () =>
            {
                try
                {
                    for (var sent = 0; sent < bytes.Length;)
                    {
                        sent += await socket.SendAsync(bytes.AsMemory(sent), cancellationToken);
                    }
                }
                catch (SocketException)
                {
                    // It closed before it had taken everything: that is its right.
                }
            },
            cancellationToken);
        var answer = new List<byte>();
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer, cancellationToken) is var count and > 0)
            {
                answer.AddRange(buffer.AsSpan(0, count));
            }
        }
        catch (SocketException)
        {
            // Closed with our bytes unread: the kernel says so by a reset.
        }

        await sending;
        return Encoding.UTF8.GetString([.. answer]);
    }

    private static async Task<ClientWebSocket> OpenWebSocketAsync(NodeProcess node)
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(node.Http) { Scheme = "ws", Path = "/v1/socket" }.Uri, TestContext.Current.CancellationToken);
        return socket;
    }

    /// <summary>Sends a message and reads until the server closes.</summary>
    /// <returns>The close code.</returns>
    private static async Task<int> SendAndDrainAsync(ClientWebSocket socket, byte[] message)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var sending = Task.Run(
            async () =>
            {
                try
                {
                    await socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
                }
                catch (Exception e) when (e is WebSocketException or IOException)
                {
                    // It closed before it had taken everything.
                }
            },
            cancellationToken);
        var buffer = new byte[64 * 1024];
        while ((await socket.ReceiveAsync(buffer, cancellationToken)).MessageType != WebSocketMessageType.Close)
        {
        }

        await sending;
        return (int)socket.CloseStatus!.Value;
    }
}
