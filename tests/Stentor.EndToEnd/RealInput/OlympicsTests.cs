using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Stentor.EndToEnd.Processes;
using Stentor.Testing;

namespace Stentor.EndToEnd.RealInput;

/// <summary>Every athlete of Rio 2016, folded into tallies and scores.</summary>
public sealed class OlympicsTests(ITestOutputHelper output)
{
    [Fact(Timeout = 180_000)]
    public async Task Medals_and_scores_of_all_athletes_add_up_to_what_counting_them_gives_even_when_they_are_published_twice()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--rate-limits", "off");
        await node.RegisterAsync();
        await File.WriteAllTextAsync(directory["ada.secret"], NodeClient.Secret, TestContext.Current.CancellationToken);
        var bodies = await BodiesAsync();
        string[] publish = ["publish", "--bodies", "--user", NodeClient.Username, "--secret-file", "ada.secret", "--server", node.Http.ToString()];

        var first = await CommandProcess.RunAsync(directory.Path, bodies, publish);
        var again = await CommandProcess.RunAsync(directory.Path, bodies, publish);
        output.WriteLine(first.Error + again.Error);

        Assert.Equal((0, 0), (first.ExitCode, again.ExitCode));
        var expected = Count();
        var held = await StatesAsync(node);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), held.Keys.Order(StringComparer.Ordinal));
        foreach (var (channel, fields) in expected)
        {
            Assert.Equal(fields.OrderBy(field => field.Key, StringComparer.Ordinal), held[channel].OrderBy(field => field.Key, StringComparer.Ordinal));
        }
    }

    [Fact(Timeout = 180_000)]
    public async Task Games_that_are_replayed_medal_by_medal_end_with_the_table_that_counting_them_gives()
    {
        using var directory = new TempDirectory();

        var result = await CommandProcess.RunAsync(directory.Path, null, "olympics", "replay", Repository.PathOf("examples", "data", "olympics", "athletes.csv"), "--rate", "off", "--json");

        output.WriteLine(result.Error);
        Assert.Equal(0, result.ExitCode);
        var counted = Count().Where(pair => pair.Key.StartsWith("medals.", StringComparison.Ordinal) && pair.Value["gold"] + pair.Value["silver"] + pair.Value["bronze"] > 0)
            .Select(pair => $$"""{"team":"{{pair.Key["medals.".Length..]}}","gold":{{pair.Value["gold"]}},"silver":{{pair.Value["silver"]}},"bronze":{{pair.Value["bronze"]}}}""");
        Assert.Equal(counted.Order(StringComparer.Ordinal), result.Lines.Order(StringComparer.Ordinal));
        Assert.Contains("and so do tallies and scores over XML-RPC", result.Error, StringComparison.Ordinal);
    }

    /// <summary>What the example in the documentation makes of the file.</summary>
    private static async Task<string> BodiesAsync()
    {
        using var awk = Process.Start(new ProcessStartInfo("awk", ["-f", Path.Combine(Repository.Root, "examples", "medals.awk"), Repository.PathOf("examples", "data", "olympics", "athletes.csv")])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
        var bodies = await awk.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await awk.WaitForExitAsync(TestContext.Current.CancellationToken);
        return bodies;
    }

    /// <summary>The same, counted here.</summary>
    private static Dictionary<string, Dictionary<string, long>> Count()
    {
        var counted = new Dictionary<string, Dictionary<string, long>>(StringComparer.Ordinal);
        void Add(string channel, string field, long amount)
        {
            var fields = counted.TryGetValue(channel, out var known) ? known : counted[channel] = new(StringComparer.Ordinal);
            fields[field] = fields.GetValueOrDefault(field) + amount;
        }

        var athletes = 0;
        foreach (var row in File.ReadLines(Repository.PathOf("examples", "data", "olympics", "athletes.csv")).Skip(1).Select(Cells))
        {
            athletes++;
            var (team, sport) = (row[2], row[7].Replace(' ', '-'));
            var medals = row[8..11].Select(cell => long.Parse(cell, CultureInfo.InvariantCulture)).ToArray();
            Add($"medals.{team}", "athletes", 1);
            Add($"medals.{team}", "gold", medals[0]);
            Add($"medals.{team}", "silver", medals[1]);
            Add($"medals.{team}", "bronze", medals[2]);
            Add($"scores.{sport}", team, (3 * medals[0]) + (2 * medals[1]) + medals[2]);
        }

        Assert.Equal(11_538, athletes);
        return counted;
    }

    private static List<string> Cells(string row)
    {
        var cells = new List<string> { "" };
        var quoted = false;
        foreach (var letter in row)
        {
            if (letter == '"')
            {
                quoted = !quoted;
            }
            else if (letter == ',' && !quoted)
            {
                cells.Add("");
            }
            else
            {
                cells[^1] += letter;
            }
        }

        return cells;
    }

    private static async Task<Dictionary<string, Dictionary<string, long>>> StatesAsync(NodeProcess node)
    {
        var states = new Dictionary<string, Dictionary<string, long>>(StringComparer.Ordinal);
        foreach (var pattern in (string[])["medals.>", "scores.>"])
        {
            string? from = "";
            while (from is not null)
            {
                var page = await node.GetAsync($"v1/channels?match={pattern}{(from.Length > 0 ? $"&after={from}" : "")}");
                foreach (var name in page.GetProperty("channels").EnumerateArray().Select(channel => channel.GetProperty("channel").GetString()!))
                {
                    var state = (await node.GetAsync($"v1/channels/{name}")).GetProperty("state");
                    states[name] = state.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.GetInt64(), StringComparer.Ordinal);
                }

                from = page.TryGetProperty("next", out var next) && next.ValueKind == JsonValueKind.String ? next.GetString() : null;
            }
        }

        return states;
    }
}
