using Stentor.Cli.Olympics.Crier;
using Stentor.Gateways;
using Stentor.Simulation;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary>What a tablet wants to show.</summary>
/// <param name="Teams">The teams.</param>
/// <param name="Events">The events.</param>
internal sealed record TabletWish(IReadOnlyList<string> Teams, IReadOnlyList<string> Events)
{
    /// <summary>What every tablet wants in testing mode.</summary>
    public static TabletWish Testing { get; } = new([UpdateSequence.TestingTeam], [UpdateSequence.TestingEvent]);

    /// <summary>A random selection, at least one of each.</summary>
    /// <param name="random">What it follows from.</param>
    /// <param name="teams">All teams.</param>
    /// <param name="events">All events.</param>
    public static TabletWish Random(SeededRandom random, IReadOnlyList<string> teams, IReadOnlyList<string> events) => new(Some(random, teams), Some(random, events));

    /// <summary>Names as an argument.</summary>
    /// <param name="names">The names.</param>
    public static XmlRpcValue.List Argument(IEnumerable<string> names) => new([.. names.Select(name => new XmlRpcValue.Text(name))]);

    /// <inheritdoc/>
    public override string ToString() => $"teams {string.Join(", ", Teams)}; events {string.Join(", ", Events)}";

    private static IReadOnlyList<string> Some(SeededRandom random, IReadOnlyList<string> all)
    {
        List<string> shuffled = [.. all];
        random.Shuffle(shuffled);
        var chosen = shuffled.Take(random.Between(1, all.Count)).ToHashSet(StringComparer.Ordinal);
        return [.. all.Where(chosen.Contains)];
    }
}
