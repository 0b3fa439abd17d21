using System.Buffers.Text;
using System.Diagnostics;
using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>An outcome as clients see it, alike in HTTP answers, NDJSON lines and frames.</summary>
public static class OutcomeWriter
{
    // Keys, punctuation, three numbers of at most 20 digits, a time and two flags come to less than 300 bytes.
    private const int FixedLengthMax = 320;

    /// <summary>Writes the outcome as an object: <c>{"channel", "origin", "seq", "lamport", "time", "author", "duplicate", "copies", "state"?, "seen"}</c>.</summary>
    /// <param name="outcome">An outcome that is no refusal.</param>
    /// <param name="copies">How many regions have it on disk.</param>
    /// <param name="buffer">Where it goes.</param>
    public static void Write(in Outcome outcome, int copies, ByteBuffer buffer)
    {
        buffer.Write("{"u8);
        WriteFields(outcome, copies, buffer);
        buffer.Write("}"u8);
    }

    /// <summary>Writes the fields of the object without its braces, for a frame that has others before them.</summary>
    /// <param name="outcome">An outcome that is no refusal.</param>
    /// <param name="copies">How many regions have it on disk.</param>
    /// <param name="buffer">Where they go.</param>
    public static void WriteFields(in Outcome outcome, int copies, ByteBuffer buffer)
    {
        Debug.Assert(outcome.Refusal is null, "a refusal is an error, not an outcome for clients");
        var author = outcome.Command.Author;
        var span = buffer.GetSpan(FixedLengthMax + outcome.Channel.Length + outcome.Origin.Value.Length + author.Length);
        var length = Put("\"channel\":\""u8, span, 0);
        length = Put(outcome.Channel, span, length);
        length = Put("\",\"origin\":\""u8, span, length);
        length = Put(outcome.Origin.Value, span, length);
        length = Put("\",\"seq\":"u8, span, length);
        length = Put(outcome.Seq, span, length);
        length = Put(",\"lamport\":"u8, span, length);
        length = Put(outcome.Lamport, span, length);
        length = Put(",\"time\":\""u8, span, length);
        EntryTime.Write(outcome.Time, span[length..]);
        length = Put("\",\"author\":\""u8, span, length + EntryTime.Length);
        length = Put(author, span, length);
        length = Put(outcome.Duplicate ? "\",\"duplicate\":true,\"copies\":"u8 : "\",\"duplicate\":false,\"copies\":"u8, span, length);
        length = Put(copies, span, length);
        buffer.Advance(length);

        if (outcome.State is not null)
        {
            buffer.Write(",\"state\":"u8);
            outcome.State.WriteState(buffer);
        }

        span = buffer.GetSpan(16 + SeenToken.EncodedLengthMax(outcome.SeenBefore));
        length = Put(",\"seen\":\""u8, span, 0);
        length += outcome.SeenBefore[outcome.Origin] < outcome.Seq
            ? SeenToken.Encode(outcome.SeenBefore, outcome.Origin, outcome.Seq, span[length..])
            : SeenToken.Encode(outcome.SeenBefore, span[length..]);
        span[length++] = (byte)'"';
        buffer.Advance(length);
    }

    private static int Put(ReadOnlySpan<byte> text, Span<byte> target, int offset)
    {
        text.CopyTo(target[offset..]);
        return offset + text.Length;
    }

    // Channels, origins and authors are ASCII by rule.
    private static int Put(string text, Span<byte> target, int offset) => offset + Encoding.ASCII.GetBytes(text, target[offset..]);

    private static int Put(long number, Span<byte> target, int offset)
    {
        Utf8Formatter.TryFormat(number, target[offset..], out var written);
        return offset + written;
    }
}
