using Stentor.Replication;

namespace Stentor.Node;

/// <summary>The waiting room as it was after the last commit. Immutable.</summary>
/// <param name="Entries">How many entries wait.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Lines">What waits for what: a line for each origin, those that have waited longest first; at most <see cref="LinesMax"/>.</param>
public sealed record WaitingView(int Entries, long Bytes, IReadOnlyList<WaitingLine> Lines)
{
    /// <summary>Most lines. 100: more than one looks through.</summary>
    public const int LinesMax = 100;

    /// <summary>Nothing waits.</summary>
    public static WaitingView Empty { get; } = new(0, 0, []);
}
