namespace Stentor.Simulation;

/// <summary>
/// One run: regions with the shipped core on simulated disks, a network, clients, faults, and those who watch. First everything goes wrong that can, and
/// safety is judged at every step; then a connected part of the regions is healed, the rest stays dead, and liveness is judged.
/// </summary>
internal sealed class World
{
    // Longest first phase. A world in which nothing can be recorded any more goes on to the second.
    private const long FaultsMicrosMax = 600_000_000;

    // Time to converge: a minute for timeouts and backoffs, and for each region that a message may have to cross some more.
    private const long HealMicros = 60_000_000;
    private const long HealMicrosARegion = 3_000_000;
    private const long LookMicros = 100_000;

    private readonly SimulationOptions _options;
    private readonly SeededRandom _random;
    private IReadOnlyList<SimulatedRegion> _healed = [];

    public World(SimulationOptions options)
    {
        _options = options;
        _random = new SeededRandom(options.Seed);
        Planted = options.Planted;
        Story = options.IsTold ? new Story() : null;
        Plan = new Plan(_random.Fork(), options);
        Network = new Network(this, _random.Fork());
        var clocks = _random.Fork();
        var regions = _random.Fork();
        Regions = [.. Plan.Names.Select((name, index) => new SimulatedRegion(
            this, index, name, regions.Fork(), new WallClock(Schedule, clocks.Between(-200_000, 200_000), clocks.Between(-200, 200))))];
        Story?.Regions = Plan.Names;
        Witness = new Witness(this);
        foreach (var (dialer, listener) in Plan.Edges)
        {
            Network.Edges.Add(new Edge
            {
                Dialer = Regions[dialer],
                Listener = Regions[listener],
                DelayMicros = regions.Between(500, 80_000),
                JitterMicros = regions.Between(100, 10_000),
                UsualLoss = regions.Chance(0.5) ? 0.001 : 0,
                UsualBytesPerSecond = regions.Chance(0.1) ? 50_000 : 10_000_000,
            });
        }

        Network.Edges.ForEach(edge => edge.BeUsual());
        Faults = new FaultMaker(this, _random.Fork());
        var clients = _random.Fork();
        Clients = [.. Enumerable.Range(0, Plan.Clients).Select(index => new Client(this, index, clients.Pick(Regions), clients.Fork()))];
    }

    public Schedule Schedule { get; } = new();

    public Digest Digest { get; } = new();

    public Plan Plan { get; }

    public PlantedFault Planted { get; }

    public Story? Story { get; }

    public Network Network { get; }

    public IReadOnlyList<SimulatedRegion> Regions { get; }

    public IReadOnlyList<Client> Clients { get; }

    public FaultMaker Faults { get; }

    public Witness Witness { get; }

    /// <summary>Whether clients still publish.</summary>
    public bool WantsEntries => _healed.Count == 0 && Witness.Facts.Count < _options.Entries;

    /// <summary>Where clients may go.</summary>
    public IReadOnlyList<SimulatedRegion> RegionsForClients => _healed.Count == 0 ? Regions : _healed;

    /// <summary>Runs it to its end.</summary>
    public SimulationResult Run()
    {
        Violation? violation = null;
        try
        {
            RunPhases();
        }
        catch (InvariantException e)
        {
            violation = new Violation(e.Invariant, e.Message, Now());
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The core, or the simulator itself, came to a point that it says cannot be.
            violation = new Violation(Invariant.Sound, e.ToString(), Now());
        }
        finally
        {
            foreach (var region in Regions)
            {
                region.Dispose();
            }
        }

        if (violation is not null)
        {
            Story?.Tell(Schedule.Now, -1, $"invariant {(int)violation.Invariant} ({violation.Invariant}) is broken: {violation.Detail}");
        }

        return new SimulationResult(
            _options.Seed, violation, Regions.Count, Witness.Facts.Count, Now(), Schedule.Steps, Network.Messages, Faults.Count, Faults.Crashes, Witness.Shown, Witness.Decided, Digest.Value, Story);
    }

    private TimeSpan Now() => TimeSpan.FromMicroseconds(Schedule.Now);

    private void RunPhases()
    {
        foreach (var region in Regions)
        {
            Schedule.After(_random.Between(1, 1_000_000), region.Start);
        }

        foreach (var client in Clients)
        {
            client.Begin();
        }

        Faults.Begin();
        while (WantsEntries && Schedule.Now < FaultsMicrosMax)
        {
            Schedule.RunNext(FaultsMicrosMax);
        }

        Heal();
        Converge();
        Witness.AtEnd(_healed);
    }

    /// <summary>The faults stop. A connected part of the regions comes back; the rest never will.</summary>
    private void Heal()
    {
        Faults.Stop();
        var size = _random.Chance(0.5) ? Regions.Count : _random.Between(1, Regions.Count);
        var healed = new List<SimulatedRegion> { _random.Pick(Regions) };
        while (healed.Count < size)
        {
            var next = Network.Edges.Where(edge => healed.Contains(edge.Dialer) != healed.Contains(edge.Listener))
                .Select(edge => healed.Contains(edge.Dialer) ? edge.Listener : edge.Dialer).ToList();
            healed.Add(_random.Pick(next));
        }

        healed.Sort((a, b) => a.Index.CompareTo(b.Index));
        _healed = healed;
        Story?.Tell(Schedule.Now, -1, $"the faults stop; {string.Join(", ", healed.Select(region => region.Name))} go on");
        foreach (var region in Regions)
        {
            if (!healed.Contains(region))
            {
                region.Bury();
            }
        }

        Faults.MendAll();
        foreach (var region in healed)
        {
            region.Disk.BeWell();
            region.Start();
        }

        foreach (var client in Clients)
        {
            client.MoveTo(_random.Pick(healed));
        }
    }

    private void Converge()
    {
        var until = Schedule.Now + HealMicros + (HealMicrosARegion * Regions.Count);
        var look = Schedule.Now;
        while (!Witness.IsConverged(_healed))
        {
            look += LookMicros;
            if (look > until)
            {
                Witness.FailToConverge(_healed);
            }

            while (Schedule.RunNext(look))
            {
                // Until it is time to look again.
            }
        }
    }
}
