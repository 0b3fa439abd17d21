using System.Text;

namespace Stentor.Cli.Olympics.Replay;

/// <summary>A row of a table.</summary>
/// <param name="Line">The line of the file that it begins on, from 1.</param>
/// <param name="Cells">Its cells.</param>
internal readonly record struct CsvRow(int Line, IReadOnlyList<string> Cells);

/// <summary>Reads tables of values parted by commas (RFC 4180): a quoted value may hold commas, line breaks, and quotes doubled.</summary>
internal static class CsvReader
{
    // A cell that is longer is no value of anybody's but a quote that was never closed.
    private const int CellLengthMax = 64 * 1024;

    /// <summary>The rows, those without anything in them left out.</summary>
    /// <param name="text">The table.</param>
    /// <exception cref="FormatException">A quote is not closed, or stands where none can; the message names the line.</exception>
    public static IEnumerable<CsvRow> Read(TextReader text)
    {
        var (line, first) = (1, 1);
        var cells = new List<string>();
        var cell = new StringBuilder();
        var (isQuoted, wasQuoted) = (false, false);
        int next;
        while ((next = text.Read()) >= 0)
        {
            var letter = (char)next;
            line += letter == '\n' ? 1 : 0;
            if (cell.Length == CellLengthMax)
            {
                throw new FormatException($"Line {first}: a value is longer than {CellLengthMax} characters; is a quote not closed?");
            }

            if (isQuoted)
            {
                isQuoted = letter != '"';
                cell.Append(isQuoted ? [letter] : []);
                continue;
            }

            switch (letter)
            {
                case '"' when wasQuoted:
                    cell.Append('"'); // Doubled: it goes on.
                    isQuoted = true;
                    break;
                case '"' when cell.Length == 0:
                    (isQuoted, wasQuoted) = (true, true);
                    break;
                case '"':
                    throw new FormatException($"Line {line}: a quote stands in a value that does not begin with one.");
                case ',':
                    cells.Add(cell.ToString());
                    cell.Clear();
                    wasQuoted = false;
                    break;
                case '\r' when text.Peek() == '\n':
                    break;
                case '\n':
                    if (cells.Count > 0 || cell.Length > 0)
                    {
                        cells.Add(cell.ToString());
                        yield return new CsvRow(first, cells);
                    }

                    cells = [];
                    cell.Clear();
                    (first, wasQuoted) = (line, false);
                    break;
                default:
                    cell.Append(wasQuoted ? throw new FormatException($"Line {line}: '{letter}' stands behind a quote that closes a value.") : letter);
                    break;
            }
        }

        if (isQuoted)
        {
            throw new FormatException($"Line {first}: a quote is not closed.");
        }

        if (cells.Count > 0 || cell.Length > 0)
        {
            cells.Add(cell.ToString());
            yield return new CsvRow(first, cells);
        }
    }
}
