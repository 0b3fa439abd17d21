using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Times and sizes of the overlay.</summary>
/// <param name="AnnounceMs">Time between two announcements, in milliseconds.</param>
/// <param name="LockWaitMs">How long a registration waits for other servers.</param>
/// <param name="SilenceMs">After how long a server that is not heard of is gone.</param>
/// <param name="TellsServer">Whether answers to lock requests carry this server's id.</param>
internal readonly record struct OverlayOptions(long AnnounceMs, long LockWaitMs, long SilenceMs, bool TellsServer);

/// <summary>
/// This node as a server among Activity Streamer servers: who is there and how busy, who is asked for a username, what is passed on to whom. Servers that are
/// linked to this node are its peers. The other nodes of the cluster are servers too, reached by notices, so the cluster stands in a tree of foreign servers
/// like a bus to which each of its nodes is attached. Activities do not pass through here, they go by the channel. Messages and times come in, lines go out: no
/// I/O and no clock. One owner.
/// </summary>
internal sealed partial class Overlay
{
    // More servers than any network of this protocol ever had; past it the node would spend its time on announcements.
    private const int ServersMax = 4_096;

    // Announcements of one peer that are passed on in a second: some 250 KB, a quarter of the notices that our links carry. What is over is told by the next ones.
    private const int AnnouncementsPerSecondMax = 1_000;

    // How soon the other nodes hear of a load again after they have heard of one. 10 ms: a hundred notices a second, however many come and go.
    private const long LoadMs = 10;

    // How long a client that was sent to a foreign server counts there although it has not been heard of. 5 s: between two announcements.
    private const long ExpectedMs = 5_000;

    // The same for our own nodes, which tell each arrival. 1 s: longer than a client takes from one to the other.
    private const long ExpectedOursMs = 1_000;

    // How much later than a client's arrival the word that it was sent there may be heard: 100 ms.
    private const long LateMs = 100;

    // For how many announcements that did not come a server's id is its own still.
    private const int HeldIntervals = 3;

    // Measured with 300 clients that come to five nodes at random: with 0 some are sent on three times, with much more loads stay apart.
    private const int SentSlack = 2;

    private readonly OverlayOptions _options;
    private readonly Limits _limits;
    private readonly SortedList<int, PeerState> _peers = [];
    private readonly Dictionary<string, Server> _servers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _nodes = new(StringComparer.Ordinal);
    private int _load;
    private int _logins;
    private (int Count, long At) _coming;
    private long _announcedAt;
    private long _loadToldAt = -LoadMs;

    /// <summary>A server that knows nobody.</summary>
    /// <param name="id">Its id; the same after a restart.</param>
    /// <param name="address">Where clients reach it.</param>
    /// <param name="options">Times.</param>
    /// <param name="limits">Limits of messages.</param>
    public Overlay(string id, StreamerAddress address, OverlayOptions options, Limits limits)
    {
        (Id, Address, _options, _limits) = (id, address, options, limits);
    }

    /// <summary>This server's id.</summary>
    public string Id { get; }

    /// <summary>Where clients reach this server.</summary>
    public StreamerAddress Address { get; set; }

    /// <summary>Peers at the moment.</summary>
    public int Peers => _peers.Count;

    /// <summary>Whether there are other nodes of our own cluster.</summary>
    public bool HasSisters => _nodes.Count > 0;

    /// <summary>All other servers, in the order of their ids.</summary>
    public IReadOnlyList<KnownServer> Servers =>
        [.. _servers.Values.OrderBy(s => s.Id, StringComparer.Ordinal).Select(s => new KnownServer(s.Id, s.Load, s.Address, s.IsOurs))];

    /// <summary>A server was linked: this node dialled it, or it gave the right secret.</summary>
    /// <param name="peer">A number that was never used before; not 0.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Open(int peer, long now, OverlayOutput output)
    {
        _peers.Add(peer, new PeerState { HeardAt = now });
        foreach (var line in OwnAnnouncements())
        {
            output.Sends.Add((peer, line));
        }
    }

