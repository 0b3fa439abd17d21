using System.Globalization;
using System.Text;

namespace Stentor.Simulation;

/// <summary>
/// The rule of docs/state.md in its slowest form: take the activities of a channel, each once, sort them by their stamps, and fold one after the
/// other. What the product keeps so that it need not do this is what this checks.
/// </summary>
internal static class NaiveFold
{
    /// <summary>What a channel should show.</summary>
    /// <param name="entries">All entries of the channel that count, in any order, repeats included.</param>
    /// <returns>Null when there are none.</returns>
    public static FoldedChannel? Of(IEnumerable<Fact> entries)
    {
        // Copies of one activity are one, at the place of the last of them.
        var activities = new List<Fact>();
        var copies = new Dictionary<(string Author, string Id, string Content), int>();
        foreach (var entry in entries)
        {
            if (entry.Id is null)
            {
                activities.Add(entry);
            }
            else if (!copies.TryGetValue((entry.Author, entry.Id, entry.Content), out var index))
            {
                copies.Add((entry.Author, entry.Id, entry.Content), activities.Count);
                activities.Add(entry);
            }
            else if (Fact.Compare(entry, activities[index]) > 0)
            {
                activities[index] = entry;
            }
        }

        if (activities.Count == 0)
        {
            return null;
        }

        activities.Sort(Fact.Compare);
        var plain = new Dictionary<string, string>();
        var counters = new Dictionary<string, decimal>();
        foreach (var effect in activities.SelectMany(activity => activity.Effects))
        {
            switch (effect.Kind)
            {
                case '=':
                    counters.Remove(effect.Field);
                    plain[effect.Field] = effect.Value;
                    break;
                case '+' when !plain.ContainsKey(effect.Field):
                    counters[effect.Field] = counters.GetValueOrDefault(effect.Field) + effect.Amount;
                    break;
                case '-':
                    plain.Remove(effect.Field);
                    counters.Remove(effect.Field);
                    break;
            }
        }

        var text = new StringBuilder("{");
        foreach (var name in plain.Keys.Concat(counters.Keys).Order(StringComparer.Ordinal))
        {
            text.Append(text.Length > 1 ? "," : "").Append('"').Append(name).Append("\":")
                .Append(plain.TryGetValue(name, out var value) ? value : counters[name].ToString("0.#########", CultureInfo.InvariantCulture));
        }

        return new FoldedChannel(text.Append('}').ToString(), activities.Count, activities[^1]);
    }
}

/// <summary>What a channel should show.</summary>
/// <param name="State">Its state, canonical.</param>
/// <param name="Version">How many activities it has.</param>
/// <param name="Last">The newest one.</param>
internal sealed record FoldedChannel(string State, long Version, Fact Last);
