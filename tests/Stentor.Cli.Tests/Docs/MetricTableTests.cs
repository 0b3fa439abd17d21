using System.Globalization;
using System.Text;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Docs;

/// <summary><c>docs/operating/README.md</c> lists the metrics that a node has.</summary>
public sealed class MetricTableTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string Path = "docs/operating/README.md";
    private const string Head = "| metric | kind | what it counts |\n|---|---|---|\n";

    [Fact(Timeout = 30_000)]
    public async Task Every_metric_of_a_node_is_described_in_the_words_that_the_node_itself_uses()
    {
        var expected = Head + await TableAsync() + "\n";

        Assert.True(
            Repository.Read(Path).ReplaceLineEndings("\n").Contains(expected, StringComparison.Ordinal),
            $"{Path} should have this table (./test.sh Cli -- -explicit only writes it):\n\n{expected}");
    }

    [Fact(Explicit = true)]
    public async Task Write_the_table()
    {
        var text = Repository.Read(Path).ReplaceLineEndings("\n");
        var start = text.IndexOf(Head, StringComparison.Ordinal) + Head.Length;
        var end = text.IndexOf("\n\n", start - 1, StringComparison.Ordinal) + 1;

        await File.WriteAllTextAsync(System.IO.Path.Combine(Repository.Root, Path), text[..start] + await TableAsync() + text[end..], TestContext.Current.CancellationToken);
    }

    private async Task<string> TableAsync()
    {
        using var http = new HttpClient();
        var lines = (await http.GetStringAsync(new Uri($"{server.Address}/metrics"), TestContext.Current.CancellationToken)).Split('\n');
        var help = Words(lines, "# HELP ");
        var kinds = Words(lines, "# TYPE ");
        var table = new StringBuilder();
        foreach (var name in help.Keys.Where(name => name.StartsWith("stentor_", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            table.Append(CultureInfo.InvariantCulture, $"| `{name}` | {kinds[name]} | {help[name]} |\n");
        }

        return table.ToString();
    }

    private static Dictionary<string, string> Words(string[] lines, string prefix) => lines
        .Where(line => line.StartsWith(prefix, StringComparison.Ordinal))
        .Select(line => line[prefix.Length..].Split(' ', 2))
        .ToDictionary(words => words[0], words => words[1], StringComparer.Ordinal);
}
