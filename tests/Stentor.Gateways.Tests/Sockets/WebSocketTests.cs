using System.Buffers;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Sockets;

public sealed class WebSocketTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Ping = """{"op":"ping","ref":"pong"}""";

    [Fact]
    public async Task A_message_may_come_in_fragments_with_control_frames_between()
    {
        await using var client = await RawClient.OpenAsync(server, "websocket");

        await client.SendAsync(RawClient.Frame(0x01, "{\"op\":\"pi"u8));
        await client.SendAsync(RawClient.Frame(0x89, "are you there"u8));
        await client.SendAsync(RawClient.Frame(0x00, "ng\",\"ref\":\"fra"u8));
        await client.SendAsync(RawClient.Frame(0x8A, []));
        await client.SendAsync(RawClient.Frame(0x80, "gments\"}"u8));

        var text = await client.ReadUntilAsync("""{"op":"ok","ref":"fragments"}""");
        Assert.Contains("\x8A\x0D" + "are you there", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_may_arrive_one_by_one()
    {
        await using var client = await RawClient.OpenAsync(server, "websocket");

        foreach (var b in RawClient.Frame(0x81, Encoding.UTF8.GetBytes(Ping)))
        {
            await client.SendAsync(b);
        }

        await client.ReadUntilAsync("""{"op":"ok","ref":"pong"}""");
    }

    [Theory]
    [InlineData("a frame is not masked", 1002)]
    [InlineData("reserved bits are set", 1002)]
    [InlineData("there is no opcode 3", 1002)]
    [InlineData("there is no opcode 11", 1002)]
    [InlineData("a control frame is long or in fragments", 1002)]
    [InlineData("a continuation continues nothing", 1002)]
    [InlineData("a message starts within another", 1002)]
    [InlineData("a length is not in its shortest form", 1002)]
    [InlineData("not in binary ones", 1003)]
    [InlineData("a close frame has half a code", 1002)]
    [InlineData("a close frame has a code that is none", 1002)]
    [InlineData("not well-formed UTF-8", 3501)]
    public async Task Broken_rules_are_named_and_end_the_connection(string fault, int code)
    {
        byte[] bytes = fault switch
        {
            "a frame is not masked" => RawClient.Frame(0x81, "{}"u8, isMasked: false),
            "reserved bits are set" => RawClient.Frame(0xC1, "{}"u8),
            "there is no opcode 3" => RawClient.Frame(0x83, "{}"u8),
            "there is no opcode 11" => RawClient.Frame(0x8B, "{}"u8),
            "a control frame is long or in fragments" => RawClient.Frame(0x89, new byte[126]),
            "a continuation continues nothing" => RawClient.Frame(0x80, "{}"u8),
            "a message starts within another" => [.. RawClient.Frame(0x01, "{"u8), .. RawClient.Frame(0x81, "}"u8)],
            "a length is not in its shortest form" => [0x81, 0x80 | 126, 0, 5, 0, 0, 0, 0],
            "not in binary ones" => RawClient.Frame(0x82, "{}"u8),
            "a close frame has half a code" => RawClient.Frame(0x88, [3]),
            "a close frame has a code that is none" => RawClient.Frame(0x88, [0x03, 0xED]),
            _ => RawClient.Frame(0x81, [(byte)'{', 0xC3, (byte)'}']),
        };
        await using var client = await RawClient.OpenAsync(server, "websocket");

        await client.SendAsync(bytes);
        var text = await client.ReadToEndAsync();

        Assert.Contains(fault, text, StringComparison.Ordinal);
        Assert.Contains($"\x88", text, StringComparison.Ordinal);
        var close = text[(text.LastIndexOf('\x88') + 2)..];
        Assert.Equal(code, (close[0] << 8) | close[1]);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("""{"op":"ping","more":1}""")]
    [InlineData("""{"op":"subscribe","channels":["a"],"after":"x"}""")]
    public async Task The_close_after_a_malformed_frame_says_what_its_error_said(string frame)
    {
        await using var client = await WebSocketFrameClient.OpenAsync(server);
        await client.ReceiveAsync();

        await client.SendAsync(frame);
        var error = Assert.Single(await client.ReadToEndAsync());

        var detail = error.GetProperty("detail").GetString()!; // Errors have one.
        Assert.Equal(3501, client.CloseCode);
        Assert.Equal(detail[..Math.Min(detail.Length, 123)], client.CloseText);
    }

    [Theory]
    [InlineData("ä", 2)]
    [InlineData("€", 3)]
    [InlineData("𝄞", 4)]
    public void What_a_close_says_is_cut_between_characters(string piece, int pieceBytes)
    {
        var text = string.Concat(Enumerable.Repeat(piece, 100));

        var frame = WebSocketFrames.Close(3501, text);

        var said = Encoding.UTF8.GetString(frame.AsSpan(4));
        Assert.InRange(frame.Length - 4, 123 - pieceBytes + 1, 123);
        Assert.StartsWith(said, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_length_that_is_only_claimed_costs_nothing()
    {
        await using var client = await RawClient.OpenAsync(server, "websocket");

        await client.SendAsync([0x81, 0x80 | 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
        await client.SendAsync(RawClient.Frame(0x81, new byte[300_000]));

        // Cut off at the limit of a frame, long before what was claimed.
        Assert.Contains("frame-bytes-max", await client.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_close_is_answered_with_its_own_code()
    {
        await using var client = await RawClient.OpenAsync(server, "websocket");
        await client.ReadUntilAsync("\"heartbeat\":25}");

        await client.SendAsync(RawClient.Frame(0x88, [0x0F, 0xA0, (byte)'b', (byte)'y', (byte)'e']));

        Assert.Equal("\x88\x02\x0F\xA0", await client.ReadToEndAsync());
    }

    [Fact]
    public async Task A_user_may_be_named_by_the_request_or_its_query()
    {
        var user = await server.RegisterAsync("cleo");
        var token = (await server.SendAsync(HttpMethod.Post, "/v1/sessions", user: user))["token"].GetString();
        await using var client = await WebSocketFrameClient.OpenAsync(server, $"?access_token={token}");
        await client.ReceiveAsync();

        var ok = await client.AskAsync("""{"op":"publish","channel":"by-query","activity":{}}""");

        Assert.Equal("cleo", ok.GetProperty("author").GetString());
    }

    [Theory]
    [InlineData("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "400")]
    [InlineData("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n", "400")]
    [InlineData("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "400")]
    [InlineData("Connection: Upgrade\r\nUpgrade: other\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "400")]
    [InlineData("", "400")]
    [InlineData("Origin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "403")]
    [InlineData("Authorization: Bearer nothing\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "401")]
    public async Task A_handshake_that_is_none_is_answered_with_a_problem(string headers, string status)
    {
        var answer = await ExchangeAsync(server, $"GET /v1/socket HTTP/1.1\r\nHost: test\r\n{headers}\r\n");

        Assert.StartsWith($"HTTP/1.1 {status}", answer, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_survives_any_cut_into_frames_and_reads()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var expected = new StringBuilder();
            var wire = new List<byte>();
            for (var i = 0; i < 20; i++)
            {
                var message = new byte[random.Next(4) == 0 ? random.Next(70_000) : random.Next(300)];
                for (var b = 0; b < message.Length; b++)
                {
                    message[b] = (byte)random.Next('a', 'z');
                }

                expected.Append(Encoding.ASCII.GetString(message)).Append('\n');
                var cut = random.Next(message.Length + 1);
                wire.AddRange(random.Next(2) == 0
                    ? RawClient.Frame(0x81, message)
                    : [.. RawClient.Frame(0x01, message.AsSpan(0, cut)), .. RawClient.Frame(0x89, "ping"u8), .. RawClient.Frame(0x80, message.AsSpan(cut))]);
            }

            var text = Decode([.. wire], random, out var last);

            Assert.Equal(expected.ToString(), Encoding.ASCII.GetString(text.WrittenSpan));
            Assert.Equal(WebSocketEvent.None, last);
        }
    }

    [Fact]
    public void Random_bytes_are_text_or_a_named_fault_and_never_an_exception()
    {
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            if (bytes.Length > 2 && random.Next(2) == 0)
            {
                // Half of them begin well.
                bytes[0] = (byte)(random.Next(2) == 0 ? 0x81 : 0x01);
                bytes[1] = (byte)(0x80 | random.Next(128));
            }

            var text = Decode(bytes, random, out _);

            Assert.True(text.Length <= bytes.Length * 2);
        }
    }

    [Fact]
    public void The_mask_comes_off_at_any_offset_and_length()
    {
        var random = new Random(7);
        for (var i = 0; i < 2000; i++)
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            var mask = (uint)random.NextInt64(uint.MaxValue);
            var offset = random.Next(9);
            var expected = bytes.Select((b, n) => (byte)(b ^ (byte)(mask >> (((n + offset) & 3) * 8)))).ToArray();

            WebSocketFrames.Unmask(bytes, mask, offset);

            Assert.Equal(expected, bytes);
        }
    }

    private static async Task<string> ExchangeAsync(TestServer server, string request)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var http = await RawHttp.ConnectAsync(server.Address, timeout.Token);
        await http.SendAsync(request, timeout.Token);
        return await http.ReadUntilAsync("}", timeout.Token);
    }

    private static ByteBuffer Decode(byte[] wire, Random random, out WebSocketEvent last)
    {
        var decoder = new WebSocketDecoder();
        var text = new ByteBuffer();
        var start = 0;
        var end = 0;
        last = WebSocketEvent.None;
        while (end < wire.Length)
        {
            end = Math.Min(wire.Length, end + random.Next(1, random.Next(3) == 0 ? 3 : 20_000));
            var buffer = new ReadOnlySequence<byte>(wire, start, end - start);
            do
            {
                last = decoder.Read(ref buffer, text);
            }
            while (last is WebSocketEvent.Text or WebSocketEvent.Ping or WebSocketEvent.Pong);

            if (last != WebSocketEvent.None)
            {
                return text;
            }

            start = end - (int)buffer.Length;
        }

        return text;
    }
}
