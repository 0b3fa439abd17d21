using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Node;

/// <summary>One server process without its listeners: the loop that drives the core, the hub, accounts and inboxes. Any thread may call.</summary>
public sealed class StentorNode : IAsyncDisposable
{
    private readonly ILedgerEngine _engine;
    private readonly Sequencer _sequencer;
    private readonly Checkpointer _checkpointer;
    private readonly NodeMetrics _metrics;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _dialing = new();
    private IReadOnlyList<Task> _dialers = [];
    private volatile bool _isStopping;
    private volatile bool _isOpen;
    private int _isDisposed;

    private StentorNode(IDisk disk, Store store, ILedgerEngine engine, NodeOptions options, TimeProvider time, ILoggerFactory logs)
    {
        (Store, _engine, Options, Time) = (store, engine, options, time);
        _log = logs.CreateLogger<StentorNode>();
        Name = $"{options.Region}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))}";
        _metrics = new NodeMetrics(this);
        var mark = store.Mark;
        Hub = new Hub(store, mark.Seen, options, time, _log);
        _checkpointer = new Checkpointer(store, options.CheckpointInterval, time, _metrics, _log);
        var replica = new Replica(store.Origin, mark, store, new ReplicaOptions(options.Limits, options.SkewMax) { IgnoreDependencies = options.Link.IgnoreDependencies });
        _sequencer = new Sequencer(engine, store, replica, Hub, _checkpointer, new DiskProbe(disk), options, time, _metrics, _log);
        _metrics.Observe(Hub, () => _sequencer.Waiting);
        if (options.ClusterSecret is not null)
        {
            var metrics = _metrics.ForLinks(() => Links?.Reports ?? [], () => WaitingRoom, () => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
            var identity = new LinkIdentity(options.Region, store.Origin, Name, LinkLoop.ClusterOf(store.Find(LinkLoop.ClusterChannel)), options.ClusterSecret);
            Links = new LinkLoop(this, identity, options.Link, _sequencer, metrics, _log);
            _sequencer.Links = Links;
        }

        Accounts = new Accounts(this);
        Grants = new Grants(this, logs);
        Inboxes = new Inboxes(this);
        Cluster = new Cluster(this, _log);
    }

    /// <summary>Opens the store and starts the loop.</summary>
    /// <param name="disk">Where the ledger is.</param>
    /// <param name="storeOptions">The store's sizes and names.</param>
    /// <param name="options">How the node behaves.</param>
    /// <param name="time">Clock and timers.</param>
    /// <param name="logs">Where log messages go.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    /// <exception cref="LedgerFaultException">What lies on the disk cannot be used.</exception>
    public static StentorNode Start(IDisk disk, StoreOptions storeOptions, NodeOptions options, TimeProvider time, ILoggerFactory logs)
    {
        var store = Store.Open(disk, storeOptions);
        var node = new StentorNode(disk, store, new EmbeddedEngine(store, options.QueueMax), options, time, logs);
        NodeLog.Started(node._log, node.Name, options.Region, store.Position, store.Origin.Value);
        if (store.OriginBefore is { } before)
        {
            NodeLog.GoesOnUnderNewOrigin(node._log, before.Value, store.Origin.Value);
        }

        node._sequencer.Start();
        node.StartLinks();
        if (options.KeepsCluster)
        {
            node.Keeper = new ClusterKeeper(node, node._log);
        }

        return node;
    }

    /// <summary>The node's name: its region, a dash and a random part, new at every start.</summary>
    public string Name { get; }

    /// <summary>How it behaves.</summary>
    public NodeOptions Options { get; }

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; }

    /// <summary>What it knows; read-only for everyone but the loop.</summary>
    public Store Store { get; }

    /// <summary>Delivery.</summary>
    public Hub Hub { get; }

    /// <summary>Who someone is.</summary>
    public Accounts Accounts { get; }

    /// <summary>Who may do what.</summary>
    public Grants Grants { get; }

    /// <summary>Durable subscriptions.</summary>
    public Inboxes Inboxes { get; }

    /// <summary>Links to other regions; null for a region without a cluster's secret.</summary>
    public LinkLoop? Links { get; }

    /// <summary>What waits for what it depends on.</summary>
    public WaitingView WaitingRoom => _sequencer.WaitingRoom;

    /// <summary>The cluster that the region is one of.</summary>
    public Cluster Cluster { get; }

    /// <summary>Who looks after the cluster; null for a region that is alone.</summary>
    internal ClusterKeeper? Keeper { get; private set; }

