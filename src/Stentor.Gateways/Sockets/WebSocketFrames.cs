using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Stentor.Gateways;

/// <summary>WebSocket frames other than messages, and the mask (RFC 6455, section 5).</summary>
internal static class WebSocketFrames
{
    /// <summary>Longest payload of a control frame, in bytes.</summary>
    public const int ControlPayloadMax = 125;

    /// <summary>An empty ping.</summary>
    public static ReadOnlySpan<byte> Ping => [0x89, 0];

    /// <summary>The answer to a ping.</summary>
    /// <param name="payload">The ping's payload, at most 125 bytes.</param>
    public static byte[] Pong(ReadOnlySpan<byte> payload) => [0x8A, (byte)payload.Length, .. payload];

    /// <summary>A close frame.</summary>
    /// <param name="code">The close code.</param>
    /// <param name="reason">Why, for people; cut to what fits.</param>
    public static byte[] Close(int code, string reason)
    {
        Span<byte> text = stackalloc byte[ControlPayloadMax - 2];
        System.Text.Unicode.Utf8.FromUtf16(reason, text, out _, out var length); // Stops at the last whole character that fits.
        var frame = new byte[4 + length];
        frame[0] = 0x88;
        frame[1] = (byte)(2 + length);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), (ushort)code);
        text[..length].CopyTo(frame.AsSpan(4));
        return frame;
    }

    /// <summary>Takes the mask off a part of a payload, in place (section 5.3).</summary>
    /// <param name="bytes">The part.</param>
    /// <param name="mask">The frame's four mask bytes, the first one lowest.</param>
    /// <param name="offset">Where in the payload the part starts.</param>
    public static void Unmask(Span<byte> bytes, uint mask, long offset)
    {
        // Turned so that its first byte belongs to the part's first byte.
        mask = BitOperations.RotateRight(mask, (int)(offset & 3) * 8);
        if (!BitConverter.IsLittleEndian)
        {
            mask = BinaryPrimitives.ReverseEndianness(mask);
        }

        var vectors = MemoryMarshal.Cast<byte, Vector<uint>>(bytes);
        var wide = new Vector<uint>(mask);
        for (var i = 0; i < vectors.Length; i++)
        {
            vectors[i] ^= wide;
        }

        var done = vectors.Length * Vector<byte>.Count; // A multiple of four: the mask still fits.
        for (var i = done; i < bytes.Length; i++)
        {
            bytes[i] ^= BitConverter.IsLittleEndian ? (byte)(mask >> ((i & 3) * 8)) : (byte)(mask >> ((3 - (i & 3)) * 8));
        }
    }
}
