namespace Stentor.Simulation;

/// <summary>
/// All edges of a world, and the connections over them. A message takes its time, may be stalled by losses or held by a cut, and is gone when its
/// connection breaks. Over parallel edges, and from one connection to the next, messages overtake each other and come twice.
/// </summary>
/// <param name="world">The world.</param>
/// <param name="random">What chance decides here.</param>
internal sealed class Network(World world, SeededRandom random)
{
    // How long a side waits for a silent peer before it takes the connection for broken: as keep-alives and timeouts of transports do.
    private const long SilenceMinMicros = 3_000_000;
    private const long SilenceMaxMicros = 20_000_000;

    // How long a side that was wronged waits before it dials again. 10 s: a tenth of a minute of the design's "long while", so that a run sees more of them.
    private const long FaultMicros = 10_000_000;

    private readonly Schedule _schedule = world.Schedule;
    private readonly Dictionary<(RegionProcess Process, int Link), Connection> _byLink = [];
    private int _lastLink;

    /// <summary>All edges.</summary>
    public List<Edge> Edges { get; } = [];

    /// <summary>Most bytes that were under way in one direction of one connection.</summary>
    public long BytesUnderWayMost { get; private set; }

    /// <summary>How many messages were sent.</summary>
    public long Messages { get; private set; }

    /// <summary>Has an edge dialed, after a wait.</summary>
    public void Dial(Edge edge, long waitMicros)
    {
        if (!edge.IsDialing)
        {
            edge.IsDialing = true;
            _schedule.After(waitMicros, () => TryDial(edge));
        }
    }

    /// <summary>Has all edges of a region that it dials itself dialed soon.</summary>
    public void OnStarted(SimulatedRegion region)
    {
        foreach (var edge in Edges)
        {
            if (edge.Dialer == region)
            {
                edge.Failures = 0;
                Dial(edge, random.Between(1_000, 200_000));
            }
        }
    }

    /// <summary>A process is gone; the other sides of its connections notice at once, when the system closes them, or only by the silence.</summary>
    public void OnEnded(RegionProcess process)
    {
        foreach (var (key, connection) in _byLink.Where(pair => pair.Key.Process == process).ToList())
        {
            var side = connection.Ends[0] == process ? 0 : 1;
            _byLink.Remove(key);
            connection.IsOpen[side] = false;
            var isToldAtOnce = random.Chance(0.7) && !connection.Edge.IsCut(side);
            var wait = isToldAtOnce ? Delay(connection.Edge) : random.Between(SilenceMinMicros, SilenceMaxMicros);
            _schedule.After(wait, () => Break(connection, 1 - side));
            if (side == 0)
            {
                Forget(connection);
            }
        }
    }

    /// <summary>Sends a message.</summary>
    public void Send(RegionProcess from, int link, ReadOnlyMemory<byte> message)
    {
        if (!_byLink.TryGetValue((from, link), out var connection))
        {
            return; // It broke a moment ago.
        }

        Messages++;
        world.Digest.Add(message.Span);
        var side = connection.Ends[0] == from ? 0 : 1;
        var edge = connection.Edge;
        connection.BytesUnderWay[side] += message.Length;
        BytesUnderWayMost = Math.Max(BytesUnderWayMost, connection.BytesUnderWay[side]);
        var arrow = world.Story?.Draw(_schedule.Now, from.Region.Index, connection.Ends[1 - side].Region.Index, MessageText.Of(message)) ?? -1;

        // The memory may be used again by the sender.
        var copy = message.ToArray();
        void Go()
        {
            var delay = Delay(edge) + (copy.Length * 1_000_000L / edge.BytesPerSecond);
            if (random.Chance(edge.Loss))
            {
                delay += random.Between(200_000, 1_500_000);
            }

            var arrival = Math.Max(_schedule.Now + delay, connection.LastArrival[side]);
            connection.LastArrival[side] = arrival;
            _schedule.After(arrival - _schedule.Now, () => Arrive(connection, side, copy, arrow));
        }

        if (edge.IsCut(side))
        {
            connection.Held[side].Enqueue(Go);
        }
        else
        {
            Go();
        }
    }

    /// <summary>A process closes a connection.</summary>
    /// <param name="process">The process.</param>
    /// <param name="link">Its number of it.</param>
    /// <param name="isFault">Whether the other side did something wrong: then it is dialed again only after a while.</param>
    public void Close(RegionProcess process, int link, bool isFault)
    {
        if (_byLink.TryGetValue((process, link), out var connection))
        {
            connection.Edge.IsFaulty |= isFault;
            var side = connection.Ends[0] == process ? 0 : 1;
            var rest = Math.Max(0, connection.LastArrival[side] - _schedule.Now);
            Break(connection, side);
            _schedule.After(rest + Delay(connection.Edge), () => Break(connection, 1 - side));
        }
    }

