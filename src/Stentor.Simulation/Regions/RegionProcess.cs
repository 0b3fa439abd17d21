using System.Runtime.InteropServices;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Simulation;

/// <summary>
/// One life of a region: a store, a replica and its links, driven as the node drives them: commands queue, a batch is applied, committed, told. Each
/// step is an event of its own, so that a crash can fall between any two; the commit can also be cut in the middle.
/// </summary>
internal sealed partial class RegionProcess
{
    /// <summary>Most commands that wait; publishes beyond are refused.</summary>
    public const int QueueMax = 4096;

    private const long TickMicros = 50_000;

    private readonly World _world;
    private readonly Schedule _schedule;
    private readonly Replica _replica;
    private readonly SeededRandom _random;
    private readonly Queue<Command> _queue = new();
    private readonly Queue<Action> _deferred = new();
    private readonly List<Command> _batch = [];
    private readonly Outbox _outbox = new();
    private List<string> _told = [];
    private bool _isBusy;
    private bool _isTakingIncarnation;
    private long _pausedUntil;

    public RegionProcess(World world, SimulatedRegion region, Store store)
    {
        (_world, Region, Store) = (world, region, store);
        _schedule = world.Schedule;
        _random = region.Random;
        IStates states = store;
        states = world.Planted switch
        {
            PlantedFault.StateReadStale => new StaleStates(store),
            PlantedFault.PublishIdsForgotten => new ForgetfulStates(store, isForeignOnly: false),
            PlantedFault.ForeignPublishIdsUnknown => new ForgetfulStates(store, isForeignOnly: true),
            _ => states,
        };
        _states = states;
        _replica = new Replica(store.Origin, store.Mark, states, world.Plan.Replica);
        _links = Links(store);
        Seen = store.Mark.Seen;
    }

    public SimulatedRegion Region { get; }

    public Store Store { get; }

    /// <summary>Whether it runs.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>What is durable and told.</summary>
    public VersionVector Seen { get; private set; }

    /// <summary>Commands that wait.</summary>
    public int Waiting => _queue.Count;

    /// <summary>Entries that wait for what they depend on.</summary>
    public int WaitingRoom => _replica.WaitingCount;

    private long NowMs => _schedule.Now / 1000;

    /// <summary>Starts its timers.</summary>
    public void Begin()
    {
        Later(_random.Between(1, TickMicros), Tick);
        Later(_random.Between(2_000_000, 6_000_000), Checkpoint);
        Later(_random.Around(15_000_000), LookAfterVoters);
        if (Region.Index == 0 && Store.Position == 0 && Region.DiskLife == 0)
        {
            Found();
        }
    }

    /// <summary>Ends it: nothing that it had planned happens.</summary>
    public void End()
    {
        IsAlive = false;
        Store.Dispose();
    }

    /// <summary>Does something in the process: now, or when it is no longer paused; never, when it has ended.</summary>
    public void Do(Action what)
    {
        if (!IsAlive)
        {
            return;
        }

        if (_deferred.Count > 0 || _pausedUntil > _schedule.Now)
        {
            _deferred.Enqueue(what);
        }
        else
        {
            what();
        }
    }

    /// <summary>Stops it for a while, as a busy host or a collector does: everything that comes meanwhile waits.</summary>
    public void Pause(long micros)
    {
        _world.Story?.Tell(_schedule.Now, Region.Index, $"stands still for {micros / 1000} ms");
        _pausedUntil = Math.Max(_pausedUntil, _schedule.Now + micros);
        _schedule.After(micros, Resume);
    }

    /// <summary>Numbers the region's entries under a new origin from now on.</summary>
    public void TakeIncarnation()
    {
        if (!_isTakingIncarnation)
        {
            _isTakingIncarnation = true;
            var origin = Region.NextOrigin();
            _world.Story?.Tell(_schedule.Now, Region.Index, $"takes the new incarnation {origin}");

            // Before everything that waits: a publish must not use an old number.
            var waiting = _queue.ToArray();
            _queue.Clear();
            _queue.Enqueue(new Command.TakeIncarnation(origin));
            foreach (var command in waiting)
            {
                _queue.Enqueue(command);
            }

            Wake();
        }
    }

    private void Resume()
    {
        while (IsAlive && _pausedUntil <= _schedule.Now && _deferred.TryDequeue(out var what))
        {
            what();
        }
    }

    private void Later(long micros, Action what) => _schedule.After(micros, () => Do(what));

    private void Tick()
    {
        _links.Tick(NowMs, _output);
        Carry();
        AnswerCopies();
        GiveUpWaits();
        Later(TickMicros, Tick);
    }

    private void Wake()
    {
        if (!_isBusy)
        {
            _isBusy = true;
            Later(_random.Between(1, 300), ApplyBatch);
        }
    }

    private void ApplyBatch()
    {
        var count = Math.Min(_queue.Count, _random.Between(1, Region.BatchMax));
        var wall = Region.Clock.Micros;
        for (var i = 0; i < count; i++)
        {
            var command = _queue.Dequeue();
            _batch.Add(command);
            _replica.Apply(command, wall, _outbox);
        }

        _world.Witness.OnApplied(this, _replica);
        if (_world.Planted == PlantedFault.AcknowledgedBeforeCommit)
        {
            Answer();
        }

        if (_world.Planted == PlantedFault.AnnouncedBeforeCommit && _outbox.Entries.Count > 0)
        {
            _links.OnCommitted(_outbox.Mark.Seen, Store.Position, [], NowMs, _output);
            Carry();
        }

        if (_world.Planted == PlantedFault.DeliveredBeforeCommit)
        {
            DeliverUncommitted();
        }

        Later(_random.Around(Region.CommitMicros), CommitBatch);
    }

