using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Faults;

/// <summary>Nothing that was acknowledged is lost, whenever the node dies.</summary>
[Collection(nameof(Alone))]
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Publishers = 50;
    private const int Readers = 5;

    [Fact(Timeout = 240_000)]
    public async Task A_node_killed_at_20_random_moments_under_50_publishers_loses_and_repeats_nothing()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        await KillAsync(kills: 20, new Random(seed));
    }

    [Fact(Explicit = true, Timeout = 7_200_000)]
    public async Task A_node_killed_at_500_random_moments_under_50_publishers_loses_and_repeats_nothing()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        await KillAsync(kills: 500, new Random(seed));
    }

    private async Task KillAsync(int kills, Random random)
    {
        using var directory = new TempDirectory();
        await using var fire = new NodeUnderFire(directory.Path, "--rate-limits", "off");
        await (await fire.StartAsync()).RegisterAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var lastSeq = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var publishers = Enumerable.Range(1, Publishers).Select(number => new LoadPublisher(number, window: 20)).ToList();
        var publishing = publishers.ConvertAll(publisher => Task.Run(() => publisher.RunAsync(fire, stop.Token)));
        var readers = Enumerable.Range(1, Readers).Select(_ => new ResumingReader()).ToList();
        var reading = readers.ConvertAll(reader => Task.Run(() => reader.RunAsync(fire, lastSeq.Task)));

        // On a busy machine the node publishes less in each of its lives: then it has more of them, until the load was one.
        for (var kill = 0; kill < kills || publishers.Sum(publisher => publisher.Acknowledged.Count) <= kills * 100; kill++)
        {
            // A moment is a moment: nothing in the node may tell us when it is a good one.
            await Task.Delay(random.Next(50, 700), TestContext.Current.CancellationToken);
            await fire.KillAsync();
            await fire.StartAsync();
        }

        // No life of the node may have been long enough for the last of fifty to log in: its last one is.
        await Task.WhenAll(publishers.Zip(publishing, (publisher, run) => Task.WhenAny(publisher.Begun, run))).WaitAsync(TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Task.WhenAll(publishing);
        lastSeq.SetResult(publishers.Max(publisher => publisher.Acknowledged.Values.Max()));
        await Task.WhenAll(reading);
        var held = new ResumingReader();
        await held.RunAsync(fire, lastSeq.Task);
        var (exitCode, _) = await (await fire.UpAsync()).StopAsync();
        var doctor = await CommandProcess.RunAsync(directory.Path, input: null, "doctor", "--data", directory["data"]);

        var acknowledged = publishers.SelectMany(publisher => publisher.Acknowledged.Values).ToList();
        output.WriteLine($"{acknowledged.Count} acknowledged, {held.Shown.Count} held, {publishers.Sum(publisher => publisher.Connections)} connections");
        Assert.True(acknowledged.Count > kills * 100, $"Only {acknowledged.Count} publishes: the load was none.");
        // An id is one entry, however often it was sent: as many different numbers as acknowledgements.
        Assert.Equal(acknowledged.Count, acknowledged.Distinct().Count());
        Assert.Equal(publishers.Sum(publisher => publisher.Acknowledged.Keys.Max()), acknowledged.Count);
        Assert.Equal(acknowledged.Order(), held.Shown);
        // Without a gap: nothing else was published, so the numbers are consecutive.
        Assert.Equal(held.Shown.Count, held.Shown[^1] - held.Shown[0] + 1);
        Assert.All(readers, reader => Assert.Equal(held.Shown, reader.Shown));
        Assert.Equal(0, exitCode);
        Assert.True(doctor.ExitCode == 0, doctor.Out + doctor.Error);
    }
}
