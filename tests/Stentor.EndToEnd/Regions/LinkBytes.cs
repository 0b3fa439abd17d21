using System.Buffers.Binary;
using System.Text;
using Stentor.Protocol;

namespace Stentor.EndToEnd.Regions;

/// <summary>Link messages as bytes, written from docs/protocol/links.md and not from the program's code.</summary>
internal static class LinkBytes
{
    public const long Version = 2;
    public const byte Hello = 1;
    public const byte Proof = 2;
    public const byte Announce = 3;
    public const byte Entries = 4;
    public const byte Prune = 5;
    public const byte Graft = 6;
    public const byte Bye = 7;
    public const byte Notice = 8;

    /// <summary>A message: its checksum, its kind, its fields.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="fields">Its fields' bytes.</param>
    public static byte[] Message(byte kind, params IEnumerable<byte[]> fields)
    {
        byte[] message = [0, 0, 0, 0, kind, .. fields.SelectMany(field => field)];
        BinaryPrimitives.WriteUInt32LittleEndian(message, Checksum.Crc32C(message.AsSpan(4)));
        return message;
    }

    /// <summary>A number: seven bits a byte, the lowest first, the eighth bit says that more follow.</summary>
    /// <param name="number">The number.</param>
    public static byte[] Number(long number)
    {
        var bytes = new List<byte>();
        for (var rest = (ulong)number; ; rest >>= 7)
        {
            if (rest < 0x80)
            {
                bytes.Add((byte)rest);
                return [.. bytes];
            }

            bytes.Add((byte)((rest & 0x7F) | 0x80));
        }
    }

    /// <summary>A text: its length in UTF-8, then its bytes.</summary>
    /// <param name="text">The text.</param>
    public static byte[] Text(string text) => [.. Number(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    /// <summary>A version vector: how many components, then each.</summary>
    /// <param name="components">Origins with their numbers.</param>
    public static byte[] Vector(params (string Origin, long Seq)[] components) =>
        [.. Number(components.Length), .. components.OrderBy(c => c.Origin, StringComparer.Ordinal).SelectMany(c => (byte[])[.. Text(c.Origin), .. Number(c.Seq)])];

    /// <summary>A message of entries.</summary>
    /// <param name="seen">What the sender says to have.</param>
    /// <param name="entries">The entries.</param>
    public static byte[] EntriesMessage(byte[] seen, params string[] entries) => Message(Entries, [seen, .. entries.Select(Text)]);

    /// <summary>An entry in its one byte form, made by hand.</summary>
    /// <param name="origin">Its origin.</param>
    /// <param name="seq">Its number.</param>
    /// <param name="previousChain">The chain of the one before; 0 for the first.</param>
    /// <param name="time">RFC 3339 with six decimals; null for a moment ago.</param>
    /// <param name="after">Its dependencies as JSON.</param>
    /// <param name="lamport">Its Lamport clock; 0 for <paramref name="seq"/>.</param>
    /// <param name="content">What makes it different from others.</param>
    public static (string Text, ulong Chain) Entry(string origin, long seq, ulong previousChain = 0, string? time = null, string after = "{}", long lamport = 0, string content = "bad")
    {
        time ??= DateTime.UtcNow.AddSeconds(-60 + seq).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'");
        var front = $$"""{"channel":"hostile.{{origin}}","origin":"{{origin}}","seq":{{seq}},"lamport":{{(lamport == 0 ? seq : lamport)}},"time":"{{time}}","author":"mallory","after":{{after}},"activity":{"content":"{{content}}"}""";
        var chain = Checksum.Xxh64(Encoding.UTF8.GetBytes(front), previousChain);
        return ($$"""{{front}},"chain":"{{chain:x16}}"}""", chain);
    }
}

/// <summary>Reads the fields of a message.</summary>
/// <param name="message">All of it.</param>
internal sealed class LinkReader(byte[] message)
{
    private int _at = 5;

    /// <summary>Which message it is.</summary>
    public byte Kind => message[4];

    /// <summary>Whether all was read.</summary>
    public bool IsAtEnd => _at == message.Length;

    public long Number()
    {
        ulong number = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = message[_at++];
            number |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return (long)number;
            }
        }
    }

    public string Text()
    {
        var length = (int)Number();
        _at += length;
        return Encoding.UTF8.GetString(message, _at - length, length);
    }

    public Dictionary<string, long> Vector()
    {
        var vector = new Dictionary<string, long>();
        for (var left = Number(); left > 0; left--)
        {
            vector.Add(Text(), Number());
        }

        return vector;
    }
}
