using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Node;

/// <summary>
/// Drives <see cref="Dissemination"/> on a thread of its own: connections and messages come in from sockets, what is durable from the sequencer; messages go
/// out to sockets, entries to the sequencer. Any thread may call.
/// </summary>
public sealed class LinkLoop : IDisposable
{
    /// <summary>Where the cluster's id is kept.</summary>
    internal const string ClusterChannel = "_cluster";

    private const int TickMs = 50;

    // What is submitted at once; the queue takes all of it or nothing.
    private const int SubmitMax = 4_096;

    // What waits for longer than this is told: links with usual delays are done with it sooner.
    private const double WaitingTellSeconds = 5;
    private const long WaitingTellAgainMicros = 60_000_000;

    // How long the loop waits before it offers commands again that the queue had no room for.
    private const int RetryMs = 2;

    // Bytes of notices of this node that the loop has not come to yet: 4 MiB at most. What is beyond is dropped, as it is where a neighbour does not read.
    private const int NoticeBytesWaitingMax = 4 * 1024 * 1024;

    // What a notice that waits costs besides its body.
    private const int NoticeBytesMin = 256;

    private readonly StentorNode _node;
    private readonly Sequencer _sequencer;
    private readonly LinkOptions _options;
    private readonly LinkMetrics _metrics;
    private readonly ILogger _log;
    private readonly long _started;
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private readonly Doorbell _bell = new();
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Under the gate: what comes in.
    private List<Action<long>> _inputs = [];
    private List<ReceiveReport> _reports = [];
    private VersionVector? _committedSeen;
    private long _committedPosition;
    private OriginId? _newSelf;
    private bool _isRolledBack;
    private bool _isStopping;

    // Of any thread.
    private int _noticeBytesWaiting;
    private bool _isListenedTo;

    // The loop's own.
    private readonly Dissemination _links;
    private readonly LinkOutput _output = new();
    private readonly Dictionary<int, ILinkConnection> _connections = [];

    // Links on which notices go out: what the listener hears of.
    private readonly HashSet<int> _open = [];

    // Links that ended for a reason, and whose connections are not gone yet.
    private readonly HashSet<int> _ended = [];
    private readonly List<CopyWait> _waits = [];
    private readonly Dictionary<OriginId, long> _toldWaiting = [];
    private List<Action<long>> _takenInputs = [];
    private List<ReceiveReport> _takenReports = [];
    private Command[] _commands = [];
    private int _commandsFirst;
    private long _nextTick;
    private bool _isTakingIncarnation;
    private bool _hasOpenChanged;
    private Listener? _listener;
    private int _numbers;
    private volatile IReadOnlyList<LinkReport> _reportsForPeople = [];
    private bool _hasCluster;

    internal LinkLoop(StentorNode node, LinkIdentity self, LinkOptions options, Sequencer sequencer, LinkMetrics metrics, ILogger log)
    {
        (_node, _options, _sequencer, _metrics, _log) = (node, options, sequencer, metrics, log);
        _hasCluster = self.Cluster is not null;
        Instance = self.Instance;
        _started = node.Time.GetTimestamp();
        _links = new Dissemination(self, node.Store, node.Store.Mark.Seen, options);
        _thread = new Thread(Run) { Name = "stentor links", IsBackground = true };
    }

    /// <summary>How the links are, at most a moment ago.</summary>
    public IReadOnlyList<LinkReport> Reports => _reportsForPeople;

    /// <summary>Whether what this node knows of its own origin was compared with a neighbour since it started.</summary>
    public bool IsCompared { get; private set; }

    /// <summary>The version vector of the first neighbour when its link opened; null before.</summary>
    public VersionVector? FirstNeighbourSeen { get; private set; }

    /// <summary>This process, as others know it by its notices: the node's name, new at each start.</summary>
    public string Instance { get; }

    /// <summary>Sizes and times.</summary>
    internal LinkOptions Options => _options;

    /// <summary>Serves a connection that another region dialled, until it ends.</summary>
    /// <param name="socket">The connection, accepted; disposed at the end.</param>
    /// <param name="address">Where the other side is.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task ServeAsync(WebSocket socket, string address, CancellationToken stopping)
    {
        var start = _node.Time.GetTimestamp();
        var link = new WebSocketLink(socket, this, address, target: null, _node.Time);
        await link.RunAsync(isDialer: false, stopping);
        var end = link.EndedBy;
        LinkLog.TakenEnded(_log, address, _node.Time.GetElapsedTime(start).TotalSeconds, end?.Type ?? LinkEndType.Lost, end?.Detail ?? "The connection is gone.");
    }

