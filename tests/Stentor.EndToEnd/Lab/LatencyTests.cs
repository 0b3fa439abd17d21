using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Lab;

/// <summary>The lab, as users run it. By itself: it counts what happens in a second.</summary>
[Collection(nameof(Alone))]
public sealed class LatencyTests(ITestOutputHelper output)
{
    [Fact(Timeout = 120_000)]
    public async Task A_short_run_shows_every_write_to_everyone_and_leaves_figures_and_a_report()
    {
        using var directory = new TempDirectory();

        var result = await CommandProcess.RunAsync(directory.Path, input: null, Latency(seconds: 1, warmUp: 2, "--clients", "2", "--transports", "xml-rpc,sse", "--samples", "--poll", "0.1"));

        output.WriteLine(result.Out + result.Error);
        Assert.True(result.ExitCode == 0, result.Error);
        var rows = result.Lines.Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToList();
        Assert.Equal(["push xml-rpc", "push sse", "pull xml-rpc"], rows.Select(row => $"{row.GetProperty("arch")} {row.GetProperty("transport")}"));
        Assert.All(rows, row => Assert.Equal((20, 0), (row.GetProperty("samples").GetInt32(), row.GetProperty("missed").GetInt32())));
        Assert.All(rows, row => Assert.True(row.GetProperty("milliseconds").GetProperty("min").GetDouble() > 0, $"{row}"));
        Assert.All(rows, row => Assert.True(row.GetProperty("bytesIn").GetDouble() > 0, $"{row}"));

        // A push a write; polls at their pace. Not so while the first calls compile their code: that is what the warm-up is for.
        Assert.All(rows.Take(2), row => Assert.InRange(row.GetProperty("callsIn").GetDouble(), 8, 12));
        Assert.InRange(rows[2].GetProperty("callsOut").GetDouble(), 5, 12);
        Assert.Contains("pull is left out over sse", result.Error, StringComparison.Ordinal);
        Assert.Equal(1 + 3, Lines(directory, "latency.csv").Length);
        Assert.Equal(1 + 60, Lines(directory, "samples.csv").Length);
        Assert.Contains("<td>pull</td><td>xml-rpc</td><td>2</td><td>20</td><td>0</td>", string.Concat(Lines(directory, "report.html")), StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_run_that_is_interrupted_keeps_what_was_measured_and_leaves_no_process_and_no_other_file_behind()
    {
        using var directory = new TempDirectory();
        await using var lab = new CommandProcess(directory.Path, Latency(seconds: 5, "--clients", "1,2", "--transports", "http", "--arch", "push"), variables: TempIn(directory));
        var first = await lab.Out.ReadLineAsync(TestContext.Current.CancellationToken);
        var children = await ChildrenAsync(lab, count: 2);

        lab.Signal(2);
        var rest = await lab.Out.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, await lab.WaitAsync(TestContext.Current.CancellationToken));
        Assert.Contains("\"clients\":1", first, StringComparison.Ordinal);
        Assert.Empty(rest);
        Assert.All(children, child => Assert.False(Directory.Exists($"/proc/{child.Id}")));
        Assert.StartsWith("push,http,1,50,0,", Lines(directory, "latency.csv")[1], StringComparison.Ordinal);
        Assert.Equal(2, Lines(directory, "latency.csv").Length);
        Assert.Empty(Directory.GetDirectories(directory.Path, "stentor-lab-*"));
    }

    [Theory(Timeout = 120_000)]
    [InlineData("readers", "push over http, 1 client: The process of the readers ended.")]
    [InlineData("serve", "push over http, 1 client: the node ended while it was measured.")]
    public async Task A_process_that_dies_ends_the_run_with_what_is_known_of_it(string command, string complaint)
    {
        using var directory = new TempDirectory();
        await using var lab = new CommandProcess(directory.Path, Latency(seconds: 60, "--clients", "1", "--transports", "http", "--arch", "push"), variables: TempIn(directory));
        var children = await ChildrenAsync(lab, count: 2);

        using (var process = Process.GetProcessById(children.Single(child => child.Command.Contains(command)).Id))
        {
            process.Kill();
        }

        Assert.Equal(1, await lab.WaitAsync(TestContext.Current.CancellationToken));
        Assert.Contains($"stentor lab latency: {complaint}", lab.ErrorText, StringComparison.Ordinal);
        Assert.All(children, child => Assert.False(Directory.Exists($"/proc/{child.Id}")));
    }

    /// <summary>A short run without pictures: gnuplot need not be there.</summary>
    private static string[] Latency(int seconds, params string[] more) => Latency(seconds, warmUp: 0, more);

    private static string[] Latency(int seconds, int warmUp, params string[] more) => ["lab", "latency", "--seconds", $"{seconds}", "--warm-up", $"{warmUp}", "--writes", "10", "--no-plots", "--json", .. more];

    private static Dictionary<string, string> TempIn(TempDirectory directory) => new() { ["TMPDIR"] = directory.Path };

    private static string[] Lines(TempDirectory directory, string file) => File.ReadAllLines(Path.Combine(directory.Path, "latency-lab", file));

    /// <summary>Waits until the lab has so many processes of its own. It tells nobody when it starts one, so they are looked for.</summary>
    private static async Task<IReadOnlyList<(int Id, string[] Command)>> ChildrenAsync(CommandProcess lab, int count)
    {
        while (true)
        {
            var children = Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _))
                .Select(name => (Id: int.Parse(name!, CultureInfo.InvariantCulture), Parent: Read($"/proc/{name}/status").Split('\n').FirstOrDefault(line => line.StartsWith("PPid:", StringComparison.Ordinal))))
                .Where(process => process.Parent == $"PPid:\t{lab.Id}")
                .Select(process => (process.Id, Command: Read($"/proc/{process.Id}/cmdline").Split('\0')))
                .Where(process => process.Command.Contains("readers") || process.Command.Contains("serve"))
                .ToList();
            if (children.Count == count)
            {
                return children;
            }

            Assert.Equal("its process runs", lab.Condition);

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A file of a process; empty when that has ended meanwhile.</summary>
    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
