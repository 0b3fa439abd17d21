namespace Stentor.Cli.Tests.Simulating;

public sealed class SimulateTests
{
    [Fact]
    public async Task Seeds_in_which_nothing_goes_wrong_come_to_one_line()
    {
        var run = new CommandRun();

        Assert.Equal(0, await run.RunAsync("simulate", "--seeds", "1..4", "--entries", "50", "--regions", "2..4"));

        Assert.StartsWith("4 seeds, 0 failed; ", Assert.Single(run.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_prints_the_seed_the_invariant_and_what_led_to_it()
    {
        var run = new CommandRun();

        Assert.Equal(1, await run.RunAsync("simulate", "--seed", "1", "--entries", "50", "--plant", "AcknowledgedBeforeCommit"));

        Assert.StartsWith("seed 1: invariant 1 (Durable) is broken after ", run.Lines[0], StringComparison.Ordinal);
        Assert.InRange(run.Lines.Length, 3, 42);
        Assert.EndsWith("--plant AcknowledgedBeforeCommit --trace", run.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_seed_tells_the_same_story_and_draws_it()
    {
        var directory = Directory.CreateTempSubdirectory("stentor-story-").FullName;
        string[] args = ["simulate", "--seed", "7", "--entries", "30", "--regions", "3", "--trace", "--svg", "story.svg"];
        var one = new CommandRun { Directory = directory };
        var same = new CommandRun { Directory = directory };

        Assert.Equal(0, await one.RunAsync(args));
        Assert.Equal(0, await same.RunAsync(args));

        Assert.Equal(one.Out, same.Out);
        Assert.Contains(one.Lines, line => line.Contains(" records ", StringComparison.Ordinal));
        Assert.Contains("<svg", await File.ReadAllTextAsync(Path.Combine(directory, "story.svg"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("--seeds", "5..1", "not a range of seeds")]
    [InlineData("--seed", "x", "not a seed")]
    [InlineData("--regions", "1", "not a number of regions")]
    [InlineData("--plant", "NotRoledBack", "NotRolledBack")]
    [InlineData("--trace", "--json", "--seed")]
    public async Task What_makes_no_sense_is_said_at_once(string option, string value, string said)
    {
        var run = new CommandRun();

        Assert.Equal(2, await run.RunAsync("simulate", option, value));

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
    }
}
