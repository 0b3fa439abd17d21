using System.Buffers.Text;

namespace Stentor.Protocol;

/// <summary>An entry's <c>time</c>: microseconds since 1970, UTC; on the wire RFC 3339 with six decimals and <c>Z</c>.</summary>
public static class EntryTime
{
    /// <summary>Length of the wire form, in bytes.</summary>
    public const int Length = 27;

    /// <summary>Greatest time that the wire form can hold: the end of the year 9999.</summary>
    public static readonly long Max = (DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>Writes the wire form.</summary>
    /// <param name="micros">Microseconds since 1970, 0 to <see cref="Max"/>.</param>
    /// <param name="destination">At least 28 bytes; 27 of them count.</param>
    public static void Write(long micros, Span<byte> destination)
    {
        var time = new DateTime(DateTime.UnixEpoch.Ticks + (micros * TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc);
        Utf8Formatter.TryFormat(time, destination, out _, 'O');
        destination[26] = (byte)'Z'; // In place of the seventh decimal.
    }

    /// <summary>Reads the wire form.</summary>
    /// <param name="text">Exactly 27 bytes.</param>
    /// <param name="micros">Microseconds since 1970.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, out long micros)
    {
        micros = 0;
        if (text.Length != Length || text[26] != (byte)'Z')
        {
            return false;
        }

        Span<byte> padded = stackalloc byte[Length + 1];
        text[..26].CopyTo(padded);
        padded[26] = (byte)'0';
        padded[27] = (byte)'Z';
        if (!Utf8Parser.TryParse(padded, out DateTime time, out var consumed, 'O') || consumed != padded.Length)
        {
            return false;
        }

        micros = (time.ToUniversalTime().Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
        return micros >= 0;
    }

    /// <summary>The wire form as text.</summary>
    /// <param name="micros">Microseconds since 1970.</param>
    public static string ToText(long micros)
    {
        Span<byte> text = stackalloc byte[Length + 1];
        Write(micros, text);
        return System.Text.Encoding.ASCII.GetString(text[..Length]);
    }
}
