using System.Globalization;
using System.Net;
using System.Text;

namespace Stentor.Cli.Lab.Output;

/// <summary>A picture of the report.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Png">The picture.</param>
internal sealed record Picture(string Title, byte[] Png);

/// <summary>The report as one page that needs nothing else: no other file, no network, no script.</summary>
internal sealed record LabReport
{
    /// <summary>The page's file.</summary>
    public const string File = "report.html";

    private const string Style = """
        :root { color-scheme: light; }
        body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
        img { max-width: 100%; height: auto; }
        figure { margin: 1.5rem 0; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
        th { vertical-align: bottom; background: #f4f4f4; }
        th:nth-child(-n+2), td:nth-child(-n+2), dl { text-align: left; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
        dt { color: #555; }
        dd { margin: 0; }
        .wrong { background: #fde0d5; }
        """;

    /// <summary>What was measured.</summary>
    public required IReadOnlyList<LatencyRow> Rows { get; init; }

    /// <summary>What else there is to know, by name: the command, parameters, machine, version, date.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Facts { get; init; }

    /// <summary>Sentences about what was asked for and left out.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>The pictures.</summary>
    public IReadOnlyList<Picture> Pictures { get; init; } = [];

    /// <summary>The page.</summary>
    public string ToHtml()
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Stentor: push and pull</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <h1>Push and pull: from a write to its display</h1>
            <p>One writer sets a score at a steady pace, and clients of the same node show it. A latency is the time from just before the write is sent to the
            first moment at which a client shows that write or a newer one: for clients that are pushed to, the delivery's; for those that pull, how stale they were.</p>
            <dl>

            """);
        foreach (var (name, value) in Facts)
        {
            html.Append(CultureInfo.InvariantCulture, $"<dt>{Text(name)}</dt><dd>{Text(value)}</dd>\n");
        }

        html.Append("</dl>\n");
        foreach (var sentence in LeftOut)
        {
            html.Append(CultureInfo.InvariantCulture, $"<p>{Text(sentence)}</p>\n");
        }

        foreach (var picture in Pictures)
        {
            html.Append(CultureInfo.InvariantCulture, $"<figure><img width=\"800\" height=\"600\" alt=\"{Text(picture.Title)}\" src=\"data:image/png;base64,{Convert.ToBase64String(picture.Png)}\"></figure>\n");
        }

        html.Append("""
            <h2>Figures</h2>
            <p>Calls and bytes are those of one client in a second, headers included: <em>calls in</em> are pushes (calls of the
            client's server, frames, events), <em>calls out</em> are requests. <em>Node cores</em> is the processor time that the node used for the writer and all
            clients, <em>other cores</em> that of processes which are not the lab's: where it is much, latencies are theirs. <em>Missed</em> are writes that a client showed neither themselves nor anything newer for.</p>
            <div class="wide"><table>

            """);
        html.Append("<thead><tr>").AppendJoin("", RowColumn.All.Select(column => $"<th>{Text(column.Head)}</th>")).Append("</tr></thead>\n<tbody>\n");
        foreach (var row in Rows)
        {
            html.Append(row.Missed > 0 ? "<tr class=\"wrong\">" : "<tr>").AppendJoin("", RowColumn.All.Select(column => $"<td>{Text(column.Cell(row))}</td>")).Append("</tr>\n");
        }

        return html.Append("</tbody>\n</table></div>\n</body>\n</html>\n").ToString();
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