    /// <summary>Takes a connection.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="isDialer">Whether this side dialled.</param>
    /// <returns>The link's number.</returns>
    public int Open(ILinkConnection connection, bool isDialer)
    {
        var link = Interlocked.Increment(ref _numbers);
        Post(now =>
        {
            _connections.Add(link, connection);
            _links.Open(link, isDialer, RandomNumberGenerator.GetBytes(32), now, _output);
        });
        return link;
    }

    /// <summary>Takes a message.</summary>
    /// <param name="link">The link's number.</param>
    /// <param name="message">Its bytes, given away.</param>
    public void Receive(int link, byte[] message) => Post(now => _links.Receive(link, message, now, _output));

    /// <summary>What came is no message of a link: too long, or of another kind.</summary>
    /// <param name="link">The link's number.</param>
    /// <param name="detail">What was wrong.</param>
    public void Refuse(int link, string detail) => Post(now => _links.Refuse(link, detail, now, _output));

    /// <summary>A connection is gone.</summary>
    /// <param name="link">The link's number.</param>
    /// <returns>Ends when the links know: it was told why it ended, if they had a reason, and they do not call it any more.</returns>
    public Task CloseAsync(int link)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(now =>
        {
            Carry(); // What came before the end may have been a reason for it.
            if (_connections.Remove(link) && !_ended.Remove(link))
            {
                _metrics.OnEnded(LinkEndType.Lost);
            }

            _hasOpenChanged |= _open.Remove(link);
            _links.Close(link, now, _output);
            done.SetResult();
        });
        return Task.WhenAny(done.Task, _over.Task);
    }

    /// <summary>Waits until an entry is on disk in so many regions.</summary>
    /// <param name="origin">The entry's origin.</param>
    /// <param name="seq">Its number.</param>
    /// <param name="copies">How many regions, this one included.</param>
    /// <param name="wait">Longest wait.</param>
    /// <returns>How many regions are known to have it; fewer than asked for when the time is over.</returns>
    public async Task<int> WaitForCopiesAsync(OriginId origin, long seq, int copies, TimeSpan wait)
    {
        var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(now => _waits.Add(new CopyWait(origin, seq, copies, now + (long)wait.TotalMilliseconds, done)));
        await Task.WhenAny(done.Task, _over.Task);
        return done.Task.IsCompleted ? await done.Task : 1; // Where there are no links any more, this region is all that is known.
    }

    /// <summary>
    /// Tells every other process of the cluster that can be reached. It is not recorded, not acknowledged, and lost where a link is lost, or too slow: whoever wants to be
    /// heard says it again from time to time. Does not wait.
    /// </summary>
    /// <param name="body">What to say, at most <see cref="Dissemination.NoticeBodyBytesMax"/>; given away, as it is read later.</param>
    /// <exception cref="ArgumentException">It is longer than that.</exception>
    public void SendNotice(ReadOnlyMemory<byte> body)
    {
        // Here and not on the links' thread: it is the caller's mistake, and not to end the links.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(body.Length, Dissemination.NoticeBodyBytesMax, nameof(body));
        var bytes = body.Length + NoticeBytesMin;
        if (Interlocked.Add(ref _noticeBytesWaiting, bytes) > NoticeBytesWaitingMax)
        {
            Interlocked.Add(ref _noticeBytesWaiting, -bytes);
            _metrics.OnNoticesDropped(1);
            return;
        }

        Post(_ =>
        {
            Interlocked.Add(ref _noticeBytesWaiting, -bytes);
            _links.SendNotice(body, _output);
        });
    }

    /// <summary>
    /// Listens to what other processes of the cluster tell, from now on. Once. Both are called on the links' thread: they must not wait and must not throw; they may call
    /// <see cref="SendNotice"/>.
    /// </summary>
    /// <param name="onNotice">A process, by its <see cref="Instance"/>, told this: never this process, each notice once, those of a process in its order. The body may be kept.</param>
    /// <param name="onLinksChanged">A link has opened or ended; also called at the beginning, where links are open already. Whoever has something to tell tells it again now.</param>
    /// <exception cref="InvalidOperationException">There is a listener.</exception>
    public void Listen(Action<string, ReadOnlyMemory<byte>> onNotice, Action onLinksChanged)
    {
        if (Interlocked.Exchange(ref _isListenedTo, true))
        {
            throw new InvalidOperationException("Somebody listens to the notices already.");
        }

        Post(_ =>
        {
            _listener = new Listener(onNotice, onLinksChanged);
            _hasOpenChanged = _open.Count > 0;
        });
    }

    /// <summary>Waits until all that came so far was seen to: whoever brings more than that waits here, and is read no further.</summary>
    /// <returns>Ends then, or when there are no links any more.</returns>
    public Task CatchUpAsync()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ => done.SetResult());
        return Task.WhenAny(done.Task, _over.Task);
    }

    /// <summary>The cluster's id, as the state of <see cref="ClusterChannel"/> has it; null when there is none.</summary>
    /// <param name="state">The state; null when nothing was published there.</param>
    internal static string? ClusterOf(ChannelState? state) => state is null ? null : JsonValue.ToText(state.Field("id"));

    /// <summary>Starts the loop.</summary>
    internal void Start() => _thread.Start();

    /// <summary>A batch is durable. On the sequencer's thread; does not wait.</summary>
    /// <param name="seen">What the region has applied.</param>
    /// <param name="position">The last durable position.</param>
    /// <param name="outbox">The batch.</param>
    internal void OnCommitted(VersionVector seen, long position, Outbox outbox)
    {
        if (!_hasCluster && outbox.Channels.TryGetValue(ClusterChannel, out var state) && ClusterOf(state) is { } cluster)
        {
            _hasCluster = true;
            Post(_ => _links.Self = _links.Self with { Cluster = cluster });
        }

        lock (_gate)
        {
            (_committedSeen, _committedPosition) = (seen, position);
            _newSelf = outbox.Self ?? _newSelf;
            _reports.AddRange(outbox.Received);
        }

        _bell.Ring();
    }

    /// <summary>The disk failed, and what was received since the last commit is gone. On the sequencer's thread.</summary>
    internal void OnRolledBack()
    {
        lock (_gate)
        {
            _isRolledBack = true;
        }

        _bell.Ring();
    }

    /// <summary>Says goodbye on every link and ends the loop.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isStopping = true;
        }

        _bell.Ring();

        if (_thread.IsAlive)
        {
            _thread.Join();
        }
    }

    private long Now => (long)_node.Time.GetElapsedTime(_started).TotalMilliseconds;

    private void Post(Action<long> input)
    {
        lock (_gate)
        {
            if (_over.Task.IsCompleted)
            {
                return; // Nobody takes it.
            }

            _inputs.Add(input);
        }

        _bell.Ring();
    }

    private void Run()
    {
        try
        {
            while (TryStep())
            {
                // All is in the step.
            }
        }
        catch (Exception e)
        {
            // A fault of ours. The region goes on by itself; its links are gone until the node is started again.
            LinkLog.LoopFailed(_log, e);
            _output.Clear(); // What failed must not fail the goodbyes.
            _listener = null;
        }

        foreach (var link in _connections.Keys)
        {
            _links.Leave(link, LinkEndType.Stopping, "The node stops.", _output);
        }

        Carry();

        foreach (var wait in _waits)
        {
            wait.Done.TrySetResult(_links.CopiesOf(wait.Origin, wait.Seq));
        }

        _over.SetResult();
    }

    private bool TryStep()
    {
        VersionVector? seen;
        long position;
        OriginId? self;
        bool isRolledBack;
        AwaitInput();
        lock (_gate)
        {
            if (_isStopping)
            {
                return false;
            }

            (seen, position, self, isRolledBack) = (_committedSeen, _committedPosition, _newSelf, _isRolledBack);
            (_committedSeen, _newSelf, _isRolledBack) = (null, null, false);
            (_inputs, _takenInputs) = (_takenInputs, _inputs);
            (_reports, _takenReports) = (_takenReports, _reports);
        }

        var now = Now;
        if (isRolledBack)
        {
            _links.OnRolledBack(now, _output);
        }

        if (seen is not null)
        {
            _links.OnCommitted(seen, position, _takenReports, now, _output);
            _takenReports.Clear();
        }

        if (self is not null)
        {
            Renew(self.Value);
        }

        foreach (var input in _takenInputs)
        {
            input(now);
        }

        _takenInputs.Clear();
        var isTick = now >= _nextTick;
        if (isTick)
        {
            _nextTick = now + TickMs;
            _links.Tick(now, _output);
        }

        Carry();
        if (isTick)
        {
            Report(now); // After what was found out was acted on: it may open the node.
        }

        CheckWaits(now);
        return true;
    }

    /// <summary>Sleeps until something came in, time is up for a tick, or the queue may have room again.</summary>
    private void AwaitInput()
    {
        for (long rest; (rest = _nextTick - Now) > 0;)
        {
            lock (_gate)
            {
                if (_isStopping || _inputs.Count > 0 || _committedSeen is not null || _isRolledBack)
                {
                    return;
                }

                _bell.Expect();
            }

            var isRefused = _commandsFirst < _commands.Length;
            _bell.Wait((int)(isRefused ? Math.Min(rest, RetryMs) : rest));
            if (isRefused)
            {
                return;
            }
        }
    }

    /// <summary>The region numbers its entries under another origin: every link is opened again under that name.</summary>
    private void Renew(OriginId self)
    {
        _isTakingIncarnation = false;
        _links.Self = _links.Self with { Origin = self };
        foreach (var link in _connections.Keys)
        {
            _links.Leave(link, LinkEndType.Renewed, $"This region goes on as {self}.", _output);
        }
    }

    private void Carry()
    {
        // Before all else: whoever waits for the comparison must not number anything under the old origin.
        if (_output.IsOwnOriginBehind && !_isTakingIncarnation)
        {
            _isTakingIncarnation = true;
            var next = StoreOptions.OriginOf(_node.Options.Region, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
            LinkLog.OwnOriginBehind(_log, _links.Self.Origin.Value, next.Value);
            _sequencer.TakeIncarnation(next);
        }

        var noticesDropped = _output.NoticesDropped;
        foreach (var send in _output.Sends)
        {
            if (!_connections.TryGetValue(send.Link, out var connection))
            {
                continue;
            }

            if (!send.IsNotice)
            {
                connection.Send(send.Message);
            }
            else if (!connection.TrySendNotice(send.Message))
            {
                noticesDropped++;
            }
        }

        if (noticesDropped > 0)
        {
            _metrics.OnNoticesDropped(noticesDropped);
        }

        foreach (var happened in _output.Events)
        {
            Tell(happened);
        }

        foreach (var end in _output.Ends)
        {
            _metrics.OnEnded(end.Type);
            _hasOpenChanged |= _open.Remove(end.Link);
            if (_connections.TryGetValue(end.Link, out var connection))
            {
                _ended.Add(end.Link);
                connection.End(end);
            }
        }

        TellListener();
        if (_output.Commands.Count > 0)
        {
            _commands = [.. _commands.AsSpan(_commandsFirst), .. _output.Commands];
            _commandsFirst = 0;
        }

        _output.Clear();
        while (_commandsFirst < _commands.Length)
        {
            var count = Math.Min(SubmitMax, _commands.Length - _commandsFirst);
            if (!_sequencer.TrySubmit(_commands.AsSpan(_commandsFirst, count)))
            {
                break;
            }

            _commandsFirst += count;
        }

        if (_commandsFirst == _commands.Length)
        {
            (_commands, _commandsFirst) = ([], 0);
        }
    }

    private void TellListener()
    {
        foreach (var notice in _output.Notices)
        {
            _listener?.OnNotice(notice.Instance, notice.Body);
        }

        if (_hasOpenChanged)
        {
            _hasOpenChanged = false;
            _listener?.OnLinksChanged();
        }
    }

    private void Tell(in LinkEvent happened)
    {
        var address = _connections.GetValueOrDefault(happened.Link)?.Address ?? "";
        switch (happened.Kind)
        {
            case LinkEventKind.Opened:
                _hasOpenChanged |= _open.Add(happened.Link);
                LinkLog.Opened(_log, happened.Detail, address);
                break;
            case LinkEventKind.HistoryGone:
            case LinkEventKind.OriginStopped:
                LinkLog.OriginStopped(_log, happened.Detail);
                break;
            default:
                LinkLog.Rearranged(_log, happened.Detail, address);
                break;
        }
    }

    private void Report(long now)
    {
        IsCompared = _links.IsCompared;
        FirstNeighbourSeen = _links.FirstNeighbourSeen;
        var reports = new List<LinkReport>();
        foreach (var status in _links.Status(now))
        {
            reports.Add(new LinkReport(_connections.GetValueOrDefault(status.Link)?.Address ?? "", status));
        }

        _reportsForPeople = reports;
        TellWaiting();
    }

    /// <summary>Tells what has waited for long, each origin once a while.</summary>
    private void TellWaiting()
    {
        var micros = (_node.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        foreach (var line in _node.WaitingRoom.Lines)
        {
            var seconds = (micros - line.Since) / 1e6;
            if (seconds >= WaitingTellSeconds && (!_toldWaiting.TryGetValue(line.Origin, out var told) || micros - told >= WaitingTellAgainMicros))
            {
                _toldWaiting[line.Origin] = micros;
                LinkLog.Waiting(_log, line.Seq, line.Origin.Value, line.Behind, seconds, line.Missing.ToString());
            }
        }

        if (_node.WaitingRoom.Entries == 0)
        {
            _toldWaiting.Clear();
        }
    }

    private void CheckWaits(long now)
    {
        for (var i = _waits.Count - 1; i >= 0; i--)
        {
            var wait = _waits[i];
            var copies = _links.CopiesOf(wait.Origin, wait.Seq);
            if (copies >= wait.Copies || now >= wait.Until)
            {
                wait.Done.TrySetResult(copies);
                _waits.RemoveAt(i);
            }
        }
    }

    private sealed record Listener(Action<string, ReadOnlyMemory<byte>> OnNotice, Action OnLinksChanged);

    private sealed record CopyWait(OriginId Origin, long Seq, int Copies, long Until, TaskCompletionSource<int> Done);
}

/// <summary>How a link is.</summary>
/// <param name="Address">Where the other side is.</param>
/// <param name="Status">What is known of it.</param>
public sealed record LinkReport(string Address, LinkStatus Status);
