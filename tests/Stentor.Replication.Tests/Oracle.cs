using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Stentor.Replication.Tests;

/// <summary>
/// The rule of docs/state.md in its slowest form, written without the product's code: sort all activities by their stamps and fold them one after
/// the other.
/// </summary>
internal static class Oracle
{
    public sealed record Fact(long Time, string Origin, long Seq, long Lamport, string Author, string? Id, string Content, Dictionary<string, long> After, JsonElement? Effect)
    {
        public (long, string, long) Key => (Time, Origin, Seq);

        public bool Knows(Fact other) => other.Origin == Origin ? other.Seq < Seq : After.GetValueOrDefault(other.Origin) >= other.Seq;
    }

    public static Fact Read(ReadOnlySpan<byte> entry)
    {
        var root = JsonDocument.Parse(entry.ToArray()).RootElement;
        var effect = root.TryGetProperty("effect", out var e) ? e : (JsonElement?)null;
        var activity = root.TryGetProperty("activity", out var a) ? a.GetRawText() : "";
        return new Fact(
            DateTimeOffset.Parse(root.GetProperty("time").GetString()!, CultureInfo.InvariantCulture).Ticks,
            root.GetProperty("origin").GetString()!,
            root.GetProperty("seq").GetInt64(),
            root.GetProperty("lamport").GetInt64(),
            root.GetProperty("author").GetString()!,
            root.TryGetProperty("id", out var id) ? id.GetString() : null,
            $"{effect?.GetRawText()} {activity}",
            root.GetProperty("after").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt64()),
            effect);
    }

    /// <summary>The state of one channel, its version and its newest activity.</summary>
    public static (string State, long Version, (long, string, long) Last) Fold(IEnumerable<Fact> entries)
    {
        // Copies of one activity are one, at the place of the last of them.
        var activities = entries
            .GroupBy(e => e.Id is null ? $"{e.Origin} {e.Seq}" : $"{e.Author} {e.Id} {e.Content}", StringComparer.Ordinal)
            .Select(copies => copies.Aggregate((a, b) => Compare(a, b) > 0 ? a : b))
            .ToList();
        activities.Sort(Compare);

        var plain = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var counters = new SortedDictionary<string, BigInteger>(StringComparer.Ordinal);
        foreach (var effect in activities.Where(a => a.Effect is not null).Select(a => a.Effect!.Value))
        {
            foreach (var set in Members(effect, "set"))
            {
                counters.Remove(set.Name);
                plain[set.Name] = set.Value.GetRawText();
            }

            foreach (var add in Members(effect, "add"))
            {
                if (!plain.ContainsKey(add.Name))
                {
                    counters[add.Name] = counters.GetValueOrDefault(add.Name) + (BigInteger)(add.Value.GetDecimal() * 1_000_000_000m);
                }
            }

            foreach (var name in effect.TryGetProperty("remove", out var remove) ? remove.EnumerateArray().Select(n => n.GetString()!) : [])
            {
                plain.Remove(name);
                counters.Remove(name);
            }
        }

        var text = new StringBuilder("{");
        foreach (var name in plain.Keys.Concat(counters.Keys).Order(StringComparer.Ordinal))
        {
            text.Append(text.Length > 1 ? "," : "").Append('"').Append(name).Append("\":")
                .Append(plain.TryGetValue(name, out var value) ? value : ((decimal)counters[name] / 1_000_000_000m).ToString("0.#########", CultureInfo.InvariantCulture));
        }

        return (text.Append('}').ToString(), activities.Count, activities[^1].Key);
    }

    /// <summary>The pairs of sets and removes that neither author knew of the other's and that no later author has settled by knowing only one of them; of several winners the newest.</summary>
    public static SortedSet<string> Conflicts(IReadOnlyList<Fact> entries)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        var writes = entries.Where(e => e.Effect is not null).SelectMany(e => Writes(e).Select(w => (Entry: e, w.Field, w.Does))).ToList();
        foreach (var one in writes)
        {
            var sameField = writes.Where(w => w.Field == one.Field).Select(w => w.Entry).ToList();
            var winners = writes.Where(other => one.Field == other.Field && one.Does != other.Does && Compare(one.Entry, other.Entry) < 0
                && !one.Entry.Knows(other.Entry) && !other.Entry.Knows(one.Entry)
                && sameField.TrueForAll(w => w.Knows(one.Entry) == w.Knows(other.Entry))).ToList();
            winners.Sort((a, b) => Compare(b.Entry, a.Entry));
            foreach (var (entry, field, does) in winners.Take(1))
            {
                found.Add($"{field}: {one.Does} of {one.Entry.Origin} {one.Entry.Seq} lost to {does} of {entry.Origin} {entry.Seq}");
            }
        }

        return found;
    }

    public static IEnumerable<(string Field, string Does)> Writes(Fact entry) =>
        Members(entry.Effect!.Value, "set").Select(m => (m.Name, m.Value.GetRawText()))
            .Concat(entry.Effect!.Value.TryGetProperty("remove", out var remove) ? remove.EnumerateArray().Select(n => (n.GetString()!, "remove")) : []);

    public static int Compare(Fact a, Fact b)
    {
        var byTime = a.Time.CompareTo(b.Time);
        var byOrigin = byTime != 0 ? byTime : string.CompareOrdinal(a.Origin, b.Origin);
        return byOrigin != 0 ? byOrigin : a.Seq.CompareTo(b.Seq);
    }

    private static IEnumerable<JsonProperty> Members(JsonElement effect, string part) =>
        effect.TryGetProperty(part, out var members) ? members.EnumerateObject() : [];
}
