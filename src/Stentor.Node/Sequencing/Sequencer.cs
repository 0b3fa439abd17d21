using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Node;

/// <summary>
/// The loop that drives the core, on a thread of its own: takes commands, applies them, makes them durable, tells their callers, hands the entries to
/// the hub. All that arrived during one commit is the next batch: the disk sets the pace, no timer does.
/// </summary>
internal sealed class Sequencer
{
    /// <summary>Time between two tries of a disk that failed. 1 s: soon enough for whoever waits, rare enough for a disk that takes long to fail.</summary>
    public static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);

    private readonly ILedgerEngine _engine;
    private readonly Store _store;
    private readonly Replica _replica;
    private readonly Hub _hub;
    private readonly Checkpointer _checkpointer;
    private readonly DiskProbe _probe;
    private readonly NodeOptions _options;
    private readonly TimeProvider _time;
    private readonly NodeMetrics _metrics;
    private readonly ILogger _log;

    private readonly Thread _thread;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Command> _batch = [];
    private readonly Outbox _outbox = new();
    private readonly HashSet<IPublisher> _told = new(ReferenceEqualityComparer.Instance);
    private readonly Room _room;
    private readonly Func<bool> _isIdle;
    private volatile string? _fault;
    private volatile bool _isCompleted;
    private volatile Command.TakeIncarnation? _incarnation;
    private volatile WaitingView _waiting = WaitingView.Empty;

    public Sequencer(
        ILedgerEngine engine,
        Store store,
        Replica replica,
        Hub hub,
        Checkpointer checkpointer,
        DiskProbe probe,
        NodeOptions options,
        TimeProvider time,
        NodeMetrics metrics,
        ILogger log)
    {
        (_engine, _store, _replica, _hub, _checkpointer, _probe) = (engine, store, replica, hub, checkpointer, probe);
        (_options, _time, _metrics, _log) = (options, time, metrics, log);
        _room = new Room(options.QueueMax);
        _isIdle = () => _room.Taken == 0;
        _thread = new Thread(Run) { Name = "stentor sequencer", IsBackground = true };
    }

    /// <summary>Why nothing can be recorded at the moment; null when all is well.</summary>
    public string? Fault => _fault;

    /// <summary>Commands that wait to be taken.</summary>
    public int Waiting => _room.Taken;

    /// <summary>What waits for what it depends on.</summary>
    public WaitingView WaitingRoom => _waiting;

    /// <summary>The region's links; null for none. Set before <see cref="Start"/>.</summary>
    public LinkLoop? Links { get; set; }

    /// <summary>Who is shown what is committed; null for nobody.</summary>
    public ICommitObserver? Observer { get; set; }

    /// <summary>Ends when the loop has ended; faulted when it could not go on.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Starts the loop.</summary>
    public void Start() => _thread.Start();

    /// <summary>Hands commands over, all or none.</summary>
    /// <param name="commands">The commands, in the order that is kept.</param>
    public bool TrySubmit(ReadOnlySpan<Command> commands)
    {
        _room.Take(commands.Length);
        if (!_isCompleted && _engine.TrySubmit(commands))
        {
            return true;
        }

        _room.Return(commands.Length);
        return false;
    }

    /// <summary>
    /// From now on the region numbers its entries under another origin: before anything that waits, and again with the next batch if the disk refuses it, so
    /// that nothing more is numbered under the old one.
    /// </summary>
    /// <param name="origin">An origin that nobody has used.</param>
    public void TakeIncarnation(OriginId origin)
    {
        var take = new Command.TakeIncarnation(origin);
        _incarnation = take;
        TrySubmit([take]); // Only wakes the loop: where the queue is full, a batch is on its way.
    }

    /// <inheritdoc cref="Room.WaitAsync"/>
    public ValueTask WaitForRoomAsync(CancellationToken cancellationToken) => _room.WaitAsync(cancellationToken);

    /// <summary>No more commands; the loop ends when what was accepted is done.</summary>
    public void Complete()
    {
        _isCompleted = true;
        _engine.Complete();
    }

    private void Run()
    {
        _hub.BindSequencer();
        try
        {
            while (TryTake())
            {
                Process();
                _batch.Clear();
                _outbox.Clear();

                // Idle: go straight through, a hand-over to another thread costs more than the work.
                // Under load: the worker delivers while the next batch is applied and synced.
                _hub.Deliver(_isIdle);
            }

            _room.Close();
            _completion.SetResult();
        }
        catch (Exception e)
        {
            // A fault of ours, or a ledger that contradicts itself: going on would make it worse.
            NodeLog.SequencerFailed(_log, e);
            _fault = $"The node hit a fault that it cannot go on from ({e.Message}). Look into its log, run `stentor doctor`, start it again.";
            _isCompleted = true;
            _engine.Complete();
            Refuse(_fault);
            while (_engine.Take(_batch, _options.BatchMax, CancellationToken.None))
            {
                Refuse(_fault);
            }

            _room.Close();
            _hub.Deliver(_isIdle);
            _completion.SetException(e);
        }
    }

    private bool TryTake()
    {
        while (true)
        {
            if (_fault is null)
            {
                return Took(_engine.Take(_batch, _options.BatchMax, CancellationToken.None));
            }

            using var probe = new CancellationTokenSource(ProbeInterval, _time);
            try
            {
                return Took(_engine.Take(_batch, _options.BatchMax, probe.Token));
            }
            catch (OperationCanceledException)
            {
                // Nobody published meanwhile and found out.
                if (_probe.Works())
                {
                    OnDiskSound();
                    if (_incarnation is not null)
                    {
                        return true; // With an empty batch.
                    }
                }
            }
        }
    }

    private bool Took(bool any)
    {
        _room.Return(_batch.Count);
        return any;
    }

    private void Process()
    {
        var start = Stopwatch.GetTimestamp();
        var seenBefore = _hub.Seen;
        var now = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var incarnation = _incarnation;
        if (incarnation is not null)
        {
            _replica.Apply(incarnation, now, _outbox);
        }

        foreach (var command in _batch)
        {
            if (command is not Command.TakeIncarnation)
            {
                _replica.Apply(command, now, _outbox);
            }
        }

        try
        {
            _engine.Commit(_outbox);
        }
        catch (DiskException e)
        {
            _replica.Rollback();
            Links?.OnRolledBack();
            OnDiskFault(e);
            Refuse(_fault!);
            return;
        }

        _replica.Commit();
        if (incarnation is not null)
        {
            _incarnation = null; // Taken.
        }

        OnDiskSound();
        _hub.Append(_outbox, _store.Position - _outbox.Entries.Count, seenBefore);
        Links?.OnCommitted(_hub.Seen, _store.Position, _outbox); // First: whoever is answered may open a link next.
        Observer?.OnCommitted(_outbox);
        Answer(CollectionsMarshal.AsSpan(_outbox.Outcomes));
        LookIntoWaitingRoom();
        _checkpointer.OnCommitted();
        _metrics.OnCommit(_outbox.Entries.Count, _outbox.Outcomes.Count, Stopwatch.GetElapsedTime(start));
    }

    private void LookIntoWaitingRoom()
    {
        if (_replica.WaitingCount > 0 || _waiting.Entries > 0)
        {
            _waiting = new WaitingView(_replica.WaitingCount, _replica.WaitingBytes, _replica.WaitingLines(WaitingView.LinesMax));
        }
    }

    private void Answer(ReadOnlySpan<Outcome> outcomes)
    {
        IPublisher? last = null;
        foreach (ref readonly var outcome in outcomes)
        {
            if (outcome.Command.Caller is not { } caller)
            {
                continue;
            }

            if (!ReferenceEquals(caller, last))
            {
                _told.Add(caller);
                last = caller;
            }

            caller.OnOutcome(outcome);
        }

        foreach (var caller in _told)
        {
            caller.OnCommitEnd();
        }

        _told.Clear();
    }

    private void Refuse(string detail)
    {
        var refusal = new Refusal(ErrorType.NotReady, detail);
        var refused = new List<Outcome>(_batch.Count);
        foreach (var command in _batch)
        {
            if ((command as Command.Publish ?? (command as Command.Claim)?.AsPublish(_store.Origin)) is { } publish)
            {
                refused.Add(Outcome.Refused(publish, refusal, _hub.Seen));
            }
        }

        _batch.Clear();
        Answer(CollectionsMarshal.AsSpan(refused));
        _metrics.OnRefused(refused.Count);
    }

    private void OnDiskFault(DiskException e)
    {
        if (_fault is null)
        {
            NodeLog.DiskFailed(_log, e.Message);
        }

        _fault = e.Fault == DiskFault.Full
            ? $"The disk is full: {e.Message} Nothing is lost that was acknowledged. Make room; the node tries again every second."
            : $"The disk does not work: {e.Message} Nothing is lost that was acknowledged. The node tries again every second.";
    }

    private void OnDiskSound()
    {
        if (_fault is not null)
        {
            _fault = null;
            NodeLog.DiskWorksAgain(_log);
        }
    }
}
