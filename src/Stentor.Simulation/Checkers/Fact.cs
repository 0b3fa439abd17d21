using System.Globalization;
using System.Text.Json;

namespace Stentor.Simulation;

/// <summary>What an entry says, read by a plain JSON reader: none of the product's code has a part in it.</summary>
internal sealed class Fact
{
    private Fact()
    {
    }

    public required byte[] Bytes { get; init; }

    public required string Channel { get; init; }

    public required string Origin { get; init; }

    public required long Seq { get; init; }

    public required long Lamport { get; init; }

    public required long Micros { get; init; }

    public required string Author { get; init; }

    public required KeyValuePair<string, long>[] After { get; init; }

    /// <summary>The publish id, or null.</summary>
    public required string? Id { get; init; }

    /// <summary>What the activity is apart from where and when it was recorded: copies of one activity are alike in this and in author and id.</summary>
    public required string Content { get; init; }

    public required FactEffect[] Effects { get; init; }

    public string Name => $"{Origin}:{Seq}";

    public static Fact Read(ReadOnlySpan<byte> entry)
    {
        var bytes = entry.ToArray();
        using var document = JsonDocument.Parse(bytes);
        var root = document.RootElement;
        var effect = root.TryGetProperty("effect", out var e) ? e : default;
        var activity = root.TryGetProperty("activity", out var a) ? a.GetRawText() : "";
        return new Fact
        {
            Bytes = bytes,
            Channel = root.GetProperty("channel").GetString()!,
            Origin = root.GetProperty("origin").GetString()!,
            Seq = root.GetProperty("seq").GetInt64(),
            Lamport = root.GetProperty("lamport").GetInt64(),
            Micros = DateTimeOffset.Parse(root.GetProperty("time").GetString()!, CultureInfo.InvariantCulture).Subtract(DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
            Author = root.GetProperty("author").GetString()!,
            After = [.. root.GetProperty("after").EnumerateObject().Select(p => new KeyValuePair<string, long>(p.Name, p.Value.GetInt64()))],
            Id = root.TryGetProperty("id", out var id) ? id.GetString() : null,
            Content = $"{(effect.ValueKind == JsonValueKind.Undefined ? "" : effect.GetRawText())} {activity}",
            Effects = effect.ValueKind == JsonValueKind.Undefined ? [] : [.. EffectsOf(effect)],
        };
    }

    public bool Knows(Fact other)
    {
        if (other.Origin == Origin)
        {
            return other.Seq < Seq;
        }

        foreach (var (origin, seq) in After)
        {
            if (origin == other.Origin)
            {
                return seq >= other.Seq;
            }
        }

        return false;
    }

    /// <summary>The order of the stamps: time, then origin, then number.</summary>
    public static int Compare(Fact a, Fact b)
    {
        var byTime = a.Micros.CompareTo(b.Micros);
        var byOrigin = byTime != 0 ? byTime : string.CompareOrdinal(a.Origin, b.Origin);
        return byOrigin != 0 ? byOrigin : a.Seq.CompareTo(b.Seq);
    }

    private static IEnumerable<FactEffect> EffectsOf(JsonElement effect)
    {
        foreach (var set in effect.TryGetProperty("set", out var sets) ? sets.EnumerateObject() : [])
        {
            yield return new FactEffect('=', set.Name, set.Value.GetRawText(), 0);
        }

        foreach (var add in effect.TryGetProperty("add", out var adds) ? adds.EnumerateObject() : [])
        {
            yield return new FactEffect('+', add.Name, "", add.Value.GetDecimal());
        }

        foreach (var name in effect.TryGetProperty("remove", out var removes) ? removes.EnumerateArray() : [])
        {
            yield return new FactEffect('-', name.GetString()!, "", 0);
        }
    }
}

/// <summary>What an entry does to one field.</summary>
/// <param name="Kind"><c>=</c> sets, <c>+</c> adds, <c>-</c> removes.</param>
/// <param name="Field">The field.</param>
/// <param name="Value">The value that is set, as JSON.</param>
/// <param name="Amount">What is added.</param>
internal readonly record struct FactEffect(char Kind, string Field, string Value, decimal Amount);
