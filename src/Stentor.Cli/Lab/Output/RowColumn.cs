namespace Stentor.Cli.Lab.Output;

/// <summary>A column of the figures, as people are shown them.</summary>
/// <param name="Head">What it is.</param>
/// <param name="Cell">What stands in it.</param>
/// <param name="Width">How wide it is where there is only text; 0 for none: a terminal's 80 characters do not hold all columns.</param>
internal sealed record RowColumn(string Head, Func<LatencyRow, string> Cell, int Width = 0)
{
    // What kind of row it is: text, to the left.
    private const int Words = 2;

    /// <summary>All of them. Calls and bytes are those of one client in a second.</summary>
    public static IReadOnlyList<RowColumn> All { get; } =
    [
        new("arch", row => row.Arch, 10),
        new("transport", row => row.Transport, 9),
        new("clients", row => $"{row.Clients}", 7),
        new("samples", row => $"{row.Samples:#,0}"),
        new("missed", row => $"{row.Missed:#,0}", 6),
        new("min ms", row => Milliseconds(row.Latency?.Min)),
        new("5% ms", row => Milliseconds(row.Latency?.P5), 6),
        new("median ms", row => Milliseconds(row.Latency?.Median), 9),
        new("95% ms", row => Milliseconds(row.Latency?.P95), 6),
        new("99% ms", row => Milliseconds(row.Latency?.P99), 6),
        new("max ms", row => Milliseconds(row.Latency?.Max)),
        new("calls in", row => $"{row.Cost.CallsIn:0.0}"),
        new("calls out", row => $"{row.Cost.CallsOut:0.0}"),
        new("bytes in", row => $"{row.Cost.BytesIn:#,0}"),
        new("bytes out", row => $"{row.Cost.BytesOut:#,0}"),
        new("node cores", row => $"{row.NodeCores:0.000}"),
        new("other cores", row => $"{row.OtherCores:0.000}"),
    ];

    /// <summary>The heads as a line.</summary>
    public static string HeadLine => Join(column => column.Head);

    /// <summary>A row as a line.</summary>
    /// <param name="row">The row.</param>
    public static string Line(LatencyRow row) => Join(column => column.Cell(row));

    /// <summary>Three digits that count, down to hundredths.</summary>
    /// <param name="value">A time in milliseconds; null for none.</param>
    public static string Milliseconds(double? value) => value switch
    {
        null => "",
        >= 100 => $"{value:0}",
        >= 10 => $"{value:0.0}",
        _ => $"{value:0.00}",
    };

    private static string Join(Func<RowColumn, string> text) =>
        string.Join("  ", All.Where(column => column.Width > 0).Select((column, index) => index < Words ? text(column).PadRight(column.Width) : text(column).PadLeft(column.Width)));
}
