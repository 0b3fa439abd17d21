using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stentor.EndToEnd.Regions;

/// <summary>Regions whose nodes are killed and stopped, whose links are cut and whose disks are lost while everybody publishes and reads: afterwards all is there, alike everywhere.</summary>
public sealed class RegionFaultTests(ITestOutputHelper output)
{
    [Fact(Timeout = 300_000)]
    public Task Five_regions_in_a_ring_lose_and_repeat_nothing_and_end_alike() =>
        FaultsAsync(RegionWorld.Ring, TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(8), Random.Shared.Next());

    [Fact(Timeout = 300_000)]
    public Task Five_regions_in_a_tree_lose_and_repeat_nothing_and_end_alike() =>
        FaultsAsync(RegionWorld.Tree, TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(8), Random.Shared.Next());

    [Fact(Explicit = true, Timeout = 7_200_000)]
    public async Task Five_regions_in_a_ring_and_in_a_tree_live_through_long_faults_with_processes_that_stand_still_for_30_seconds()
    {
        for (var round = 0; round < 10; round++)
        {
            await FaultsAsync(RegionWorld.Ring, TimeSpan.FromMinutes(3), TimeSpan.FromSeconds(45), Random.Shared.Next());
            await FaultsAsync(RegionWorld.Tree, TimeSpan.FromMinutes(3), TimeSpan.FromSeconds(45), Random.Shared.Next());
        }
    }

    [Fact(Timeout = 300_000)]
    public async Task A_region_whose_process_stands_still_for_30_seconds_catches_up()
    {
        await using var world = await RegionWorld.StartAsync(5, RegionWorld.Ring);
        await using var load = new RegionLoad(world, seed: 1, () => [world.Regions[0], world.Regions[1]], [world.Regions[0], world.Regions[1]]);

        world.Regions[2].Stop();
        // The fault is that it lasts.
        await Task.Delay(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        world.Regions[2].Continue();

        await CheckAsync(world, load, lostOrigin: "", lostOriginHeld: 0);
    }

    private async Task FaultsAsync((int From, int To)[] edges, TimeSpan duration, TimeSpan longestStop, int seed)
    {
        output.WriteLine($"seed {seed}");
        await using var world = await RegionWorld.StartAsync(5, edges);
        var faults = new FaultSchedule(world, seed, duration, longestStop);
        await using var load = new RegionLoad(world, seed, () => faults.Readable, faults.Readable);

        await faults.RunAsync();
        output.WriteLine(faults.Text);

        await CheckAsync(world, load, faults.LostOrigin, faults.LostOriginHeld);
    }

    private async Task CheckAsync(RegionWorld world, RegionLoad load, string lostOrigin, long lostOriginHeld)
    {
        await load.StopPublishingAsync();
        var level = await world.WaitUntilLevelAsync(TimeSpan.FromSeconds(60));
        var logs = await Task.WhenAll(world.Regions.Select(region => RegionLog.ReadAsync(region, world.Secret, level.Vector)));

        foreach (var log in logs)
        {
            log.CheckNumbers(level.Vector);
            log.CheckCausality();
        }

        var first = logs[0];
        foreach (var log in logs.Skip(1))
        {
            // The same bytes under every number, in whichever order.
            Assert.All(log.Entries, entry => Assert.Equal(first.Find(entry.Origin, entry.Seq)!.Text, entry.Text));
        }

        Assert.True(level.Vector.GetValueOrDefault(lostOrigin) >= lostOriginHeld, $"{lostOriginHeld} entries of {lostOrigin} were held elsewhere when its disk was lost; {level.Vector.GetValueOrDefault(lostOrigin)} are there.");
        var lost = CheckAcknowledged(load.Acknowledged, first, lostOrigin);
        await CheckStatesAsync(world, first);
        foreach (var (region, log) in world.Regions.Zip(logs))
        {
            await log.CheckPullAsync(region);
        }

        await load.FinishReadingAsync(first);
        output.WriteLine($"{load.Acknowledged.Count} acknowledged, {lost} of them lost with the only disk they were on; {first.Entries.Count} entries, {first.Visible.Count()} activities, {first.Copies} of them recorded twice; {load.Text}");
        Assert.True(load.Acknowledged.Count > 300, "The load was none.");
    }

    /// <summary>What was promised is there, under the number that was promised.</summary>
    /// <returns>How many were lost, as they may.</returns>
    private static int CheckAcknowledged(IReadOnlyList<Acknowledged> all, RegionLog log, string lostOrigin)
    {
        var lost = 0;
        foreach (var one in all)
        {
            var entry = log.Find(one.Origin, one.Seq);
            if (entry is null && one.Origin == lostOrigin && one.Copies < 2)
            {
                lost++;
                continue;
            }

            Assert.True(entry is not null, $"{one} is nowhere.");
            Assert.Equal(one.Activity, entry.Activity);
        }

        return lost;
    }

    private static async Task CheckStatesAsync(RegionWorld world, RegionLog log)
    {
        var expected = log.Fold();
        foreach (var (channel, state) in expected)
        {
            var answers = await Task.WhenAll(world.Regions.Select(region => region.GetAsync($"v1/channels/{channel}")));
            Assert.All(answers, answer => Assert.Equal(answers[0], answer));
            var shown = JsonNode.Parse(answers[0])!["state"]!.AsObject();
            Assert.True(JsonNode.DeepEquals(state, shown), $"{channel} shows {shown.ToJsonString()}; folded from the entries it is {state.ToJsonString()}");
        }

        var listed = await Task.WhenAll(world.Regions.Select(region => region.GetAsync("v1/channels")));
        Assert.All(listed, answer => Assert.Equal(listed[0], answer));
        using var json = JsonDocument.Parse(Encoding.UTF8.GetBytes(listed[0]));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), json.RootElement.GetProperty("channels").EnumerateArray().Select(channel => channel.GetProperty("channel").GetString()));
    }
}

