using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Stentor.Client.Tests;

/// <summary>The server's side of one WebSocket, played by a test.</summary>
internal sealed class FakeSocket(TcpClient client, WebSocket socket, FakeRequest handshake)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<JsonElement> _frames = new();
    private readonly byte[] _buffer = new byte[1024 * 1024];

    public FakeRequest Handshake => handshake;

    public Task Ended => _ended.Task;

    /// <summary>The code that the client closed with; null when it did not say goodbye.</summary>
    public int? CloseCode => (int?)socket.CloseStatus;

    /// <summary>Sends one message.</summary>
    public Task SendAsync(string frames) => SendAsync(Encoding.UTF8.GetBytes(frames));

    /// <inheritdoc cref="SendAsync(string)"/>
    public async Task SendAsync(ReadOnlyMemory<byte> frames)
    {
        using var late = new CancellationTokenSource(Patience.Long);
        await socket.SendAsync(frames, WebSocketMessageType.Text, endOfMessage: true, late.Token);
    }

    /// <summary>The next frame from the client, whatever it is; null when it closed or went away.</summary>
    public async Task<JsonElement?> ReceiveAnyAsync()
    {
        while (_frames.Count == 0)
        {
            var length = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                using var late = new CancellationTokenSource(Patience.Long);
                try
                {
                    part = await socket.ReceiveAsync(_buffer.AsMemory(length), late.Token);
                }
                catch (WebSocketException)
                {
                    return null;
                }

                length += part.Count;
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    return null;
                }
            }
            while (!part.EndOfMessage);

            foreach (var line in Encoding.UTF8.GetString(_buffer, 0, length).Split('\n'))
            {
                _frames.Enqueue(JsonElement.Parse(line));
            }
        }

        return _frames.Dequeue();
    }

    /// <summary>The next frame of one kind; pings before it are passed over.</summary>
    public async Task<JsonElement> ReceiveAsync(string op)
    {
        while (true)
        {
            var frame = await ReceiveAnyAsync() ?? throw new InvalidOperationException($"The client went away where a '{op}' was expected.");
            var got = frame.GetProperty("op").GetString();
            if (got == op)
            {
                return frame;
            }

            Assert.Equal("ping", got);
        }
    }

    /// <summary>Answers a frame.</summary>
    public Task OkAsync(JsonElement frame, string fields = "") =>
        SendAsync($"{{\"op\":\"ok\",\"ref\":{frame.GetProperty("ref").GetInt64()}{(fields.Length > 0 ? "," : "")}{fields}}}");

    /// <summary>Refuses a frame.</summary>
    public Task RefuseAsync(JsonElement frame, string type, string detail = "because") =>
        SendAsync($"{{\"op\":\"error\",\"ref\":{frame.GetProperty("ref").GetInt64()},\"type\":\"{type}\",\"detail\":\"{detail}\"}}");

    /// <summary>Closes with a code.</summary>
    public async Task CloseAsync(int code, string reason = "")
    {
        using var late = new CancellationTokenSource(Patience.Long);
        await socket.CloseOutputAsync((WebSocketCloseStatus)code, reason, late.Token);
        _ended.TrySetResult();
    }

    /// <summary>Cuts the connection, without a word.</summary>
    public void Cut()
    {
        client.Client?.Close(0); // Null when it is over already.
        _ended.TrySetResult();
    }
}
