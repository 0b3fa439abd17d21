using Microsoft.Extensions.Logging.Abstractions;
using Stentor.Cli.Olympics;
using Stentor.Gateways;

namespace Stentor.Cli.Tests.Olympics;

/// <summary><c>stentor olympics replay</c> into a node of the test's.</summary>
public sealed class ReplayTests : IDisposable
{
    private const string Athletes = "id,name,nationality,sport,gold,silver,bronze\n1,Ada,GBR,archery,1,0,1\n2,Bea,GRE,judo,0,2,0\n";

    private readonly LogDirectory _directory = new();

    public ReplayTests() => File.WriteAllText(Path.Combine(_directory.Path, "athletes.csv"), Athletes);

    private ServerOptions Options => new()
    {
        Listen = ["http://127.0.0.1:0"],
        Ephemeral = true,
        XmlRpc = new XmlRpcOptions { Teams = ["GBR", "GRE"], Events = ["archery", "judo"], WriterSecretFile = Path.Combine(_directory.Path, "cacophonix.secret") },
    };

    [Fact(Timeout = 60_000)]
    public async Task Games_that_are_played_twice_are_counted_once()
    {
        await using var server = await Server.StartAsync(Options, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

        var (firstCode, first) = await RunAsync(server, "athletes.csv", "--json");
        var (secondCode, second) = await RunAsync(server, "athletes.csv", "--json");

        Assert.True(firstCode == 0, first.Error);
        Assert.True(secondCode == 0, second.Error);
        Assert.Equal(["""{"team":"GBR","gold":1,"silver":0,"bronze":1}""", """{"team":"GRE","gold":0,"silver":2,"bronze":0}"""], first.Lines);
        Assert.Equal(first.Lines, second.Lines);
        Assert.Contains("4 of them were there from an earlier run", second.Error, StringComparison.Ordinal);
        using var client = new XmlRpcClient(new Uri($"{server.Listeners[0].Address}/RPC2"), TimeSpan.FromSeconds(30));
        Assert.Equal(new XmlRpcValue.Text("GRE wins with 2 medals"), await client.CallAsync("get_score", [new XmlRpcValue.Text("judo")], TestContext.Current.CancellationToken));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_table_that_differs_from_the_files_totals_ends_with_1()
    {
        await using var server = await Server.StartAsync(Options, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);
        await RunAsync(server, "athletes.csv");
        await File.WriteAllTextAsync(Path.Combine(_directory.Path, "others.csv"), Athletes.Replace("1,Ada", "3,Cia", StringComparison.Ordinal).Replace("2,Bea", "4,Dea", StringComparison.Ordinal));

        var (exitCode, run) = await RunAsync(server, "others.csv");

        Assert.Equal(1, exitCode);
        Assert.Contains("GBR has 2 gold, 0 silver, 2 bronze in place of 1 gold, 0 silver, 1 bronze", run.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_file_that_is_wrong_is_refused_before_anything_is_played()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory.Path, "wrong.csv"), Athletes + "3,Cia,ROM,judo,1,one,1\n");
        var run = new CommandRun { Directory = _directory.Path };

        Assert.Equal(1, await run.RunAsync("olympics", "replay", "wrong.csv"));

        Assert.Contains("wrong.csv: Line 4: 'one' is no count of silver medals", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }

    public void Dispose() => _directory.Dispose();

    private async Task<(int ExitCode, CommandRun Run)> RunAsync(Server server, string file, params string[] more)
    {
        var run = new CommandRun { Directory = _directory.Path };
        return (await run.RunAsync(["olympics", "replay", file, "--rate", "off", "--server", server.Listeners[0].Address, "--secret-file", "cacophonix.secret", .. more]), run);
    }
}
