using System.Globalization;
using Stentor.Simulation;

namespace Stentor.Cli.Olympics.Crier;

/// <summary>The updates of a mode, without end, in the order in which they are due.</summary>
internal static class UpdateSequence
{
    /// <summary>The team of the testing mode.</summary>
    public const string TestingTeam = "Gaul";

    /// <summary>The event of the testing mode.</summary>
    public const string TestingEvent = "Stone Curling";

    // Nobody leads by more in these games.
    private const int LeadMax = 10;

    private static readonly string[] Medals = ["gold", "silver", "bronze"];

    /// <summary>At every interval, the first time at once, Gaul wins a gold medal and leads Stone Curling by one. Each is due at its multiple of the interval, so that nothing adds up.</summary>
    /// <param name="interval">The interval, in seconds.</param>
    public static IEnumerable<DueUpdate> Testing(double interval)
    {
        for (var n = 0L; ; n++)
        {
            var due = TimeSpan.FromSeconds(n * interval);
            yield return new DueUpdate(due, new ScoreboardUpdate.Medal(TestingTeam, Medals[0]));
            yield return new DueUpdate(due, new ScoreboardUpdate.Score(TestingEvent, $"{TestingTeam} leads by 1"));
        }
    }

    /// <summary>Random updates: each comes up to an interval after the one before.</summary>
    /// <param name="interval">The longest time between two, in seconds.</param>
    /// <param name="seed">What they follow from.</param>
    /// <param name="teams">The teams.</param>
    /// <param name="events">The events.</param>
    public static IEnumerable<DueUpdate> Random(double interval, ulong seed, IReadOnlyList<string> teams, IReadOnlyList<string> events)
    {
        var random = new SeededRandom(seed);
        var seconds = 0.0;
        while (true)
        {
            seconds += random.NextUnit() * interval;
            var team = random.Pick(teams);
            yield return new DueUpdate(TimeSpan.FromSeconds(seconds), random.Chance(0.5)
                ? new ScoreboardUpdate.Medal(team, random.Pick(Medals))
                : new ScoreboardUpdate.Score(random.Pick(events), string.Create(CultureInfo.InvariantCulture, $"{team} leads by {random.Between(1, LeadMax)}")));
        }
    }
}
