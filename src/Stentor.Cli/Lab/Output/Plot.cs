using System.Globalization;
using System.Text;

namespace Stentor.Cli.Lab.Output;

/// <summary>A line with its band: the latencies of one arch over one transport, by the number of clients.</summary>
/// <param name="Arch">The rows' arch.</param>
/// <param name="Transport">The rows' transport.</param>
/// <param name="Rows">The rows, by growing numbers of clients; each has latencies.</param>
internal sealed record PlotSeries(string Arch, string Transport, IReadOnlyList<LatencyRow> Rows);

/// <summary>A picture, as gnuplot is told to draw it.</summary>
/// <param name="Name">The name of its files, without an extension.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Series">Its lines; at least one.</param>
internal sealed record Plot(string Name, string Title, IReadOnlyList<PlotSeries> Series)
{
    // Past this ratio of the greatest median to the least one, the least ones cannot be told apart on a linear axis.
    private const double LinearRatioMax = 12;

    // A latency of nothing, if there ever is one, still has a place on a logarithmic axis: that of a microsecond.
    private const double LeastShown = 0.001;

    /// <summary>The names of all pictures that there may be.</summary>
    public static readonly IReadOnlyList<string> Names = [Push, Pull, Comparison];

    private const string Push = "latency_push";
    private const string Pull = "latency_pull";
    private const string Comparison = "comparison";

    /// <summary>The file with the points.</summary>
    public string DataFile => $"{Name}.dat";

    /// <summary>The file with what gnuplot is told.</summary>
    public string ScriptFile => $"{Name}.gp";

    /// <summary>The picture's file.</summary>
    public string PictureFile => $"{Name}.png";

    /// <summary>Whether latencies stand on a logarithmic axis.</summary>
    public bool IsLogarithmic => Latencies(latency => latency.Median) is var medians && medians.Max() > medians.Min() * LinearRatioMax;

    /// <summary>The pictures of what was measured: pushed, pulled, and both where there is both.</summary>
    /// <param name="rows">What was measured.</param>
    public static IReadOnlyList<Plot> Of(IReadOnlyList<LatencyRow> rows)
    {
        var series = rows.Where(row => row.Latency is not null)
            .GroupBy(row => (row.Arch, row.Transport))
            .Select(group => new PlotSeries(group.Key.Arch, group.Key.Transport, [.. group.OrderBy(row => row.Clients)]))
            .ToList();
        var push = series.Where(one => one.Arch == "push").ToList();
        var pull = series.Where(one => one.Arch == "pull").ToList();
        var mixed = series.Where(one => one.Arch is not ("push" or "pull")).ToList();
        var plots = new List<Plot>();
        if (push.Count > 0)
        {
            plots.Add(new Plot(Push, "Push: from a write to its display", push));
        }

        if (pull.Count > 0)
        {
            plots.Add(new Plot(Pull, "Pull: from a write to its display", pull));
        }

        if (mixed.Count > 0 || (push.Count > 0 && pull.Count > 0))
        {
            plots.Add(new Plot(Comparison, "Push and pull: from a write to its display", series));
        }

        return plots;
    }

    /// <summary>The points: a block a line, two empty lines between.</summary>
    public string ToData() => string.Join("\n\n\n", Series.Select(series => $"# {series.Arch} {series.Transport}: clients, median, 5th and 95th percentile in ms\n"
        + string.Join('\n', series.Rows.Select(row => $"{row.Clients} {row.Latency!.Median:0.000} {row.Latency.P5:0.000} {row.Latency.P95:0.000}")))) + "\n";

    /// <summary>What gnuplot is told.</summary>
    public string ToScript()
    {
        var clients = Series.SelectMany(series => series.Rows).Max(row => row.Clients);
        var script = new StringBuilder();
        script.Append(CultureInfo.InvariantCulture,
            $"""
            # Draws {PictureFile} of {DataFile}: gnuplot {ScriptFile}
            if (strstrt(GPVAL_TERMINALS, " pngcairo ") > 0) set terminal pngcairo size 800,600 font "sans,13"; else set terminal png size 800,600
            set output "{PictureFile}"
            set title "{Title}\n(line: median; band: 5th to 95th percentile)"
            set xlabel "clients of one node"
            set ylabel "latency in milliseconds"
            set xrange [0:{Math.Ceiling(clients * 1.04)}]
            set grid back lt 1 lw 0.5 lc rgb "#dddddd"
            set border 3
            set tics nomirror out
            set bmargin 7
            set key bmargin center horizontal maxrows 3 samplen 3 spacing 1.2

            """);
        script.Append(IsLogarithmic ? $"set logscale y\n{Tics()}" : "set yrange [0:*]\n");
        script.Append("plot \\\n").AppendJoin(", \\\n", Series.Select(Band).Concat(Series.Select(Line))).Append('\n');
        return script.ToString();
    }

    /// <summary>Marks at 1, 2 and 5 of each power of ten: gnuplot's own are a power apart, of which an axis may have a single one.</summary>
    private string Tics()
    {
        var (least, most) = (Latencies(latency => latency.P5).Min(), Latencies(latency => latency.P95).Max());
        var tics = new List<double>();
        for (var power = Math.Pow(10, Math.Floor(Math.Log10(least))); power <= most * 10; power *= 10)
        {
            tics.AddRange([power, power * 2, power * 5]);
        }

        var from = tics.Last(tic => tic <= least || tic == tics[0]);
        var to = tics.First(tic => tic >= most);
        return $"set yrange [{from:0.####}:{to:0.####}]\nset ytics ({string.Join(", ", tics.Where(tic => tic >= from && tic <= to).Select(tic => $"\"{tic:0.####}\" {tic:0.####}"))})\n";
    }

    private IEnumerable<double> Latencies(Func<Spread, double> of) => Series.SelectMany(series => series.Rows).Select(row => Math.Max(of(row.Latency!), LeastShown)); // Rows of a series have them.

    /// <summary>The band; for a single number of clients, a bar.</summary>
    private string Band(PlotSeries series, int index) => series.Rows.Count > 1
        ? $"  \"{DataFile}\" index {index} using 1:3:4 with filledcurves fc rgb \"{Colour(series)}\" fs transparent solid {(Series.Count > 4 ? "0.10" : "0.18")} noborder notitle"
        : $"  \"{DataFile}\" index {index} using 1:2:3:4 with yerrorbars lc rgb \"{Colour(series)}\" pt 0 notitle";

    /// <summary>The line, told from others by colour, and by dashes and points besides.</summary>
    private string Line(PlotSeries series, int index)
    {
        var (dash, point) = series.Arch switch
        {
            "push" => (1, 7),
            "pull" => (2, 5),
            "mixed-push" => (3, 6),
            _ => (4, 4),
        };
        return $"  \"{DataFile}\" index {index} using 1:2 with linespoints lc rgb \"{Colour(series)}\" lw 2 dt {dash} pt {point} ps 1 title \"{series.Arch} {series.Transport}\"";
    }

    /// <summary>Colours that stay apart for those who see fewer of them (M. Okabe and K. Ito, "Color Universal Design", 2008).</summary>
    private static string Colour(PlotSeries series) => (series.Arch, series.Transport) switch
    {
        ("push" or "mixed-push", "xml-rpc") => "#0072b2",
        ("push", "websocket") => "#e69f00",
        ("push", "sse") => "#009e73",
        ("push" or "mixed-push", "http") => "#d55e00",
        (_, "xml-rpc") => "#56b4e9",
        _ => "#cc79a7",
    };
}
