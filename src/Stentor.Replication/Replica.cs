using System.Diagnostics;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>
/// The deterministic state machine that applies a region's ledger: it checks conditions, numbers entries and folds state.
/// One owner, one thread. What it applied since the last <see cref="Commit"/> is its own; <see cref="Rollback"/> takes it back.
/// </summary>
public sealed partial class Replica
{
    // Received stamps beyond these leave no room to go on after them: a time near the end of the year 9999 (31 years are kept
    // free), or a Lamport clock that no number of entries reaches. They can only come from damage.
    private static readonly long TimeMax = EntryTime.Max - 1_000_000_000_000_000;
    private const long LamportMax = long.MaxValue / 2;

    private readonly IStates _states;
    private readonly ReplicaOptions _options;
    private readonly long _skewMicrosMax;
    private readonly long _aheadMicrosMax;

    // The batch's own publish ids, by author and id; those committed are in the states.
    private readonly Dictionary<(string Author, string Id), PublishedId> _ids = [];
    private readonly WaitingRoom _waiting;
    private OriginId _self;
    private OriginId _committedSelf;
    private Origins _origins;
    private long _lamport;
    private long _time;
    private ReplicaMark _committed;
    private ReplicaMark? _mark;

    /// <summary>A replica that goes on from a mark.</summary>
    /// <param name="self">The origin under which this region numbers its own entries.</param>
    /// <param name="start">Where it stands.</param>
    /// <param name="states">What is committed.</param>
    /// <param name="options">Limits and tolerances.</param>
    public Replica(OriginId self, ReplicaMark start, IStates states, ReplicaOptions options)
    {
        (_self, _committedSelf) = (self, self);
        _states = states;
        _options = options;
        _skewMicrosMax = options.SkewMax.Ticks / TimeSpan.TicksPerMicrosecond;
        _aheadMicrosMax = options.AheadMax.Ticks / TimeSpan.TicksPerMicrosecond;
        _waiting = new WaitingRoom(options.WaitingEntriesMax, options.WaitingBytesMax);
        _origins = new Origins(self, start);
        (_lamport, _time, _committed, _mark) = (start.Lamport, start.Time, start, start);
    }

    /// <summary>Where it stands, with what is not committed yet.</summary>
    public ReplicaMark Mark => _mark ??= _origins.Mark(_lamport, _time);

    /// <summary>How many received entries wait for what they depend on.</summary>
    public int WaitingCount => _waiting.Count;

    /// <summary>The bytes of the entries that wait.</summary>
    public long WaitingBytes => _waiting.Bytes;

    /// <summary>What waits for what, for people: a line for each origin, those that have waited longest first.</summary>
    /// <param name="linesMax">Most lines.</param>
    public WaitingLine[] WaitingLines(int linesMax) => _waiting.Lines(_origins, linesMax);

    /// <summary>Applies one command: entries, outcomes and changed states are added to <paramref name="outbox"/>, and its mark is moved.</summary>
    /// <param name="command">The command.</param>
    /// <param name="wallMicros">The wall clock, microseconds since 1970; may go backwards.</param>
    /// <param name="outbox">Collects the batch; the same one until <see cref="Commit"/> or <see cref="Rollback"/>.</param>
    public void Apply(Command command, long wallMicros, Outbox outbox)
    {
        outbox.MarkIsOf(this);
        if (_origins.AheadCount > 0)
        {
            Drive(_origins.TakeAhead(wallMicros + _skewMicrosMax));
        }

        switch (command)
        {
            case Command.Publish publish:
                OnPublish(publish, wallMicros, outbox);
                break;
            case Command.Receive receive:
                OnReceive(receive.Entry, receive.Link, wallMicros, outbox);
                break;
            case Command.Forget forget:
                OnForget(forget.Link, outbox);
                break;
            case Command.TakeIncarnation take:
                OnTakeIncarnation(take.Origin, outbox);
                break;
            case Command.Claim claim:
                OnClaim(claim, wallMicros, outbox);
                break;
            case Command.Consider consider:
                OnReserved(consider.Channel, wallMicros, outbox);
                break;
            default:
                throw new UnreachableException($"{command}");
        }
    }

