using Stentor.Cli.Olympics.Crier;

namespace Stentor.Cli.Tests.Olympics;

/// <summary>Which updates are made, and when they are due.</summary>
public sealed class UpdateSequenceTests
{
    private static readonly string[] Teams = ["Gaul", "Rome"];
    private static readonly string[] Events = ["Stone Curling", "Stone Skating"];

    [Fact]
    public void In_testing_mode_Gaul_wins_gold_and_leads_Stone_Curling_at_every_multiple_of_the_interval()
    {
        var updates = UpdateSequence.Testing(0.1).Take(2_000_002).ToList();

        Assert.Equal(
            [
                new DueUpdate(TimeSpan.Zero, new ScoreboardUpdate.Medal("Gaul", "gold")),
                new DueUpdate(TimeSpan.Zero, new ScoreboardUpdate.Score("Stone Curling", "Gaul leads by 1")),
                new DueUpdate(TimeSpan.FromMilliseconds(100), new ScoreboardUpdate.Medal("Gaul", "gold")),
            ],
            updates.Take(3));

        // A tenth is no binary fraction: added up, it would be off by now.
        Assert.Equal(TimeSpan.FromSeconds(100_000), updates[^1].Due);
    }

    [Fact]
    public void The_same_seed_makes_the_same_updates_at_the_same_moments_and_another_seed_others()
    {
        var first = UpdateSequence.Random(1, 17, Teams, Events).Take(100).ToList();

        Assert.Equal(first, UpdateSequence.Random(1, 17, Teams, Events).Take(100));
        Assert.NotEqual(first, UpdateSequence.Random(1, 18, Teams, Events).Take(100));
    }

    [Fact]
    public void Random_updates_come_up_to_an_interval_apart_and_leave_out_no_team_no_medal_and_no_event()
    {
        var updates = UpdateSequence.Random(2, 17, Teams, Events).Take(1_000).ToList();

        var gaps = updates.Zip(updates.Skip(1), (one, next) => (next.Due - one.Due).TotalSeconds).ToList();
        Assert.All(gaps, gap => Assert.InRange(gap, 0, 2));
        Assert.InRange(gaps.Average(), 0.9, 1.1);
        var medals = updates.Select(update => update.Update).OfType<ScoreboardUpdate.Medal>().Distinct().ToList();
        var events = updates.Select(update => update.Update).OfType<ScoreboardUpdate.Score>().Select(score => score.Event).Distinct(StringComparer.Ordinal);
        Assert.Equal(6, medals.Count);
        Assert.Equal(Events, events.Order(StringComparer.Ordinal));
    }
}
