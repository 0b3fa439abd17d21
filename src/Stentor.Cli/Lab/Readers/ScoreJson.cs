using System.Text.Json;

namespace Stentor.Cli.Lab.Readers;

/// <summary>Finds scores in the node's JSON.</summary>
internal static class ScoreJson
{
    /// <summary>The field of an event's state that holds its score.</summary>
    public const string Field = "score";

    /// <summary>The score in a channel's state.</summary>
    /// <param name="state">What the node answered.</param>
    /// <returns>0 when there is none.</returns>
    public static long OfState(JsonElement state) => state.TryGetProperty("state", out var fields) ? NumberIn(fields) : 0;

    /// <summary>The score that an entry sets.</summary>
    /// <param name="entry">The entry.</param>
    /// <returns>0 when it sets none.</returns>
    public static long OfEntry(JsonElement entry) => entry.TryGetProperty("effect", out var effect) && effect.TryGetProperty("set", out var fields) ? NumberIn(fields) : 0;

    private static long NumberIn(JsonElement fields) =>
        fields.ValueKind == JsonValueKind.Object && fields.TryGetProperty(Field, out var score) && score.ValueKind == JsonValueKind.Number && score.TryGetInt64(out var number) ? number : 0;
}
