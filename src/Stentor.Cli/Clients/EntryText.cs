using System.Globalization;
using System.Text;
using System.Text.Json;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Clients;

/// <summary>An entry as a line for people. With <c>--json</c> it is passed on as it came instead.</summary>
/// <param name="colour">Whether a terminal shows it.</param>
internal sealed class EntryText(bool colour)
{
    private const string Dim = "\e[2m";
    private const string Cyan = "\e[36m";
    private const string Bold = "\e[1m";
    private const string Plain = "\e[0m";

    /// <summary>The line: when, where, who, what.</summary>
    /// <param name="received">The entry.</param>
    public string Line(ReceivedActivity received)
    {
        var time = received.Time.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
        return $"{Paint(Dim, time)} {Paint(Cyan, received.Channel)} {Paint(Bold, received.Author)} {Printable(TextOf(received))}";
    }

    /// <summary>What someone said, for a chat: the content where there is one, else the whole activity.</summary>
    /// <param name="received">The entry.</param>
    public string Said(ReceivedActivity received)
    {
        var text = received.Json is { ValueKind: JsonValueKind.Object } activity && activity.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String
            ? content.GetString()! // It is a string.
            : TextOf(received);
        return $"{Paint(Dim, received.Time.ToString("HH:mm", CultureInfo.InvariantCulture))} {Paint(Bold, SpeakerOf(received))} {Printable(text)}";
    }

    /// <summary>Who said it: the author; where nobody in particular did, the name that they gave, marked as such.</summary>
    /// <param name="received">The entry.</param>
    public static string SpeakerOf(ReceivedActivity received) =>
        received.Author == Username.Anonymous && received.Json is { ValueKind: JsonValueKind.Object } activity
        && activity.TryGetProperty("actor", out var actor) && actor.ValueKind == JsonValueKind.String && actor.GetString() is { Length: > 0 } name && name != received.Author
            ? $"{Printable(name)} ({received.Author})"
            : received.Author;

    /// <summary>Text from others must not steer our terminal: control characters become visible.</summary>
    /// <param name="text">Any text.</param>
    public static string Printable(string text)
    {
        if (!text.Any(char.IsControl))
        {
            return text;
        }

        var visible = new StringBuilder(text.Length + 16);
        foreach (var letter in text)
        {
            _ = char.IsControl(letter) ? visible.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}") : visible.Append(letter);
        }

        return visible.ToString();
    }

    private string Paint(string code, string text) => colour ? $"{code}{text}{Plain}" : text;

    private static string TextOf(ReceivedActivity received)
    {
        var text = Encoding.UTF8.GetString(received.Activity.Span);
        if (received.Effect is { } effect)
        {
            var json = new ByteBuffer(128);
            effect.Write(json);
            text += $"{(text.Length > 0 ? " " : "")}effect {Encoding.UTF8.GetString(json.WrittenSpan)}";
        }

        return text;
    }
}
