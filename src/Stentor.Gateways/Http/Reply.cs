using System.Buffers;
using System.Buffers.Text;
using Microsoft.AspNetCore.Http;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Answers made in one buffer and sent with their length: no chunks, one write with the headers.</summary>
internal static class Reply
{
    // Longer answers are rare; their memory is given back.
    private const int KeepMax = 64 * 1024;

    [ThreadStatic]
    private static ByteBuffer? _spare;

    /// <summary>An empty buffer. Its taker gives it to <see cref="SendAsync"/> on the same thread, without waiting in between.</summary>
    public static ByteBuffer Rent()
    {
        var buffer = _spare ?? new ByteBuffer(4096);
        _spare = null;
        return buffer;
    }

    /// <summary>Sends an answer.</summary>
    /// <param name="http">The request.</param>
    /// <param name="status">The HTTP status.</param>
    /// <param name="body">The body; empty for none. Not to be used after the call.</param>
    /// <param name="contentType">What the body is.</param>
    public static Task SendAsync(HttpContext http, int status, ByteBuffer body, string contentType = "application/json")
    {
        var response = http.Response;
        response.StatusCode = status;
        if (body.Length > 0)
        {
            response.ContentType = contentType;
            response.ContentLength = body.Length;
            response.BodyWriter.Write(body.WrittenSpan);
        }
        else if (status != StatusCodes.Status204NoContent && status != StatusCodes.Status304NotModified)
        {
            response.ContentLength = 0;
        }

        body.Clear(KeepMax);
        _spare = body;

        // Not flushed: the server sends headers and body together when the request ends.
        return Task.CompletedTask;
    }

    /// <summary>Appends a whole number.</summary>
    /// <param name="json">Where it goes.</param>
    /// <param name="number">The number.</param>
    public static void Write(this ByteBuffer json, long number)
    {
        Utf8Formatter.TryFormat(number, json.GetSpan(20), out var written);
        json.Advance(written);
    }

    /// <summary>Appends a version vector as an object: origin → number.</summary>
    /// <param name="json">Where it goes.</param>
    /// <param name="vector">The vector.</param>
    public static void Write(this ByteBuffer json, VersionVector vector)
    {
        var first = true;
        json.Write("{"u8);
        foreach (var (origin, seq) in vector.Components)
        {
            json.Write(first ? "\""u8 : ",\""u8);
            json.WriteAscii(origin.Value);
            json.Write("\":"u8);
            json.Write(seq);
            first = false;
        }

        json.Write("}"u8);
    }

    /// <summary>Appends a seen token as a JSON string.</summary>
    /// <param name="json">Where it goes.</param>
    /// <param name="seen">The vector.</param>
    public static void WriteToken(this ByteBuffer json, VersionVector seen)
    {
        var span = json.GetSpan(SeenToken.EncodedLengthMax(seen) + 2);
        span[0] = (byte)'"';
        var length = SeenToken.Encode(seen, span[1..]);
        span[length + 1] = (byte)'"';
        json.Advance(length + 2);
    }

    /// <summary>Appends a time as a JSON string.</summary>
    /// <param name="json">Where it goes.</param>
    /// <param name="micros">Microseconds since 1970.</param>
    public static void WriteTime(this ByteBuffer json, long micros)
    {
        var span = json.GetSpan(EntryTime.Length + 3);
        span[0] = (byte)'"';
        EntryTime.Write(micros, span[1..]);
        span[EntryTime.Length + 1] = (byte)'"';
        json.Advance(EntryTime.Length + 2);
    }

    /// <summary>Appends text that is ASCII by rule (names), as it is.</summary>
    /// <param name="json">Where it goes.</param>
    /// <param name="text">The text.</param>
    public static void WriteAscii(this ByteBuffer json, string text)
    {
        var length = System.Text.Encoding.ASCII.GetBytes(text, json.GetSpan(text.Length));
        json.Advance(length);
    }
}
