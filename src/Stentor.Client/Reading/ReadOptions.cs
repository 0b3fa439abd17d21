namespace Stentor.Client;

/// <summary>What part of a channel's history to read.</summary>
public sealed record ReadOptions
{
    /// <summary>The token to read after; null, the default, for the start of what is held.</summary>
    public string? After { get; init; }

    /// <summary>Most activities in one answer; 1 to 1,000, default 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>How long the server waits for an activity when there is none; at most 60 s, default not at all.</summary>
    public TimeSpan Wait { get; init; }

    /// <summary>Whether to give the newest activities, oldest of them first, instead of the first ones after <see cref="After"/>.</summary>
    public bool Newest { get; init; }
}

/// <summary>One answer to a read.</summary>
/// <param name="Activities">The activities, in an order that all dependencies allow.</param>
/// <param name="Seen">The token to read on after.</param>
/// <param name="More">Whether there is more right now.</param>
/// <param name="Gaps">Holes in it: history that is no longer held. Empty as a rule.</param>
public sealed record ActivityPage(IReadOnlyList<ReceivedActivity> Activities, string Seen, bool More, IReadOnlyList<Gap> Gaps);
