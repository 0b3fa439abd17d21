using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;

namespace Stentor.Protocol;

/// <summary>
/// The fixed front and the chain of an entry, read where they stand: the canonical form puts its keys in one order and escapes nothing in them.
/// </summary>
public readonly ref struct EntryHeader
{
    private static ReadOnlySpan<byte> ChainKey => ",\"chain\":\""u8;

    /// <summary>Bytes of <c>,"chain":"0123456789abcdef"}</c>.</summary>
    public const int ChainPartLength = 28;

    /// <summary>The channel, in UTF-8.</summary>
    public ReadOnlySpan<byte> Channel { get; private init; }

    /// <summary>The origin, in UTF-8.</summary>
    public ReadOnlySpan<byte> Origin { get; private init; }

    /// <summary>The origin's number, from 1.</summary>
    public long Seq { get; private init; }

    /// <summary>The Lamport clock, from 1.</summary>
    public long Lamport { get; private init; }

    /// <summary>Microseconds since 1970.</summary>
    public long Time { get; private init; }

    /// <summary>The author, in UTF-8.</summary>
    public ReadOnlySpan<byte> Author { get; private init; }

    /// <summary>The chain checksum.</summary>
    public ulong Chain { get; private init; }

    /// <summary>Where the JSON value of <c>after</c> starts.</summary>
    public int AfterStart { get; private init; }

    /// <summary>Only the channel of an entry: what a reader that filters needs of it.</summary>
    /// <param name="entry">A canonical entry, known to be whole.</param>
    public static ReadOnlySpan<byte> ChannelOf(ReadOnlySpan<byte> entry)
    {
        var rest = entry["{\"channel\":\""u8.Length..];
        return rest[..rest.IndexOf((byte)'"')];
    }

    /// <summary>Only the origin and the number of an entry: what tells whether it is wanted.</summary>
    /// <param name="entry">An entry's bytes, perhaps damaged.</param>
    /// <param name="origin">The origin, in UTF-8; valid.</param>
    /// <param name="seq">The number, from 1.</param>
    /// <returns>False when it is not in canonical form.</returns>
    public static bool TryReadStamp(ReadOnlySpan<byte> entry, out ReadOnlySpan<byte> origin, out long seq)
    {
        var rest = entry;
        seq = 0;
        origin = default;
        return TryText(ref rest, "{\"channel\":\""u8, out _) && TryText(ref rest, ",\"origin\":\""u8, out origin) && TryNumber(ref rest, ",\"seq\":"u8, out seq)
            && OriginId.IsValid(origin);
    }

    /// <summary>Reads the front and the chain of an entry.</summary>
    /// <param name="entry">The entry's bytes, all of them.</param>
    /// <param name="header">What was read; its spans lie in <paramref name="entry"/>.</param>
    /// <returns>False when it is not in canonical form.</returns>
    public static bool TryRead(ReadOnlySpan<byte> entry, out EntryHeader header)
    {
        header = default;
        var rest = entry;
        if (!TryText(ref rest, "{\"channel\":\""u8, out var channel) || !ChannelName.IsValid(channel)
            || !TryText(ref rest, ",\"origin\":\""u8, out var origin) || !OriginId.IsValid(origin)
            || !TryNumber(ref rest, ",\"seq\":"u8, out var seq)
            || !TryNumber(ref rest, ",\"lamport\":"u8, out var lamport)
            || !TryText(ref rest, ",\"time\":\""u8, out var timeText) || !EntryTime.TryParse(timeText, out var time)
            || !TryText(ref rest, ",\"author\":\""u8, out var author) || !Username.IsValid(author)
            || !rest.StartsWith(",\"after\":{"u8))
        {
            return false;
        }

        if (rest.Length < ChainPartLength || !rest[^ChainPartLength..].StartsWith(ChainKey)
            || !TryChain(rest[^18..^2], out var chain) || !rest.EndsWith("\"}"u8))
        {
            return false;
        }

        header = new EntryHeader
        {
            Channel = channel,
            Origin = origin,
            Seq = seq,
            Lamport = lamport,
            Time = time,
            Author = author,
            Chain = chain,
            AfterStart = entry.Length - rest.Length + ",\"after\":"u8.Length,
        };
        return true;
    }

    /// <summary>The chain that an entry's bytes give when they follow <paramref name="previous"/>.</summary>
    /// <param name="entry">The entry's bytes, all of them.</param>
    /// <param name="previous">The origin's previous chain; 0 before its first entry.</param>
    public static ulong ChainOf(ReadOnlySpan<byte> entry, ulong previous) => Checksum.Xxh64(entry[..^ChainPartLength], previous);

    private static bool TryChain(ReadOnlySpan<byte> text, out ulong chain)
    {
        // Lower case only: an entry has one form.
        Span<byte> bytes = stackalloc byte[8];
        var isHex = Convert.FromHexString(text, bytes, out _, out var written) == OperationStatus.Done && written == bytes.Length
            && !text.ContainsAnyInRange((byte)'A', (byte)'F');
        chain = isHex ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : 0;
        return isHex;
    }

    private static bool TryText(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> key, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (!rest.StartsWith(key))
        {
            return false;
        }

        rest = rest[key.Length..];
        var end = rest.IndexOf((byte)'"');
        if (end < 0)
        {
            return false;
        }

        text = rest[..end];
        rest = rest[(end + 1)..];
        return true;
    }

    private static bool TryNumber(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> key, out long number)
    {
        number = 0;
        if (!rest.StartsWith(key))
        {
            return false;
        }

        rest = rest[key.Length..];
        if (rest.Length == 0 || rest[0] is < (byte)'1' or > (byte)'9' || !Utf8Parser.TryParse(rest, out number, out var used))
        {
            return false;
        }

        rest = rest[used..];
        return true;
    }
}
