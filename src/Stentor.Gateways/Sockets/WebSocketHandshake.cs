using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>What an upgraded connection is read from and written to.</summary>
/// <param name="Input">What the client sends.</param>
/// <param name="Output">What it is sent, where there is no socket.</param>
/// <param name="Socket">The connection's own socket, where bytes may go straight to it: it is not encrypted, and nothing waits in a pipe before them.</param>
internal sealed record UpgradedTransport(PipeReader Input, PipeWriter Output, Socket? Socket);

/// <summary>The opening handshake of a WebSocket (RFC 6455, section 4.2).</summary>
internal static class WebSocketHandshake
{
    private const string KeySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /// <summary>Accepts the upgrade, or answers why not.</summary>
    /// <param name="http">The request.</param>
    /// <returns>Null when it was answered.</returns>
    public static async Task<UpgradedTransport?> AcceptAsync(HttpContext http)
    {
        var request = http.Request;
        var upgrade = http.Features.Get<IHttpUpgradeFeature>();
        var key = request.Headers.SecWebSocketKey.ToString();
        if (upgrade is not { IsUpgradableRequest: true } || !request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase))
        {
            http.Response.Headers.Upgrade = "websocket";
            await Problem.WriteAsync(http, new Refusal(ErrorType.Malformed, "This is for WebSockets: send `Connection: Upgrade` and `Upgrade: websocket`."));
            return null;
        }

        if (request.Headers.SecWebSocketVersion != "13")
        {
            http.Response.Headers.SecWebSocketVersion = "13";
            await Problem.WriteAsync(http, new Refusal(ErrorType.Malformed, "`Sec-WebSocket-Version` must be 13."));
            return null;
        }

        if (!IsKey(key))
        {
            await Problem.WriteAsync(http, new Refusal(ErrorType.Malformed, "`Sec-WebSocket-Key` must be base64 of 16 bytes."));
            return null;
        }

        var headers = http.Response.Headers;
        headers.Upgrade = "websocket";
        headers[HeaderNames.SecWebSocketAccept] = AcceptOf(key);
        var stream = await upgrade.UpgradeAsync();

        // Below the HTTP layer, where it is there: what follows has nothing of HTTP in it.
        var transport = http.Features.Get<IConnectionTransportFeature>()?.Transport;
        var socket = http.Features.Get<IDirectOutputFeature>()?.Socket;
        return transport is null
            ? new UpgradedTransport(PipeReader.Create(stream, new StreamPipeReaderOptions(useZeroByteReads: true)), PipeWriter.Create(stream), Socket: null)
            : new UpgradedTransport(transport.Input, transport.Output, socket);
    }

    private static bool IsKey(string key)
    {
        Span<byte> bytes = stackalloc byte[18];
        return key.Length == 24 && Convert.TryFromBase64String(key, bytes, out var length) && length == 16;
    }

    private static string AcceptOf(string key)
    {
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // Named by RFC 6455, section 4.2.2: it proves that the server speaks WebSocket, and protects nothing.
        SHA1.HashData(Encoding.ASCII.GetBytes(key + KeySuffix), hash);
#pragma warning restore CA5350
        return Convert.ToBase64String(hash);
    }
}
