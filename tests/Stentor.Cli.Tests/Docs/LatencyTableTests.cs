using Stentor.Cli.Lab.Output;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Docs;

/// <summary><c>docs/latency.md</c> shows figures that were measured, and names the columns that there are.</summary>
public sealed class LatencyTableTests
{
    private static readonly string[] Sections = Repository.Read("docs/latency.md").Split("\n## ");

    [Fact]
    public void Every_figure_is_one_of_the_run_that_its_section_links_to()
    {
        var shown = 0;
        foreach (var section in Sections.Where(section => section.Contains("(latency/", StringComparison.Ordinal)))
        {
            var file = section.Split("[All figures](")[1].Split(')')[0];
            var measured = Repository.Read($"docs/{file}").Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(Row).ToHashSet(StringComparer.Ordinal);
            foreach (var row in section.Split('\n').Where(line => line.Split('|') is [_, " push " or " pull " or " mixed-push " or " mixed-pull ", ..]))
            {
                Assert.True(measured.Contains(row), $"docs/{file} has no such row: {row}");
                shown++;
            }
        }

        Assert.Equal(6 + 6 + 4, shown);
    }

    [Fact]
    public void The_columns_of_the_file_are_described_in_their_order()
    {
        var described = Sections[^1].Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('`')[1]);

        Assert.Equal(CsvText.RowsHead.Split(','), described);
    }

    /// <summary>A line of the figures as the document shows it.</summary>
    private static string Row(string line)
    {
        var cells = line.Split(',');
        string Of(string column) => cells[CsvText.RowsHead.Split(',').IndexOf(column)];
        string Ms(string column) => RowColumn.Milliseconds(double.Parse(Of(column)));
        return $"| {Of("arch")} | {Of("transport")} | {Of("clients")} | {Ms("p5_ms")} | {Ms("median_ms")} | {Ms("p95_ms")} | {Ms("p99_ms")} "
            + $"| {double.Parse(Of("calls_in")):0.0} | {double.Parse(Of("calls_out")):0.0} | {long.Parse(Of("bytes_in")):#,0} | {long.Parse(Of("bytes_out")):#,0} | {Of("node_cores")} |";
    }
}
