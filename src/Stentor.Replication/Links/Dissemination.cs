using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>
/// All links of a region: who is there, what they have, what they are sent. Any connected graph will do: what a region applied it passes on. Where links are
/// redundant, each origin's entries find a tree of their own (Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", 2007): the second copy of an entry
/// makes the receiver ask that neighbour to stop pushing this origin (prune), and a receiver that sees itself behind asks a neighbour to push it again (graft).
/// Messages, connections and times come in; messages and commands go out. One owner.
/// </summary>
public sealed partial class Dissemination
{
    private readonly IEntryLog _log;
    private readonly LinkOptions _options;
    private readonly SortedList<int, Link> _links = [];
    private readonly SortedList<OriginId, Inward> _origins = [];
    private readonly Dictionary<string, Inward> _byName = [];
    private readonly HashSet<OriginId> _behind = [];

    // Origins that are not taken from a certain process any more, since it brought entries of them that cannot be.
    private readonly HashSet<(string Instance, OriginId Origin)> _stopped = [];
    private readonly Copies _copies;
    private readonly HeardNotices _heardNotices;
    private readonly LedgerBatch _batch = new();
    private readonly ByteBuffer _message;
    private readonly RecentNames _names = new();
    private Inward _last;
    private LinkIdentity _self;
    private VersionVector _seen;
    private long _position;
    private string? _joining;
    private long _ownNotices;

    /// <summary>Links of a region that has none yet.</summary>
    /// <param name="self">Who this node is.</param>
    /// <param name="log">The region's durable entries.</param>
    /// <param name="seen">What the region has applied and made durable.</param>
    /// <param name="options">Sizes and times.</param>
    public Dissemination(LinkIdentity self, IEntryLog log, VersionVector seen, LinkOptions options)
    {
        (_self, _log, _seen, _options, _position) = (self, log, seen, options, log.Position);
        _copies = new Copies(options.CopiesMax);
        _heardNotices = new HeardNotices(options.NoticeInstancesMax, options.NoticeRememberMs);
        _message = new ByteBuffer(options.MessageBytes + 4096);
        _last = Of(self.Origin);
        foreach (var (origin, seq) in seen.Components)
        {
            Of(origin).Received = seq;
        }
    }

    /// <summary>
    /// Who this node is. Set it after a cluster was founded or joined and after a new incarnation: links that were opened under another origin are to be
    /// ended and opened again by the driver.
    /// </summary>
    public LinkIdentity Self
    {
        get => _self;
        set
        {
            _self = value;
            _joining = null;
        }
    }

    /// <summary>Whether some neighbour has told what it has since this process started: what this region knows of its own origin was compared with someone.</summary>
    public bool IsCompared { get; private set; }

    /// <summary>The cluster of the first neighbour, for a region that belongs to none yet.</summary>
    public string? JoiningCluster => _joining;

    /// <summary>The version vector that the first neighbour of this process had when its link opened: a new region has joined when it covers this. Null before.</summary>
    public VersionVector? FirstNeighbourSeen { get; private set; }

    /// <summary>How many links are open.</summary>
    public int OpenCount => _links.Values.Count(l => l.IsOpen);

    /// <summary>Whether an origin's entry is on disk in so many regions: how many are known, this one included where it has it.</summary>
    /// <param name="origin">The entry's origin.</param>
    /// <param name="seq">Its number.</param>
    public int CopiesOf(OriginId origin, long seq) => (_seen[origin] >= seq ? 1 : 0) + _copies.Count(origin, seq, _self.Origin);

    /// <summary>How the links are doing, by their numbers.</summary>
    /// <param name="now">Milliseconds.</param>
    public IReadOnlyList<LinkStatus> Status(long now) =>
    [
        .. _links.Values.Where(l => l.Phase != LinkPhase.Ended).Select(link => new LinkStatus(
            link.Number,
            link.IsOpen ? "open" : "connecting",
            link.Peer?.Region,
            link.Peer?.Origin,
            link.IsOpen ? LagOf(link) : 0,
            link.LaggingSince < 0 ? 0 : now - link.LaggingSince,
            link.Sent,
            link.SentEntries,
            link.Received,
            link.ReceivedEntries,
            link.RepeatedEntries,
            link.PrunedOrigins,
            Math.Max(0, link.Granted - link.Sent))),
    ];

    /// <summary>A batch is durable.</summary>
    /// <param name="seen">What the region has applied and made durable.</param>
    /// <param name="position">The last durable position: that of <paramref name="seen"/>.</param>
    /// <param name="received">What became of the entries received in it.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void OnCommitted(VersionVector seen, long position, IReadOnlyList<ReceiveReport> received, long now, LinkOutput output)
    {
        (_seen, _position) = (seen, position);
        Of(_self.Origin).Received = seen[_self.Origin];
        foreach (var report in received)
        {
            OnReport(report, now, output);
        }

        // What others told while it was only received here is told on now that it is applied; those that brought it hear at once.
        foreach (var link in _links.Values)
        {
            link.LaggingSince = !link.IsOpen || link.PeerSeen.Covers(seen) ? -1 : link.LaggingSince < 0 ? now : link.LaggingSince;
        }

        Flush(now, output);
    }

    /// <summary>The disk failed: what was received since the last commit is gone, and what waited too.</summary>
    /// <param name="now">Milliseconds.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void OnRolledBack(long now, LinkOutput output)
    {
        foreach (var origin in _origins.Values)
        {
            if (origin.Received > _seen[origin.Id])
            {
                Rewind(origin, _seen[origin.Id], now);
            }
        }

        foreach (var link in _links.Values)
        {
            link.Consumed = link.Received;
        }

        Flush(now, output);
    }

    /// <summary>Time has passed. About every 50 ms.</summary>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Tick(long now, LinkOutput output)
    {
        foreach (var link in _links.Values)
        {
            if (link.Phase == LinkPhase.Ended)
            {
                continue;
            }

            if (now - link.HeardAt >= _options.SilenceMs || (!link.IsOpen && now - link.OpenedAt >= _options.SilenceMs))
            {
                End(link, LinkEndType.Silent, $"Nothing was heard for {_options.SilenceMs / 1000.0:0.#} s.", isFault: false, output);
                continue;
            }

            if (link.IsOpen && (now - link.SpokeAt >= _options.HeartbeatMs || (now - link.SpokeAt >= _options.AnnounceMs && HasNews(link))))
            {
                link.OwesAnswer = true;
            }
        }

        Orphan(now);
        LookBehind(now, output);
        Flush(now, output);
    }

    private static void Send(Link link, byte[] message, int entries, long now, LinkOutput output)
    {
        link.SpokeAt = now;
        output.Sends.Add(new LinkSend(link.Number, message, entries));
    }

    private static void End(Link link, string type, string detail, bool isFault, LinkOutput output)
    {
        if (link.Phase == LinkPhase.Ended)
        {
            return;
        }

        output.Sends.Add(new LinkSend(link.Number, LinkCodec.Encode(new LinkMessage.Bye(type, detail)), 0));
        output.Ends.Add(new LinkEnd(link.Number, type, detail, isFault));
        link.Phase = LinkPhase.Ended;
    }

    private Inward Of(OriginId origin)
    {
        if (!_byName.TryGetValue(origin.Value, out var inward))
        {
            inward = new Inward(origin);
            _byName.Add(origin.Value, inward);
            _origins.Add(origin, inward);
        }

        return inward;
    }

    private long LagOf(Link link)
    {
        long lag = 0;
        foreach (var (origin, seq) in _seen.Components)
        {
            lag += Math.Max(0, seq - link.PeerSeen[origin]);
        }

        return lag;
    }
}
