using Stentor.Cli.Lab;
using Stentor.Cli.Lab.Output;

namespace Stentor.Cli.Tests.Lab;

/// <summary>What gnuplot is given to draw.</summary>
public sealed class PlotTests
{
    [Fact]
    public void Each_architecture_has_a_picture_and_both_have_one_together()
    {
        var plots = Plot.Of([Row("push", "sse", 1, 1), Row("push", "sse", 5, 2), Row("pull", "http", 1, 100), Row("pull", "http", 5, 100)]);

        Assert.Equal(["latency_push.png", "latency_pull.png", "comparison.png"], plots.Select(plot => plot.PictureFile));
        Assert.Equal([1, 1, 2], plots.Select(plot => plot.Series.Count));
    }

    [Fact]
    public void What_was_not_measured_has_no_picture()
    {
        Assert.Equal(["latency_push"], Plot.Of([Row("push", "sse", 1, 1)]).Select(plot => plot.Name));
        Assert.Equal(["comparison"], Plot.Of([Row("mixed-push", "http", 2, 1), Row("mixed-pull", "http", 2, 100)]).Select(plot => plot.Name));
        Assert.Empty(Plot.Of([Row("push", "sse", 1, 1) with { Latency = null }]));
    }

    [Fact]
    public void The_data_have_a_block_a_line_by_growing_numbers_of_clients()
    {
        var plot = Assert.Single(Plot.Of([Row("push", "sse", 5, 2), Row("push", "sse", 1, 1), Row("push", "http", 1, 3)]));

        Assert.Equal(
            """
            # push sse: clients, median, 5th and 95th percentile in ms
            1 1.000 0.500 2.000
            5 2.000 1.000 4.000


            # push http: clients, median, 5th and 95th percentile in ms
            1 3.000 1.500 6.000

            """,
            plot.ToData());
    }

    [Fact]
    public void The_script_names_axes_with_their_units_and_draws_a_band_and_a_line_for_each_transport()
    {
        var script = Assert.Single(Plot.Of([Row("push", "sse", 1, 1), Row("push", "sse", 50, 2), Row("push", "http", 1, 3), Row("push", "http", 50, 3)])).ToScript();

        Assert.Contains("set xlabel \"clients of one node\"", script, StringComparison.Ordinal);
        Assert.Contains("set ylabel \"latency in milliseconds\"", script, StringComparison.Ordinal);
        Assert.Contains("size 800,600", script, StringComparison.Ordinal);
        Assert.Contains("set xrange [0:52]", script, StringComparison.Ordinal);
        Assert.Contains("set output \"latency_push.png\"", script, StringComparison.Ordinal);
        Assert.Equal(2, Count(script, "with filledcurves"));
        Assert.Contains("\"latency_push.dat\" index 1 using 1:2 with linespoints lc rgb \"#d55e00\" lw 2 dt 1 pt 7 ps 1 title \"push http\"", script, StringComparison.Ordinal);
        Assert.Contains("set yrange [0:*]", script, StringComparison.Ordinal);
        Assert.DoesNotContain("logscale", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Latencies_that_lie_far_apart_stand_on_a_logarithmic_axis_with_marks_around_them()
    {
        var script = Plot.Of([Row("push", "sse", 1, 1.4), Row("pull", "http", 1, 100)])[^1].ToScript();

        Assert.Contains("set logscale y\nset yrange [0.5:200]\n", script, StringComparison.Ordinal);
        Assert.Contains("set ytics (\"0.5\" 0.5, \"1\" 1, \"2\" 2, \"5\" 5, \"10\" 10, \"20\" 20, \"50\" 50, \"100\" 100, \"200\" 200)", script, StringComparison.Ordinal);
    }

    [Fact]
    public void A_latency_of_nothing_does_not_break_a_logarithmic_axis()
    {
        var plot = Assert.Single(Plot.Of([Row("push", "sse", 1, 0), Row("push", "sse", 2, 50)]));

        Assert.Contains("set yrange [0.001:100]", plot.ToScript(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_number_of_clients_has_a_bar_in_place_of_a_band()
    {
        var script = Assert.Single(Plot.Of([Row("push", "sse", 10, 1)])).ToScript();

        Assert.Contains("using 1:2:3:4 with yerrorbars", script, StringComparison.Ordinal);
        Assert.DoesNotContain("filledcurves", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_line_of_a_picture_looks_different()
    {
        string[] archs = ["push", "pull", "mixed-push", "mixed-pull"];
        var rows = archs.SelectMany(arch => (string[])(arch == "push" ? ["xml-rpc", "websocket", "sse", "http"] : ["xml-rpc", "http"]), (arch, transport) => Row(arch, transport, 2, 1)).ToList();

        var looks = Plot.Of(rows)[^1].ToScript().Split('\n').Where(line => line.Contains("linespoints", StringComparison.Ordinal)).Select(line => line[line.IndexOf("lc rgb", StringComparison.Ordinal)..line.IndexOf(" title", StringComparison.Ordinal)]).ToList();

        Assert.Equal(10, looks.Count);
        Assert.Equal(looks.Count, looks.Distinct(StringComparer.Ordinal).Count());
    }

    private static LatencyRow Row(string arch, string transport, int clients, double median) =>
        new(arch, transport, clients, 100, 0, new Spread(median / 4, median / 2, median, median * 2, median * 3, median * 4), new Cost(20, 0, 6_300, 0), 0.1, null);

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
