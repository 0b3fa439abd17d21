using System.Globalization;
using Stentor.Cli.Clients;

namespace Stentor.Cli.Demos;

/// <summary>Tells what happens as it happens, each line with the seconds since the beginning. Any thread may call.</summary>
/// <param name="around">Where it is told.</param>
/// <param name="time">The clock.</param>
internal sealed class Narrator(Surroundings around, TimeProvider time)
{
    private const string Dim = "\e[2m";
    private const string Bold = "\e[1m";
    private const string Plain = "\e[0m";

    // Times up to 999 s and places up to so many letters stand in columns.
    private const int PlaceWidth = 9;

    private readonly Lock _lock = new();
    private readonly OutputLines _lines = new(around.Out);
    private readonly long _start = time.GetTimestamp();

    /// <summary>Time since the beginning.</summary>
    public TimeSpan Elapsed => time.GetElapsedTime(_start);

    /// <summary>A chapter begins.</summary>
    /// <param name="title">What it is about.</param>
    public void Chapter(string title) => Write("", Paint(Bold, title), "");

    /// <summary>Explains; without a time, since nothing happened.</summary>
    /// <param name="text">The text, with its line breaks.</param>
    public void Explain(string text) => Write([.. text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n')]);

    /// <summary>Something happened.</summary>
    /// <param name="place">Where; empty for nowhere in particular.</param>
    /// <param name="text">What.</param>
    public void Tell(string place, string text) => Write(Line(Elapsed, place, text));

    /// <summary>A line as it is told.</summary>
    /// <param name="elapsed">Since the beginning.</param>
    /// <param name="place">Where.</param>
    /// <param name="text">What.</param>
    public string Line(TimeSpan elapsed, string place, string text) =>
        $"{Paint(Dim, string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds,7:0.00} s"))}  {Paint(Bold, place.PadRight(PlaceWidth))} {text}";

    private string Paint(string code, string text) => around.OutIsTerminal ? $"{code}{text}{Plain}" : text;

    private void Write(params ReadOnlySpan<string> lines)
    {
        lock (_lock)
        {
            foreach (var line in lines)
            {
                _lines.Add(line);
            }

            _lines.Flush();
        }
    }
}
