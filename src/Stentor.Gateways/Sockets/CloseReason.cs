using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>Why a connection is closed: on WebSocket a close code (3000 to 3499: come again; 3500 to 3999: do not), on TCP the type of the last error frame.</summary>
/// <param name="Code">The code.</param>
internal sealed record CloseReason(int Code)
{
    /// <summary>The other side is done.</summary>
    public static CloseReason Normal { get; } = new(1000) { IsOurs = false };

    /// <summary>RFC 6455 was broken.</summary>
    public static CloseReason ProtocolError { get; } = new(1002);

    /// <summary>A binary message.</summary>
    public static CloseReason NotText { get; } = new(1003);

    /// <summary>The node is stopping.</summary>
    public static CloseReason ShuttingDown { get; } = new(3001);

    /// <summary>Who this is was not proved, or not any more.</summary>
    public static CloseReason Unauthenticated { get; } = new(3500);

    /// <summary>A frame cannot be understood.</summary>
    public static CloseReason Malformed { get; } = new(3501);

    /// <summary>Over a limit.</summary>
    public static CloseReason OverLimit { get; } = new(3504);

    /// <summary>Whether this side closes first, and so reads on until the other side has seen it.</summary>
    public bool IsOurs { get; init; } = true;

    /// <summary>What the client is told; null when there is nothing to tell.</summary>
    public Refusal? Refusal { get; init; }

    /// <summary>The <c>ref</c> of the frame that it answers; empty when it answers none.</summary>
    public ReadOnlyMemory<byte> Ref { get; init; }

    /// <summary>When to come again; zero to say nothing about it.</summary>
    public TimeSpan RetryAfter { get; init; }
}
