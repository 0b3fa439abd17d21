using System.Globalization;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Simulation;

/// <summary>
/// How replication scales with the number of regions: messages, bytes and delay an entry and a registration, with the shipped links and with plain flooding (every
/// region passes every entry on to every neighbour but the one that brought it). Same figures at every run: the time is virtual.
/// </summary>
public static class ScalingStudy
{
    private const int DelayMs = 10;
    private const int Publishers = 8;
    private const int EntriesEach = 25;

    // A neighbour that is told to stop at once when entries come twice would need no flooding to compare with.
    private static readonly LinkOptions Flooding = LinkOptions.Default with { RepeatsMax = int.MaxValue };

    /// <summary>The topologies that docs/scaling.md has.</summary>
    public static IReadOnlyList<ScalingShape> Shapes { get; } =
    [
        new("two regions", 2, Tree(2, 1)),
        new("full mesh of 8", 8, Mesh(8)),
        new("ring of 8", 8, Ring(8)),
        new("full mesh of 20", 20, Mesh(20)),
        new("ring of 50", 50, Ring(50)),
        new("tree of 100, two below each", 100, Tree(100, 2)),
        new("tree of 100, ten below each", 100, Tree(100, 10)),
        new("tree of 1,000, ten below each", 1000, Tree(1000, 10)),
    ];

    /// <summary>Measures one topology.</summary>
    /// <param name="shape">The topology.</param>
    public static ScalingRow Measure(ScalingShape shape)
    {
        var (world, row) = MeasureEntries(shape, LinkOptions.Default);
        var registration = MeasureRegistration(world);
        var (_, flooded) = MeasureEntries(shape, Flooding);
        return row with { FloodedTransmissions = flooded.Transmissions, FloodedBytes = flooded.Bytes, Registration = registration };
    }

    /// <summary>How long entries take to all regions again after a link of each publisher's tree was cut, without a word, milliseconds beyond the usual delay.</summary>
    /// <param name="regions">How many regions, in a full mesh.</param>
    public static double MeasureCut(int regions)
    {
        var world = new ScalingWorld(regions, Mesh(regions), LinkOptions.Default);
        WarmUp(world);
        for (var i = 1; i < (regions / 2) + 1; i++)
        {
            world.Cut(0, i);
        }

        world.Publish(0);
        return world.RunUntil(world.AreLevel, 60_000) - (2 * DelayMs);
    }

    private static (ScalingWorld World, ScalingRow Row) MeasureEntries(ScalingShape shape, LinkOptions options)
    {
        var world = new ScalingWorld(shape.Regions, shape.Links, options);
        WarmUp(world);

        // What the links say without any entry is not the entries' cost.
        world.Reset();
        world.RunFor(EntriesEach * Publishers * 5);
        var (idleMessages, idleBytes) = (world.Messages, world.Bytes);
        world.Reset();
        var publishers = Math.Min(Publishers, shape.Regions);
        var entries = EntriesEach * publishers;
        for (var i = 0; i < entries; i++)
        {
            world.Publish(i % publishers * (shape.Regions / publishers));
            world.RunFor(5 * Publishers / publishers);
        }

        world.RunUntil(world.AreLevel, 60_000);
        var (mean, max) = world.Delays();
        var perRegion = entries * (double)(shape.Regions - 1);
        return (world, new ScalingRow(
            shape.Name, shape.Regions, world.LinkCount, world.Transmissions / perRegion, (world.Messages - idleMessages) / perRegion, (world.Bytes - idleBytes) / perRegion, mean, max));
    }

    /// <summary>From the claim of a name to the moment at which the region that claimed it knows that it won, with seven voters (or all, where there are fewer).</summary>
    private static ScalingRegistration MeasureRegistration(ScalingWorld world)
    {
        var voters = world.Regions.Take(7).Select(r => r.Origin).ToArray();
        var first = string.Join(',', voters.Select(v => $"\"{v}\""));
        world.Regions[0].Apply(new Command.Publish(ClaimChannels.Cluster, "operator", PublishBody.Parse(System.Text.Encoding.UTF8.GetBytes("{\"effect\":{\"set\":{\"id\":\"c\",\"voters\":[" + first + "]}}}"), Limits.Default)));
        world.RunUntil(world.AreLevel, 60_000);
        world.RunFor(500);
        world.Reset();
        world.RunFor(1_000);
        var (idleMessages, idleBytes) = (world.Messages / 1000.0, world.Bytes / 1000.0);
        world.Reset();
        var claimant = world.Regions[^1];
        var channel = "_accounts.ada";
        claimant.Apply(new Command.Claim(channel, "ada", "00112233445566778899aabbccddeeff", "{\"username\":\"ada\"}"u8.ToArray(), null, 0));
        var decidedMs = world.RunUntil(() => VoterSets.Read(claimant.Find)?.Decide(channel, claimant.Find(channel)) is not null, 60_000);
        var levelMs = decidedMs + world.RunUntil(world.AreLevel, 60_000);
        return new ScalingRegistration(voters.Length, decidedMs, world.Transmissions, Math.Max(0, world.Messages - (idleMessages * levelMs)), Math.Max(0, world.Bytes - (idleBytes * levelMs)));
    }

