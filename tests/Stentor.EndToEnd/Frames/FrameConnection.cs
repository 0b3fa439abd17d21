using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stentor.EndToEnd.Frames;

/// <summary>Takes a frame without its line feed; valid during the call only.</summary>
/// <param name="frame">The frame.</param>
/// <returns>Whether to go on.</returns>
internal delegate bool FrameTaker(ReadOnlySpan<byte> frame);

/// <summary>A lean client of the TCP port, written from the protocol and not from the server's code: what it sees is what any foreign client sees.</summary>
internal sealed class FrameConnection : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly PipeReader _reader;
    private int _ref;

    private FrameConnection(Socket socket)
    {
        _socket = socket;
        _reader = PipeReader.Create(new NetworkStream(socket, ownsSocket: false), new StreamPipeReaderOptions(bufferSize: 64 * 1024));
    }

    /// <summary>The server's first frame.</summary>
    public JsonObject Hello { get; private set; } = null!;

    /// <summary>Connects and reads the server's first frame.</summary>
    /// <param name="address">The node's TCP address.</param>
    /// <param name="receiveBytes">Size of the socket's receive buffer; 0 for the system's.</param>
    /// <param name="patience">Longest wait for the first frame; null for as long as the test may take.</param>
    public static async Task<FrameConnection> ConnectAsync(Uri address, int receiveBytes = 0, TimeSpan? patience = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBytes > 0)
        {
            socket.ReceiveBufferSize = receiveBytes;
        }

        using var impatience = new CancellationTokenSource(patience ?? Timeout.InfiniteTimeSpan);
        await using var giveUp = impatience.Token.Register(socket.Dispose);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port), TestContext.Current.CancellationToken);
        var connection = new FrameConnection(socket);
        connection.Hello = await connection.ReadAsync();
        Assert.Equal("hello", (string?)connection.Hello["op"]);
        return connection;
    }

    /// <summary>Sends bytes as they are.</summary>
    /// <param name="bytes">Frames, or what should be refused.</param>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await _socket.SendAsync(bytes, TestContext.Current.CancellationToken)..];
        }
    }

    /// <summary>Sends a frame.</summary>
    /// <param name="frame">Its JSON.</param>
    public Task SendAsync(string frame) => SendAsync(Encoding.UTF8.GetBytes(frame + "\n"));

    /// <summary>Reads the next frame; throws when the connection ends.</summary>
    public async Task<JsonObject> ReadAsync()
    {
        JsonObject? frame = null;
        await ReadRawAsync(line =>
        {
            frame = JsonNode.Parse(line)!.AsObject();
            return false;
        });
        return frame ?? throw new EndOfStreamException("The server closed the connection.");
    }

    /// <summary>Hands frames over as they arrive, without parsing them.</summary>
    /// <param name="take">Takes a frame without its line feed; returns whether to go on.</param>
    /// <returns>False when the connection ended.</returns>
    public async Task<bool> ReadRawAsync(FrameTaker take)
    {
        while (true)
        {
            var result = await _reader.ReadAsync(TestContext.Current.CancellationToken);
            var buffer = result.Buffer;
            var (more, isAsked) = (true, false);
            while (more && buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = buffer.Slice(0, end);
                var frame = line.IsSingleSegment ? line.FirstSpan : line.ToArray();
                isAsked |= frame.StartsWith("{\"op\":\"ping\""u8);
                more = take(frame);
                buffer = buffer.Slice(buffer.GetPosition(1, end));
            }

            _reader.AdvanceTo(buffer.Start, more ? buffer.End : buffer.Start);
            if (isAsked)
            {
                // The server asks whether we live.
                await SendAsync("""{"op":"pong"}""");
            }

            if (!more)
            {
                return true;
            }

            if (result.IsCompleted)
            {
                return false;
            }
        }
    }

    /// <summary>Sends a request and waits for its answer; entries that arrive before it are passed over.</summary>
    /// <param name="op">What is asked for.</param>
    /// <param name="fields">The frame's other fields.</param>
    public async Task<JsonObject> RequestAsync(string op, JsonObject fields)
    {
        var number = ++_ref;
        fields["op"] = op;
        fields["ref"] = number;
        await SendAsync(fields.ToJsonString());
        while (true)
        {
            var frame = await ReadAsync();
            if ((int?)frame["ref"] == number)
            {
                return frame;
            }
        }
    }

    /// <summary>Logs in; throws when that is refused.</summary>
    /// <param name="username">Who.</param>
    /// <param name="secret">The secret.</param>
    public async Task LoginAsync(string username, string secret)
    {
        var answer = await RequestAsync("login", new JsonObject { ["username"] = username, ["secret"] = secret });
        Assert.True((string?)answer["op"] == "ok", answer.ToJsonString());
    }

    /// <summary>Subscribes; throws when that is refused.</summary>
    /// <param name="after">A token, <c>now</c> or <c>start</c>.</param>
    /// <param name="channels">Channels and patterns.</param>
    public async Task SubscribeAsync(string after, params string[] channels)
    {
        await SendAsync(JsonSerializer.Serialize(new { op = "subscribe", @ref = ++_ref, channels, after }));
        while (true)
        {
            var frame = await ReadAsync();
            if ((int?)frame["ref"] == _ref)
            {
                Assert.True((string?)frame["op"] == "ok", frame.ToJsonString());
                return;
            }
        }
    }

    /// <summary>Breaks the connection; whoever reads from it fails.</summary>
    public void Abort() => _socket.Dispose();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _reader.CompleteAsync();
        _socket.Dispose();
    }
}
