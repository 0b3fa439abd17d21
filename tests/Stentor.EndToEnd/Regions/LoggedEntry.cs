using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stentor.EndToEnd.Regions;

/// <summary>An entry as the checkers read it: from its JSON, with none of the program's code.</summary>
/// <param name="Text">Its bytes.</param>
/// <param name="Channel">Its channel.</param>
/// <param name="Origin">Its origin.</param>
/// <param name="Seq">Its number.</param>
/// <param name="Lamport">Its Lamport clock.</param>
/// <param name="Time">Its time, as written: of one length, so that its order is that of its text.</param>
/// <param name="Author">Its author.</param>
/// <param name="After">What it depends on.</param>
/// <param name="Id">Its publish id; null for none.</param>
/// <param name="Effect">Its effect; null for none.</param>
internal sealed record LoggedEntry(string Text, string Channel, string Origin, long Seq, long Lamport, string Time, string Author, IReadOnlyList<(string Origin, long Seq)> After, string? Id, JsonObject? Effect)
{
    /// <summary>What makes two entries copies of one activity: author and publish id.</summary>
    public string Activity { get; } = Id is null ? $"{Origin}:{Seq}" : $"{Author}/{Id}";

    /// <summary>Whether readers may see it at all.</summary>
    public bool IsReserved => Channel.StartsWith('_');

    /// <summary>Takes an entry apart.</summary>
    /// <param name="text">Its JSON.</param>
    public static LoggedEntry Parse(string text)
    {
        using var json = JsonDocument.Parse(text);
        var root = json.RootElement;
        return new LoggedEntry(
            text,
            root.GetProperty("channel").GetString()!,
            root.GetProperty("origin").GetString()!,
            root.GetProperty("seq").GetInt64(),
            root.GetProperty("lamport").GetInt64(),
            root.GetProperty("time").GetString()!,
            root.GetProperty("author").GetString()!,
            [.. root.GetProperty("after").EnumerateObject().Select(part => (part.Name, part.Value.GetInt64()))],
            root.TryGetProperty("id", out var id) ? id.GetString() : null,
            root.TryGetProperty("effect", out var effect) ? JsonObject.Create(effect.Clone()) : null);
    }
}
