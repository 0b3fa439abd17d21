using System.Buffers;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>What a content type says.</summary>
internal enum BodyKind
{
    /// <summary>One JSON value, also when nothing was said.</summary>
    Json,

    /// <summary>One JSON value a line.</summary>
    Lines,

    /// <summary>Something else.</summary>
    Other,
}

/// <summary>Bodies of requests, limited before they are parsed.</summary>
internal static class Bodies
{
    /// <summary>What the request says its body is.</summary>
    /// <param name="request">The request.</param>
    public static BodyKind KindOf(HttpRequest request)
    {
        var type = request.ContentType;
        if (type is null or "application/json" or "application/json; charset=utf-8")
        {
            return BodyKind.Json;
        }

        if (!MediaTypeHeaderValue.TryParse(type, out var parsed) || parsed.CharSet is { } charset && !charset.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase))
        {
            return BodyKind.Other;
        }

        return parsed.MediaType?.ToLowerInvariant() switch
        {
            "application/json" => BodyKind.Json,
            "application/x-ndjson" or "application/ndjson" => BodyKind.Lines,
            _ => BodyKind.Other,
        };
    }

    /// <summary>The whole body.</summary>
    /// <param name="http">The request.</param>
    /// <param name="limits">The limits that apply.</param>
    /// <returns>The bytes, in memory of their own.</returns>
    /// <exception cref="ProtocolException">It is longer than the limit, or no JSON by its content type.</exception>
    public static async ValueTask<ReadOnlyMemory<byte>> ReadJsonAsync(HttpContext http, Limits limits)
    {
        if (KindOf(http.Request) != BodyKind.Json)
        {
            throw new ProtocolException(ErrorType.UnsupportedMediaType, $"The content type is '{Printable.Cut(http.Request.ContentType!)}'; this route takes application/json in UTF-8."); // Null is JSON.
        }

        return await ReadAsync(http, limits);
    }

    /// <summary>The whole body, whatever its content type.</summary>
    /// <param name="http">The request.</param>
    /// <param name="limits">The limits that apply.</param>
    /// <returns>The bytes, in memory of their own.</returns>
    /// <exception cref="ProtocolException">It is longer than the limit.</exception>
    public static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpContext http, Limits limits)
    {
        if (http.Request.ContentLength > limits.BodyBytesMax)
        {
            throw TooLarge(limits);
        }

        var reader = http.Request.BodyReader;
        while (true)
        {
            // No token: the reader itself fails when the client goes.
            var result = await reader.ReadAsync(CancellationToken.None);
            var buffer = result.Buffer;
            if (buffer.Length > limits.BodyBytesMax)
            {
                reader.AdvanceTo(buffer.End);
                throw TooLarge(limits);
            }

            if (result.IsCompleted)
            {
                var body = buffer.ToArray();
                reader.AdvanceTo(buffer.End);
                return body;
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static ProtocolException TooLarge(Limits limits) =>
        new(ErrorType.TooLarge, $"The body is longer than {limits.BodyBytesMax} bytes (limit body-bytes-max).");
}