    /// <summary>A peer is gone.</summary>
    /// <param name="peer">Its number.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Close(int peer, OverlayOutput output)
    {
        if (_peers.Remove(peer))
        {
            var source = new Source("", peer);
            Forget(s => s.Source == source, isOurs: true, output);
        }
    }

    /// <summary>A peer said something.</summary>
    /// <param name="peer">Its number.</param>
    /// <param name="message">One of the messages between servers, other than activities.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Receive(int peer, StreamerMessage message, long now, OverlayOutput output)
    {
        if (!_peers.TryGetValue(peer, out var state))
        {
            return; // It is being closed.
        }

        state.HeardAt = now;
        state.HasAnnounced |= message.Command == StreamerCommands.ServerAnnounce;
        Take(new Source("", peer), message, now, output);
    }

    /// <summary>A peer gave a sign of life.</summary>
    /// <param name="peer">Its number.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    public void Hear(int peer, long now)
    {
        if (_peers.TryGetValue(peer, out var state))
        {
            state.HeardAt = now;
        }
    }

    /// <summary>Whether a peer is listened to: the silence of one that is not does not count.</summary>
    /// <param name="peer">Its number.</param>
    /// <param name="isHeard">Whether it is.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    public void SetHeard(int peer, bool isHeard, long now)
    {
        if (_peers.TryGetValue(peer, out var state))
        {
            (state.IsUnheard, state.HeardAt) = (!isHeard, now);
        }
    }

    /// <summary>Another node of the cluster said something.</summary>
    /// <param name="instance">Which process.</param>
    /// <param name="line">What it said.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Notice(string instance, ReadOnlyMemory<byte> line, long now, OverlayOutput output)
    {
        StreamerMessage message;
        try
        {
            message = StreamerMessage.Parse(line, _limits);
        }
        catch (ProtocolException)
        {
            output.Drops.Add(StreamerDrop.Notice);
            return;
        }

        if (_nodes.Add(instance))
        {
            // It has just come: it hears of us, and of those behind us, at once.
            output.Notices.Add(OwnAnnouncement());
            foreach (var server in _servers.Values.Where(s => s.Source.IsPeer))
            {
                output.Notices.Add(StreamerLines.WithPeer(AnnouncementOf(server), server.Source.Peer));
            }
        }

        switch (message.Command)
        {
            case StreamerNotices.ServerGone when message.Id == Id:
                output.Notices.Add(OwnAnnouncement()); // Whoever thinks so has lost its link to us.
                break;
            case StreamerNotices.ServerGone:
                Forget(s => s.Id == message.Id && !s.Source.IsPeer, isOurs: false, output);
                break;
            case StreamerNotices.ServerExpects when message.Id == Id:
                _coming = (_coming.At + ExpectedOursMs > now ? _coming.Count + message.Load : message.Load, now);
                break;
            case StreamerNotices.ServerExpects:
                _servers.GetValueOrDefault(message.Id)?.ExpectTold(message.Load, now);
                break;
            default:
                Take(new Source(instance, message.Peer), message, now, output);
                break;
        }
    }

    /// <summary>Neighbours in the cluster whose links ended: their nodes are gone, unless they say otherwise.</summary>
    /// <param name="ids">Their ids.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void OnNeighboursLost(IReadOnlyCollection<string> ids, OverlayOutput output)
    {
        foreach (var id in ids)
        {
            if (_servers.TryGetValue(id, out var server) && server.IsOurs)
            {
                var instance = server.Source.Instance;
                _nodes.Remove(instance);
                Forget(s => s.Source.Instance == instance, isOurs: true, output);
            }
        }
    }

    /// <summary>Whether the other nodes have not heard of the load yet: <see cref="Tick"/> is to be called in some 10 ms.</summary>
    public bool OwesLoad { get; private set; }

    /// <summary>How many clients are logged in here now; the other nodes hear it at once, or some 10 ms after the last time.</summary>
    /// <param name="load">How many.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void SetLoad(int load, long now, OverlayOutput output)
    {
        OwesLoad |= load != _load;
        _logins += Math.Max(0, load - _load);
        _load = load;
        TellLoad(now, output);
    }

