using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace Stentor.Protocol;

/// <summary>Strings as JSON, in the one form that entries use: only what must be escaped is.</summary>
public static class JsonText
{
    private static readonly SearchValues<char> Escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(c => (char)c), '"', '\\', '\u007f', .. Enumerable.Range(0x80, 0x20).Select(c => (char)c), '\u2028', '\u2029']);

    /// <summary>Writes <paramref name="text"/> as a JSON string with its quotes.</summary>
    /// <param name="text">Well-formed text.</param>
    /// <param name="writer">Where it goes.</param>
    public static void Write(string text, IBufferWriter<byte> writer)
    {
        writer.Write("\""u8);
        if (!text.AsSpan().ContainsAny(Escaped))
        {
            var target = writer.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
            Utf8.FromUtf16(text, target, out _, out var written);
            writer.Advance(written);
        }
        else
        {
            writer.Write(Encoding.UTF8.GetBytes(JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)));
        }

        writer.Write("\""u8);
    }
}
