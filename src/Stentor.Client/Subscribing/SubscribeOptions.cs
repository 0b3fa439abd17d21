namespace Stentor.Client;

/// <summary>Where a subscription starts, and whom it tells what.</summary>
public sealed record SubscribeOptions
{
    /// <summary>An <see cref="After"/> that means: what is published from now on.</summary>
    public const string Now = "now";

    /// <summary>An <see cref="After"/> that means: everything that is held, from the first entry on.</summary>
    public const string Start = "start";

    /// <summary>What to start after: a seen token, <see cref="Now"/> (the default) or <see cref="Start"/>.</summary>
    public string After { get; init; } = Now;

    /// <summary>
    /// Told, in order with the activities, when history that the subscription needed is no longer held; the subscription then goes on behind the hole.
    /// Null, the default, ends the subscription with <see cref="StentorException.Gap"/> instead: a hole is never silent. (What is missing before the first entry
    /// that is held is no hole for a subscription from <see cref="Start"/>.)
    /// </summary>
    public Action<Gap>? OnGap { get; init; }
}
