using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.ActivityStreamer;

/// <summary>As whom, where, and who is told what.</summary>
internal sealed record StreamerSessionOptions
{
    /// <summary>The servers, at least one, in the order in which they are tried.</summary>
    public required IReadOnlyList<StreamerServer> Servers { get; init; }

    /// <summary>Who it is.</summary>
    public string Username { get; init; } = Protocol.Username.Anonymous;

    /// <summary>The secret; null for <c>anonymous</c>.</summary>
    public string? Secret { get; init; }

    /// <summary>Whether the username is registered first, at the first server that answers.</summary>
    public bool Registers { get; init; }

    /// <summary>Longest line received, and what an activity may be.</summary>
    public Limits Limits { get; init; } = Limits.Default;

    /// <summary>Told each activity that is broadcast: a JSON object, checked, as the server sent it. Called by the session's task, one at a time; its memory may be kept.</summary>
    public required Action<ReadOnlyMemory<byte>> OnActivity { get; init; }

    /// <summary>Told what happens to the connection, in whole sentences for people, printable. Called by the session's task, one at a time.</summary>
    public required Action<string> OnStatus { get; init; }
}
