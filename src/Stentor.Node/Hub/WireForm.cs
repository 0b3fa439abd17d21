using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>The byte form in which a reader takes entries. Each is encoded once an entry, whatever the number of readers.</summary>
public enum WireForm
{
    /// <summary>JSON frames with a line feed after each: the TCP port.</summary>
    Lines,

    /// <summary>The same frames, each in a WebSocket text message (RFC 6455), unmasked.</summary>
    WebSocket,

    /// <summary>Server-Sent Events: <c>id</c>, <c>event</c>, <c>data</c>.</summary>
    ServerSentEvents,

    /// <summary>
    /// The Activity Streamer protocol: an <c>ACTIVITY_BROADCAST</c> with a line feed after it for each activity. It has no message for an entry without an
    /// activity, for a gap or for a seen token, so none is sent.
    /// </summary>
    ActivityStreamer,
}

/// <summary>Puts entries and other frames into a wire form.</summary>
public static class WireForms
{
    /// <summary>How many forms there are.</summary>
    internal const int Count = 4;

    /// <summary>Longest header of an unmasked WebSocket frame, in bytes.</summary>
    public const int WebSocketHeaderMax = 10;

    private const byte FinalText = 0x81;

    private static ReadOnlySpan<byte> ActivityStart => "{\"op\":\"activity\",\"entry\":"u8;

    private static ReadOnlySpan<byte> SeenStart => ",\"seen\":\""u8;

    private static ReadOnlySpan<byte> EventStart => "id: "u8;

    private static ReadOnlySpan<byte> EventMiddle => "\nevent: activity\ndata: "u8;

    /// <summary>Writes one JSON frame (an answer, a ping) in a form that carries frames.</summary>
    /// <param name="form">Any but Server-Sent Events.</param>
    /// <param name="json">The frame: JSON on one line.</param>
    /// <param name="buffer">Where it goes.</param>
    public static void WriteFrame(WireForm form, ReadOnlySpan<byte> json, ByteBuffer buffer)
    {
        Debug.Assert(form != WireForm.ServerSentEvents, "frames do not go to event streams");
        var span = buffer.GetSpan(json.Length + WebSocketHeaderMax);
        var length = form == WireForm.WebSocket ? WriteWebSocketHeader(FinalText, json.Length, span) : 0;
        json.CopyTo(span[length..]);
        length += json.Length;
        if (form != WireForm.WebSocket)
        {
            span[length++] = (byte)'\n';
        }

        buffer.Advance(length);
    }

