using Stentor.Cli.Lab;
using Stentor.Cli.Lab.Output;

namespace Stentor.Cli.Tests.Lab;

/// <summary>What is written of what was measured.</summary>
public sealed class OutputTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-lab-tests-").FullName;

    [Fact]
    public void A_row_has_a_value_for_each_column_of_the_csv()
    {
        var line = CsvText.Line(Row("push", "xml-rpc", 50, 1.25));

        Assert.Equal("push,xml-rpc,50,100,0,0.125,0.250,1.250,12.500,25.000,125.000,20.00,0.25,6300,40,0.125,0.010", line);
        Assert.Equal(CsvText.RowsHead.Split(',').Length, line.Split(',').Length);
    }

    [Fact]
    public void A_row_without_latencies_has_empty_ones()
    {
        var line = CsvText.Line(Row("push", "sse", 1, 1) with { Latency = null, Missed = 7, OtherCores = null });

        Assert.Equal("push,sse,1,100,7,,,,,,,20.00,0.25,6300,40,0.125,", line);
        Assert.Equal(CsvText.RowsHead.Split(',').Length, line.Split(',').Length);
    }

    [Fact]
    public void What_was_measured_is_in_the_files_before_the_run_ends()
    {
        var combination = new Combination(Arch.Pull, Transport.Http, 3);
        using var files = new ResultFiles(Path.Combine(_directory, "new"), withSamples: true);

        files.Add(combination, new Measurement([Row("pull", "http", 3, 100)], [("pull", 2, new Sample(41, 3.5))]));

        Assert.Equal([CsvText.RowsHead, CsvText.Line(Row("pull", "http", 3, 100))], ReadWhileOpen(files.PathOf(CsvText.RowsFile)));
        Assert.Equal([CsvText.SamplesHead, "pull,http,3,2,41,3.500"], ReadWhileOpen(files.PathOf(CsvText.SamplesFile)));
    }

    [Fact]
    public void Samples_are_kept_only_when_they_are_asked_for()
    {
        using var files = new ResultFiles(_directory, withSamples: false);

        files.Add(new(Arch.Pull, Transport.Http, 3), new Measurement([], [("pull", 2, new Sample(41, 3.5))]));

        Assert.False(File.Exists(files.PathOf(CsvText.SamplesFile)));
    }

    [Fact]
    public void Nothing_of_an_earlier_run_lies_beside_the_figures_of_this_one()
    {
        string[] earlier = ["latency.csv", "samples.csv", "report.html", "comparison.png", "latency_pull.gp", "latency_push.dat", "notes.txt"];
        foreach (var name in earlier)
        {
            File.WriteAllText(Path.Combine(_directory, name), "old");
        }

        using (new ResultFiles(_directory, withSamples: false))
        {
            Assert.Equal(["latency.csv", "notes.txt"], Directory.GetFiles(_directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        }

        Assert.Equal($"{CsvText.RowsHead}\n", File.ReadAllText(Path.Combine(_directory, "latency.csv")));
    }

    [Fact]
    public void A_line_for_people_stands_under_its_heads()
    {
        var (head, line) = (RowColumn.HeadLine, RowColumn.Line(Row("mixed-push", "websocket", 500, 1.25)));

        Assert.Equal(head.Length, line.Length);
        Assert.Equal("1.25", line[..(head.IndexOf("median ms", StringComparison.Ordinal) + 9)].Split(' ')[^1]);
        Assert.True(head.Length < 80, head);
    }

    [Fact]
    public void The_report_needs_nothing_but_itself()
    {
        var html = Report(Row("push", "sse", 10, 1.25)).ToHtml();

        Assert.StartsWith("<!DOCTYPE html>\n<html lang=\"en\">", html, StringComparison.Ordinal);
        Assert.Contains("src=\"data:image/png;base64,AQID\"", html, StringComparison.Ordinal);
        Assert.Contains("<td>push</td><td>sse</td><td>10</td><td>100</td><td>0</td><td>0.13</td><td>0.25</td><td>1.25</td><td>12.5</td><td>25.0</td><td>125</td>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("http://", html, StringComparison.Ordinal);
        Assert.DoesNotContain("https://", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<link", html, StringComparison.Ordinal);
        Assert.DoesNotContain("url(", html, StringComparison.Ordinal);
    }

    [Fact]
    public void The_report_shows_markup_as_text()
    {
        var html = (Report(Row("push", "sse", 10, 1.25)) with { Facts = [new("Machine", "<b>\"&\"</b>")], LeftOut = ["<i>"], Pictures = [new("\"><script>", [])] }).ToHtml();

        Assert.Contains("<dt>Machine</dt><dd>&lt;b&gt;&quot;&amp;&quot;&lt;/b&gt;</dd>", html, StringComparison.Ordinal);
        Assert.Contains("<p>&lt;i&gt;</p>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
    }

    [Fact]
    public void The_report_marks_what_was_missed() =>
        Assert.Contains("<tr class=\"wrong\"><td>push</td>", Report(Row("push", "sse", 10, 1.25) with { Missed = 1 }).ToHtml(), StringComparison.Ordinal);

    [Theory]
    [InlineData(1, 10, 10, "1 of 10 done, about 2 min left.")]
    [InlineData(5, 10, 40, "5 of 10 done, about 40 s left.")]
    [InlineData(1, 50, 8, "1 of 50 done, about 7 min left.")]
    [InlineData(10, 10, 80, "10 of 10 done.")]
    public void The_time_left_is_that_of_those_done(int done, int count, int seconds, string expected)
    {
        Assert.Equal(expected, LabProgress.Line(done, count, TimeSpan.FromSeconds(seconds)));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static LabReport Report(params LatencyRow[] rows) => new() { Rows = rows, Facts = [new("Date", "2026-11-22 11:40 UTC")], Pictures = [new("Push", [1, 2, 3])] };

    private static LatencyRow Row(string arch, string transport, int clients, double median) =>
        new(arch, transport, clients, Samples: 100, Missed: 0, new Spread(median / 10, median / 5, median, median * 10, median * 20, median * 100), new Cost(20, 0.25, 6_300, 40), NodeCores: 0.125, OtherCores: 0.01);

    private static string[] ReadWhileOpen(string path)
    {
        using var file = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