    /// <summary>
    /// How many more clients than elsewhere are as good as none for the client that has just logged in. Some, for one that another node of ours has sent here: that
    /// node has looked already, and with loads that are a moment old two nodes would send it to and fro.
    /// </summary>
    /// <param name="now">Milliseconds, never going back.</param>
    public int TakeSlack(long now)
    {
        if (_coming.Count == 0 || now - _coming.At >= ExpectedOursMs)
        {
            return 0;
        }

        _coming.Count--;
        return SentSlack;
    }

    /// <summary>Whether a client that has just logged in is better served elsewhere.</summary>
    /// <param name="load">Clients here, the newcomer counted, less its slack.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    public bool IsBetterElsewhere(int load, long now) => FindBetter(load, now) is not null;

    /// <summary>Where a client that has just logged in is better served: where there are at least two fewer.</summary>
    /// <param name="load">Clients here, the newcomer counted, less its slack.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done.</param>
    /// <returns>Null when here. Otherwise the client counts there from now on, and the other nodes hear of it.</returns>
    public StreamerAddress? Redirect(int load, long now, OverlayOutput output)
    {
        if (FindBetter(load, now) is not { } better)
        {
            return null;
        }

        better.Expect(1, now);
        output.Notices.Add(StreamerLines.Expects(better.Id, 1));
        return better.Address;
    }

    private Server? FindBetter(int load, long now)
    {
        Server? best = null;
        foreach (var server in _servers.Values)
        {
            // Some other server may say of itself that it is where we are: whoever were sent there would come here again.
            if (server.Address == Address)
            {
                continue;
            }

            if (best is null || server.LoadAt(now) < best.LoadAt(now)
                || (server.LoadAt(now) == best.LoadAt(now) && string.CompareOrdinal(server.Id, best.Id) < 0))
            {
                best = server;
            }
        }

        return best is null || best.LoadAt(now) + 2 > load ? null : best;
    }

    /// <summary>Where the clients of a server that stops may go: the least busy other one.</summary>
    public StreamerAddress? Refuge => _servers.Values.Where(s => s.Address != Address).OrderBy(s => s.Load).ThenBy(s => s.Id, StringComparer.Ordinal).FirstOrDefault()?.Address;

    /// <summary>Time has passed. Several times a second.</summary>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Tick(long now, OverlayOutput output)
    {
        if (now - _announcedAt >= _options.AnnounceMs)
        {
            _announcedAt = now;
            output.Notices.Add(OwnAnnouncement());
            foreach (var line in OwnAnnouncements())
            {
                SendToPeers(line, except: 0, output);
            }
        }

        TellLoad(now, output);
        foreach (var (peer, state) in _peers)
        {
            if (state.HasAnnounced && !state.IsUnheard && now - state.HeardAt >= _options.SilenceMs)
            {
                output.Closings.Add((peer, $"nothing was heard of you for {_options.SilenceMs / 1000.0:0.#} s"));
            }
        }

        Forget(s => now - s.HeardAt >= _options.SilenceMs, isOurs: false, output);
        CheckNames(now, output);
    }

    /// <summary>This server stops: registrations that wait for others end, and the other nodes hear it at once.</summary>
    /// <param name="output">Receives what is to be done.</param>
    public void Leave(OverlayOutput output)
    {
        EndWaits(output);
        output.Notices.Add(StreamerLines.Gone(Id));
    }

    private void TellLoad(long now, OverlayOutput output)
    {
        if (OwesLoad && now - _loadToldAt >= LoadMs)
        {
            OwesLoad = false;
            _loadToldAt = now;
            output.Notices.Add(OwnAnnouncement());
        }
    }

