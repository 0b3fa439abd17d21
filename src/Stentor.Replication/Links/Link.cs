using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>How far a link is.</summary>
internal enum LinkPhase
{
    /// <summary>Waits for the other side's hello.</summary>
    Greeting,

    /// <summary>Waits for the other side's proof.</summary>
    Proving,

    /// <summary>Entries flow.</summary>
    Open,

    /// <summary>Over; what still comes is ignored.</summary>
    Ended,
}

/// <summary>What is known of one origin on the way out of a link.</summary>
internal sealed class Outward
{
    /// <summary>The last number that the other side has, or that was sent to it.</summary>
    public long Has { get; set; }

    /// <summary>Whether the other side does not want this origin's entries from here.</summary>
    public bool IsPruned { get; set; }

    /// <summary>Whether the next entry that the other side lacks cannot be read here.</summary>
    public bool IsStuck { get; set; }
}

/// <summary>One link, as this side knows it. One owner.</summary>
/// <param name="number">Its number, never used again.</param>
/// <param name="isDialer">Whether this side dialled.</param>
/// <param name="notices">How many notices it may bring.</param>
/// <param name="now">Milliseconds.</param>
internal sealed class Link(int number, bool isDialer, NoticeAllowance notices, long now)
{
    private readonly Dictionary<string, Outward> _outward = [];

    // Most entries are of the origin of the one before.
    private string? _lastOrigin;
    private Outward? _last;

    public int Number { get; } = number;

    public bool IsDialer { get; } = isDialer;

    public LinkPhase Phase { get; set; }

    /// <summary>This side's hello, as it was sent.</summary>
    public byte[] OwnHello { get; set; } = [];

    /// <summary>The other side's hello, as it came.</summary>
    public byte[] PeerHello { get; set; } = [];

    /// <summary>Who the other side is; null before it said so.</summary>
    public LinkMessage.Hello? Peer { get; set; }

    /// <summary>Who the other side is, once its hello came: always when the link is open.</summary>
    public LinkMessage.Hello Other => Peer ?? throw new System.Diagnostics.UnreachableException("Nobody has said hello yet.");

    public long OpenedAt { get; } = now;

    public long HeardAt { get; set; } = now;

    public long SpokeAt { get; set; } = now;

    /// <summary>When it last brought entries that were new.</summary>
    public long FreshAt { get; set; } = now;

    // ---- What goes out ----

    /// <summary>What the other side has on disk.</summary>
    public VersionVector PeerSeen { get; set; } = VersionVector.Empty;

    /// <summary>Everything up to this position that the other side wants was sent.</summary>
    public long Cursor { get; set; }

    /// <summary>Bytes of entries sent since the link opened.</summary>
    public long Sent { get; set; }

    /// <summary>Up to how many the other side allows.</summary>
    public long Granted { get; set; }

    public long SentEntries { get; set; }

    /// <summary>Since when the other side has lacked something; -1 when it lacks nothing.</summary>
    public long LaggingSince { get; set; } = -1;

    // ---- What the other side was told ----

    /// <summary>The version vector that it was told.</summary>
    public VersionVector Told { get; set; } = VersionVector.Empty;

    /// <summary>The credit that it was told.</summary>
    public long CreditTold { get; set; }

    /// <summary>The facts about copies that it was told.</summary>
    public Dictionary<(OriginId Origin, OriginId Holder), long> FactsTold { get; } = [];

    // ---- What comes in ----

    /// <summary>Bytes of entries received since the link opened.</summary>
    public long Received { get; set; }

    /// <summary>How many of them this region is done with.</summary>
    public long Consumed { get; set; }

    public long ReceivedEntries { get; set; }

    public long RepeatedEntries { get; set; }

    /// <summary>Origins that this side asked the other not to push.</summary>
    public HashSet<OriginId> Silenced { get; } = [];

    /// <summary>How many messages in a row brought entries of an origin that were here already.</summary>
    public Dictionary<OriginId, int> Repeats { get; } = [];

    /// <summary>Origins to ask not to push, at the next chance.</summary>
    public List<OriginId> ToPrune { get; } = [];

    /// <summary>Origins to ask to push (again), at the next chance.</summary>
    public List<OriginId> ToGraft { get; } = [];

    /// <summary>Origins whose copies should be told, at the next chance.</summary>
    public HashSet<OriginId> FactsToTell { get; } = [];

    /// <summary>How many notices it may bring.</summary>
    public NoticeAllowance Notices { get; } = notices;

    /// <summary>Whether it brought entries that are committed now: what the other side waits to hear.</summary>
    public bool OwesAnswer { get; set; }

    public bool IsOpen => Phase == LinkPhase.Open;

    /// <summary>How many origins the other side does not want from here.</summary>
    public int PrunedOrigins => _outward.Values.Count(o => o.IsPruned);

    /// <summary>What is known of an origin on the way out.</summary>
    /// <param name="origin">The origin.</param>
    public Outward Out(OriginId origin)
    {
        if (_last is not null && ReferenceEquals(_lastOrigin, origin.Value))
        {
            return _last;
        }

        if (!_outward.TryGetValue(origin.Value, out var outward))
        {
            _outward.Add(origin.Value, outward = new Outward { Has = PeerSeen[origin] });
        }

        (_lastOrigin, _last) = (origin.Value, outward);
        return outward;
    }

    /// <summary>Notes what the other side has on disk.</summary>
    /// <param name="changed">The components that changed.</param>
    public void OnPeerSeen(VersionVector changed)
    {
        PeerSeen = PeerSeen.Merge(changed);
        foreach (var (origin, seq) in changed.Components)
        {
            var outward = Out(origin);
            if (outward.Has < seq)
            {
                (outward.Has, outward.IsStuck) = (seq, false);
            }
        }
    }
}

/// <summary>What is known of one origin on the way in, over all links.</summary>
/// <param name="id">The origin.</param>
internal sealed class Inward(OriginId id)
{
    public OriginId Id { get; } = id;

    /// <summary>The last number that was received, from whichever link: applied, waiting, or on its way into the ledger.</summary>
    public long Received { get; set; }

    /// <summary>The link that brings it; 0 for none.</summary>
    public int Parent { get; set; }

    /// <summary>Since when some neighbour has had more, without progress; -1 when nobody has.</summary>
    public long BehindSince { get; set; } = -1;

    /// <summary>Whether entries after <see cref="Received"/> came and were dropped, so that nobody sends them again unasked.</summary>
    public bool IsLost { get; set; }

    /// <summary>How often it was asked for since the last progress.</summary>
    public int Attempts { get; set; }

    /// <summary>When some progress was last made, or this region was last level.</summary>
    public long ProgressAt { get; set; }
}
