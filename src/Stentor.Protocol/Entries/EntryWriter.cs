using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Text;

namespace Stentor.Protocol;

/// <summary>What goes into an entry, before it has its one byte form.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Origin">The origin.</param>
/// <param name="Seq">The origin's number, from 1.</param>
/// <param name="Lamport">The Lamport clock, from 1.</param>
/// <param name="Time">Microseconds since 1970.</param>
/// <param name="Author">A username.</param>
/// <param name="After">Dependencies without the component that the origin's own order implies.</param>
/// <param name="Id">The publish id, or null.</param>
/// <param name="Effect">The effect, or null.</param>
/// <param name="Activity">The activity as JSON that passed <see cref="JsonRules"/>; empty for none.</param>
public readonly record struct EntryParts(
    string Channel,
    OriginId Origin,
    long Seq,
    long Lamport,
    long Time,
    string Author,
    VersionVector After,
    string? Id,
    Effect? Effect,
    ReadOnlyMemory<byte> Activity);

/// <summary>Makes an entry's one byte form, its canonical JSON.</summary>
public static class EntryWriter
{
    /// <summary>Writes one entry.</summary>
    /// <param name="parts">What goes into it.</param>
    /// <param name="previousChain">The chain of the origin's previous entry; 0 before the first.</param>
    /// <param name="buffer">Where it goes.</param>
    /// <returns>The entry's chain.</returns>
    public static ulong Write(in EntryParts parts, ulong previousChain, ByteBuffer buffer)
    {
        Debug.Assert(parts.Seq > 0 && parts.Lamport > 0 && parts.Time >= 0, $"stamps {parts.Seq} {parts.Lamport} {parts.Time}");
        var start = buffer.Length;

        // Names are ASCII by rule, so their length in bytes is their length.
        var front = buffer.GetSpan(160 + parts.Channel.Length + parts.Origin.Value.Length + parts.Author.Length);
        var length = Put("{\"channel\":\""u8, front, 0);
        length += Encoding.ASCII.GetBytes(parts.Channel, front[length..]);
        length = Put("\",\"origin\":\""u8, front, length);
        length += Encoding.ASCII.GetBytes(parts.Origin.Value, front[length..]);
        length = Put("\",\"seq\":"u8, front, length);
        length = Put(parts.Seq, front, length);
        length = Put(",\"lamport\":"u8, front, length);
        length = Put(parts.Lamport, front, length);
        length = Put(",\"time\":\""u8, front, length);
        EntryTime.Write(parts.Time, front[length..]);
        length = Put("\",\"author\":\""u8, front, length + EntryTime.Length);
        length += Encoding.ASCII.GetBytes(parts.Author, front[length..]);
        length = Put("\",\"after\":{"u8, front, length);
        buffer.Advance(length);

        WriteAfter(parts.After, buffer);
        if (parts.Id is not null)
        {
            buffer.Write(",\"id\":"u8);
            JsonText.Write(parts.Id, buffer);
        }

        if (parts.Effect is not null)
        {
            buffer.Write(",\"effect\":"u8);
            parts.Effect.Write(buffer);
        }

        if (!parts.Activity.IsEmpty)
        {
            buffer.Write(",\"activity\":"u8);
            JsonRules.WriteCompact(parts.Activity.Span, buffer);
        }

        var chain = Checksum.Xxh64(buffer.WrittenSpan[start..], previousChain);
        var end = buffer.GetSpan(EntryHeader.ChainPartLength);
        Put(",\"chain\":\""u8, end, 0);
        Utf8Formatter.TryFormat(chain, end[10..], out _, new StandardFormat('x', 16));
        Put("\"}"u8, end, 26);
        buffer.Advance(EntryHeader.ChainPartLength);
        return chain;
    }

    /// <summary>Writes the components of <c>after</c> and the closing brace.</summary>
    private static void WriteAfter(VersionVector after, ByteBuffer buffer)
    {
        var first = true;
        foreach (var (origin, seq) in after.Components)
        {
            var span = buffer.GetSpan(origin.Value.Length + 32);
            var length = Put(first ? "\""u8 : ",\""u8, span, 0);
            length += Encoding.ASCII.GetBytes(origin.Value, span[length..]);
            length = Put("\":"u8, span, length);
            length = Put(seq, span, length);
            buffer.Advance(length);
            first = false;
        }

        buffer.Write("}"u8);
    }

    private static int Put(ReadOnlySpan<byte> text, Span<byte> target, int offset)
    {
        text.CopyTo(target[offset..]);
        return offset + text.Length;
    }

    private static int Put(long number, Span<byte> target, int offset)
    {
        Utf8Formatter.TryFormat(number, target[offset..], out var written);
        return offset + written;
    }
}
