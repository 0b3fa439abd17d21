using Stentor.Cli.Demos;

namespace Stentor.Cli.Tests.Demos;

/// <summary>What demonstrations are made of.</summary>
public sealed class StageTests
{
    [Fact]
    public async Task The_demonstrations_are_listed()
    {
        var run = new CommandRun();

        Assert.Equal(0, await run.RunAsync("demo"));
        Assert.Collection(
            run.Lines,
            line => Assert.StartsWith("stentor demo causality  Three regions: ", line, StringComparison.Ordinal),
            line => Assert.StartsWith("stentor demo network    Five nodes ", line, StringComparison.Ordinal),
            line => Assert.StartsWith("stentor demo olympics   A scoreboard ", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_demonstration_that_is_not_there_is_answered_with_the_nearest()
    {
        var run = new CommandRun();

        Assert.Equal(2, await run.RunAsync("demo", "casuality"));
        Assert.Contains("did you mean 'causality'?", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_happens_is_told_with_its_time_and_place()
    {
        var narrator = new Narrator(new CommandRun().Around, TimeProvider.System);

        Assert.Equal("  12.35 s  eu        Alice: lost", narrator.Line(TimeSpan.FromSeconds(12.345), "eu", "Alice: lost"));
    }

    [Fact]
    public void A_check_that_does_not_hold_is_told_with_what_is_there_instead()
    {
        var run = new CommandRun();
        var checks = new Checks(new Narrator(run.Around, TimeProvider.System));

        checks.Same("lost, found", "lost, found", "the order at eu");
        checks.Same("lost, found", "found, lost", "the order at us");
        checks.Same("lost, found", "", "the order at asia");

        Assert.Equal(
            ["   ok       the order at eu: lost, found", "   DIFFERS  the order at us: lost, found: it is found, lost", "   DIFFERS  the order at asia: lost, found: it is nothing"],
            run.Lines);
        Assert.Equal((3, 2), (checks.Count, checks.Different.Count));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_node_of_a_demonstration_listens_and_ends_with_the_stage()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        string directory;
        DemoNode node;
        await using (var stage = new Stage(new CommandRun().Around, TimeProvider.System))
        {
            directory = stage.Directory;
            node = await stage.StartNodeAsync("eu", 0, [], cancellationToken);
            var status = await stage.NewClient(node).GetClusterAsync(cancellationToken);
            Assert.Equal("eu", status.GetProperty("region").GetString());
            Assert.False(node.Ended.IsCompleted);
        }

        Assert.True(node.Ended.IsCompleted);
        Assert.False(Directory.Exists(directory));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_node_that_does_not_start_is_a_failure_that_says_why()
    {
        await using var stage = new Stage(new CommandRun().Around, TimeProvider.System);

        var failure = await Assert.ThrowsAsync<DemoException>(() => stage.StartNodeAsync("eu", 0, ["--link", "nonsense"], TestContext.Current.CancellationToken));

        Assert.Contains("The node of eu ended before it listened.", failure.Message, StringComparison.Ordinal);
        Assert.Contains("'nonsense' is not a link", failure.Message, StringComparison.Ordinal);
    }
}