    /// <summary>Writes the header of an unmasked WebSocket frame (RFC 6455, section 5.2).</summary>
    /// <param name="first">Its first byte: FIN and opcode.</param>
    /// <param name="payloadLength">Bytes that follow.</param>
    /// <param name="destination">At least <see cref="WebSocketHeaderMax"/> bytes.</param>
    /// <returns>How many bytes were written: 2, 4 or 10.</returns>
    public static int WriteWebSocketHeader(byte first, int payloadLength, Span<byte> destination)
    {
        destination[0] = first;
        switch (payloadLength)
        {
            case < 126:
                destination[1] = (byte)payloadLength;
                return 2;
            case <= ushort.MaxValue:
                destination[1] = 126;
                BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)payloadLength);
                return 4;
            default:
                destination[1] = 127;
                BinaryPrimitives.WriteUInt64BigEndian(destination[2..], (ulong)payloadLength);
                return 10;
        }
    }

    /// <summary>Whether an entry is sent in a form.</summary>
    /// <param name="form">The form.</param>
    /// <param name="entry">The entry's bytes.</param>
    internal static bool Carries(WireForm form, ReadOnlySpan<byte> entry) => form != WireForm.ActivityStreamer || BroadcastLine.HasActivity(entry);

    /// <summary>Whether an entry has a seen token in a form.</summary>
    /// <param name="form">The form.</param>
    /// <param name="isDue">Whether a token is due at this entry: the last one of several, or one after many without.</param>
    internal static bool HasToken(WireForm form, bool isDue) => form switch
    {
        WireForm.ServerSentEvents => true,
        WireForm.ActivityStreamer => false,
        _ => isDue,
    };

    /// <summary>An upper bound for the bytes of an entry in any form.</summary>
    internal static int EntryLengthMax(int entryLength, int tokenLength) => entryLength + tokenLength + 64; // What stands around them: at most 46, on WebSocket.

    /// <summary>Writes an entry as an activity frame, event or broadcast.</summary>
    /// <param name="form">The form, which <see cref="Carries"/> the entry.</param>
    /// <param name="entry">The entry's bytes.</param>
    /// <param name="token">The seen token at the entry; empty for none, as <see cref="HasToken"/> says.</param>
    /// <param name="destination">At least <see cref="EntryLengthMax"/> bytes.</param>
    /// <returns>How many bytes were written.</returns>
    internal static int WriteEntry(WireForm form, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> token, Span<byte> destination)
    {
        if (form == WireForm.ActivityStreamer)
        {
            return BroadcastLine.Write(entry, destination);
        }

        var length = 0;
        if (form == WireForm.ServerSentEvents)
        {
            length = Put(EventStart, destination, length);
            length = Put(token, destination, length);
            length = Put(EventMiddle, destination, length);
            length = Put(entry, destination, length);
            return Put("\n\n"u8, destination, length);
        }

        if (form == WireForm.WebSocket)
        {
            var payload = ActivityStart.Length + entry.Length + (token.IsEmpty ? 0 : SeenStart.Length + token.Length + 1) + 1;
            length = WriteWebSocketHeader(FinalText, payload, destination);
        }

        length = Put(ActivityStart, destination, length);
        length = Put(entry, destination, length);
        if (!token.IsEmpty)
        {
            length = Put(SeenStart, destination, length);
            length = Put(token, destination, length);
            destination[length++] = (byte)'"';
        }

        destination[length++] = (byte)'}';
        if (form == WireForm.Lines)
        {
            destination[length++] = (byte)'\n';
        }

        return length;
    }

    /// <summary>Writes the notice of a hole: history that is no longer held.</summary>
    /// <returns>False when the form has no such notice: nothing was written.</returns>
    internal static bool WriteGap(WireForm form, ChannelSet channels, VersionVector from, VersionVector to, string reason, ByteBuffer buffer)
    {
        if (form == WireForm.ActivityStreamer)
        {
            return false;
        }

        var json = new ByteBuffer();
        json.Write("{\"op\":\"gap\",\"channels\":["u8);
        var first = true;
        foreach (var pattern in channels.Patterns)
        {
            json.Write(first ? ""u8 : ","u8);
            JsonText.Write(pattern.Text, json);
            first = false;
        }

        json.Write("],\"from\":"u8);
        JsonText.Write(SeenToken.Encode(from), json);
        json.Write(",\"to\":"u8);
        JsonText.Write(SeenToken.Encode(to), json);
        json.Write(",\"reason\":"u8);
        JsonText.Write(reason, json);
        json.Write("}"u8);
        if (form == WireForm.ServerSentEvents)
        {
            // The token after the hole: who resumes there was told of it.
            buffer.Write(EventStart);
            buffer.Write(Encoding.ASCII.GetBytes(SeenToken.Encode(to)));
            buffer.Write("\nevent: gap\ndata: "u8);
            buffer.Write(json.WrittenSpan);
            buffer.Write("\n\n"u8);
        }
        else
        {
            WriteFrame(form, json.WrittenSpan, buffer);
        }

        return true;
    }

    /// <summary>Copies bytes to an offset.</summary>
    /// <returns>The offset after them.</returns>
    internal static int Put(ReadOnlySpan<byte> text, Span<byte> target, int offset)
    {
        text.CopyTo(target[offset..]);
        return offset + text.Length;
    }
}
