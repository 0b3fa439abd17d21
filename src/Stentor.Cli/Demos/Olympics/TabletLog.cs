using System.Globalization;

namespace Stentor.Cli.Demos.Olympics;

/// <summary>The logs of one tablet, as they stand.</summary>
/// <param name="Port">The tablet's port, its name.</param>
/// <param name="IsPull">Whether it asks; else it is called.</param>
/// <param name="Tallies">The tallies that it showed, in order.</param>
/// <param name="Scores">The scores that it showed, in order.</param>
/// <param name="Latencies">The latencies that it wrote down, in seconds.</param>
internal sealed record TabletLog(string Port, bool IsPull, IReadOnlyList<string> Tallies, IReadOnlyList<string> Scores, IReadOnlyList<double> Latencies)
{
    /// <summary>Reads the logs of all tablets.</summary>
    /// <param name="directory">The directory of all logs.</param>
    public static IReadOnlyList<TabletLog> ReadAll(string directory)
    {
        var clients = Path.Combine(directory, "client_logs");
        return Directory.Exists(clients) ? [.. Directory.EnumerateFiles(clients).Order(StringComparer.Ordinal).Select(file => Read(directory, file))] : [];
    }

    /// <inheritdoc/>
    public override string ToString() => $"tablet {Port}";

    private static TabletLog Read(string directory, string file)
    {
        var lines = LinesOf(file).Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]).ToList(); // The time stands first.
        return new TabletLog(
            Path.GetFileNameWithoutExtension(file),
            lines.Exists(line => line.StartsWith("pull", StringComparison.Ordinal)),
            [.. Values(lines, "tally")],
            [.. Values(lines, "score")],
            [.. LinesOf(Path.Combine(directory, "latencies", Path.GetFileName(file))).Select(line => double.Parse(line, CultureInfo.InvariantCulture))]);
    }

    private static IEnumerable<string> Values(IEnumerable<string> lines, string kind) => lines
        .Where(line => line.StartsWith($"push {kind}: ", StringComparison.Ordinal) || line.StartsWith($"pull {kind} ", StringComparison.Ordinal))
        .Select(line => line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]);

    /// <summary>The whole lines; the last one may be half written.</summary>
    private static IEnumerable<string> LinesOf(string file)
    {
        if (!File.Exists(file))
        {
            return [];
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        var text = reader.ReadToEnd();
        return text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
