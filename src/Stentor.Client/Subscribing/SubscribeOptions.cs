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
    /// Null, the default, ends the subscription with <see cref="StentorException.Gap"/> instead: a hole is never silent.
    /// </summary>
    public Action<Gap>? OnGap { get; init; }
}

/// <summary>A hole in what a subscription can deliver.</summary>
/// <param name="Channels">The channels or patterns that it concerns.</param>
/// <param name="From">The seen token before the hole; empty when the server gave none.</param>
/// <param name="To">The seen token behind the hole; empty when the server gave none.</param>
/// <param name="Reason">Why, as the server says.</param>
public sealed record Gap(IReadOnlyList<string> Channels, string From, string To, string Reason);