    private void Take(Source source, StreamerMessage message, long now, OverlayOutput output)
    {
        switch (message.Command)
        {
            case StreamerCommands.ServerAnnounce:
                TakeAnnouncement(source, message, now, output);
                break;
            case StreamerCommands.LockRequest:
                TakeRequest(source, message.Username, message.Secret, now, output);
                break;
            case StreamerCommands.LockAllowed:
                TakeAllowed(source, message, output);
                break;
            case StreamerCommands.LockDenied:
                TakeDenied(source, message.Username, message.Secret, output);
                break;
            default:
                output.Drops.Add(StreamerDrop.Notice); // Peers' messages were sorted before.
                break;
        }
    }

    private void TakeAnnouncement(Source source, StreamerMessage message, long now, OverlayOutput output)
    {
        var isNew = !_servers.TryGetValue(message.Id, out var server);
        if (message.Id == Id || (server is { IsOurs: true } && !source.IsNode))
        {
            Refuse(source, StreamerDrop.OwnId, $"the id '{Printable.Cut(message.Id)}' is that of a server of ours: the servers are linked in a loop, or two have the same id", output);
            return;
        }

        if (server is null)
        {
            if (_servers.Count >= ServersMax && !source.IsNode)
            {
                output.Drops.Add(StreamerDrop.TooManyServers);
                return;
            }

            server = new Server(message.Id) { Source = source };
            _servers.Add(message.Id, server);
        }
        else if (server.Source != source)
        {
            if (now - server.HeardAt < HeldIntervals * _options.AnnounceMs && !source.IsNode)
            {
                // A loop, or somebody who takes another one's name: whoever had it first keeps it while it is there.
                output.Drops.Add(StreamerDrop.Loop);
                return;
            }

            server.Source = source;
        }

        server.Take(message, now);
        if (source.IsPeer)
        {
            if (!_peers[source.Peer].MayPassOn(now))
            {
                output.Drops.Add(StreamerDrop.TooManyAnnouncements);
                return;
            }

            var line = AnnouncementOf(server);
            SendToPeers(line, source.Peer, output);
            output.Notices.Add(StreamerLines.WithPeer(line, source.Peer));
        }
        else if (isNew || !source.IsNode)
        {
            // Our own nodes tell each other every change; foreign servers hear it when it is time.
            SendToPeers(AnnouncementOf(server), except: 0, output);
        }
    }

    /// <summary>What cannot be right is answered where it came from; what another node let through is only counted.</summary>
    private static void Refuse(Source source, StreamerDrop drop, string reason, OverlayOutput output)
    {
        output.Drops.Add(drop);
        if (source.IsPeer)
        {
            output.Closings.Add((source.Peer, reason));
        }
    }

    /// <summary>Forgets servers; registrations that waited for them end.</summary>
    private void Forget(Func<Server, bool> which, bool isOurs, OverlayOutput output)
    {
        foreach (var server in _servers.Values.Where(which).ToList())
        {
            _servers.Remove(server.Id);
            if (isOurs)
            {
                output.Notices.Add(StreamerLines.Gone(server.Id));
            }

            if (server.Source.IsNode)
            {
                _nodes.Remove(server.Source.Instance);
            }

            EndWaitsFor(server, output);
        }
    }

    private void SendToPeers(byte[] line, int except, OverlayOutput output)
    {
        foreach (var peer in _peers.Keys)
        {
            if (peer != except)
            {
                output.Sends.Add((peer, line));
            }
        }
    }

    /// <summary>Passes a line on, away from where it came.</summary>
    private void PassOn(Source source, byte[] line, OverlayOutput output)
    {
        SendToPeers(line, source.IsPeer ? source.Peer : 0, output);
        if (source.IsPeer)
        {
            output.Notices.Add(StreamerLines.WithPeer(line, source.Peer));
        }
    }

    /// <summary>Tells all other servers something of this one's own.</summary>
    private void Broadcast(byte[] line, OverlayOutput output)
    {
        SendToPeers(line, except: 0, output);
        output.Notices.Add(StreamerLines.WithPeer(line, 0));
    }

    /// <summary>The announcements of this node and of all others of the cluster: one peer hears all of them from one node.</summary>
    private IEnumerable<byte[]> OwnAnnouncements() =>
        _servers.Values.Where(s => s.IsOurs).OrderBy(s => s.Id, StringComparer.Ordinal).Select(AnnouncementOf)
            .Prepend(StreamerLines.Announce(Id, _load, Address.Hostname, Address.Port));