    /// <summary>A connection breaks for both sides, each noticing in its own time.</summary>
    public void Drop(Edge edge)
    {
        if (edge.Connection is { } connection)
        {
            _schedule.After(Delay(edge), () => Break(connection, 0));
            _schedule.After(Delay(edge), () => Break(connection, 1));
        }
    }

    /// <summary>Nothing comes through any more, in one direction or both.</summary>
    public void Cut(Edge edge, bool fromDialer, bool toDialer)
    {
        edge.Cuts[0] += fromDialer ? 1 : 0;
        edge.Cuts[1] += toDialer ? 1 : 0;
        if (edge.Connection is { } connection)
        {
            for (var end = 0; end < 2; end++)
            {
                var side = end;
                _schedule.After(random.Between(SilenceMinMicros, SilenceMaxMicros), () =>
                {
                    if (edge.IsCut(0) || edge.IsCut(1))
                    {
                        Break(connection, side);
                    }
                });
            }
        }
    }

    /// <summary>It comes through again.</summary>
    public static void Mend(Edge edge, bool fromDialer, bool toDialer)
    {
        edge.Cuts[0] -= fromDialer ? 1 : 0;
        edge.Cuts[1] -= toDialer ? 1 : 0;
        if (edge.Connection is { } connection)
        {
            for (var side = 0; side < 2; side++)
            {
                while (!edge.IsCut(side) && connection.Held[side].TryDequeue(out var go))
                {
                    go();
                }
            }
        }
    }

    /// <summary>How many connections a process has open.</summary>
    public int OpenLinksOf(RegionProcess process) => _byLink.Keys.Count(key => key.Process == process);

    private long Delay(Edge edge) => edge.DelayMicros + random.Around(edge.JitterMicros);

    private void TryDial(Edge edge)
    {
        edge.IsDialing = false;
        if (edge.Connection is not null || edge.Dialer.Process is not { } dialer)
        {
            return;
        }

        if (edge.Listener.Process is not { } listener || edge.IsCut(0) || edge.IsCut(1))
        {
            if (world.Planted != PlantedFault.LinkNotRedialed)
            {
                // Backoff with jitter, up to 4 s.
                var backoff = 100_000L << Math.Min(edge.Failures++, 5);
                Dial(edge, random.Between(backoff / 2, backoff + (backoff / 4)));
            }

            return;
        }

        edge.Failures = 0;
        var connection = new Connection { Edge = edge, Ends = [dialer, listener] };
        edge.Connection = connection;
        var there = Delay(edge);
        var back = there + Delay(edge);
        connection.LastArrival[1] = _schedule.Now + back; // What the listener says at once arrives with its answer.
        _schedule.After(there, () => OpenEnd(connection, 1));
        _schedule.After(back, () => OpenEnd(connection, 0));
    }

    private void OpenEnd(Connection connection, int side)
    {
        var process = connection.Ends[side];
        if (!process.IsAlive || connection.Edge.Connection != connection)
        {
            Break(connection, 1 - side);
            Forget(connection);
            return;
        }

        var link = ++_lastLink;
        connection.Links[side] = link;
        connection.IsOpen[side] = true;
        _byLink.Add((process, link), connection);
        world.Story?.Tell(_schedule.Now, process.Region.Index, $"link {link} to {connection.Ends[1 - side].Region.Name} is open");
        process.Do(() => process.OnLinkOpened(link, isDialer: side == 0));
    }

    private void Arrive(Connection connection, int side, byte[] message, int arrow)
    {
        var receiver = connection.Ends[1 - side];
        connection.BytesUnderWay[side] -= message.Length;
        if (connection.IsOpen[1 - side])
        {
            world.Story?.Arrive(arrow, _schedule.Now);
            var link = connection.Links[1 - side];
            receiver.Do(() => receiver.OnMessage(link, message));
        }
    }

    private void Break(Connection connection, int side)
    {
        if (connection.IsOpen[side])
        {
            connection.IsOpen[side] = false;
            var process = connection.Ends[side];
            var link = connection.Links[side];
            _byLink.Remove((process, link));
            world.Story?.Tell(_schedule.Now, process.Region.Index, $"link {link} to {connection.Ends[1 - side].Region.Name} is gone");
            process.Do(() => process.OnLinkClosed(link));
        }

        if (side == 0 || !connection.Ends[0].IsAlive)
        {
            Forget(connection);
        }
    }

    /// <summary>The dialer knows that it is gone: it dials again.</summary>
    private void Forget(Connection connection)
    {
        var edge = connection.Edge;
        if (edge.Connection != connection)
        {
            return;
        }

        edge.Connection = null;
        if (connection.IsOpen[1])
        {
            // The listener hears of it at the latest by the silence.
            _schedule.After(random.Between(SilenceMinMicros, SilenceMaxMicros), () => Break(connection, 1));
        }

        if (world.Planted != PlantedFault.LinkNotRedialed)
        {
            Dial(edge, edge.IsFaulty ? FaultMicros : random.Between(50_000, 300_000));
            edge.IsFaulty = false;
        }
    }
}
