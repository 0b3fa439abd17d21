using System.Text;

namespace Stentor.Client;

/// <summary>Which servers a client talks to, as whom, and how patient it is. Its text form never shows the secret or the token.</summary>
public sealed record StentorClientOptions
{
    /// <summary>The servers, <c>http://HOST:PORT</c> or <c>https://…</c>, a path in front allowed. The first that works is used until it fails. At least one.</summary>
    public IReadOnlyList<Uri> Addresses { get; init; } = [new("http://127.0.0.1:5050")];

    /// <summary>Who asks; null for anonymous. Goes with <see cref="Secret"/>.</summary>
    public string? Username { get; init; }

    /// <summary>The secret of <see cref="Username"/>.</summary>
    public string? Secret { get; init; }

    /// <summary>A session token in place of username and secret; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>The name of the program, sent as <c>User-Agent</c>. Default <c>stentor-client</c>.</summary>
    public string ClientName { get; init; } = "stentor-client";

    /// <summary>Longest time for one attempt to connect, be greeted and log in. Default 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Wait before the second round over the addresses; it doubles every round, and a random part of up to half is taken off. Default 200 ms.</summary>
    public TimeSpan ReconnectDelayMin { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest wait between two rounds over the addresses. Default 10 s.</summary>
    public TimeSpan ReconnectDelayMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a subscription that has no connection tries to get one before it ends with <see cref="StentorException.Unreachable"/>. Default: for ever.</summary>
    public TimeSpan ReconnectDeadline { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Time for one request (not a publish), with all its attempts at all addresses; a wait that the request asks for comes on top. Default 30 s.</summary>
    public TimeSpan RequestDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time from a publish until its outcome, with all reconnects between. Default 60 s.</summary>
    public TimeSpan PublishDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Most publishes that may wait for their outcome; further ones wait for room. 1 to 8,192, default 1,000.</summary>
    public int PublishWindow { get; init; } = 1_000;

    /// <summary>Silence after which a server is asked whether it lives. Default 25 s.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Further silence after which it counts as dead, and another connection is made. Default 20 s.</summary>
    public TimeSpan HeartbeatGrace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Longest message or answer accepted from a server, in bytes; a longer one ends the connection. Default 256 MiB: a pull of 1,000 of the largest entries.</summary>
    public int MessageBytesMax { get; init; } = 256 * 1024 * 1024;

    /// <summary>Told about connections made and lost, from any thread; must not wait or throw. Null for nobody.</summary>
    public Action<ConnectionEvent>? OnConnection { get; init; }

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Refuses what cannot work.</summary>
    /// <exception cref="ArgumentException">An option is outside its range; the message names it.</exception>
    internal void Check()
    {
        Require(Addresses.Count > 0, nameof(Addresses), "needs at least one server");
        foreach (var address in Addresses)
        {
            Require(address.IsAbsoluteUri && address.Scheme is "http" or "https", nameof(Addresses), "takes http://HOST:PORT or https://HOST:PORT");

            // Not in the message: a password may stand there.
            Require(address.UserInfo.Length == 0 && address.Query.Length == 0, nameof(Addresses), "takes no credentials and no query; use Username and Secret");
        }

        Require(Username is null == Secret is null, nameof(Username), "and Secret go together");
        Require(Token is null || Username is null, nameof(Token), "is used in place of Username and Secret, not with them");
        Require(Username is null || Protocol.Username.IsValid(Username), nameof(Username), "must be 1 to 64 of A-Z a-z 0-9 _ - .");
        Require(ClientName.Length is > 0 and <= 64 && ClientName.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/'), nameof(ClientName), "must be 1 to 64 of A-Z a-z 0-9 - _ . /");
        Require(ConnectTimeout > TimeSpan.Zero, nameof(ConnectTimeout), "must be more than zero");
        Require(ReconnectDelayMin > TimeSpan.Zero && ReconnectDelayMax >= ReconnectDelayMin, nameof(ReconnectDelayMin), "must be more than zero and at most ReconnectDelayMax");
        Require(ReconnectDeadline > TimeSpan.Zero || ReconnectDeadline == Timeout.InfiniteTimeSpan, nameof(ReconnectDeadline), "must be more than zero, or infinite");
        Require(RequestDeadline > TimeSpan.Zero, nameof(RequestDeadline), "must be more than zero");
        Require(PublishDeadline > TimeSpan.Zero, nameof(PublishDeadline), "must be more than zero");
        Require(PublishWindow is > 0 and <= 8_192, nameof(PublishWindow), "must be 1 to 8,192");
        Require(Heartbeat > TimeSpan.Zero && HeartbeatGrace > TimeSpan.Zero, nameof(Heartbeat), "and HeartbeatGrace must be more than zero");
        Require(MessageBytesMax >= 1024 * 1024, nameof(MessageBytesMax), "must be at least 1 MiB");
    }

    private static void Require(bool holds, string option, string rule)
    {
        if (!holds)
        {
            throw new ArgumentException($"{option} {rule}.", option);
        }
    }

    // Records print every property; these two must not end up in a log.
    private bool PrintMembers(StringBuilder builder)
    {
        builder.Append($"Addresses = {string.Join(", ", Addresses)}, Username = {Username ?? Protocol.Username.Anonymous}, ClientName = {ClientName}");
        return true;
    }
}

/// <summary>A connection was made or lost.</summary>
/// <param name="Address">The server.</param>
/// <param name="Connected">True when it was made, false when it was lost or could not be made.</param>
/// <param name="Detail">The server's node and region, or what went wrong.</param>
/// <param name="RetryIn">When the next attempt is made, at the next address; zero for at once, null when none is made.</param>
public readonly record struct ConnectionEvent(Uri Address, bool Connected, string Detail, TimeSpan? RetryIn);