    /// <summary>As the other nodes hear it.</summary>
    private byte[] OwnAnnouncement() => StreamerLines.WithLogins(StreamerLines.Announce(Id, _load, Address.Hostname, Address.Port), _logins);

    private static byte[] AnnouncementOf(Server server) => StreamerLines.Announce(server.Id, server.Load, server.Address.Hostname, server.Address.Port);

    /// <summary>By which way something came: a peer, another node of the cluster, or a peer of such a node.</summary>
    /// <param name="Instance">The other node's process; empty for this one.</param>
    /// <param name="Peer">The peer's number there; 0 for the node itself.</param>
    private readonly record struct Source(string Instance, int Peer)
    {
        /// <summary>A peer of this node.</summary>
        public bool IsPeer => Instance.Length == 0 && Peer > 0;

        /// <summary>Another node of the cluster.</summary>
        public bool IsNode => Instance.Length > 0 && Peer == 0;
    }

    private sealed class PeerState
    {
        private long _passedSince;
        private int _passed;

        public long HeardAt { get; set; }

        public bool HasAnnounced { get; set; }

        /// <summary>Whether it is not listened to at the moment.</summary>
        public bool IsUnheard { get; set; }

        /// <summary>Whether another announcement of its may be passed on now; counts it.</summary>
        public bool MayPassOn(long now)
        {
            if (now - _passedSince >= 1_000)
            {
                (_passedSince, _passed) = (now, 0);
            }

            return ++_passed <= AnnouncementsPerSecondMax;
        }
    }

    private sealed class Server(string id)
    {
        private int _expected;
        private long _expectedAt;
        private int _unexpected;
        private long _unexpectedSince;

        public string Id => id;

        public int Load { get; private set; }

        /// <summary>Clients that ever logged in there, when it is a node of ours.</summary>
        public int Logins { get; private set; }

        public StreamerAddress Address { get; private set; }

        public Source Source { get; set; }

        public long HeardAt { get; private set; }

        /// <summary>Whether it is a node of our own cluster.</summary>
        public bool IsOurs => Source.IsNode;

        /// <summary>Its load, with those that were sent there and are not counted yet.</summary>
        public int LoadAt(long now) => Load + ExpectedAt(now);

        /// <summary>Clients were sent there.</summary>
        public void Expect(int count, long now) => (_expected, _expectedAt) = (ExpectedAt(now) + count, now);

        /// <summary>Another node says that it has sent clients there; those that came before the word of them are not expected any more.</summary>
        public void ExpectTold(int count, long now)
        {
            var late = Math.Min(count, now - _unexpectedSince < LateMs ? _unexpected : 0);
            _unexpected -= late;
            Expect(count - late, now);
        }

        public void Take(StreamerMessage message, long now)
        {
            if (IsOurs)
            {
                // Our own nodes tell each arrival.
                var came = Math.Max(0, message.Logins - Logins);
                var wereExpected = Math.Min(came, ExpectedAt(now));
                _expected -= wereExpected;
                (_unexpected, _unexpectedSince) = now - _unexpectedSince < LateMs ? (_unexpected + came - wereExpected, _unexpectedSince) : (came - wereExpected, now);
            }
            else
            {
                _expected = 0; // A foreign server tells what it has now and then, which then is the truth.
            }

            (Load, Logins, Address, HeardAt) = (message.Load, message.Logins, new StreamerAddress(message.Hostname, message.Port), now);
        }

        private int ExpectedAt(long now) => now - _expectedAt < (IsOurs ? ExpectedOursMs : ExpectedMs) ? _expected : 0;
    }
}

/// <summary>A server as others know it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Load">Clients logged in there.</param>
/// <param name="Address">Where it is.</param>
/// <param name="IsOurs">Whether it is a node of our own cluster.</param>
internal readonly record struct KnownServer(string Id, int Load, StreamerAddress Address, bool IsOurs);
