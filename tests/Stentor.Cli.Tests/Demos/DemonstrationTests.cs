using System.CommandLine;
using Stentor.Cli.Demos;

namespace Stentor.Cli.Tests.Demos;

/// <summary>How a demonstration ends.</summary>
public sealed class DemonstrationTests
{
    [Fact]
    public async Task A_demonstration_that_keeps_what_it_promises_says_so()
    {
        var run = new CommandRun();

        Assert.Equal(0, await RunAsync(run, stage => stage.Checks.Same("a", "a", "the letter")));
        Assert.Matches(@"All 1 checks hold, after \d+ s\.", run.Out);
    }

    [Fact]
    public async Task A_demonstration_in_which_anything_differs_fails_with_what_differs()
    {
        var run = new CommandRun();

        var failure = await Assert.ThrowsAsync<CommandException>(() => RunAsync(run, stage =>
        {
            stage.Checks.Same("a", "a", "the first letter");
            stage.Checks.Same("b", "c", "the second letter");
        }));

        Assert.Equal(ExitCode.Failed, failure.ExitCode);
        Assert.Equal("1 of 2 checks differ:\n  the second letter: b: it is c", failure.Message);
    }

    [Fact]
    public async Task A_demonstration_that_cannot_go_on_clears_up_and_fails()
    {
        string? directory = null;

        var failure = await Assert.ThrowsAsync<CommandException>(() => RunAsync(new CommandRun(), stage =>
        {
            directory = stage.Directory;
            throw new DemoException("Nobody came.");
        }));

        Assert.Equal("Nobody came.", failure.Message);
        Assert.False(Directory.Exists(directory));
    }

    private static Task<int> RunAsync(CommandRun run, Action<Stage> play) =>
        new Play(run.Around, play).Parse([]).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, TestContext.Current.CancellationToken);

    private sealed class Play(Surroundings around, Action<Stage> play) : DemonstrationCommand("play", "For tests.", around)
    {
        public override IReadOnlyList<string> Examples => [];

        protected override Task PlayAsync(ParseResult parsed, Stage stage, CancellationToken cancellationToken)
        {
            play(stage);
            return Task.CompletedTask;
        }
    }
}