    /// <summary>Applies an entry that is in the ledger already, as recovery does: changed states and ids are added to <paramref name="outbox"/>, no entry and no outcome.</summary>
    /// <param name="entry">The entry's bytes; not kept.</param>
    /// <param name="outbox">Collects the batch; the same one until <see cref="Commit"/>.</param>
    /// <exception cref="LedgerFaultException">The entry is damaged, out of order or of a forked origin.</exception>
    public void Replay(ReadOnlyMemory<byte> entry, Outbox outbox)
    {
        outbox.MarkIsOf(this);
        var bytes = entry.Span;
        if (!EntryHeader.TryRead(bytes, out var header) || !EntryBody.TryRead(bytes, header, out var body)
            || !EntryBody.TryReadAfter(body.After, out var after))
        {
            throw new LedgerFaultException($"An entry of {bytes.Length} bytes in the ledger is not in canonical form.");
        }

        var progress = _origins.Of(header.Origin);
        if (header.Seq != progress.Seq + 1)
        {
            throw new LedgerFaultException($"The ledger has entry {header.Seq} of {progress.Id} where {progress.Seq + 1} was due.");
        }

        if (!_origins.Cover(after))
        {
            throw new LedgerFaultException($"Entry {header.Seq} of {progress.Id} stands in the ledger before what it depends on: {_origins.Seen.MissingFrom(after)}.");
        }

        CheckLink(progress, header.Seq, header.Lamport, header.Time, header.Chain, bytes);
        if (body.Id.IsEmpty && !body.HasEffect)
        {
            var folded = new Folded(new Stamp(header.Time, progress.Id, header.Seq), header.Lamport, "", after, Effect: null, FirstCopy: null);
            var channel = Channel(header.Channel, outbox, out var state);
            outbox.Channels[channel] = Fold.Next(state, folded, 0, NoSum);
        }
        else
        {
            FoldForeign(Parse(entry), after, outbox, entry, out _);
        }

        _origins.Advance(progress, header.Chain, header.Lamport, header.Time);
        _lamport = Math.Max(_lamport, header.Lamport);
        _mark = null;

        if (ChannelName.IsReserved(header.Channel))
        {
            ForgetVoterSets();
        }

        // No wall clock says whether another region's time may drive ours; the next command brings one.
        if (progress == _origins.Self)
        {
            Drive(header.Time);
        }
        else if (header.Time > _time)
        {
            _origins.KeepAhead(progress);
        }
    }

    /// <summary>The batch is durable and the states were told: from here on it is the past.</summary>
    public void Commit()
    {
        (_committed, _committedSelf) = (Mark, _self);
        _ids.Clear();
        _undecided.Commit();
    }

    /// <summary>
    /// The batch could not be made durable: back to where the last commit left it. The outbox of the batch is of no more use; clear it. The waiting
    /// room is empty afterwards, since entries that left it for the batch are gone: what was received since the last commit must be asked for again.
    /// </summary>
    public void Rollback()
    {
        _waiting.Clear();
        _self = _committedSelf;
        _origins = new Origins(_self, _committed);
        (_lamport, _time, _mark) = (_committed.Lamport, _committed.Time, _committed);
        _ids.Clear();
        _undecided.Rollback();
        ForgetVoterSets();
    }

    private void OnTakeIncarnation(OriginId origin, Outbox outbox)
    {
        if (_origins.Of(origin).Seq > 0 || _waiting.LastOf(origin) > 0)
        {
            throw new LedgerFaultException($"The incarnation {origin} was used before.");
        }

        _self = origin;
        _origins.TakeSelf(origin);
        _mark = null;
        outbox.Self = origin;
    }

    private void Drive(long time)
    {
        if (time > _time)
        {
            _time = time;
            _mark = null;
        }
    }

    private ChannelState? State(string channel, Outbox outbox) =>
        outbox.Channels.TryGetValue(channel, out var state) ? state : _states.Find(channel);

