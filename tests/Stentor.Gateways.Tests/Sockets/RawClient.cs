using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Stentor.Gateways.Tests.Sockets;

/// <summary>A socket whose bytes are the test's: to break rules, to be silent, to stop in the middle.</summary>
internal sealed class RawClient : IAsyncDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly bool _isWebSocket;

    private RawClient(bool isWebSocket) => _isWebSocket = isWebSocket;

    /// <summary>Connects, and for a WebSocket upgrades.</summary>
    public static async Task<RawClient> OpenAsync(TestServer server, string transport)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        var client = new RawClient(transport == "websocket");
        await client._socket.ConnectAsync(TcpFrameClient.EndPointOf(server, client._isWebSocket ? "http" : "tcp"), timeout.Token);
        if (client._isWebSocket)
        {
            await client.SendAsync(Encoding.ASCII.GetBytes(
                "GET /v1/socket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"));
        }

        return client;
    }

    /// <summary>A client's WebSocket frame.</summary>
    public static byte[] Frame(byte first, ReadOnlySpan<byte> payload, bool isMasked = true)
    {
        var frame = new List<byte> { first };
        var masked = (byte)(isMasked ? 0x80 : 0);
        Span<byte> length = stackalloc byte[8];
        if (payload.Length < 126)
        {
            frame.Add((byte)(masked | payload.Length));
        }
        else if (payload.Length <= ushort.MaxValue)
        {
            frame.Add((byte)(masked | 126));
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)payload.Length);
            frame.AddRange(length[..2]);
        }
        else
        {
            frame.Add((byte)(masked | 127));
            BinaryPrimitives.WriteUInt64BigEndian(length, (ulong)payload.Length);
            frame.AddRange(length);
        }

        byte[] mask = isMasked ? [0x12, 0xF4, 0x56, 0x9A] : [0, 0, 0, 0];
        if (isMasked)
        {
            frame.AddRange(mask);
        }

        for (var i = 0; i < payload.Length; i++)
        {
            frame.Add((byte)(payload[i] ^ mask[i % 4]));
        }

        return [.. frame];
    }

    /// <summary>A frame of ours as it goes over this transport.</summary>
    public byte[] Framed(string json) => _isWebSocket ? Frame(0x81, Encoding.UTF8.GetBytes(json)) : Encoding.UTF8.GetBytes(json + "\n");

    public async Task SendAsync(params byte[] bytes)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await _socket.SendAsync(bytes.AsMemory(sent), timeout.Token);
        }
    }

    /// <summary>Sends the same again and again until nothing more is taken.</summary>
    public async Task<long> SendUntilFullAsync(byte[] bytes, long bytesMax)
    {
        long sent = 0;
        while (sent < bytesMax)
        {
            // 2 s: a node that still reads takes some of it in far less.
            using var full = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            try
            {
                sent += await _socket.SendAsync(bytes.AsMemory((int)(sent % bytes.Length)), full.Token);
            }
            catch (OperationCanceledException)
            {
                return sent;
            }
        }

        return sent;
    }

    /// <summary>Everything until the other side closes, as text (one character a byte).</summary>
    public async Task<string> ReadToEndAsync()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        var text = new StringBuilder();
        var buffer = new byte[64 * 1024];
        try
        {
            for (int read; (read = await _socket.ReceiveAsync(buffer, timeout.Token)) > 0;)
            {
                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (SocketException)
        {
            // Reset: closed as well.
        }

        return text.ToString();
    }

    /// <summary>Reads until the text so far has something in it.</summary>
    public async Task<string> ReadUntilAsync(string wanted)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        var text = new StringBuilder();
        var buffer = new byte[64 * 1024];
        while (!text.ToString().Contains(wanted, StringComparison.Ordinal))
        {
            var read = await _socket.ReceiveAsync(buffer, timeout.Token);
            Assert.True(read > 0, $"The connection ended after: {text}");
            text.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }

        return text.ToString();
    }

    /// <summary>Closes with a reset, as a process does that is killed.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, 0);
        _socket.Close();
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return default;
    }
}
