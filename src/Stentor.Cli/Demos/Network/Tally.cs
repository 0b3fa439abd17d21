namespace Stentor.Cli.Demos.Network;

/// <summary>How often there is what: broadcasts may be equal, as some documents are.</summary>
internal sealed class Tally
{
    // So many of a kind are told, the rest is counted.
    private const int ToldMax = 3;

    private readonly Dictionary<Broadcast, int> _counts = [];

    /// <summary>Counts.</summary>
    /// <param name="broadcasts">What there is.</param>
    public Tally(IEnumerable<Broadcast> broadcasts)
    {
        foreach (var broadcast in broadcasts)
        {
            _counts[broadcast] = this[broadcast] + 1;
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _counts.Values.Sum();

    /// <summary>How often something is there.</summary>
    /// <param name="broadcast">The thing.</param>
    public int this[Broadcast broadcast] => _counts.GetValueOrDefault(broadcast);

    /// <summary>Whether all is there that should be.</summary>
    /// <param name="expected">What should be there.</param>
    public bool Covers(Tally expected) => expected._counts.All(pair => this[pair.Key] >= pair.Value);

    /// <summary>In what this differs from what should be there.</summary>
    /// <param name="expected">What should be there.</param>
    /// <param name="optional">What may be there besides, each as often as it stands here.</param>
    /// <returns>For people; empty when nothing differs.</returns>
    public string Against(Tally expected, Tally? optional = null)
    {
        var missing = expected._counts.Where(pair => this[pair.Key] < pair.Value).Select(pair => pair.Key).ToList();
        var excess = _counts.Where(pair => pair.Value > expected[pair.Key] + (optional?[pair.Key] ?? 0)).Select(pair => pair.Key).ToList();
        return string.Join("; ", ((string[])[Told("missing", missing), Told("too often", excess)]).Where(text => text.Length > 0));
    }

    private static string Told(string what, List<Broadcast> broadcasts) => broadcasts.Count == 0
        ? ""
        : $"{broadcasts.Count} {what}, such as {string.Join(", ", broadcasts.Take(ToldMax))}";
}
