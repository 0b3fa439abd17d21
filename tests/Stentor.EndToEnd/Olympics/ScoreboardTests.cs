using System.Globalization;
using System.Text.RegularExpressions;
using Stentor.EndToEnd.Processes;
using Stentor.Testing;

namespace Stentor.EndToEnd.Olympics;

/// <summary>The three processes of a scoreboard, started by their scripts.</summary>
public sealed partial class ScoreboardTests(ITestOutputHelper output)
{
    private const int Pulls = 2;
    private const int Pushes = 3;
    private const int Intervals = 10;

    [Fact(Timeout = 120_000)]
    public async Task Every_pushed_tablet_shows_every_update_in_order_and_every_pulling_one_what_it_came_to()
    {
        using var directory = new TempDirectory();
        await using var server = Start(directory, "start_server.sh", "--port", "0", "--", "--ephemeral");
        var port = await PortAsync(server);
        await using var tablets = Start(directory, "start_clients.sh", "--server-port", port, "--mode", "testing", "--pull", $"{Pulls}", "--push", $"{Pushes}", "--rate", "0.1");
        await UntilAsync(() => Count(directory["log_server.txt"], "called register_client(") == Pushes && ClientLogs(directory).All(log => log.Contains("wants", StringComparison.Ordinal)));

        await using var cacophonix = Start(
            directory, "start_olympics.sh", "--server-port", port, "--port", "0", "--mode", "testing", "--rate", "0.05", "--", "--updates", $"{2 * Intervals}");
        var exitCode = await cacophonix.WaitAsync(TestContext.Current.CancellationToken);
        output.WriteLine(cacophonix.ErrorText);
        Assert.Equal(0, exitCode);
        var last = string.Create(CultureInfo.InvariantCulture, $"gold {Intervals}, silver 0, bronze 0");
        await UntilAsync(() => ClientLogs(directory).All(log => log.Contains(last, StringComparison.Ordinal) && Shown(log).Length >= 2));
        await UntilAsync(() => PushLogs(directory).All(log => Shown(log).Length == 2 * Intervals));
        tablets.Terminate();
        Assert.Equal(0, await tablets.WaitAsync(TestContext.Current.CancellationToken));

        var written = File.ReadAllLines(directory["log_cacophonix.txt"]).Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        Assert.Equal(Each(_ => "increment_medal_tally(\"Gaul\", \"gold\") -> true", "set_score(\"Stone Curling\", \"Gaul leads by 1\") -> true"), written);
        Assert.Equal(Pulls + Pushes, ClientLogs(directory).Count);
        Assert.All(PushLogs(directory), log => Assert.Equal(
            Each(n => string.Create(CultureInfo.InvariantCulture, $"push tally: gold {n}, silver 0, bronze 0"), "push score: Gaul leads by 1"), Shown(log)));
        Assert.All(Directory.GetFiles(directory["latencies"]), file =>
        {
            var latencies = File.ReadAllLines(file).Select(line => double.Parse(line, CultureInfo.InvariantCulture)).ToList();
            Assert.Equal(Shown(File.ReadAllText(Path.Combine(directory["client_logs"], Path.GetFileName(file)))).Length, latencies.Count);
            Assert.All(latencies, seconds => Assert.InRange(seconds, 0, 60));
        });
    }

    private static CommandProcess Start(TempDirectory directory, string script, params string[] arguments) =>
        new(directory.Path, arguments, Path.Combine(Repository.Root, "examples", "olympics", script));

    private static async Task<string> PortAsync(CommandProcess server)
    {
        while (await server.Out.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (Listening().Match(line) is { Success: true } match)
            {
                return match.Groups[1].Value;
            }
        }

        throw new InvalidOperationException($"The server ended before it listened:\n{server.ErrorText}");
    }

    private static IEnumerable<string> Each(Func<int, string> tally, string score) => Enumerable.Range(1, Intervals).SelectMany(n => (string[])[tally(n), score]);

    private static List<string> ClientLogs(TempDirectory directory) =>
        Directory.Exists(directory["client_logs"]) ? [.. Directory.GetFiles(directory["client_logs"]).Select(File.ReadAllText)] : [];

    private static IEnumerable<string> PushLogs(TempDirectory directory) => ClientLogs(directory).Where(log => log.Contains("push wants", StringComparison.Ordinal));

    /// <summary>What a tablet showed, without the times and without what is no value.</summary>
    private static string[] Shown(string log) => [.. Value().Matches(log).Select(match => match.Groups[1].Value)];

    private static int Count(string file, string text) => File.Exists(file) ? File.ReadAllText(file).Split(text).Length - 1 : 0;

    /// <summary>A log has no signal but its text.</summary>
    private static async Task UntilAsync(Func<bool> isSo)
    {
        while (!isSo())
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    [GeneratedRegex(@"^listening on http://127\.0\.0\.1:(\d+)$")]
    private static partial Regex Listening();

    [GeneratedRegex(@"^\S+ ((?:pull|push) (?:tally|score).*)$", RegexOptions.Multiline)]
    private static partial Regex Value();
}
