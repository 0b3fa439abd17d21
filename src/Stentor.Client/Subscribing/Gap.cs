using System.Text.Json;

namespace Stentor.Client;

/// <summary>A hole: history that a reader asked for and that is no longer held.</summary>
/// <param name="Channels">The channels or patterns that it concerns.</param>
/// <param name="From">The seen token before the hole; empty when the server gave none.</param>
/// <param name="To">The seen token behind the hole; empty when the server gave none.</param>
/// <param name="Reason">Why, as the server says.</param>
public sealed record Gap(IReadOnlyList<string> Channels, string From, string To, string Reason)
{
    /// <summary>Reads a hole in a frame or an answer.</summary>
    internal static Gap Read(JsonElement json, IReadOnlyList<string> channels) => new(
        json.TryGetProperty("channels", out var names) && names.ValueKind == JsonValueKind.Array ? [.. names.EnumerateArray().Select(n => n.ToString())] : channels,
        Text(json, "from"),
        Text(json, "to"),
        Text(json, "reason"));

    internal StentorException ToException(string remedy) =>
        new(StentorException.Gap, $"History of {string.Join(", ", Channels.Take(5))} that is needed here is no longer held: {Reason}. {remedy}", 0);

    private static string Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.ToString() : "";
}
