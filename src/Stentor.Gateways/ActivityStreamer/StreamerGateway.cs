using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>
/// Serves the Activity Streamer protocol (docs/activity-streamer.md): clients, and servers in a tree of servers. Drives the <see cref="Overlay"/>: what
/// connections and other nodes say goes in, lines go out. Any thread may call.
/// </summary>
public sealed class StreamerGateway : IForeignServers, IDisposable
{
    // Four looks in the time between two announcements of the shortest interval that can be set.
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(250);

    // When the next look is due after a load that the other nodes have not heard of yet.
    private static readonly TimeSpan LoadInterval = TimeSpan.FromMilliseconds(10);

    // How long a registration waits for the other nodes of the cluster. 2 s: more than links take that are there; others must not hold it up.
    private static readonly TimeSpan SpreadWait = TimeSpan.FromSeconds(2);

    // How long a client waits on average before it is sent elsewhere. 100 ms: ten times as long as the nodes wait between two words of their loads.
    private static readonly TimeSpan SettleWait = TimeSpan.FromMilliseconds(100);

    // How often one kind of drop is told in the log.
    private static readonly TimeSpan TellInterval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<StreamerSession, bool> _sessions = new();
    private readonly Dictionary<int, StreamerSession> _peers = [];
    private readonly Dictionary<long, TaskCompletionSource<NameDecision>> _asked = [];
    private readonly Dictionary<StreamerDrop, long> _told = [];
    private readonly HashSet<string> _neighbours = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly OverlayOutput _output = new();
    private readonly Overlay _overlay;
    private readonly EchoGuard _echoes = new();
    private readonly NameDesk _desk;
    private readonly StreamerMetrics _metrics;
    private readonly ITimer _timer;
    private readonly CancellationTokenRegistration _stopping;
    private readonly CancellationTokenSource _dialing;
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] _secretDigest;
    private readonly string _secret;
    private readonly long _startedAt;
    private Task _dialer = Task.CompletedTask;
    private int _peerNumbers;
    private long _tickets;
    private int _clients;
    private bool _isTickNear;

    /// <summary>Makes the gateway; it serves nobody before <see cref="Start"/>.</summary>
    /// <param name="node">The node.</param>
    /// <param name="options">How it is served.</param>
    /// <param name="secret">The secret that servers give each other.</param>
    /// <param name="throttle">Who comes too often.</param>
    /// <param name="logs">Where it reports.</param>
    /// <param name="stopping">The server begins to stop: connections are told, and end.</param>
    public StreamerGateway(StentorNode node, StreamerOptions options, string secret, Throttle throttle, ILoggerFactory logs, CancellationToken stopping)
    {
        (Node, Options, Throttle, Stopping, _secret) = (node, options, throttle, stopping, secret);
        Log = logs.CreateLogger<StreamerGateway>();
        Channel = ChannelPattern.Parse(options.Channel);
        _startedAt = node.Time.GetTimestamp();
        _secretDigest = SHA256.HashData(Encoding.UTF8.GetBytes(secret));
        var times = new OverlayOptions((long)options.AnnounceInterval.TotalMilliseconds, (long)options.LockWait.TotalMilliseconds, (long)options.Silence.TotalMilliseconds, options.LockServer);
        _overlay = new Overlay(node.Store.Origin.Value, new StreamerAddress("", 0), times, node.Options.Limits);
        _desk = new NameDesk(node.Accounts, (question, isAllowed) => Do(output => _overlay.Answer(question, isAllowed, output)), Log);
        _metrics = new StreamerMetrics(node, () => Volatile.Read(ref _clients), () => _overlay.Peers, () => Servers.Count);
        _dialing = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _timer = node.Time.CreateTimer(static gateway => ((StreamerGateway)gateway!).Tick(), this, Timeout.InfiniteTimeSpan, TickInterval);
        _stopping = stopping.UnsafeRegister(static gateway => ((StreamerGateway)gateway!).Stop(), this);
        node.Accounts.ForeignServers = this;
        node.Links?.Listen(OnNotice, static () => { }); // Who is there is looked up at every tick.
    }

    /// <summary>This server's id: the region's origin, so the same after a restart.</summary>
    public string Id => _overlay.Id;

    /// <summary>Clients logged in here.</summary>
    public int Clients => Volatile.Read(ref _clients);

    internal StentorNode Node { get; }

    internal StreamerOptions Options { get; }

    internal Throttle Throttle { get; }

    internal ILogger Log { get; }

    internal ChannelPattern Channel { get; }

    internal CancellationToken Stopping { get; }

    /// <summary>The other servers that are known.</summary>
    internal IReadOnlyList<KnownServer> Servers
    {
        get
        {
            lock (_gate)
            {
                return _overlay.Servers;
            }
        }
    }

    /// <summary>Milliseconds since it was made.</summary>
    internal long Now => (long)Node.Time.GetElapsedTime(_startedAt).TotalMilliseconds;

    /// <summary>Begins to serve.</summary>
    /// <param name="bound">Where it really listens.</param>
    public void Start(IPEndPoint bound)
    {
        var isEverywhere = bound.Address.Equals(IPAddress.Any) || bound.Address.Equals(IPAddress.IPv6Any);
        var hostname = Options.Hostname ?? (isEverywhere ? Dns.GetHostName() : bound.Address.ToString());
        Do(output =>
        {
            _overlay.Address = new StreamerAddress(hostname, bound.Port);
            _overlay.Tick(Now, output);
        });
        _started.TrySetResult();
        _timer.Change(TickInterval, TickInterval);
        if (Options.Remotes.Count > 0)
        {
            _dialer = new StreamerDialer(this, _secret).RunAsync(_dialing.Token);
        }
    }

    /// <summary>Serves a connection that was accepted, until it ends.</summary>
    /// <param name="connection">The connection.</param>
    public async Task ServeAsync(ConnectionContext connection)
    {
        await _started.Task;
        var socket = connection.Features.Get<IDirectOutputFeature>()?.Socket;
        using var pipe = socket is null ? new PipeSink(connection.Transport.Output, connection.Abort) : null;
        var sink = pipe ?? (ISink)new SocketSink(socket!, connection.Abort); // One of both is there.
        var plain = socket ?? connection.Features.Get<IConnectionSocketFeature>()?.Socket;
        using var session = new StreamerSession(this, sink, plain, connection.RemoteEndPoint as IPEndPoint, connection.Transport.Input);
        await ServeAsync(session);
    }

    /// <inheritdoc/>
    public async ValueTask<Refusal?> AskAsync(string username, string secret, CancellationToken cancellationToken)
    {
        var decided = new TaskCompletionSource<NameDecision>(TaskCreationOptions.RunContinuationsAsynchronously);
        Do(output =>
        {
            _asked.Add(++_tickets, decided);
            _overlay.Register(_tickets, username, secret, Now, output);
        });

        // Ends: every registration has a deadline.
        NameDecision decision;
        try
        {
            decision = await decided.Task.WaitAsync(Stopping);
        }
        catch (OperationCanceledException)
        {
            return Stops();
        }

        if (decision.Answer != NameAnswer.Unasked)
        {
            _metrics.OnDecision(decision.Answer);
        }

        return decision.Answer switch
        {
            NameAnswer.Unasked or NameAnswer.Allowed => null,
            NameAnswer.Denied => new Refusal(ErrorType.Taken, $"{username} is already registered with the system"),
            NameAnswer.Busy => new Refusal(ErrorType.Undecided, $"Somebody is registering {username} at this moment. Try again in {Options.LockWait.TotalSeconds:0.#} s."),
            NameAnswer.Gone => new Refusal(ErrorType.Undecided, $"The server {decision.Servers} went away before it had said whether {username} is free. The name was released; register again."),
            NameAnswer.Stopping => Stops(),
            _ => new Refusal(ErrorType.Undecided, $"Not all servers answered within {Options.LockWait.TotalSeconds:0.#} s whether {username} is free (silent: {decision.Servers}). The name was released; register again when they are back."),
        };
    }

    private static Refusal Stops() => new(ErrorType.NotReady, "The node is stopping. Register again, here or at another one.");

    /// <inheritdoc/>
    public void Release(string username, string secret) => Do(output => _overlay.Release(username, secret, output));

    /// <summary>Ends the links that this side has dialled; the others end with their listener.</summary>
    public async Task EndAsync()
    {
        await _dialing.CancelAsync();
        await _dialer;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Dispose();
        _timer.Dispose();
        Node.Accounts.ForeignServers = null;
        _desk.Dispose();
        _metrics.Dispose();
        _dialing.Dispose();
    }

    /// <summary>Serves one connection until it ends, whoever opened it.</summary>
    internal async Task ServeAsync(StreamerSession session)
    {
        _sessions[session] = true;
        try
        {
            if (Stopping.IsCancellationRequested)
            {
                return;
            }

            await session.RunAsync();
        }
        catch (Exception e) when (IsLoss(e))
        {
            // The other side is gone; nobody is there to be told.
        }
        catch (Exception e)
        {
            SocketLog.ConnectionFailed(Log, e, session.Client);
        }
        finally
        {
            _sessions.TryRemove(session, out _);
            await session.LeaveAsync();
        }
    }

    /// <summary>Whether an exception says that a connection is gone.</summary>
    internal static bool IsLoss(Exception e) =>
        e is ConnectionResetException or ConnectionAbortedException or IOException or OperationCanceledException or System.Net.Sockets.SocketException or ObjectDisposedException or InvalidOperationException { Source: "System.IO.Pipelines" };

    /// <summary>Whether a secret is the one that servers give each other. In constant time.</summary>
    internal bool IsSecret(string secret) => CryptographicOperations.FixedTimeEquals(_secretDigest, SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    /// <summary>Waits until the other nodes of the cluster that are there have what this region has made so far; a moment at most.</summary>
    internal async Task SpreadAsync()
    {
        if (Node.Links is { } links && Servers.Count(s => s.IsOurs) is > 0 and var others)
        {
            var origin = Node.Store.Origin;
            await links.WaitForCopiesAsync(origin, Node.Seen[origin], 1 + others, SpreadWait);
        }
    }

    /// <summary>A client has proved who it is: counts it, and says where it should go instead, where it then does not count here any more.</summary>
    internal async ValueTask<StreamerAddress?> AdmitAsync()
    {
        var slack = 0;
        var isBetterElsewhere = false;
        var hasSisters = false;
        Do(output =>
        {
            _overlay.SetLoad(++_clients, Now, output);
            slack = _overlay.TakeSlack(Now);
            isBetterElsewhere = _overlay.IsBetterElsewhere(_clients - slack, Now);
            hasSisters = _overlay.HasSisters;
        });
        if (!isBetterElsewhere)
        {
            return null;
        }

        if (hasSisters)
        {
            // Many may have come at once, here and at the other nodes: nobody is sent away before their loads have been heard, and not all at the same moment.
            await Task.Delay(SettleWait * (0.5 + Random.Shared.NextDouble()), Node.Time, Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        StreamerAddress? elsewhere = null;
        Do(output =>
        {
            elsewhere = _overlay.Redirect(_clients - slack, Now, output);
            if (elsewhere is not null)
            {
                _overlay.SetLoad(--_clients, Now, output);
            }
        });
        if (elsewhere is not null)
        {
            _metrics.OnRedirect();
        }

        return elsewhere;
    }

    /// <summary>A client that was let in is gone.</summary>
    internal void OnClientGone() => Do(output => _overlay.SetLoad(--_clients, Now, output));

    /// <summary>A server is linked.</summary>
    /// <returns>Its number.</returns>
    internal int Open(StreamerSession session)
    {
        var peer = 0;
        Do(output =>
        {
            peer = ++_peerNumbers;
            _peers.Add(peer, session);
            _overlay.Open(peer, Now, output);
        });
        return peer;
    }

    /// <summary>A server is gone.</summary>
    internal void Close(int peer) => Do(output =>
    {
        _peers.Remove(peer);
        _overlay.Close(peer, output);
    });

    /// <summary>A server said something. Completes when more may come from it.</summary>
    internal ValueTask ReceiveAsync(int peer, StreamerMessage message)
    {
        _metrics.OnReceived(message.Command);
        Do(output => _overlay.Receive(peer, message, Now, output));
        return message.Command is StreamerCommands.LockRequest or StreamerCommands.LockDenied ? WaitForDeskAsync(peer, message.Username) : default;
    }

    /// <summary>Waits until more names can be looked up. It is this side that does not listen meanwhile.</summary>
    private async ValueTask WaitForDeskAsync(int peer, string username)
    {
        var wait = _desk.WaitForRoomAsync(username, Stopping);
        if (wait.IsCompletedSuccessfully)
        {
            return;
        }

        lock (_gate)
        {
            _overlay.SetHeard(peer, isHeard: false, Now);
        }

        await wait;
        lock (_gate)
        {
            _overlay.SetHeard(peer, isHeard: true, Now);
        }
    }

    /// <summary>Whether an activity that a server brings is to be recorded.</summary>
    internal bool Takes(int peer, ReadOnlyMemory<byte> activity)
    {
        _metrics.OnReceived(StreamerCommands.ActivityBroadcast);
        var now = Now;
        lock (_gate)
        {
            _overlay.Hear(peer, now);
        }

        if (!_echoes.IsEcho(peer, JsonValueHash.Of(activity.Span), now))
        {
            return true;
        }

        lock (_gate)
        {
            Tell(StreamerDrop.Echo);
        }

        return false;
    }

    /// <summary>A server brought an activity that no entry may hold.</summary>
    internal void OnUnfit()
    {
        lock (_gate)
        {
            Tell(StreamerDrop.Unfit);
        }
    }

    /// <summary>An activity goes to a server.</summary>
    internal void OnSent(int peer, ReadOnlySpan<byte> activity) => _echoes.OnSent(peer, JsonValueHash.Of(activity), Now);

    private void OnNotice(string instance, ReadOnlyMemory<byte> body) => Do(output => _overlay.Notice(instance, body, Now, output));

    private void Tick()
    {
        try
        {
            Look();
        }
        catch (Exception e)
        {
            // A fault of ours; the next look may do, and the node has more to do than this.
            StreamerLog.LookFailed(Log, e);
        }
    }

    private void Look()
    {
        // Those whose links are gone may be gone themselves: they say so if they are not.
        var open = Node.Links?.Reports.Where(r => r.Status.State == "open").Select(r => r.Status.Origin?.Value).OfType<string>().ToHashSet(StringComparer.Ordinal) ?? [];
        Do(output =>
        {
            var lost = _neighbours.Where(n => !open.Contains(n)).ToList();
            _neighbours.Clear();
            _neighbours.UnionWith(open);
            _isTickNear = false;
            _overlay.OnNeighboursLost(lost, output);
            _overlay.Tick(Now, output);
        });

        foreach (var (session, _) in _sessions)
        {
            session.Tick();
        }
    }

    private void Stop()
    {
        StreamerAddress? refuge = null;
        Do(output =>
        {
            refuge = _overlay.Refuge; // Looked up first: with the peers those behind them go.
            _overlay.Leave(output);
        });
        foreach (var (session, _) in _sessions)
        {
            session.Stop(refuge);
        }
    }

    /// <summary>
    /// One step of the overlay, and what it asks for. The lock is held over nothing that waits, and over nothing that may call back: a connection that is ended
    /// may be done with at once, on this very thread.
    /// </summary>
    private void Do(Action<OverlayOutput> step)
    {
        Debug.Assert(!_gate.IsHeldByCurrentThread, "a step of the overlay is not part of another one");
        List<Action>? ends = null;
        lock (_gate)
        {
            try
            {
                step(_output);
                Carry(ref ends);
            }
            finally
            {
                _output.Clear(); // Whatever failed must not fail again for the next one.
            }

            if (_overlay.OwesLoad && !_isTickNear)
            {
                _isTickNear = true;
                _timer.Change(LoadInterval, TickInterval);
            }
        }

        ends?.ForEach(end => end());
    }

    private void Carry(ref List<Action>? ends)
    {
        if (_output.IsEmpty)
        {
            return;
        }

        foreach (var (peer, line) in _output.Sends)
        {
            if (_peers.GetValueOrDefault(peer) is { } session && !session.TrySend(line))
            {
                (ends ??= []).Add(session.GiveUp);
            }
        }

        foreach (var line in _output.Notices)
        {
            Node.Links?.SendNotice(line);
        }

        foreach (var question in _output.Questions)
        {
            if (!_desk.TryAsk(question))
            {
                Tell(StreamerDrop.TooManyNames); // Whoever asked hears nothing, and gives up after its time.
            }
        }

        foreach (var (username, secret) in _output.Releases)
        {
            if (!_desk.TryRelease(username, secret))
            {
                Tell(StreamerDrop.TooManyNames);
            }
        }

        foreach (var decision in _output.Decisions)
        {
            if (_asked.Remove(decision.Ticket, out var asked))
            {
                asked.SetResult(decision);
            }
        }

        foreach (var (peer, reason) in _output.Closings)
        {
            if (_peers.GetValueOrDefault(peer) is { } session)
            {
                (ends ??= []).Add(() => session.Refuse(reason));
            }
        }

        foreach (var drop in _output.Drops)
        {
            Tell(drop);
        }
    }

    private void Tell(StreamerDrop drop)
    {
        _metrics.OnDropped(drop);
        var now = Now;
        if (_told.TryGetValue(drop, out var told) && now - told < TellInterval.TotalMilliseconds)
        {
            return;
        }

        _told[drop] = now;
        StreamerLog.Dropped(Log, drop switch
        {
            StreamerDrop.Unasked => "A server allowed a username that nobody asked for.",
            StreamerDrop.OwnId => "A server announced itself under the id of a node of ours: servers are linked in a loop, or two have the same id.",
            StreamerDrop.Loop => "A server is heard by two ways: servers are linked in a loop.",
            StreamerDrop.Echo => "An activity came back from the server that it had been sent to, or comes again and again: servers are linked in a loop.",
            StreamerDrop.Unfit => "A server brought an activity that no entry may hold: over a limit, a key twice, NUL, half a surrogate pair.",
            StreamerDrop.TooManyServers => "More servers announce themselves than are remembered.",
            StreamerDrop.TooManyAnnouncements => "A server announces more than is passed on.",
            StreamerDrop.TooManyNames => "Other servers ask for more usernames than can be looked up.",
            StreamerDrop.Notice => "Another node sent a notice that is none.",
            _ => throw new UnreachableException(drop.ToString()),
        });
    }
}
