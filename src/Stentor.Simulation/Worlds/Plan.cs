using System.Globalization;
using Stentor.Replication;

namespace Stentor.Simulation;

/// <summary>What a seed decides before anything happens: how many regions, how they are connected, how busy and how unlucky they are.</summary>
internal sealed class Plan
{
    private static readonly string[] KnownNames = ["eu", "us", "asia", "africa", "oceania", "arctic"];

    private static readonly string[] AllChannels = ["scores.curling", "scores.luge", "scores.ski.jump", "chat.general", "chat.help", "movies.the-ring", "activities", "status"];

    public Plan(SeededRandom random, SimulationOptions options)
    {
        var regions = (int)Math.Clamp(
            random.Below(100) switch
            {
                < 70 => random.Between(2, 4),
                < 93 => random.Between(5, 8),
                < 99 => random.Between(9, 16),
                _ => random.Between(17, 50),
            },
            options.RegionsMin,
            options.RegionsMax);
        Names = [.. Enumerable.Range(0, regions).Select(i => i < KnownNames.Length ? KnownNames[i] : string.Create(CultureInfo.InvariantCulture, $"r{i:D2}"))];
        Edges = [.. Connect(regions, random)];
        Clients = random.Between(4, 10);
        ThinkMicros = random.Between(500_000, 1_500_000);
        ClientDelayMicros = random.Between(1_000, 60_000);
        ClientLoss = random.Chance(0.5) ? 0.01 : 0.0;
        NamesCount = random.Between(3, 40);
        IdChance = random.NextUnit() * 0.6;
        Channels = [.. AllChannels.Take(random.Between(2, AllChannels.Length))];
        SegmentBytes = random.Chance(0.5) ? 16 * 1024 : 64 * 1024;
        PowerCutInCommit = random.Chance(0.5) ? 0.002 : 0.0;
        FaultMicros = random.Between(1_000_000, 12_000_000);
        Links = new LinkOptions
        {
            WindowBytes = random.Chance(0.5) ? random.Between(4, 64) * 1024 : 1024 * 1024,
            IgnoreDependencies = options.Planted == PlantedFault.DependenciesNotChecked,
            MessageBytes = random.Chance(0.5) ? random.Between(1, 4) * 1024 : 16 * 1024,
        };
        WaitingEntriesMax = random.Chance(0.3) ? random.Between(3, 50) : 1_000;
        Replica = ReplicaOptions.Default with
        {
            WaitingEntriesMax = options.Planted == PlantedFault.WaitingRoomUnbounded ? int.MaxValue : WaitingEntriesMax,
            IgnoreDependencies = options.Planted == PlantedFault.DependenciesNotChecked,
            Fault = options.Planted switch
            {
                PlantedFault.LamportNotMerged => ReplicaFault.LamportNotMerged,
                PlantedFault.TimeNotMerged => ReplicaFault.TimeNotMerged,
                PlantedFault.FoldedInArrivalOrder => ReplicaFault.FoldedInArrivalOrder,
                PlantedFault.CopyFoldedTwice => ReplicaFault.CopyFoldedTwice,
                PlantedFault.ChainNotChecked => ReplicaFault.ChainNotChecked,
                _ => ReplicaFault.None,
            },
        };
    }

    public IReadOnlyList<string> Names { get; }

    /// <summary>Who dials whom; parallel links stand here twice.</summary>
    public IReadOnlyList<(int Dialer, int Listener)> Edges { get; }

    public int Clients { get; }

    /// <summary>How long a client waits between two requests, on average.</summary>
    public long ThinkMicros { get; }

    public long ClientDelayMicros { get; }

    /// <summary>How often a request or an answer is lost.</summary>
    public double ClientLoss { get; }

    /// <summary>How many names clients register.</summary>
    public int NamesCount { get; }

    /// <summary>How often a publish has an id.</summary>
    public double IdChance { get; }

    public IReadOnlyList<string> Channels { get; }

    public int SegmentBytes { get; }

    /// <summary>How often the power goes in the middle of a commit or a check-point.</summary>
    public double PowerCutInCommit { get; }

    /// <summary>Time between two faults, on average.</summary>
    public long FaultMicros { get; }

    public ReplicaOptions Replica { get; }

    /// <summary>Most entries that may wait in a region for what they depend on.</summary>
    public int WaitingEntriesMax { get; }

    public LinkOptions Links { get; }

    /// <summary>A random tree, or a line, a ring, a star, a mesh; with some more links, and some twice.</summary>
    private static IEnumerable<(int Dialer, int Listener)> Connect(int regions, SeededRandom random)
    {
        var links = new List<(int, int)>();
        void Add(int a, int b)
        {
            links.Add(random.Chance(0.5) ? (a, b) : (b, a));
            if (random.Chance(0.1))
            {
                links.Add(random.Chance(0.5) ? (a, b) : (b, a));
            }
        }

        var shape = random.Below(5);
        for (var i = 1; i < regions; i++)
        {
            Add(i, shape switch
            {
                0 => i - 1,
                1 => 0,
                _ => random.Below(i),
            });
        }

        if (shape == 0 && regions > 2 && random.Chance(0.5))
        {
            Add(regions - 1, 0);
        }

        if (shape == 4 && regions <= 6)
        {
            for (var a = 0; a < regions; a++)
            {
                for (var b = 0; b < a; b++)
                {
                    if (!links.Contains((a, b)) && !links.Contains((b, a)))
                    {
                        Add(a, b);
                    }
                }
            }
        }
        else if (shape >= 2)
        {
            for (var more = random.Below(regions); more > 0 && regions > 2; more--)
            {
                var a = random.Below(regions);
                var b = random.Below(regions);
                if (a != b)
                {
                    Add(a, b);
                }
            }
        }

        return links;
    }
}
