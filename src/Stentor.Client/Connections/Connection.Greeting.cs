using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <content>How a connection begins: handshake, greeting, login.</content>
internal sealed partial class Connection
{
    private async Task ConnectAsync(HttpMessageInvoker http, CancellationToken cancellationToken)
    {
        try
        {
            await _socket.ConnectAsync(SocketAddress(Address), http, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or HttpRequestException or IOException)
        {
            var status = (int)_socket.HttpStatusCode;
            if (status is 401 or 403)
            {
                var type = status == 401 ? ErrorType.Unauthenticated : ErrorType.Forbidden;
                throw new StentorException(type, $"{Address} does not let this client connect (status {status}).", status, e);
            }

            var reason = _socket.HttpStatusCode == default ? Innermost(e) : $"it answered {status} {(HttpStatusCode)status}";
            throw new ConnectionLostException($"No connection to {Address}: {reason}", e);
        }
    }

    private async Task GreetAsync(CancellationToken cancellationToken)
    {
        var hello = await ReceiveAsync(cancellationToken).ConfigureAwait(false);
        if (hello.Op != FrameOp.Hello)
        {
            throw new ConnectionLostException($"{Address} did not greet with a hello frame; it may not be a Stentor server.");
        }

        ReadHello(hello.Bytes);
        if (LoginFrame() is not { } login)
        {
            return;
        }

        await SendAsync(login, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            var answer = await ReceiveAsync(cancellationToken).ConfigureAwait(false);
            if (answer.Op == FrameOp.Ok)
            {
                return;
            }

            if (answer.Error is { } refusal)
            {
                throw refusal.IsTransient
                    ? new ConnectionLostException($"{Address} does not take logins now: {refusal.Detail}", refusal) { RetryAfter = refusal.RetryAfter ?? TimeSpan.Zero }
                    : refusal;
            }
        }
    }

    private void ReadHello(ReadOnlyMemory<byte> bytes)
    {
        using var json = JsonDocument.Parse(bytes, ClientJson.Deep);
        var hello = json.RootElement;
        var node = Text(hello, "node");
        var region = Text(hello, "region");
        Peer = $"node {Printable.Cut(node)}, region {Printable.Cut(region)}";
        if (hello.TryGetProperty("limits", out var limits) && limits.ValueKind == JsonValueKind.Object
            && limits.TryGetProperty("frameBytesMax", out var most) && most.ValueKind == JsonValueKind.Number && most.TryGetInt32(out var frameBytesMax) && frameBytesMax > 0)
        {
            FrameBytesMax = frameBytesMax;
        }

        if (hello.TryGetProperty("heartbeat", out var heartbeat) && heartbeat.ValueKind == JsonValueKind.Number && heartbeat.TryGetDouble(out var seconds) && seconds > 0)
        {
            // A little before the server would ask by itself: while the consumer is busy nobody reads what it asks.
            _pingAfter = TimeSpan.FromSeconds(Math.Min(_options.Heartbeat.TotalSeconds, seconds) * 0.8);
        }
    }

    private byte[]? LoginFrame()
    {
        if (_options.Token is null && _options.Username is null)
        {
            return null;
        }

        var frame = new ByteBuffer(256);
        frame.Write(Encoding.UTF8.GetBytes($"{{\"op\":\"login\",\"ref\":{NextRef()},"));
        if (_options.Token is { } token)
        {
            frame.Write("\"token\":"u8);
            JsonText.Write(token, frame);
        }
        else
        {
            frame.Write("\"username\":"u8);
            JsonText.Write(_options.Username!, frame); // Not both are null, see above.
            frame.Write(",\"secret\":"u8);
            JsonText.Write(_options.Secret!, frame); // Goes with the username by the options' rule.
        }

        frame.Write("}"u8);
        return frame.WrittenSpan.ToArray();
    }

    private static Uri SocketAddress(Uri address) =>
        new UriBuilder(new Uri(address.AbsoluteUri.TrimEnd('/') + "/v1/socket")) { Scheme = address.Scheme == "https" ? "wss" : "ws" }.Uri;

    private static string Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "?";
}