    /// <summary>Null when the node can take publishes; otherwise why not and what to do (stopping, disk full or failing, check-points failing).</summary>
    public string? NotReady => _isStopping
        ? "The node is stopping. Reconnect; another node, or this one after its restart, takes over."
        : _sequencer.Fault ?? _checkpointer.Fault ?? NotOpen;

    /// <summary>Null when the region takes part in its cluster (or has none); otherwise why not yet, or no longer.</summary>
    private string? NotOpen
    {
        get
        {
            if (_isOpen || !Options.KeepsCluster)
            {
                return null;
            }

            if (Keeper is null or { MayBeAnOldCopy: true })
            {
                return $"The node asks a neighbour first what it knows of this region, so that no number is used twice; at most {Options.CompareWait.TotalSeconds:0} s after its start.";
            }

            if (Cluster.Sets is null)
            {
                return Options.JoinsCluster
                    ? "This region is in no cluster yet, and none of its links leads to one. Check --link, and that the regions there have the same --cluster-secret-file."
                    : "This region is founding its cluster.";
            }

            switch (Cluster.FindRegion(Store.Origin))
            {
                case null:
                    return "This region is joining its cluster: it takes what the others have.";
                case { HasLeft: true }:
                    return "This region has left its cluster. To join again, start it with an empty data directory.";
                default:
                    _isOpen = true;
                    return null;
            }
        }
    }

    /// <summary>Whether it takes no more publishes because it is about to end.</summary>
    public bool IsStopping => _isStopping;

    /// <summary>What the region has applied and made durable.</summary>
    public VersionVector Seen => Hub.Seen;

    /// <summary>Ends when the loop has ended; faulted when it hit a fault that it cannot go on from: end the process then.</summary>
    public Task Completion => _sequencer.Completion;

    /// <summary>Shows everything that is committed from now on to somebody. To be called before the node takes publishes; there is one at most.</summary>
    /// <param name="observer">Who looks.</param>
    public void Observe(ICommitObserver observer) => _sequencer.Observer = observer;

    /// <summary>Hands publishes over, all or none, order kept; their callers are told after the commit.</summary>
    /// <param name="publishes">The publishes; authorised already.</param>
    /// <returns>False when the queue is full or the node is stopping: nothing was taken. Try again when <see cref="WaitForRoomAsync"/> returns.</returns>
    public bool TryPublish(ReadOnlySpan<Command> publishes) => !_isStopping && NotOpen is null && _sequencer.TrySubmit(publishes);

    /// <summary>Hands over what the region says about itself, whether it takes part in its cluster already or not.</summary>
    internal bool TrySubmit(ReadOnlySpan<Command> commands) => !_isStopping && _sequencer.TrySubmit(commands);

    /// <summary>This region has left: it takes no more publishes.</summary>
    internal void OnLeft() => _isOpen = false;

    /// <summary>Waits until the queue has room again; returns at once when the node is stopping.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask WaitForRoomAsync(CancellationToken cancellationToken) => _isStopping ? default : _sequencer.WaitForRoomAsync(cancellationToken);

    /// <summary>Publishes and waits for the outcome. A full queue is a refusal of type <see cref="ErrorType.NotReady"/>.</summary>
    /// <param name="channel">A valid channel.</param>
    /// <param name="author">Who publishes; authorised already.</param>
    /// <param name="body">What is published.</param>
    /// <param name="cancellationToken">Ends the wait; what was submitted goes on.</param>
    public ValueTask<Outcome> PublishAsync(string channel, string author, PublishBody body, CancellationToken cancellationToken)
    {
        var caller = new SingleCaller();
        var publish = new Command.Publish(channel, author, body, caller);
        return SubmitAsync(publish, publish, caller, isOfCluster: false, cancellationToken);
    }

    /// <summary>Publishes what the region says about itself, as <see cref="PublishAsync"/>, whether it takes part in its cluster already or not.</summary>
    internal ValueTask<Outcome> PublishForClusterAsync(string channel, PublishBody body, CancellationToken cancellationToken)
    {
        var caller = new SingleCaller();
        var publish = new Command.Publish(channel, Accounts.Operator, body, caller);
        return SubmitAsync(publish, publish, caller, isOfCluster: true, cancellationToken);
    }

