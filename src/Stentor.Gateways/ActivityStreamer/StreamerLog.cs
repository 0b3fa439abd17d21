using Microsoft.Extensions.Logging;

namespace Stentor.Gateways;

/// <summary>What the Activity Streamer gateway tells the operator. Numbers 3200 to 3299.</summary>
internal static partial class StreamerLog
{
    [LoggerMessage(3200, LogLevel.Information, "Activity Streamer: server {Address} is linked ({Way}).")]
    public static partial void Linked(ILogger log, string address, string way);

    [LoggerMessage(3201, LogLevel.Information, "Activity Streamer: link with server {Address} ended after {Seconds:0.0} s: {Reason}")]
    public static partial void Ended(ILogger log, string address, double seconds, string reason);

    [LoggerMessage(3202, LogLevel.Warning, "Activity Streamer: server {Address} cannot be linked: {Reason} The next one is tried in {Seconds:0.0} s.")]
    public static partial void Unreachable(ILogger log, string address, string reason, double seconds);

    [LoggerMessage(3203, LogLevel.Debug, "Activity Streamer: a connection from {Client} was closed: {Reason}")]
    public static partial void ClosedForCause(ILogger log, string client, string reason);

    [LoggerMessage(3204, LogLevel.Warning, "Activity Streamer: {Reason} Dropped; told once a minute, counted in stentor_streamer_dropped_total.")]
    public static partial void Dropped(ILogger log, string reason);

    [LoggerMessage(3205, LogLevel.Error, "Activity Streamer: activities do not go to server {Address} any more: {Reason}")]
    public static partial void FeedFailed(ILogger log, string address, string reason);

    [LoggerMessage(3207, LogLevel.Error, "Activity Streamer: the gateway hit a fault, and goes on.")]
    public static partial void LookFailed(ILogger log, Exception fault);

    [LoggerMessage(3206, LogLevel.Error, "Activity Streamer: a username asked for by another server could not be looked up.")]
    public static partial void NameFailed(ILogger log, Exception fault);
}
