using System.Buffers.Text;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Messages of the Activity Streamer protocol as lines: compact JSON, a line feed at the end, only what the document names. A strict writer.</summary>
public static class StreamerLines
{
    /// <summary>A server asks to be linked.</summary>
    /// <param name="secret">The secret of the server that is asked.</param>
    public static byte[] Authenticate(string secret) => Line(StreamerCommands.Authenticate, ("secret", secret));

    /// <summary>A client logs in.</summary>
    /// <param name="username">Its username, or <c>anonymous</c>.</param>
    /// <param name="secret">Its secret; null for <c>anonymous</c>.</param>
    public static byte[] Login(string username, string? secret) =>
        secret is null ? Line(StreamerCommands.Login, ("username", username)) : Line(StreamerCommands.Login, ("username", username), ("secret", secret));

    /// <summary>A client says goodbye.</summary>
    public static byte[] Logout() => Line(StreamerCommands.Logout);

    /// <summary>A message whose only other field is a reason for people.</summary>
    /// <param name="command">INVALID_MESSAGE, AUTHENTICATION_FAIL, LOGIN_SUCCESS, LOGIN_FAILED, REGISTER_SUCCESS or REGISTER_FAILED.</param>
    /// <param name="info">The reason.</param>
    public static byte[] Info(string command, string info) => Line(command, ("info", info));

    /// <summary>A message about a username: REGISTER or LOCK_REQUEST, and what answers the latter.</summary>
    /// <param name="command">The command.</param>
    /// <param name="username">The username.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="server">The id of the server that answers; empty to leave it out.</param>
    public static byte[] Name(string command, string username, string secret, string server = "") =>
        server.Length == 0 ? Line(command, ("username", username), ("secret", secret)) : Line(command, ("username", username), ("secret", secret), ("server", server));

    /// <summary>A client is sent elsewhere.</summary>
    /// <param name="hostname">Where.</param>
    /// <param name="port">The port there.</param>
    public static byte[] Redirect(string hostname, int port) => Finish(Number(Text(Begin(StreamerCommands.Redirect), "hostname", hostname), "port", port));

    /// <summary>A server says that it is there.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="load">Clients logged in there.</param>
    /// <param name="hostname">Where it is.</param>
    /// <param name="port">The port there.</param>
    public static byte[] Announce(string id, int load, string hostname, int port) =>
        Finish(Number(Text(Number(Text(Begin(StreamerCommands.ServerAnnounce), "id", id), "load", load), "hostname", hostname), "port", port));

    /// <summary>A client publishes.</summary>
    /// <param name="username">Who it is.</param>
    /// <param name="secret">Its secret; null for <c>anonymous</c>.</param>
    /// <param name="activity">The activity: one JSON object.</param>
    public static byte[] Activity(string username, string? secret, ReadOnlySpan<byte> activity)
    {
        var line = Text(Begin(StreamerCommands.ActivityMessage), "username", username);
        return Finish(Activity(secret is null ? line : Text(line, "secret", secret), activity));
    }

    /// <summary>An activity goes to another server, or to clients.</summary>
    /// <param name="activity">The activity: one JSON object, checked.</param>
    public static byte[] Broadcast(ReadOnlySpan<byte> activity) => Finish(Activity(Begin(StreamerCommands.ActivityBroadcast), activity));

    /// <summary>A line as one of our own nodes tells it to the others: with the number of the sender's peer that it came from.</summary>
    /// <param name="line">The line.</param>
    /// <param name="peer">The peer; 0 for the sender itself.</param>
    internal static byte[] WithPeer(ReadOnlySpan<byte> line, int peer) => With(line, "peer", peer);

    /// <summary>An announcement as one of our own nodes tells it to the others: with how many clients ever logged in, since load alone does not tell that one came while another went.</summary>
    /// <param name="line">The line.</param>
    /// <param name="logins">Clients since the node started.</param>
    internal static byte[] WithLogins(ReadOnlySpan<byte> line, int logins) => With(line, "logins", logins);

    /// <summary>One of our own nodes says that a server is gone.</summary>
    /// <param name="id">The server's id.</param>
    internal static byte[] Gone(string id) => Line(StreamerNotices.ServerGone, ("id", id));

    /// <summary>One of our own nodes says that it has sent clients to a server.</summary>
    /// <param name="id">The server's id.</param>
    /// <param name="load">How many.</param>
    internal static byte[] Expects(string id, int load) => Finish(Number(Text(Begin(StreamerNotices.ServerExpects), "id", id), "load", load));

    private static byte[] With(ReadOnlySpan<byte> line, string name, int value)
    {
        var buffer = new ByteBuffer(line.Length + 24);
        buffer.Write(line[..line.LastIndexOf((byte)'}')]);
        return Finish(Number(buffer, name, value));
    }

    private static byte[] Line(string command, params ReadOnlySpan<(string Name, string Value)> texts)
    {
        var line = Begin(command);
        foreach (var (name, value) in texts)
        {
            Text(line, name, value);
        }

        return Finish(line);
    }

    private static ByteBuffer Begin(string command)
    {
        var line = new ByteBuffer(256);
        line.Write("{\"command\":"u8);
        JsonText.Write(command, line);
        return line;
    }

    private static ByteBuffer Text(ByteBuffer line, string name, string value)
    {
        Key(line, name);
        JsonText.Write(value, line);
        return line;
    }

    private static ByteBuffer Number(ByteBuffer line, string name, int value)
    {
        Key(line, name);
        Utf8Formatter.TryFormat(value, line.GetSpan(11), out var length); // Eleven characters hold any of them.
        line.Advance(length);
        return line;
    }

    private static ByteBuffer Activity(ByteBuffer line, ReadOnlySpan<byte> activity)
    {
        Key(line, "activity");
        JsonRules.WriteCompact(activity, line);
        return line;
    }

    private static void Key(ByteBuffer line, string name)
    {
        line.Write(","u8);
        JsonText.Write(name, line);
        line.Write(":"u8);
    }

    private static byte[] Finish(ByteBuffer line)
    {
        line.Write("}\n"u8);
        return line.WrittenSpan.ToArray();
    }
}
