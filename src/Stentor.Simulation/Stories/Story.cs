using System.Globalization;
using System.Text;

namespace Stentor.Simulation;

/// <summary>What happened, for people. Kept only when someone will read it: a run without one is the same run.</summary>
public sealed class Story
{
    private readonly List<StoryLine> _lines = [];
    private readonly List<StoryArrow> _arrows = [];
    private readonly List<StoryWait> _waits = [];

    /// <summary>The regions' names, in the order of their numbers.</summary>
    public IReadOnlyList<string> Regions { get; internal set; } = [];

    /// <summary>What happened, in order.</summary>
    public IReadOnlyList<StoryLine> Lines => _lines;

    /// <summary>Messages between regions.</summary>
    public IReadOnlyList<StoryArrow> Arrows => _arrows;

    /// <summary>Entries that waited in a region for what they depend on.</summary>
    public IReadOnlyList<StoryWait> Waits => _waits;

    /// <summary>Tells it line by line, with the virtual time and the region.</summary>
    /// <param name="linesMax">Most lines: the last ones.</param>
    public string ToText(int linesMax = int.MaxValue)
    {
        var text = new StringBuilder();
        var width = Regions.Count == 0 ? 1 : Regions.Max(name => name.Length);
        foreach (var line in _lines.Skip(Math.Max(0, _lines.Count - linesMax)))
        {
            var region = line.Region < 0 ? "" : Regions[line.Region];
            text.Append(CultureInfo.InvariantCulture, $"{line.Micros / 1_000_000,5}.{line.Micros % 1_000_000:D6}  {region.PadRight(width)}  {line.Text}\n");
        }

        return text.ToString();
    }

    internal void Tell(long micros, int region, string text) => _lines.Add(new StoryLine(micros, region, text));

    internal int Draw(long micros, int from, int to, string text)
    {
        _arrows.Add(new StoryArrow(micros, from, to, text));
        return _arrows.Count - 1;
    }

    internal void Arrive(int arrow, long micros)
    {
        if (arrow >= 0)
        {
            _arrows[arrow] = _arrows[arrow] with { ArrivedMicros = micros };
        }
    }

    internal void Wait(long micros, int region, string entry) => _waits.Add(new StoryWait(micros, region, entry));

    internal void WaitEnds(long micros, int region, string entry)
    {
        var index = _waits.FindIndex(wait => wait.Region == region && wait.Entry == entry && wait.UntilMicros < 0);
        if (index >= 0)
        {
            _waits[index] = _waits[index] with { UntilMicros = micros };
        }
    }
}

/// <summary>Something that happened.</summary>
/// <param name="Micros">When, in virtual time.</param>
/// <param name="Region">Where; negative for what concerns all, or clients.</param>
/// <param name="Text">What.</param>
public sealed record StoryLine(long Micros, int Region, string Text);

/// <summary>A message from one region to another.</summary>
/// <param name="Micros">When it was sent.</param>
/// <param name="From">The sender.</param>
/// <param name="To">The receiver.</param>
/// <param name="Text">What it says, in short.</param>
/// <param name="ArrivedMicros">When it arrived; negative when it never did.</param>
public sealed record StoryArrow(long Micros, int From, int To, string Text, long ArrivedMicros = -1);

/// <summary>An entry that waits for what it depends on.</summary>
/// <param name="Micros">Since when.</param>
/// <param name="Region">Where.</param>
/// <param name="Entry">Which: origin and number.</param>
/// <param name="UntilMicros">Until when; negative when it still waits.</param>
public sealed record StoryWait(long Micros, int Region, string Entry, long UntilMicros = -1);
