using Stentor.Protocol;
using Stentor.Storage;

namespace Stentor.Simulation;

/// <summary>A region of a world: what stays of it when its process ends (a disk, a clock, a place in the network), and the process while it runs.</summary>
internal sealed class SimulatedRegion(World world, int index, string name, SeededRandom random, WallClock clock)
{
    private const long UsualCommitMicros = 2_000;
    private const int UsualBatchMax = 64;

    private SimulatedDisk? _oldDisk;
    private StateMemory? _oldStates;

    public int Index { get; } = index;

    public string Name { get; } = name;

    public WallClock Clock { get; } = clock;

    public SeededRandom Random { get; } = random;

    /// <summary>The disk with the ledger.</summary>
    public SimulatedDisk Disk { get; private set; } = new(random.NextBits());

    /// <summary>The database with the states.</summary>
    public StateMemory States { get; private set; } = new();

    /// <summary>The process that runs; null when none does.</summary>
    public RegionProcess? Process { get; private set; }

    /// <summary>How often its disk was lost or replaced: what was promised on an earlier one is not asked of this one.</summary>
    public int DiskLife { get; private set; }

    /// <summary>Whether it stays down for ever.</summary>
    public bool IsDead { get; private set; }

    /// <summary>How long a commit takes, on average.</summary>
    public long CommitMicros { get; set; } = UsualCommitMicros;

    /// <summary>Most commands in a batch.</summary>
    public int BatchMax { get; set; } = UsualBatchMax;

    /// <summary>Whether there is an old copy of its disk.</summary>
    public bool HasOldCopy => _oldDisk is not null;

    /// <summary>Starts a process, unless one runs or none ever will again.</summary>
    public void Start()
    {
        if (Process is not null || IsDead)
        {
            return;
        }

        var options = new StoreOptions
        {
            Region = Name,
            Incarnation = NextIncarnation(),
            StateMemory = States,
            SegmentBytes = world.Plan.SegmentBytes,
            IsHousekeepingInBackground = false,
            Replica = world.Plan.Replica,
        };
        Store store;
        try
        {
            store = Store.Open(Disk, options);
        }
        catch (DiskException e)
        {
            world.Story?.Tell(world.Schedule.Now, Index, $"cannot start: {e.Message}");
            world.Schedule.After(1_000_000, Start);
            return;
        }
        catch (PowerCutException)
        {
            OnPowerCut();
            world.Schedule.After(500_000, Start);
            return;
        }

        Process = new RegionProcess(world, this, store);
        world.Story?.Tell(world.Schedule.Now, Index, $"starts as {store.Origin} at position {store.Position}");
        world.Witness.OnStarted(this, store);
        Process.Begin();
        world.Network.OnStarted(this);
    }

    /// <summary>Is as fast as it usually is.</summary>
    public void BeUsual() => (CommitMicros, BatchMax) = (UsualCommitMicros, UsualBatchMax);

    /// <summary>The process ends without a word.</summary>
    /// <param name="isPowerCut">Whether the power goes: then what was not synced is there in part or not at all.</param>
    public void Crash(bool isPowerCut)
    {
        if (Process is { } process)
        {
            world.Story?.Tell(world.Schedule.Now, Index, isPowerCut ? "loses its power" : "is killed");
            End(process);
        }

        if (isPowerCut)
        {
            Disk.CutPower();
        }
        else
        {
            Disk.EndProcess();
        }
    }

    /// <summary>The power went in the middle of a step.</summary>
    public void OnPowerCut()
    {
        world.Story?.Tell(world.Schedule.Now, Index, "loses its power in the middle of a write");
        if (Process is { } process)
        {
            End(process);
        }

        Disk.CutPower();
    }

    /// <summary>Ends it for ever.</summary>
    public void Bury()
    {
        if (!IsDead)
        {
            Crash(isPowerCut: true);
            IsDead = true;
        }
    }

    /// <summary>Its disk is gone, with all that was on it; a new one is put in.</summary>
    public void LoseDisk()
    {
        Crash(isPowerCut: true);
        world.Story?.Tell(world.Schedule.Now, Index, "loses its disk");
        Disk = new SimulatedDisk(Random.NextBits());
        LoseStates();
        DiskLife++;
        world.Witness.OnDiskReplaced(this);
    }

    /// <summary>The database of states is gone; the ledger is there.</summary>
    public void LoseStates()
    {
        States.Dispose();
        States = new StateMemory();
    }

    /// <summary>Keeps a copy of the disk as it is now. The process may run: what it did not sync is then not in the copy.</summary>
    public void KeepCopy()
    {
        var copy = Disk.Copy(Random.NextBits());
        copy.CutPower(keepOfLastWrite: 0);
        _oldDisk = copy;
        _oldStates?.Dispose();
        _oldStates = Random.Chance(0.5) ? States.Copy() : null;
    }

    /// <summary>Puts the old copy in place of what is there.</summary>
    public void RestoreOldCopy()
    {
        if (_oldDisk is null)
        {
            return;
        }

        Crash(isPowerCut: true);
        world.Story?.Tell(world.Schedule.Now, Index, "is restored from an old copy");
        Disk = _oldDisk;
        States.Dispose();
        States = _oldStates ?? new StateMemory();
        (_oldDisk, _oldStates) = (null, null);
        DiskLife++;
        if (world.Planted != PlantedFault.NumberReusedAfterRestore)
        {
            Disk.BecomeCopy();
        }

        world.Witness.OnDiskReplaced(this);
    }

    /// <summary>A name for its next incarnation.</summary>
    public OriginId NextOrigin() => StoreOptions.OriginOf(Name, NextIncarnation());

    /// <summary>Frees what it holds outside of managed memory.</summary>
    public void Dispose()
    {
        Process?.End();
        States.Dispose();
        _oldStates?.Dispose();
    }

    /// <summary>A store that is new, or a copy, takes it; any other goes on under what it has.</summary>
    private ulong NextIncarnation() => world.Planted == PlantedFault.OriginReusedAfterDiskLoss ? (ulong)Index : Random.NextBits();

    private void End(RegionProcess process)
    {
        Process = null;
        process.End();
        world.Network.OnEnded(process);
        if (world.Planted == PlantedFault.CheckpointWithoutMark)
        {
            process.WriteStatesWithoutMark(States);
        }
        else if (world.Planted == PlantedFault.MarkWithoutStates)
        {
            process.WriteMarkWithoutStates(States);
        }
    }
}
