using Microsoft.Extensions.Logging;

namespace Stentor.Gateways;

/// <summary>What sockets and streams tell the operator. Numbers 3100 to 3199.</summary>
internal static partial class SocketLog
{
    [LoggerMessage(3100, LogLevel.Error, "A connection from {Client} ended by a fault of the node.")]
    public static partial void ConnectionFailed(ILogger log, Exception fault, string client);

    [LoggerMessage(3101, LogLevel.Debug, "A connection from {Client} was closed: {Reason}")]
    public static partial void ClosedForCause(ILogger log, string client, string reason);

    [LoggerMessage(3102, LogLevel.Information, "Connection to {Client} lost: no sign of life in {Seconds} s.")]
    public static partial void Silent(ILogger log, string client, double seconds);
}
