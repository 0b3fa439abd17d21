using Stentor.Gateways;

namespace Stentor.Cli.Tests.Olympics;

/// <summary><c>stentor olympics cacophonix</c> from its command line to its log.</summary>
public sealed class CacophonixTests : IDisposable
{
    private readonly LogDirectory _directory = new();

    public CacophonixTests() => File.WriteAllText(Path.Combine(_directory.Path, "cacophonix.secret"), "open sesame\n");

    [Fact(Timeout = 60_000)]
    public async Task In_testing_mode_Gaul_wins_and_leads_and_every_update_stands_in_the_log()
    {
        var gold = 0;
        await using var server = await StandInServer.StartAsync(call => call switch
        {
            { Method: "increment_medal_tally", Arguments: [XmlRpcValue.Text { Value: "Gaul" }, XmlRpcValue.Text { Value: "gold" }, XmlRpcValue.Text { Value: "open sesame" }] } => new XmlRpcValue.Truth(++gold > 0),
            { Method: "set_score", Arguments: [XmlRpcValue.Text { Value: "Stone Curling" }, XmlRpcValue.Text { Value: "Gaul leads by 1" }, XmlRpcValue.Text { Value: "open sesame" }] } => new XmlRpcValue.Truth(true),
            _ => new XmlRpcValue.Text("Error: nobody asked."),
        });

        var (exitCode, run) = await RunAsync(server, "--mode", "testing", "--rate", "0.01", "--updates", "6", "--logs", "logs");

        Assert.True(exitCode == 0, run.Error);
        Assert.Equal(3, gold);
        Assert.Equal(
            Enumerable.Repeat((string[])["increment_medal_tally(\"Gaul\", \"gold\") -> true", "set_score(\"Stone Curling\", \"Gaul leads by 1\") -> true"], 3).SelectMany(lines => lines),
            _directory.Untimed("logs", "log_cacophonix.txt"));
        Assert.Equal(_directory.Lines("logs", "log_cacophonix.txt"), run.Lines);
        Assert.Contains("6 updates were taken, 0 refused or in doubt.", run.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_seed_is_told_and_makes_the_same_games_again()
    {
        await using var server = await StandInServer.StartAsync(_ => new XmlRpcValue.Truth(true));

        var (_, first) = await RunAsync(server, "--rate", "0.001", "--updates", "20", "--seed", "17", "--teams", "Ghent,Bruges", "--events", "Archery");
        var log = _directory.Untimed("log_cacophonix.txt");
        await RunAsync(server, "--rate", "0.001", "--updates", "20", "--seed", "17", "--teams", "Ghent, Bruges", "--events", "Archery");

        Assert.Contains("seed 17", first.Error, StringComparison.Ordinal);
        Assert.Equal(20, log.Length);
        Assert.Equal(log, _directory.Untimed("log_cacophonix.txt"));
        Assert.All(log, line => Assert.Matches("Ghent|Bruges", line));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_wrong_password_ends_with_1_and_the_log_says_so_too()
    {
        await using var server = await StandInServer.StartAsync(_ => new XmlRpcValue.Text("Error: wrong password."));

        var (exitCode, run) = await RunAsync(server, "--updates", "5");

        Assert.Equal(1, exitCode);
        Assert.Contains("The server says: Error: wrong password.", run.Error, StringComparison.Ordinal);
        Assert.EndsWith("-> Error: wrong password.", Assert.Single(_directory.Lines("log_cacophonix.txt")), StringComparison.Ordinal);
        Assert.DoesNotContain("sesame", run.Error + run.Out, StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Dispose();

    private async Task<(int ExitCode, CommandRun Run)> RunAsync(StandInServer server, params string[] more)
    {
        var run = new CommandRun { Directory = _directory.Path };
        return (await run.RunAsync(["olympics", "cacophonix", "--server", server.Address, "--secret-file", "cacophonix.secret", .. more]), run);
    }
}
