using System.Net.WebSockets;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Cli.Lab.Readers;

/// <summary>Reads frames on a WebSocket: bare, as a client in any language would, since the client library counts no bytes.</summary>
/// <param name="node">The node.</param>
internal sealed class SocketReader(Uri node) : ScoreReader
{
    private readonly ClientWebSocket _socket = new();
    private readonly ByteBuffer _frame = new(4_096);
    private HttpMessageInvoker? _http;

    /// <inheritdoc/>
    public override bool IsPush => true;

    /// <inheritdoc/>
    public override async Task StandAsync(CancellationToken cancellationToken)
    {
        _http = Traffic.NewHttp();
        _socket.Options.KeepAliveInterval = TimeSpan.Zero; // The node asks after those who are silent.
        try
        {
            await _socket.ConnectAsync(new UriBuilder(new Uri(node, "/v1/socket")) { Scheme = "ws" }.Uri, _http, cancellationToken);
        }
        catch (WebSocketException e)
        {
            throw new LabException($"{node} does not open a WebSocket: {(e.InnerException ?? e).Message}", e);
        }

        await SendAsync("{\"op\":\"subscribe\",\"ref\":1,\"channels\":[\"" + Channel + "\"]}", cancellationToken);
        while (OpOf(await ReceiveAsync(cancellationToken)) != "ok")
        {
            // The hello comes first.
        }
    }

    /// <inheritdoc/>
    public override async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var frame = await ReceiveAsync(cancellationToken);
            switch (OpOf(frame))
            {
                case "activity":
                    Traffic.CallIn();
                    Show(ScoreJson.OfEntry(frame.GetProperty("entry")));
                    break;
                case "ping":
                    await SendAsync("{\"op\":\"pong\"}", cancellationToken);
                    break;
            }
        }
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _http?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string? OpOf(JsonElement frame) => frame.GetProperty("op").GetString() is var op && op != "error"
        ? op
        : throw new LabException($"The node sent an error: {Printable.Cut(frame.GetRawText(), 200)}");

    private async Task SendAsync(string frame, CancellationToken cancellationToken)
    {
        Traffic.CallOut();
        await _socket.SendAsync(System.Text.Encoding.UTF8.GetBytes(frame), WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
    }

    /// <summary>The next frame. The node sends one a message.</summary>
    private async Task<JsonElement> ReceiveAsync(CancellationToken cancellationToken)
    {
        _frame.Clear();
        try
        {
            while (true)
            {
                var piece = await _socket.ReceiveAsync(_frame.GetMemory(1_024), cancellationToken);
                _frame.Advance(piece.Count);
                if (piece.MessageType == WebSocketMessageType.Close)
                {
                    throw new LabException($"The node closed the WebSocket: {_socket.CloseStatusDescription}");
                }

                if (piece.EndOfMessage)
                {
                    return JsonSerializer.Deserialize(_frame.WrittenSpan, CommandJson.Default.JsonElement);
                }
            }
        }
        catch (WebSocketException e)
        {
            throw new LabException($"The WebSocket broke: {(e.InnerException ?? e).Message}", e);
        }
    }
}
