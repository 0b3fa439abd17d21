using System.Text;

namespace Stentor.Protocol;

/// <summary>Text from outside made fit for an error message or a log line.</summary>
public static class Printable
{
    /// <summary>The first characters of <paramref name="text"/>, control characters replaced by <c>?</c>.</summary>
    /// <param name="text">Anything.</param>
    /// <param name="lengthMax">Most characters kept; an ellipsis says that some were cut.</param>
    public static string Cut(string text, int lengthMax = 64)
    {
        var kept = new StringBuilder(Math.Min(text.Length, lengthMax) + 1);
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, lengthMax)))
        {
            kept.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        }

        return text.Length > lengthMax ? kept.Append('…').ToString() : kept.ToString();
    }
}
