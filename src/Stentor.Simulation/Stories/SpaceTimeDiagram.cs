using System.Globalization;
using System.Security;
using System.Text;

namespace Stentor.Simulation;

/// <summary>
/// A story as a space-time diagram (Lamport, "Time, clocks, and the ordering of events in a distributed system", 1978), as SVG: a line a region, time
/// from left to right, arrows for messages, dots for what happened, bars for entries that wait for what they depend on. Hovering over a part tells it.
/// </summary>
public static class SpaceTimeDiagram
{
    private const int Left = 110;
    private const int Top = 50;
    private const int RowHeight = 110;

    // A hundredth of a second is a few pixels; a diagram wider than this is no longer looked at, so a long story is drawn closer.
    private const double PixelsPerMicro = 0.0004;
    private const double WidthMax = 60_000;

    /// <summary>Draws a story.</summary>
    /// <param name="story">The story.</param>
    public static string Of(Story story)
    {
        var end = story.Lines.Count == 0 ? 0 : story.Lines[^1].Micros;
        var scale = Math.Min(PixelsPerMicro, WidthMax / Math.Max(1, end));
        var width = (end * scale) + Left + 60;
        var height = Top + (RowHeight * story.Regions.Count);
        double X(long micros) => Left + (micros * scale);
        double Y(int region) => Top + (RowHeight * region) + (RowHeight / 2.0);

        var svg = new StringBuilder();
        void Line(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:0}\" height=\"{height}\" viewBox=\"0 0 {width:0} {height}\" font-family=\"sans-serif\" font-size=\"12\">");
        Line($"<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#47a\"/></marker></defs>");
        Line($"<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        for (var region = 0; region < story.Regions.Count; region++)
        {
            Line($"<text x=\"8\" y=\"{Y(region) + 4:0}\" font-weight=\"bold\">{SecurityElement.Escape(story.Regions[region])}</text>");
            Line($"<line x1=\"{Left}\" y1=\"{Y(region):0}\" x2=\"{width - 20:0}\" y2=\"{Y(region):0}\" stroke=\"#888\"/>");
        }

        var step = StepOf(end);
        for (var micros = 0L; micros <= end; micros += step)
        {
            Line($"<text x=\"{X(micros):0}\" y=\"20\" fill=\"#666\">{micros / 1_000_000.0:0.###} s</text>");
            Line($"<line x1=\"{X(micros):0}\" y1=\"26\" x2=\"{X(micros):0}\" y2=\"{height}\" stroke=\"#eee\"/>");
        }

        // What waits, stacked above the region's line, so that two that wait at once are two bars.
        var rows = new Dictionary<int, List<long>>();
        foreach (var wait in story.Waits)
        {
            var until = wait.UntilMicros < 0 ? end : wait.UntilMicros;
            if (!rows.TryGetValue(wait.Region, out var busy))
            {
                rows.Add(wait.Region, busy = []);
            }

            var row = busy.FindIndex(free => free <= wait.Micros);
            if (row < 0)
            {
                row = busy.Count;
                busy.Add(0);
            }

            busy[row] = until;
            Line($"<rect x=\"{X(wait.Micros):0.0}\" y=\"{Y(wait.Region) - 14 - (row % 5 * 7):0}\" width=\"{Math.Max(1, (until - wait.Micros) * scale):0.0}\" height=\"6\" fill=\"#e90\" fill-opacity=\"0.6\"><title>{SecurityElement.Escape($"{wait.Entry} waits for what it depends on, {(until - wait.Micros) / 1000.0:0.0} ms")}</title></rect>");
        }

        foreach (var arrow in story.Arrows)
        {
            var title = SecurityElement.Escape($"{story.Regions[arrow.From]} to {story.Regions[arrow.To]}: {arrow.Text}");
            if (arrow.ArrivedMicros >= 0)
            {
                Line($"<line x1=\"{X(arrow.Micros):0.0}\" y1=\"{Y(arrow.From):0}\" x2=\"{X(arrow.ArrivedMicros):0.0}\" y2=\"{Y(arrow.To):0}\" stroke=\"#47a\" stroke-opacity=\"0.5\" marker-end=\"url(#tip)\"><title>{title}</title></line>");
            }
            else
            {
                var half = (Y(arrow.From) + Y(arrow.To)) / 2;
                Line($"<line x1=\"{X(arrow.Micros):0.0}\" y1=\"{Y(arrow.From):0}\" x2=\"{X(arrow.Micros) + 8:0.0}\" y2=\"{half:0}\" stroke=\"#c33\" stroke-dasharray=\"3 3\"><title>{title} (never arrived)</title></line>");
            }
        }

        foreach (var line in story.Lines)
        {
            var title = SecurityElement.Escape($"{line.Micros / 1_000_000.0:0.000000} s: {line.Text}");
            if (line.Region < 0)
            {
                Line($"<circle cx=\"{X(line.Micros):0.0}\" cy=\"38\" r=\"2\" fill=\"#a3a\"><title>{title}</title></circle>");
                continue;
            }

            var color = line.Text.StartsWith("records", StringComparison.Ordinal) ? "#282"
                : line.Text.StartsWith("applies", StringComparison.Ordinal) ? "#9c9"
                : line.Text.StartsWith("loses", StringComparison.Ordinal) || line.Text.StartsWith("is ", StringComparison.Ordinal) ? "#c33"
                : "#666";
            Line($"<circle cx=\"{X(line.Micros):0.0}\" cy=\"{Y(line.Region):0}\" r=\"3\" fill=\"{color}\"><title>{title}</title></circle>");
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>A round time between two marks, so that there are about twenty.</summary>
    private static long StepOf(long end)
    {
        foreach (var step in (ReadOnlySpan<long>)[100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 30_000_000])
        {
            if (end / step <= 60)
            {
                return step;
            }
        }

        return Math.Max(60_000_000, end / 60);
    }
}
