using System.Globalization;

namespace Stentor.Cli.Chatting;

/// <summary>What a typed line asks for in a chat with a clock.</summary>
/// <param name="Text">What is to be said; null for nothing.</param>
/// <param name="WaitSeconds">How long to wait, where nothing is to be said.</param>
/// <param name="Fault">What is wrong with the line; empty when nothing is.</param>
internal readonly record struct ChatOrder(string? Text, int WaitSeconds, string Fault)
{
    private const int WaitSecondsMax = 3_600;

    /// <summary>Reads a line: <c>/wait N</c> waits, <c>//</c> says a line that begins with one slash, everything else is said.</summary>
    /// <param name="line">The line.</param>
    public static ChatOrder Read(string line)
    {
        if (!line.StartsWith('/') || line.StartsWith("//", StringComparison.Ordinal))
        {
            return new ChatOrder(line.StartsWith('/') ? line[1..] : line, 0, "");
        }

        return line.Split(' ', StringSplitOptions.RemoveEmptyEntries) switch
        {
            ["/wait", var text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= WaitSecondsMax => new ChatOrder(null, seconds, ""),
            ["/wait", ..] => new ChatOrder(null, 0, $"/wait takes seconds, 0 to {WaitSecondsMax}: /wait 3."),
            _ => new ChatOrder(null, 0, "There is one command, /wait N. A line that shall begin with a slash is typed with two."),
        };
    }
}
