using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>
/// The bytes of a publish frame. What a server would close the connection for is refused here, with the server's words: one malformed publish
/// must not end the others that share its connection.
/// </summary>
internal static class PublishFrame
{
    /// <summary>The part of the frame behind its <c>ref</c>, without the closing brace: alike in every attempt.</summary>
    /// <exception cref="ProtocolException">It is malformed.</exception>
    public static byte[] Encode(Publish publish, string id, string? after)
    {
        Check(publish);
        var frame = new ByteBuffer(256 + publish.Activity.Length);
        frame.Write(",\"channel\":"u8);
        JsonText.Write(publish.Channel, frame);
        frame.Write(",\"id\":"u8);
        JsonText.Write(id, frame);
        if (!publish.Activity.IsEmpty)
        {
            frame.Write(",\"activity\":"u8);
            JsonRules.WriteCompact(publish.Activity.Span, frame); // A line feed ends a frame.
        }

        if (publish.Effect is { } effect)
        {
            frame.Write(",\"effect\":"u8);
            effect.Write(frame);
        }

        WriteCondition(publish, frame);
        if (after is not null)
        {
            frame.Write(",\"after\":"u8);
            JsonText.Write(after, frame);
        }

        if (publish.Copies != 1)
        {
            frame.Write(Encoding.ASCII.GetBytes($",\"copies\":{publish.Copies}"));
        }

        return frame.WrittenSpan.ToArray();
    }

    /// <summary>Appends the whole frame.</summary>
    public static void Append(long number, ReadOnlySpan<byte> rest, ByteBuffer message)
    {
        message.Write("{\"op\":\"publish\",\"ref\":"u8);
        var digits = message.GetSpan(20);
        Utf8Formatter.TryFormat(number, digits, out var written);
        message.Advance(written);
        message.Write(rest);
        message.Write("}"u8);
    }

    /// <summary>Most bytes that <see cref="Append"/> puts around the rest.</summary>
    public const int FrameBytesAround = 64;

    private static void Check(Publish publish)
    {
        if (!ChannelName.IsValid(publish.Channel))
        {
            throw Malformed($"'{Printable.Cut(publish.Channel)}' is not a channel: 1 to {ChannelName.TokensMax} tokens of A-Z a-z 0-9 _ - joined by dots, at most {ChannelName.LengthMax} characters.");
        }

        if (publish.Activity.IsEmpty && publish.Effect is null)
        {
            throw Malformed("A publish needs `activity` or `effect`.");
        }

        if (publish.Id is { } id)
        {
            if (id.Length == 0 || id.Contains('\0', StringComparison.Ordinal) || !IsWellFormed(id))
            {
                throw Malformed("`id` must be a string that is not empty, without NUL and half surrogates.");
            }

            if (Encoding.UTF8.GetByteCount(id) > Limits.Default.PublishIdBytesMax)
            {
                throw new ProtocolException(ErrorType.TooLarge, $"`id` has more than {Limits.Default.PublishIdBytesMax} bytes (limit publish-id-bytes-max).");
            }
        }

        if (publish.After is { } after)
        {
            SeenToken.Decode(after);
        }

        if (publish.Copies is < 1 or > PublishBody.CopiesMax)
        {
            throw Malformed($"`copies` must be a whole number from 1 to {PublishBody.CopiesMax}.");
        }

        if (publish.IfVersion < 0)
        {
            throw Malformed("`if.version` must be a whole number, not negative.");
        }

        if (!publish.Activity.IsEmpty)
        {
            JsonRules.Read(publish.Activity.Span, Limits.Default.DepthMax, 0, static (ref reader, json) =>
            {
                if (reader.TokenType != System.Text.Json.JsonTokenType.StartObject)
                {
                    throw Malformed("`activity` must be an object.");
                }

                return JsonRules.Walk(ref reader, json);
            });
        }

        foreach (var (_, value) in publish.Effect?.Set ?? [])
        {
            JsonRules.Read(value.Span, Limits.Default.DepthMax, 0, static (ref reader, json) => JsonRules.Walk(ref reader, json));
        }
    }

    private static void WriteCondition(Publish publish, ByteBuffer frame)
    {
        if (publish.IfExists is null && publish.IfVersion is null)
        {
            return;
        }

        var exists = publish.IfExists is { } required ? $"\"exists\":{(required ? "true" : "false")}" : "";
        var version = publish.IfVersion is { } number ? $"\"version\":{number}" : "";
        var comma = exists.Length > 0 && version.Length > 0 ? "," : "";
        frame.Write(Encoding.ASCII.GetBytes($",\"if\":{{{exists}{comma}{version}}}"));
    }

    private static bool IsWellFormed(string text)
    {
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var used) != OperationStatus.Done)
            {
                return false;
            }

            rest = rest[used..];
        }

        return true;
    }

    private static ProtocolException Malformed(string detail) => new(ErrorType.Malformed, detail);
}
