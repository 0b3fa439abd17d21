using Microsoft.Extensions.Logging;

namespace Stentor.Node;

/// <summary>What the loop and the hub tell the operator. Numbers 1000 to 1099.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(1000, LogLevel.Information, "Node {Name} of region {Region} goes on after position {Position} as origin {Origin}.")]
    public static partial void Started(ILogger log, string name, string region, long position, string origin);

    [LoggerMessage(1001, LogLevel.Information, "Node stopped at position {Position}; all that was accepted is durable and check-pointed.")]
    public static partial void Stopped(ILogger log, long position);

    [LoggerMessage(1002, LogLevel.Error, "Publishes are refused, the disk failed: {Reason} The node tries again every second.")]
    public static partial void DiskFailed(ILogger log, string reason);

    [LoggerMessage(1003, LogLevel.Information, "The disk works again; publishes are taken.")]
    public static partial void DiskWorksAgain(ILogger log);

    [LoggerMessage(1004, LogLevel.Critical, "The sequencer hit a fault that it cannot go on from; the node takes no more publishes. Run `stentor doctor`, then start it again.")]
    public static partial void SequencerFailed(ILogger log, Exception fault);

    [LoggerMessage(1005, LogLevel.Error, "A check-point failed: {Reason} It is tried again; until it works, a restart folds the ledger for longer.")]
    public static partial void CheckpointFailed(ILogger log, string reason);

    [LoggerMessage(1006, LogLevel.Warning, "This data directory is a copy (of a backup, or made by hand): the region was {Before}, and from now on numbers its entries as {Origin}, so that no number is used twice. If it was a voter: `stentor voters replace {Before} {Origin}`.")]
    public static partial void GoesOnUnderNewOrigin(ILogger log, string before, string origin);

    [LoggerMessage(1007, LogLevel.Error, "A reader was dropped, its connection failed in a way that was not foreseen.")]
    public static partial void ReaderFailed(ILogger log, Exception fault);

    [LoggerMessage(1008, LogLevel.Error, "Reading the ledger for a reader failed: {Reason} Its connection is closed; it can resume from what it has seen.")]
    public static partial void CatchUpFailed(ILogger log, string reason);
}
