using Microsoft.Extensions.Logging;

namespace Stentor.Node;

/// <summary>What links tell the operator. Numbers 1100 to 1199.</summary>
internal static partial class LinkLog
{
    [LoggerMessage(1100, LogLevel.Information, "{What} Over {Address}.")]
    public static partial void Opened(ILogger log, string what, string address);

    [LoggerMessage(1101, LogLevel.Warning, "Link to {Address} ended after {Seconds:0.#} s ({Type}): {Reason} Next try in {Next:0.#} s.")]
    public static partial void Ended(ILogger log, string address, double seconds, string type, string reason, double next);

    [LoggerMessage(1102, LogLevel.Warning, "Link from {Address} ended after {Seconds:0.#} s ({Type}): {Reason}")]
    public static partial void TakenEnded(ILogger log, string address, double seconds, string type, string reason);

    [LoggerMessage(1103, LogLevel.Error, "Another region has entries of {Old} that this region, whose origin that was, does not have: its data directory is an old copy, or lost its end. From now on this region numbers its entries as {New}, and takes what it lacks from the others.")]
    public static partial void OwnOriginBehind(ILogger log, string old, string @new);

    [LoggerMessage(1104, LogLevel.Error, "{What}")]
    public static partial void OriginStopped(ILogger log, string what);

    [LoggerMessage(1105, LogLevel.Debug, "{What} Link {Address}.")]
    public static partial void Rearranged(ILogger log, string what, string address);

    [LoggerMessage(1106, LogLevel.Critical, "The links hit a fault that they cannot go on from; nothing is replicated until the node is started again.")]
    public static partial void LoopFailed(ILogger log, Exception fault);

    [LoggerMessage(1107, LogLevel.Warning, "Entry {Seq} of {Origin}, and {Behind} behind it, have waited {Seconds:0} s for {Missing}.")]
    public static partial void Waiting(ILogger log, long seq, string origin, long behind, double seconds, string missing);

    [LoggerMessage(1108, LogLevel.Warning, "{Address} cannot be reached: {Reason} Next try in {Next:0.#} s.")]
    public static partial void Unreachable(ILogger log, string address, string reason, double next);
}