    /// <summary>Claims a name for this region, and waits until the claim is durable. A full queue is a refusal of type <see cref="ErrorType.NotReady"/>.</summary>
    /// <param name="channel">A claim channel.</param>
    /// <param name="author">Who claims.</param>
    /// <param name="id">The claim's id, random.</param>
    /// <param name="value">What is claimed with the name: compact JSON.</param>
    /// <param name="cancellationToken">Ends the wait; what was submitted goes on.</param>
    internal ValueTask<Outcome> ClaimAsync(string channel, string author, string id, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        var caller = new SingleCaller();
        var claim = new Command.Claim(channel, author, id, value, caller);
        return SubmitAsync(claim, claim.AsPublish(Store.Origin), caller, isOfCluster: ClaimChannels.VoterSetVersion(channel) > 0, cancellationToken);
    }

    /// <summary>Waits until the region covers a token.</summary>
    /// <param name="after">What must be covered.</param>
    /// <param name="wait">Longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when it is covered; otherwise what is still missing.</returns>
    public ValueTask<VersionVector?> WaitForCoverageAsync(VersionVector after, TimeSpan wait, CancellationToken cancellationToken) =>
        Hub.Coverage.WaitAsync(after, wait, cancellationToken);

    /// <summary>Waits until an entry after <paramref name="position"/> in one of <paramref name="channels"/> is durable.</summary>
    /// <param name="channels">Which channels.</param>
    /// <param name="position">The last position that the caller knows.</param>
    /// <param name="wait">Longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False when the time is over.</returns>
    public ValueTask<bool> WaitForEntryAsync(ChannelSet channels, long position, TimeSpan wait, CancellationToken cancellationToken) =>
        Hub.WaitForEntryAsync(channels, position, wait, cancellationToken);

    /// <summary>Waits until an entry is on disk in so many regions.</summary>
    /// <param name="origin">The entry's origin.</param>
    /// <param name="seq">Its number.</param>
    /// <param name="copies">How many regions, this one included.</param>
    /// <returns>How many are known to have it; fewer than asked for when <see cref="NodeOptions.CopiesWait"/> is over.</returns>
    public Task<int> WaitForCopiesAsync(OriginId origin, long seq, int copies) =>
        copies <= 1 || Links is null ? Task.FromResult(1) : Links.WaitForCopiesAsync(origin, seq, copies, Options.CopiesWait);

    /// <summary>Takes no new publishes from now on; what was accepted is finished and answered. Listeners call it before they say goodbye to their connections.</summary>
    public void StopPublishes() => _isStopping = true;

    /// <summary>Stops: no new publishes, what was accepted is finished and answered, a last check-point is made, the store is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        _isStopping = true;
        if (Keeper is not null)
        {
            await Keeper.DisposeAsync();
        }

        await _dialing.CancelAsync();
        Links?.Dispose();
        await Task.WhenAll(_dialers);
        _dialing.Dispose();
        _sequencer.Complete();
        await _sequencer.Completion.ContinueWith(static _ => { }, TaskScheduler.Default); // A fault was logged, and is Completion's to tell.
        _checkpointer.Dispose();
        Hub.Dispose();
        _metrics.Dispose();
        NodeLog.Stopped(_log, Store.Position);
        _engine.Dispose();
        Store.Dispose();
    }

    private void StartLinks()
    {
        if (Links is not null)
        {
            Links.Start();
            _dialers = [.. Options.Links.Select(target => new LinkDialer(target, Links, Time, _log).RunAsync(_dialing.Token))];
        }
    }

    private ValueTask<Outcome> SubmitAsync(Command command, Command.Publish publish, SingleCaller caller, bool isOfCluster, CancellationToken cancellationToken)
    {
        if (!(isOfCluster ? TrySubmit([command]) : TryPublish([command])))
        {
            var refusal = new Refusal(ErrorType.NotReady, NotReady ?? "Too many publishes wait to be recorded (option queue-max). Try again in a moment.");
            return ValueTask.FromResult(Outcome.Refused(publish, refusal, Seen));
        }

        return new ValueTask<Outcome>(cancellationToken.CanBeCanceled ? caller.Task.WaitAsync(cancellationToken) : caller.Task);
    }

    /// <summary>Who publishes one thing and waits for it.</summary>
    private sealed class SingleCaller : TaskCompletionSource<Outcome>, IPublisher
    {
        public SingleCaller()
            : base(TaskCreationOptions.RunContinuationsAsynchronously)
        {
        }

        public void OnOutcome(in Outcome outcome) => SetResult(outcome);

        public void OnCommitEnd()
        {
            // The one outcome was all.
        }
    }
}
