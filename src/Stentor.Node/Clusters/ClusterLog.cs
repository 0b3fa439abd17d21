using Microsoft.Extensions.Logging;

namespace Stentor.Node;

/// <summary>What the operator is told about the cluster. Numbers 1200 to 1299.</summary>
internal static partial class ClusterLog
{
    [LoggerMessage(1200, LogLevel.Information, "This region founded cluster {Cluster}; its only voter is {Origin}.")]
    public static partial void Founded(ILogger log, string cluster, string origin);

    [LoggerMessage(1201, LogLevel.Information, "The voters are {Voters} (version {Version}).")]
    public static partial void VotersChanged(ILogger log, string voters, int version);

    [LoggerMessage(1202, LogLevel.Information, "This region proposed the voters {Voters} as version {Version}.")]
    public static partial void Proposed(ILogger log, string voters, int version);

    [LoggerMessage(1204, LogLevel.Warning, "The vote of region {Region} is still with {Lost}, which it was before. If that one is gone for good: `stentor voters replace {Lost} {Origin}`. Until then every name must be decided without it.")]
    public static partial void VoterLost(ILogger log, string region, string lost, string origin);

    [LoggerMessage(1203, LogLevel.Warning, "Looking after the cluster failed: {Reason} It is tried again every second.")]
    public static partial void LookFailed(ILogger log, string reason);
}