/// <summary>Publishers in all regions and readers that roam, from the beginning of a test to its end.</summary>
internal sealed class RegionLoad : IAsyncDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(60);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<RegionPublisher> _publishers = [];
    private readonly List<RoamingReader> _readers = [];
    private readonly List<LinkProxy> _fronts = [];
    private readonly TaskCompletionSource<RegionLog> _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RegionWorld _world;
    private readonly ClientReader _client;
    private readonly Task _publishing;
    private readonly Task _reading;
    private readonly Task _clientReading;

    /// <summary>Begins.</summary>
    /// <param name="world">The regions.</param>
    /// <param name="seed">Where the choices come from.</param>
    /// <param name="readable">Where readers may read at the moment.</param>
    /// <param name="clientRegions">Where the client library may read.</param>
    public RegionLoad(RegionWorld world, int seed, Func<IReadOnlyList<RegionProcess>> readable, IReadOnlyList<RegionProcess> clientRegions)
    {
        _world = world;
        for (var number = 0; number < world.Regions.Count; number++)
        {
            _publishers.Add(new FramePublisher(world, number, world.Regions[number], new Random(seed + 100 + number), Pace));
            _publishers.Add(new HttpPublisher(world, number, world.Regions[number], new Random(seed + 200 + number), Pace));
        }

        _readers.AddRange(Enumerable.Range(0, 2).Select(number => new RoamingReader($"reader {number}", new Random(seed + 300 + number))));
        _fronts.AddRange(clientRegions.Select(region => new LinkProxy(() => region.Up?.Http.Port)));
        _client = new ClientReader(_fronts, new Random(seed + 400));
        _publishing = Task.WhenAll(_publishers.Select(publisher => Task.Run(() => publisher.RunAsync(_stop.Token))));
        _reading = Task.WhenAll(_readers.Select(reader => Task.Run(() => reader.RunAsync(readable, _stop.Token))));
        _clientReading = Task.Run(() => _client.RunAsync(_held.Task));
    }

    /// <summary>What was promised.</summary>
    public IReadOnlyList<Acknowledged> Acknowledged => [.. _publishers.SelectMany(publisher => publisher.Acknowledged)];

    /// <summary>How much there was.</summary>
    public string Text => $"{_publishers.Sum(publisher => publisher.Moves)} publishes moved on to another region, {_publishers.Sum(publisher => publisher.OwnReads)} own writes were read elsewhere; readers visited {string.Join(" and ", _readers.Select(reader => reader.Visits))} regions, the client library connected {_client.Connections} times";

    /// <summary>No new publishes; what is under way is acknowledged first.</summary>
    public async Task StopPublishingAsync()
    {
        await _stop.CancelAsync();
        await _publishing;
        await _reading;
    }

    /// <summary>Every reader reads to the end, and what each was shown is checked.</summary>
    /// <param name="held">All that there is.</param>
    public async Task FinishReadingAsync(RegionLog held)
    {
        _held.SetResult(held);
        await Task.WhenAll(_readers.Select(reader => reader.FinishAsync(_world.Regions, held)));
        await _clientReading;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _held.TrySetException(new OperationCanceledException("The test is over."));
        await Task.WhenAll(_publishing, _reading, _clientReading).ContinueWith(static _ => { }, TaskScheduler.Default);
        foreach (var publisher in _publishers)
        {
            await publisher.DisposeAsync();
        }

        foreach (var front in _fronts)
        {
            await front.DisposeAsync();
        }

        _stop.Dispose();
    }
}
