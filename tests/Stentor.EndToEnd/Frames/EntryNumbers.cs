using System.Text;

namespace Stentor.EndToEnd.Frames;

/// <summary>Finds numbers in frames without parsing them: tests that count hundreds of thousands of entries must not be slower than the node.</summary>
internal static class EntryNumbers
{
    /// <summary>The whole number behind the first <paramref name="key"/>.</summary>
    /// <param name="frame">A frame.</param>
    /// <param name="key">The key with quotes and colon.</param>
    /// <returns>The number; -1 when the key is not there.</returns>
    public static long After(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> key)
    {
        var at = frame.IndexOf(key);
        if (at < 0)
        {
            return -1;
        }

        var number = 0L;
        foreach (var letter in frame[(at + key.Length)..])
        {
            if (letter is < (byte)'0' or > (byte)'9')
            {
                break;
            }

            number = (number * 10) + letter - '0';
        }

        return number;
    }

    /// <summary>The text behind the first <paramref name="key"/>, up to the next quote.</summary>
    /// <param name="frame">A frame.</param>
    /// <param name="key">The key with quotes, colon and the text's first quote.</param>
    /// <returns>The text; null when the key is not there.</returns>
    public static string? TextAfter(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> key)
    {
        var at = frame.IndexOf(key);
        if (at < 0)
        {
            return null;
        }

        var rest = frame[(at + key.Length)..];
        return Encoding.UTF8.GetString(rest[..rest.IndexOf((byte)'"')]);
    }
}
