using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>A message to send.</summary>
/// <param name="Link">On which link.</param>
/// <param name="Message">The bytes; never changed.</param>
/// <param name="Entries">How many entries are in it.</param>
public readonly record struct LinkSend(int Link, byte[] Message, int Entries)
{
    /// <summary>Whether it is a notice, which is dropped where too many wait: no credit holds them back.</summary>
    public bool IsNotice { get; init; }
}

/// <summary>A notice that came.</summary>
/// <param name="Instance">The process that began it.</param>
/// <param name="Body">What it says; never changed.</param>
public readonly record struct LinkNotice(string Instance, ReadOnlyMemory<byte> Body);

/// <summary>A link that ends: its connection is to be closed once everything was sent.</summary>
/// <param name="Link">Which.</param>
/// <param name="Type">One of <see cref="LinkEndType"/>.</param>
/// <param name="Detail">Why, for people.</param>
/// <param name="IsFault">Whether the other side did something wrong, so that it should be dialled again only after a long while.</param>
public readonly record struct LinkEnd(int Link, string Type, string Detail, bool IsFault);

/// <summary>What happened on a link, for log and metrics.</summary>
public enum LinkEventKind
{
    /// <summary>Both sides know each other; entries flow.</summary>
    Opened,

    /// <summary>An origin's entries are asked for again, since they do not come.</summary>
    Grafted,

    /// <summary>Entries of an origin came twice; this link need not bring them any more.</summary>
    Pruned,

    /// <summary>What the other side lacks is no longer held here, or damaged.</summary>
    HistoryGone,

    /// <summary>An origin is no longer taken from the other side.</summary>
    OriginStopped,
}

/// <summary>What happened on a link.</summary>
/// <param name="Link">Which.</param>
/// <param name="Kind">What.</param>
/// <param name="Origin">The origin that it is about; of nobody when about none.</param>
/// <param name="Detail">For people.</param>
public readonly record struct LinkEvent(int Link, LinkEventKind Kind, OriginId Origin, string Detail);

/// <summary>What a step of <see cref="Dissemination"/> asks its driver to do. One owner; cleared by the driver.</summary>
public sealed class LinkOutput
{
    /// <summary>Messages, in their order on each link.</summary>
    public List<LinkSend> Sends { get; } = [];

    /// <summary>Links that end. Nothing more is sent on them.</summary>
    public List<LinkEnd> Ends { get; } = [];

    /// <summary>Commands for the region's ledger, in this order.</summary>
    public List<Command> Commands { get; } = [];

    /// <summary>What happened.</summary>
    public List<LinkEvent> Events { get; } = [];

    /// <summary>Notices that came, each once, those of a process in its order.</summary>
    public List<LinkNotice> Notices { get; } = [];

    /// <summary>How many notices were dropped since a neighbour brought too many, or of too many processes.</summary>
    public int NoticesDropped { get; internal set; }

    /// <summary>
    /// Whether another region knows more of this region's own origin than this region does. The driver then submits a
    /// <see cref="Command.TakeIncarnation"/>, and once that is durable sets <see cref="Dissemination.Self"/>.
    /// </summary>
    public bool IsOwnOriginBehind { get; internal set; }

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        Sends.Clear();
        Ends.Clear();
        Commands.Clear();
        Events.Clear();
        Notices.Clear();
        NoticesDropped = 0;
        IsOwnOriginBehind = false;
    }
}

/// <summary>How a link is doing.</summary>
/// <param name="Link">Its number.</param>
/// <param name="State">connecting or open.</param>
/// <param name="Region">The other side's region; null before it said so.</param>
/// <param name="Origin">Its origin; null before it said so.</param>
/// <param name="LagEntries">Entries that this region has on disk and the other side has not, as far as is known here.</param>
/// <param name="LagMs">For how long the other side has lacked something.</param>
/// <param name="SentBytes">Bytes of entries sent.</param>
/// <param name="SentEntries">Entries sent.</param>
/// <param name="ReceivedBytes">Bytes of entries received.</param>
/// <param name="ReceivedEntries">Entries received.</param>
/// <param name="RepeatedEntries">How many of them were here already.</param>
/// <param name="PrunedOrigins">Origins that this region does not push there, since another link brings them.</param>
/// <param name="CreditBytes">Bytes that may still be sent at once.</param>
public sealed record LinkStatus(
    int Link,
    string State,
    string? Region,
    OriginId? Origin,
    long LagEntries,
    long LagMs,
    long SentBytes,
    long SentEntries,
    long ReceivedBytes,
    long ReceivedEntries,
    long RepeatedEntries,
    int PrunedOrigins,
    long CreditBytes);
