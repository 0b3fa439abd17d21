using System.Text;
using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Protocol;

namespace Stentor.Cli.ActivityStreamer;

/// <summary>A broadcast activity as a line, for people or for programs. Neither holds control characters, so that others cannot steer our terminal.</summary>
internal static class ActivityOutput
{
    private static readonly string[] Texts = ["content", "summary", "name", "type"];

    /// <summary>The line for people: <c>who: what</c>.</summary>
    /// <param name="activity">The activity: a JSON object, checked.</param>
    public static string ForPeople(ReadOnlyMemory<byte> activity)
    {
        using var document = JsonDocument.Parse(activity, new JsonDocumentOptions { MaxDepth = 1_000 }); // As deep as any limit allows.
        var root = document.RootElement;
        var who = TextOf(root, "authenticated_user") ?? "(nobody)";
        return Texts.Select(name => TextOf(root, name)).FirstOrDefault(text => text is not null) is { } what
            ? $"{EntryText.Printable(who)}: {EntryText.Printable(what)}"
            : $"{EntryText.Printable(who)}: {ForPrograms(activity)}";
    }

    /// <summary>The line for programs: compact JSON. Control characters that JSON allows are escaped, which changes its text and not its meaning.</summary>
    /// <param name="activity">The activity: a JSON object, checked.</param>
    public static string ForPrograms(ReadOnlyMemory<byte> activity)
    {
        var compact = new ByteBuffer(activity.Length);
        JsonRules.WriteCompact(activity.Span, compact);
        return EntryText.Printable(Encoding.UTF8.GetString(compact.WrittenSpan));
    }

    private static string? TextOf(JsonElement activity, string name) =>
        activity.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
}
