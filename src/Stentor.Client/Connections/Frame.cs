using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>What a server's frame is.</summary>
internal enum FrameOp
{
    /// <summary>One that this client does not know: ignored, so that newer servers may say more.</summary>
    Other,

    /// <summary>The server's first frame.</summary>
    Hello,

    /// <summary>A request was done.</summary>
    Ok,

    /// <summary>A request was refused, or the connection is about to end.</summary>
    Error,

    /// <summary>An entry.</summary>
    Activity,

    /// <summary>Asks for a sign of life.</summary>
    Ping,

    /// <summary>History that is no longer held.</summary>
    Gap,
}

/// <summary>A frame from a server, read as far as every frame is alike.</summary>
/// <param name="Op">What it is.</param>
/// <param name="Ref">The request that it answers; -1 when it answers none.</param>
/// <param name="Bytes">All of it.</param>
/// <param name="Entry">The bytes of the entry; empty when there is none.</param>
/// <param name="Seen">The seen token, or null.</param>
/// <param name="Error">The refusal of an error frame, or null.</param>
internal readonly record struct Frame(FrameOp Op, long Ref, ReadOnlyMemory<byte> Bytes, ReadOnlyMemory<byte> Entry, string? Seen, StentorException? Error)
{
    /// <summary>Reads a frame; memory of <paramref name="bytes"/> is kept.</summary>
    /// <exception cref="ConnectionLostException">It is none: whatever is at the other end does not speak this protocol.</exception>
    public static Frame Parse(ReadOnlyMemory<byte> bytes)
    {
        var op = FrameOp.Other;
        long answered = -1;
        ReadOnlyMemory<byte> entry = default;
        string? seen = null, type = null, detail = null;
        double? retryAfter = null;
        var reader = new Utf8JsonReader(bytes.Span, JsonRules.Options(1024));
        try
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw new JsonException("not an object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("op"u8))
                {
                    reader.Read();
                    op = OpOf(ref reader);
                }
                else if (reader.ValueTextEquals("entry"u8))
                {
                    reader.Read();
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    entry = bytes[start..(int)reader.BytesConsumed];
                }
                else if (reader.ValueTextEquals("ref"u8))
                {
                    reader.Read();
                    answered = reader.TokenType == JsonTokenType.Number ? reader.GetInt64() : -1;
                }
                else if (reader.ValueTextEquals("seen"u8))
                {
                    reader.Read();
                    seen = reader.GetString();
                }
                else if (reader.ValueTextEquals("type"u8))
                {
                    reader.Read();
                    type = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
                }
                else if (reader.ValueTextEquals("detail"u8))
                {
                    reader.Read();
                    detail = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
                }
                else if (reader.ValueTextEquals("retryAfter"u8))
                {
                    reader.Read();
                    retryAfter = reader.TokenType == JsonTokenType.Number ? reader.GetDouble() : null;
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new ConnectionLostException($"The server sent what is not a frame: {Printable.Cut(e.Message, 200)}", e);
        }

        var error = op == FrameOp.Error ? Refusal(type ?? ErrorType.Internal, detail ?? "The server gave no reason.", retryAfter) : null;
        return new Frame(op, answered, bytes, entry, seen, error);
    }

    private static StentorException Refusal(string type, string detail, double? retryAfter) => new(type, detail, ErrorType.StatusOf(type))
    {
        RetryAfter = retryAfter is > 0 and < 86_400 ? TimeSpan.FromSeconds(retryAfter.Value) : null,
    };

    private static FrameOp OpOf(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("activity"u8) ? FrameOp.Activity
        : reader.ValueTextEquals("ok"u8) ? FrameOp.Ok
        : reader.ValueTextEquals("error"u8) ? FrameOp.Error
        : reader.ValueTextEquals("ping"u8) ? FrameOp.Ping
        : reader.ValueTextEquals("gap"u8) ? FrameOp.Gap
        : reader.ValueTextEquals("hello"u8) ? FrameOp.Hello
        : FrameOp.Other;
}
