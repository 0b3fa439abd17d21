using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Stentor.Protocol;

/// <summary>
/// The opaque form of a version vector: base64url (RFC 4648, section 5, no padding) over a format byte, then for each origin
/// in ordinal order its length, its name and its number as a varint (LEB128), then two bytes of CRC32C.
/// </summary>
public static class SeenToken
{
    /// <summary>Longest token accepted, in characters. 8,192: more than a hundred regions.</summary>
    public const int LengthMax = 8192;

    private const byte Format = 1;

    /// <summary>The token of a vector.</summary>
    /// <param name="seen">What has been seen.</param>
    public static string Encode(VersionVector seen)
    {
        Span<byte> token = stackalloc byte[EncodedLengthMax(seen)];
        return Encoding.ASCII.GetString(token[..Encode(seen, token)]);
    }

    /// <summary>An upper bound for the length of a vector's token, in bytes; with room for one origin that the vector does not have.</summary>
    /// <param name="seen">What has been seen.</param>
    public static int EncodedLengthMax(VersionVector seen) => Base64Url.GetEncodedLength(RawLengthMax(seen));

    /// <summary>Writes the token of a vector.</summary>
    /// <param name="seen">What has been seen.</param>
    /// <param name="destination">At least <see cref="EncodedLengthMax"/> bytes.</param>
    /// <returns>How many bytes were written, all of them ASCII letters, digits, <c>-</c> and <c>_</c>.</returns>
    public static int Encode(VersionVector seen, Span<byte> destination) => Encode(seen, default, 0, destination);

    /// <summary>Writes the token of a vector in which one component is replaced: what <c>Encode(seen.With(origin, seq), …)</c> writes, without making that vector.</summary>
    /// <param name="seen">What has been seen.</param>
    /// <param name="origin">The origin whose component is replaced or added.</param>
    /// <param name="seq">Its number; 0 to write <paramref name="seen"/> as it is.</param>
    /// <param name="destination">At least <see cref="EncodedLengthMax"/> bytes.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Encode(VersionVector seen, OriginId origin, long seq, Span<byte> destination)
    {
        Span<byte> raw = stackalloc byte[RawLengthMax(seen)];
        raw[0] = Format;
        var length = 1;
        var isPending = seq != 0;
        foreach (var component in seen.Components)
        {
            var order = isPending ? origin.CompareTo(component.Key) : 1;
            if (order <= 0)
            {
                length = Put(origin, seq, raw, length);
                isPending = false;
            }

            if (order != 0)
            {
                length = Put(component.Key, component.Value, raw, length);
            }
        }

        if (isPending)
        {
            length = Put(origin, seq, raw, length);
        }

        var check = Checksum.Crc32C(raw[..length]);
        raw[length++] = (byte)check;
        raw[length++] = (byte)(check >> 8);
        return Base64Url.EncodeToUtf8(raw[..length], destination);
    }

    /// <summary>Reads a token.</summary>
    /// <param name="token">Anything.</param>
    /// <param name="seen">The vector; <see cref="VersionVector.Empty"/> when it is no token.</param>
    /// <returns>False when <paramref name="token"/> is cut, altered or of another format.</returns>
    public static bool TryDecode(ReadOnlySpan<char> token, out VersionVector seen)
    {
        seen = VersionVector.Empty;
        if (token.Length is 0 or > LengthMax)
        {
            return false;
        }

        var raw = new byte[Base64Url.GetMaxDecodedLength(token.Length)];
        if (Base64Url.DecodeFromChars(token, raw, out var consumed, out var length) != OperationStatus.Done
            || consumed != token.Length || length < 3 || raw[0] != Format)
        {
            return false;
        }

        var body = raw.AsSpan(0, length - 2);
        var check = Checksum.Crc32C(body);
        if (raw[length - 2] != (byte)check || raw[length - 1] != (byte)(check >> 8))
        {
            return false;
        }

        var components = new List<KeyValuePair<OriginId, long>>();
        body = body[1..];
        while (!body.IsEmpty)
        {
            var nameLength = body[0];
            if (body.Length < 1 + nameLength || !OriginId.IsValid(body.Slice(1, nameLength)))
            {
                return false;
            }

            var origin = new OriginId(Encoding.ASCII.GetString(body.Slice(1, nameLength)));
            body = body[(1 + nameLength)..];
            long seq = 0;
            for (var shift = 0; ; shift += 7)
            {
                if (body.IsEmpty || shift > 56)
                {
                    return false;
                }

                var next = body[0];
                body = body[1..];
                seq |= (long)(next & 0x7F) << shift;
                if ((next & 0x80) == 0)
                {
                    if (next == 0)
                    {
                        return false; // A vector has one form, and a component is never 0.
                    }

                    break;
                }
            }

            if (components.Count > 0 && components[^1].Key.CompareTo(origin) >= 0)
            {
                return false;
            }

            components.Add(new(origin, seq));
        }

        seen = VersionVector.Of(components);
        return true;
    }

    /// <summary>Reads a token that a client sent.</summary>
    /// <param name="token">Anything.</param>
    /// <exception cref="ProtocolException">It is not a token.</exception>
    public static VersionVector Decode(string token) => TryDecode(token, out var seen)
        ? seen
        : throw new ProtocolException(ErrorType.Malformed, $"'{Printable.Cut(token)}' is not a seen token. Send back a `seen` exactly as an answer gave it.");

    private static int Put(OriginId origin, long seq, Span<byte> raw, int length)
    {
        var name = Encoding.ASCII.GetBytes(origin.Value, raw[(length + 1)..]);
        raw[length] = (byte)name;
        length += 1 + name;
        for (var rest = (ulong)seq; ;)
        {
            var low = (byte)(rest & 0x7F);
            rest >>= 7;
            raw[length++] = rest == 0 ? low : (byte)(low | 0x80);
            if (rest == 0)
            {
                return length;
            }
        }
    }

    private static int RawLengthMax(VersionVector seen)
    {
        var length = 3 + 1 + OriginId.LengthMax + 9;
        foreach (var (origin, _) in seen.Components)
        {
            length += 1 + origin.Value.Length + 9;
        }

        return length;
    }
}
