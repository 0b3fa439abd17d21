using System.Text.Json;

namespace Stentor.Cli.Tests.Clusters;

public sealed class VotersTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact(Timeout = 60_000)]
    public async Task Voters_are_shown_changed_and_left()
    {
        var ours = server.Node.Store.Origin.Value;
        await using var us = await server.JoinAsync("us");
        var theirs = us.Node.Store.Origin.Value;
        var there = us.Listeners[0].Address;

        await DoneAsync([$"{ours}  voter", $"{theirs.PadRight(ours.Length)}  voter"], ": 2 of 2 decide", "voters", "--server", there);
        await DoneAsync([$"{ours}  voter", $"{theirs.PadRight(ours.Length)}  no voter, would be one"], "version 3: 1 of 1 decide", "voters", "remove", theirs, "--server", server.Address);
        await DoneAsync([$"{ours}  voter", $"{theirs.PadRight(ours.Length)}  voter"], "version 4: 2 of 2 decide", "voters", "add", theirs, "--server", server.Address);

        var (left, leaving) = await server.RunAsOperatorAsync("leave", "--server", there);
        Assert.True(left == 0, leaving.Error);
        Assert.StartsWith($"{theirs} has left", Assert.Single(leaving.Lines), StringComparison.Ordinal);
        await DoneAsync([$"{ours}  voter", $"{theirs.PadRight(ours.Length)}  left"], "version 5: 1 of 1 decide", "voters", "--server", server.Address);

        var run = new CommandRun();
        Assert.Equal(0, await run.RunAsync("voters", "--json", "--server", server.Address));
        using var json = JsonDocument.Parse(Assert.Single(run.Lines));
        Assert.Equal(ours, json.RootElement.GetProperty("voters")[0].GetProperty("origin").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task What_is_refused_fails_with_the_nodes_words()
    {
        var ours = server.Node.Store.Origin.Value;

        await FailsAsync("condition-not-met: " + ours + " is the only voter", "voters", "remove", ours);
        await FailsAsync("condition-not-met: " + ours + " is the only voter", "leave");
        await FailsAsync("not-found: mars-1 is no voter", "voters", "replace", "mars-1", "venus-1");

        var (exitCode, run) = await server.RunAsync("", "voters", "remove", ours);
        Assert.Equal(1, exitCode);
        Assert.Contains("forbidden: 'ada' may not change the cluster", run.Error, StringComparison.Ordinal);
    }

    private async Task DoneAsync(IEnumerable<string> regions, string head, params string[] args)
    {
        var (exitCode, run) = await server.RunAsOperatorAsync(args);
        Assert.True(exitCode == 0, run.Error);
        Assert.Contains(head, run.Lines[0], StringComparison.Ordinal);
        Assert.Equal(regions.Order(StringComparer.Ordinal), run.Lines[1..]);
    }

    private async Task FailsAsync(string complaint, params string[] args)
    {
        var (exitCode, run) = await server.RunAsOperatorAsync([.. args, "--server", server.Address]);
        Assert.Equal(1, exitCode);
        Assert.Contains(complaint, run.Error, StringComparison.Ordinal);
    }
}