    /// <summary>Until every origin's entries have found their tree.</summary>
    private static void WarmUp(ScalingWorld world)
    {
        world.RunFor(500);
        var publishers = Math.Min(Publishers, world.Regions.Length);
        for (var round = 0; round < 8; round++)
        {
            for (var p = 0; p < publishers; p++)
            {
                world.Publish(p * (world.Regions.Length / publishers));
                world.RunFor(25);
            }
        }

        world.RunUntil(world.AreLevel, 60_000);
        world.RunFor(1_000);
    }

    private static IEnumerable<(int One, int Other, int DelayMs)> Mesh(int count)
    {
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                yield return (i, j, DelayMs);
            }
        }
    }

    private static IEnumerable<(int One, int Other, int DelayMs)> Ring(int count) =>
        Enumerable.Range(0, count).Select(i => (i, (i + 1) % count, DelayMs));

    private static IEnumerable<(int One, int Other, int DelayMs)> Tree(int count, int fanOut) =>
        Enumerable.Range(1, count - 1).Select(i => (i, (i - 1) / fanOut, DelayMs));
}

/// <summary>A topology.</summary>
/// <param name="Name">For people.</param>
/// <param name="Regions">How many regions.</param>
/// <param name="Links">The links, each with its delay in milliseconds.</param>
public sealed record ScalingShape(string Name, int Regions, IEnumerable<(int One, int Other, int DelayMs)> Links);

/// <summary>What a topology costs. An entry's figures are for each region that it has to reach.</summary>
/// <param name="Name">The topology.</param>
/// <param name="Regions">How many regions.</param>
/// <param name="Links">How many links.</param>
/// <param name="Transmissions">How often an entry is sent, for each region that it reaches: 1 is the least.</param>
/// <param name="Messages">Messages of all kinds, beyond those of idle links.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="DelayMeanMs">From the publish to the last region, on average.</param>
/// <param name="DelayMaxMs">The longest.</param>
public sealed record ScalingRow(string Name, int Regions, int Links, double Transmissions, double Messages, double Bytes, double DelayMeanMs, double DelayMaxMs)
{
    /// <summary>Transmissions with plain flooding.</summary>
    public double FloodedTransmissions { get; init; }

    /// <summary>Bytes with plain flooding.</summary>
    public double FloodedBytes { get; init; }

    /// <summary>What a registration costs.</summary>
    public ScalingRegistration? Registration { get; init; }

    /// <summary>The head of a table of <see cref="ToMarkdown"/>.</summary>
    public const string MarkdownHead =
        "| topology | links | transmissions | flooded | messages | bytes | bytes flooded | delay to the last region, mean / max, ms | registration: transmissions | messages | ms until decided |";

    /// <summary>A line of the table in docs/scaling.md.</summary>
    public string ToMarkdown() => string.Create(
        CultureInfo.InvariantCulture,
        $"| {Name} | {Links:#,0} | {Transmissions:0.00} | {FloodedTransmissions:0.00} | {Messages:0.0} | {Bytes:#,0} | {FloodedBytes:#,0} | {DelayMeanMs:0} / {DelayMaxMs:0} | {Registration?.Transmissions:#,0} | {Registration?.Messages:#,0} | {Registration?.DecidedMs:0} |");
}

/// <summary>What a registration costs in a topology, all in all.</summary>
/// <param name="Voters">How many regions vote.</param>
/// <param name="DecidedMs">From the claim to the moment at which the region that made it knows the outcome.</param>
/// <param name="Transmissions">How often the claim and the votes were sent.</param>
/// <param name="Messages">Messages of all kinds, beyond those of idle links.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record ScalingRegistration(int Voters, double DecidedMs, long Transmissions, double Messages, double Bytes);
