namespace Stentor.Cli.Demos;

/// <summary>What a demonstration promises, held against what happened.</summary>
/// <param name="narrator">Tells each result.</param>
internal sealed class Checks(Narrator narrator)
{
    private readonly List<string> _different = [];
    private int _count;

    /// <summary>How many were made.</summary>
    public int Count => _count;

    /// <summary>Those that did not hold, each with what was there instead.</summary>
    public IReadOnlyList<string> Different => _different;

    /// <summary>Checks one thing.</summary>
    /// <param name="holds">Whether it is so.</param>
    /// <param name="what">What should be so.</param>
    /// <param name="instead">What is there, for the case that it is not so.</param>
    public void That(bool holds, string what, string instead)
    {
        _count++;
        if (holds)
        {
            narrator.Explain($"   ok       {what}");
            return;
        }

        _different.Add($"{what}: {instead}");
        narrator.Explain($"   DIFFERS  {what}: {instead}");
    }

    /// <summary>Checks that something is what it should be.</summary>
    /// <param name="expected">What it should be.</param>
    /// <param name="actual">What it is.</param>
    /// <param name="what">What is compared.</param>
    public void Same(string expected, string actual, string what) => That(expected == actual, $"{what}: {expected}", $"it is {(actual.Length == 0 ? "nothing" : actual)}");
}