    /// <summary>A channel's name and state, without making the name anew for each entry.</summary>
    private string Channel(ReadOnlySpan<byte> name, Outbox outbox, out ChannelState? state)
    {
        Span<char> chars = stackalloc char[ChannelName.LengthMax];
        var text = chars[..Encoding.ASCII.GetChars(name, chars)];
        if (outbox.Channels.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var channel, out state))
        {
            return channel;
        }

        channel = text.ToString();
        state = _states.Find(channel);
        return channel;
    }

    private PublishedId? FindId(string author, string id) =>
        _ids.TryGetValue((author, id), out var known) ? known : _states.FindId(author, id);

    private void Remember(PublishedId id, Outbox outbox)
    {
        _ids.Add((id.Author, id.Id), id);
        outbox.Ids.Add(id);
    }

    /// <summary>Tells a copy of an activity from another activity under the same publish id.</summary>
    private static ulong ContentOf(ReadOnlySpan<byte> entry)
    {
        if (!EntryHeader.TryRead(entry, out var header) || !EntryBody.TryRead(entry, header, out var body))
        {
            throw new UnreachableException("An entry that was just written or parsed is in canonical form.");
        }

        return Checksum.Xxh64(body.Content, Checksum.Xxh64(header.Channel, 0));
    }

    private static Entry Parse(ReadOnlyMemory<byte> entry)
    {
        try
        {
            return Entry.Parse(entry);
        }
        catch (ProtocolException e)
        {
            throw new LedgerFaultException(e.Message);
        }
    }

    private static CounterAmount NoSum(string field, Stamp? register) => throw new UnreachableException($"No effect, yet a sum of '{field}' after {register}.");
}

/// <summary>Limits and tolerances of a replica.</summary>
/// <param name="Limits">The limits of the contract.</param>
/// <param name="SkewMax">How far ahead of the wall clock a remote time may lie before it no longer drives the local clock. Default 5 minutes.</param>
public sealed record ReplicaOptions(Limits Limits, TimeSpan SkewMax)
{
    /// <summary>Most received entries that wait for what they depend on. Default 100,000.</summary>
    public int WaitingEntriesMax { get; init; } = 100_000;

    /// <summary>Most bytes of the entries that wait. Default 64 MiB.</summary>
    public long WaitingBytesMax { get; init; } = 64 * 1024 * 1024;

    /// <summary>How far ahead of the wall clock a remote time may lie at all: an entry beyond that is refused. Default 366 days.</summary>
    public TimeSpan AheadMax { get; init; } = TimeSpan.FromDays(366);

    /// <summary>For benchmarks and the control run of a demonstration only: received entries are applied without what they depend on. Such a ledger cannot be opened again.</summary>
    public bool IgnoreDependencies { get; init; }

    /// <summary>A mistake built in on purpose, so that the simulator's checkers can be tested; nobody else can.</summary>
    internal ReplicaFault Fault { get; init; }

    /// <summary>The defaults of the design.</summary>
    public static ReplicaOptions Default { get; } = new(Limits.Default, TimeSpan.FromMinutes(5));
}

/// <summary>Mistakes that a replica can be made to make, where no seam outside of it would do.</summary>
internal enum ReplicaFault
{
    /// <summary>None.</summary>
    None,

    /// <summary>The Lamport clock of a received entry is not taken over.</summary>
    LamportNotMerged,

    /// <summary>The time of a received entry does not drive the clock.</summary>
    TimeNotMerged,

    /// <summary>A received entry is folded as the newest, whatever its stamp says.</summary>
    FoldedInArrivalOrder,

    /// <summary>A copy of a known activity is folded as another one.</summary>
    CopyFoldedTwice,

    /// <summary>Whether an entry continues its origin's chain is not looked at.</summary>
    ChainNotChecked,
}

/// <summary>A ledger or an origin is not what it should be: damage, a gap, a fork, a number used twice.</summary>
/// <param name="detail">What was found and what was expected.</param>
public class LedgerFaultException(string detail) : Exception(detail);

/// <summary>This region's own ledger lacks what a state would have to be folded again from.</summary>
/// <param name="detail">Which positions.</param>
public sealed class HistoryFaultException(string detail) : LedgerFaultException(detail);
