namespace Stentor.Gateways;

/// <summary>Words that only our own nodes use among each other, in notices.</summary>
internal static class StreamerNotices
{
    /// <summary>A server is gone: the node itself, which stops, or one that was linked to it.</summary>
    public const string ServerGone = "SERVER_GONE";

    /// <summary>So many clients were sent to a server, and will be there in a moment.</summary>
    public const string ServerExpects = "SERVER_EXPECTS";
}

/// <summary>Why the overlay drops something, as the metric counts it.</summary>
internal enum StreamerDrop
{
    /// <summary>A LOCK_ALLOWED for what nobody registers.</summary>
    Unasked,

    /// <summary>A server announced itself under an id of ours: a loop, or a mistake.</summary>
    OwnId,

    /// <summary>One server is heard by two ways, again and again: a loop.</summary>
    Loop,

    /// <summary>An activity came back, or comes again and again.</summary>
    Echo,

    /// <summary>An activity that no entry may hold.</summary>
    Unfit,

    /// <summary>More servers than are remembered.</summary>
    TooManyServers,

    /// <summary>A server announces more than is passed on.</summary>
    TooManyAnnouncements,

    /// <summary>More usernames asked for than can be looked up.</summary>
    TooManyNames,

    /// <summary>A notice that no node of ours would send.</summary>
    Notice,
}

/// <summary>What became of asking all other servers for a username.</summary>
internal enum NameAnswer
{
    /// <summary>There is nobody to wait for.</summary>
    Unasked,

    /// <summary>All agree.</summary>
    Allowed,

    /// <summary>One knows the name with another secret.</summary>
    Denied,

    /// <summary>Someone else is registering the name here at this moment.</summary>
    Busy,

    /// <summary>Some did not answer in time.</summary>
    Silent,

    /// <summary>One went away before it answered.</summary>
    Gone,

    /// <summary>This server stops.</summary>
    Stopping,
}

/// <summary>The end of asking for a username.</summary>
/// <param name="Ticket">Who asked.</param>
/// <param name="Answer">The outcome.</param>
/// <param name="Servers">The ids of the servers that it is about; for people.</param>
internal readonly record struct NameDecision(long Ticket, NameAnswer Answer, string Servers);

/// <summary>Another server asks whether a username is free.</summary>
/// <param name="Username">The username.</param>
/// <param name="Secret">Its secret there.</param>
/// <param name="IsOurs">Whether the server is linked to this very node, which therefore records the name; the other nodes only look.</param>
internal readonly record struct LockQuestion(string Username, string Secret, bool IsOurs);

/// <summary>Where another server is.</summary>
/// <param name="Hostname">Its host.</param>
/// <param name="Port">The port there.</param>
internal readonly record struct StreamerAddress(string Hostname, int Port);

/// <summary>What a step of <see cref="Overlay"/> asks its driver to do. One owner; cleared by the driver.</summary>
internal sealed class OverlayOutput
{
    /// <summary>Lines to send, in their order for each peer.</summary>
    public List<(int Peer, byte[] Line)> Sends { get; } = [];

    /// <summary>Lines to tell all other nodes of the cluster.</summary>
    public List<byte[]> Notices { get; } = [];

    /// <summary>What the accounts are to be asked; <see cref="Overlay.Answer"/> takes the answer.</summary>
    public List<LockQuestion> Questions { get; } = [];

    /// <summary>Usernames with secrets that were denied: what was recorded for them is to be forgotten.</summary>
    public List<(string Username, string Secret)> Releases { get; } = [];

    /// <summary>Registrations that are decided.</summary>
    public List<NameDecision> Decisions { get; } = [];

    /// <summary>Peers that are to be told INVALID_MESSAGE with this reason, and closed.</summary>
    public List<(int Peer, string Reason)> Closings { get; } = [];

    /// <summary>What was dropped.</summary>
    public List<StreamerDrop> Drops { get; } = [];

    /// <summary>Whether there is nothing to do.</summary>
    public bool IsEmpty => Sends.Count + Notices.Count + Questions.Count + Releases.Count + Decisions.Count + Closings.Count + Drops.Count == 0;

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        Sends.Clear();
        Notices.Clear();
        Questions.Clear();
        Releases.Clear();
        Decisions.Clear();
        Closings.Clear();
        Drops.Clear();
    }
}