    private void CommitBatch()
    {
        if (_random.Chance(_world.Plan.PowerCutInCommit) && _world.Faults.IsOn)
        {
            Region.Disk.PowerCutAtStep = Region.Disk.Steps + _random.Between(1, 3);
        }

        try
        {
            if (_world.Planted == PlantedFault.SyncForgotten)
            {
                Region.Disk.SyncsToForget = 2;
            }

            (_states as StaleStates)?.Keep(_outbox);
            Store.Commit(_outbox);
            Region.Disk.PowerCutAtStep = 0;
            if (_world.Planted == PlantedFault.CheckpointWithoutMark)
            {
                KeepStates();
            }
        }
        catch (DiskException e)
        {
            OnDiskFault(e);
            return;
        }
        catch (PowerCutException)
        {
            Region.OnPowerCut();
            _world.Faults.RestartLater(Region);
            return;
        }

        _replica.Commit();
        _world.Witness.OnCommitted(this);
        Later(_random.Between(1, 200), Tell);
    }

    private void OnDiskFault(DiskException e)
    {
        _world.Story?.Tell(_schedule.Now, Region.Index, $"cannot commit {_outbox.Entries.Count} entries: {e.Message}");
        Region.Disk.PowerCutAtStep = 0;
        if (_world.Planted == PlantedFault.NotRolledBack)
        {
            _replica.Commit();
        }
        else
        {
            _replica.Rollback();
        }

        if (_world.Planted == PlantedFault.AcknowledgedFailedCommit)
        {
            Answer();
        }
        else
        {
            foreach (var command in _batch)
            {
                var publish = command switch
                {
                    Command.Publish one => one,
                    Command.Claim claim => claim.AsPublish(Store.Origin),
                    _ => null,
                };
                publish?.Caller?.OnOutcome(Outcome.Refused(publish, new Refusal(ErrorType.NotReady, e.Message), Seen));
            }
        }

        if (_world.Planted != PlantedFault.RollbackNotTold)
        {
            _links.OnRolledBack(NowMs, _output);
            Carry();
        }


        // A refused incarnation is asked for again, before anything is numbered.
        var isIncarnationLost = _batch.Exists(command => command is Command.TakeIncarnation);
        EndBatch();
        if (isIncarnationLost)
        {
            _isTakingIncarnation = false;
            TakeIncarnation();
        }
    }

    private void Tell()
    {
        Seen = Store.Mark.Seen;
        if (_outbox.Self is { } origin)
        {
            _isTakingIncarnation = false;
            RenewLinks(origin);
        }

        if (_world.Story is { } story)
        {
            TellStory(story);
        }

        if (_world.Planted != PlantedFault.AcknowledgedBeforeCommit)
        {
            Answer();
        }

        _links.OnCommitted(Seen, Store.Position, _outbox.Received, NowMs, _output);
        Carry();
        EndBatch();
        AnswerWaits();
        AnswerCopies();
        AnswerRegistrations();
        WakeReaders();
    }

    private void EndBatch()
    {
        _batch.Clear();
        _outbox.Clear();
        _isBusy = false;
        if (_queue.Count > 0)
        {
            Wake();
        }
    }

    private void Answer()
    {
        foreach (ref readonly var outcome in CollectionsMarshal.AsSpan(_outbox.Outcomes))
        {
            outcome.Command.Caller?.OnOutcome(outcome);
        }
    }

    private void TellStory(Story story)
    {
        var waiting = _replica.WaitingLines(linesMax: 100).Select(line => $"{line.Origin}:{line.Seq}{(line.Behind > 0 ? $" and {line.Behind} behind it" : "")}").ToList();
        foreach (var entry in waiting.Except(_told))
        {
            story.Wait(_schedule.Now, Region.Index, entry);
        }

        foreach (var entry in _told.Except(waiting))
        {
            story.WaitEnds(_schedule.Now, Region.Index, entry);
        }

        _told = waiting;
        foreach (var entry in _outbox.Entries)
        {
            var isOwn = entry.Origin == Store.Origin;
            story.Tell(_schedule.Now, Region.Index, $"{(isOwn ? "records" : "applies")} {entry.Origin}:{entry.Seq} in {entry.Channel}{(entry.Repeat ? " (a copy of a known activity)" : "")}");
        }

        foreach (var report in _outbox.Received)
        {
            if (report.Result != ReceiveResult.Taken)
            {
                story.Tell(_schedule.Now, Region.Index, $"{(report.Result == ReceiveResult.Dropped ? "drops" : "refuses")} {report.Origin}:{report.Seq} of link {report.Link} {report.Detail}");
            }
        }
    }

    private void Checkpoint()
    {
        try
        {
            if (_random.Chance(_world.Plan.PowerCutInCommit) && _world.Faults.IsOn)
            {
                Region.Disk.PowerCutAtStep = Region.Disk.Steps + _random.Between(1, 6);
            }

            Store.Checkpoint();
            Region.Disk.PowerCutAtStep = 0;
            _last.Clear();
        }
        catch (DiskException e)
        {
            Region.Disk.PowerCutAtStep = 0;
            _world.Story?.Tell(_schedule.Now, Region.Index, $"cannot check-point: {e.Message}");
        }
        catch (PowerCutException)
        {
            Region.OnPowerCut();
            _world.Faults.RestartLater(Region);
            return;
        }

        Later(_random.Between(2_000_000, 6_000_000), Checkpoint);
    }
}
