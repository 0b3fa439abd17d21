namespace Stentor.Simulation;

/// <summary>
/// What goes wrong in a world. Each seed has some kinds of fault and not others, so that what only shows when the rest is quiet shows too
/// (Groce et al., "Swarm testing", 2012).
/// </summary>
/// <param name="world">The world.</param>
/// <param name="random">What chance decides here.</param>
internal sealed class FaultMaker(World world, SeededRandom random)
{
    // At most so many disks are lost or restored in a run: each may take entries with it for good, and the rest of the run should still say something.
    private const int DisksLostMax = 3;

    private readonly List<Action> _kinds = [];
    private readonly List<Action> _mends = [];
    private bool _isStopped;
    private int _disksLost;

    /// <summary>Whether things still go wrong.</summary>
    public bool IsOn => !_isStopped;

    /// <summary>How often something was made to go wrong.</summary>
    public int Count { get; private set; }

    /// <summary>How often a process ended without a word.</summary>
    public int Crashes { get; private set; }

    /// <summary>Chooses the kinds of fault, and begins.</summary>
    public void Begin()
    {
        Action[] all =
        [
            () => CrashSome(isPowerCut: true),
            () => CrashSome(isPowerCut: false),
            Pause,
            FailSyncs,
            FailWrites,
            FillDisk,
            LoseDisk,
            RestoreOldCopy,
            LoseStates,
            JumpClock,
            CutEdge,
            Partition,
            DropConnection,
            SlowEdge,
            SlowRegion,
        ];
        foreach (var kind in all)
        {
            if (random.Chance(0.6))
            {
                _kinds.Add(kind);
            }
        }

        if (_kinds.Count > 0)
        {
            Next();
        }

        KeepCopies();
    }

    /// <summary>No more faults.</summary>
    public void Stop() => _isStopped = true;

    /// <summary>Takes back what is still wrong.</summary>
    public void MendAll()
    {
        foreach (var mend in _mends.ToList())
        {
            mend();
        }
    }

    /// <summary>Starts a region again, some time later.</summary>
    public void RestartLater(SimulatedRegion region)
    {
        Crashes++;
        world.Schedule.After(random.Chance(0.5) ? random.Between(10_000, 1_000_000) : random.Between(1_000_000, 20_000_000), region.Start);
    }

    private SimulatedRegion AnyRegion() => random.Pick(world.Regions);

    private Edge AnyEdge() => random.Pick(world.Network.Edges);

    private void Next() => world.Schedule.After(random.Around(world.Plan.FaultMicros), () =>
    {
        if (!_isStopped)
        {
            Count++;
            random.Pick(_kinds)();
            Next();
        }
    });

    /// <summary>Does something now, and takes it back later: after a while, or when the faults stop.</summary>
    private void For(long micros, Action back)
    {
        var isBack = false;
        void Mend()
        {
            if (!isBack)
            {
                isBack = true;
                back();
            }
        }

        _mends.Add(Mend);
        world.Schedule.After(micros, () =>
        {
            Mend();
            _mends.Remove(Mend);
        });
    }

    private void CrashSome(bool isPowerCut)
    {
        var count = random.Chance(0.15) ? random.Between(1, world.Regions.Count) : 1;
        for (var i = 0; i < count; i++)
        {
            var region = AnyRegion();
            if (region.Process is not null)
            {
                region.Crash(isPowerCut);
                RestartLater(region);
            }
        }
    }

    private void Pause() => AnyRegion().Process?.Pause(random.Around(2_000_000));

    private void FailSyncs() => AnyRegion().Disk.SyncsToFail = random.Between(1, 4);

    private void FailWrites() => AnyRegion().Disk.WritesToFail = random.Between(1, 4);

    private void FillDisk()
    {
        var region = AnyRegion();
        var disk = region.Disk;
        disk.CapacityBytes = disk.UsedBytes + random.Between(0, 2_000);
        For(random.Around(4_000_000), () => disk.CapacityBytes = long.MaxValue);
    }

    private void LoseDisk()
    {
        if (_disksLost < DisksLostMax && random.Chance(0.3))
        {
            _disksLost++;
            var region = AnyRegion();
            region.LoseDisk();
            RestartLater(region);
        }
    }

    private void RestoreOldCopy()
    {
        var region = AnyRegion();
        if (_disksLost < DisksLostMax && region.HasOldCopy && random.Chance(0.5))
        {
            _disksLost++;
            region.RestoreOldCopy();
            RestartLater(region);
        }
    }

    private void LoseStates()
    {
        var region = AnyRegion();
        region.Crash(isPowerCut: false);
        world.Story?.Tell(world.Schedule.Now, region.Index, "loses the database of its states");
        region.LoseStates();
        RestartLater(region);
    }

    private void JumpClock()
    {
        var region = AnyRegion();
        var micros = random.Chance(0.7) ? random.Between(-5_000_000, 5_000_000) : random.Between(-3_600_000_000, 3_600_000_000);
        world.Story?.Tell(world.Schedule.Now, region.Index, $"its clock jumps by {micros / 1_000_000.0:0.0} s");
        region.Clock.Jump(micros);
    }

    private void CutEdge()
    {
        var edge = AnyEdge();
        var fromDialer = random.Chance(0.7);
        Cut(edge, fromDialer, !fromDialer || random.Chance(0.7), random.Around(8_000_000));
    }

    private void Partition()
    {
        var side = world.Regions.Where(_ => random.Chance(0.5)).ToHashSet();
        var micros = random.Around(10_000_000);
        foreach (var edge in world.Network.Edges)
        {
            if (side.Contains(edge.Dialer) != side.Contains(edge.Listener))
            {
                Cut(edge, fromDialer: true, toDialer: true, micros);
            }
        }
    }

    private void Cut(Edge edge, bool fromDialer, bool toDialer, long micros)
    {
        world.Story?.Tell(world.Schedule.Now, -1, $"nothing comes through {(fromDialer ? $"from {edge.Dialer.Name} to {edge.Listener.Name}" : "")}{(fromDialer && toDialer ? " and " : "")}{(toDialer ? $"from {edge.Listener.Name} to {edge.Dialer.Name}" : "")} for {micros / 1000} ms");
        world.Network.Cut(edge, fromDialer, toDialer);
        For(micros, () => Network.Mend(edge, fromDialer, toDialer));
    }

    private void DropConnection() => world.Network.Drop(AnyEdge());

    private void SlowEdge()
    {
        var edge = AnyEdge();
        (edge.Loss, edge.BytesPerSecond) = (0.05, random.Between(3_000, 100_000));
        For(random.Around(8_000_000), edge.BeUsual);
    }

    private void SlowRegion()
    {
        var region = AnyRegion();
        (region.CommitMicros, region.BatchMax) = (random.Between(20_000, 500_000), random.Between(1, 8));
        For(random.Around(8_000_000), region.BeUsual);
    }

    /// <summary>Now and then someone copies a disk, to have something to restore.</summary>
    private void KeepCopies() => world.Schedule.After(random.Around(30_000_000), () =>
    {
        if (!_isStopped && _kinds.Count > 0)
        {
            AnyRegion().KeepCopy();
            KeepCopies();
        }
    });
}
