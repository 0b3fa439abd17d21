using System.Text;
using Stentor.Client;

namespace Stentor.EndToEnd.Regions;

/// <summary>Reads everything from the start on with the client library, which fails over between regions by itself.</summary>
/// <param name="fronts">A way to each region that stays where it is when the region's node does not.</param>
/// <param name="random">Its choices.</param>
internal sealed class ClientReader(IReadOnlyList<LinkProxy> fronts, Random random)
{
    private readonly ShownOrder _shown = new("client");
    private readonly HashSet<(string, long)> _numbers = [];
    private readonly SemaphoreSlim _news = new(0);

    /// <summary>How many activities it was shown.</summary>
    public int Count { get; private set; }

    /// <summary>How often it connected.</summary>
    public int Connections { get; private set; }

    /// <summary>Reads until it was shown everything.</summary>
    /// <param name="held">All that there is, once that is known.</param>
    public async Task RunAsync(Task<RegionLog> held)
    {
        await using var client = new StentorClient(new StentorClientOptions
        {
            Addresses = [.. fronts.Select(front => new Uri($"http://127.0.0.1:{front.Port}"))],
            ConnectTimeout = TimeSpan.FromSeconds(3),
            ReconnectDelayMax = TimeSpan.FromSeconds(1),
            Heartbeat = TimeSpan.FromSeconds(2),
            HeartbeatGrace = TimeSpan.FromSeconds(2),
            OnConnection = change => Connections += change.Connected ? 1 : 0,
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var reading = ReadAsync(client, stop.Token);
        var roaming = RoamAsync(held);
        await Task.WhenAny(held, reading);
        if (!reading.IsCompleted)
        {
            var count = (await held).Visible.Count();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (Count < count && await _news.WaitAsync(TimeSpan.FromSeconds(1), CancellationToken.None).ContinueWith(_ => !patience.IsCancellationRequested, TaskScheduler.Default))
            {
            }
        }

        await stop.CancelAsync();
        await reading;
        await roaming;
        _shown.Check(await held);
    }

    private async Task ReadAsync(StentorClient client, CancellationToken stop)
    {
        try
        {
            await foreach (var received in client.Subscribe(">", new SubscribeOptions { After = SubscribeOptions.Start }).WithCancellation(stop))
            {
                Assert.True(_numbers.Add((received.Origin.Value, received.Seq)), $"The client library showed {received} twice.");
                _shown.Add(LoggedEntry.Parse(Encoding.UTF8.GetString(received.Entry.Bytes.Span)));
                Count = _shown.Count;
                _news.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // All was shown, or the time is over.
        }
    }

    /// <summary>Takes the client away from where it reads now and then: it goes to the next region.</summary>
    private async Task RoamAsync(Task<RegionLog> held)
    {
        while (!held.IsCompleted)
        {
            // A reader's whim: nothing is waited for.
            await Task.WhenAny(held, Task.Delay(random.Next(1_000, 5_000), CancellationToken.None));
            foreach (var front in fronts)
            {
                front.ResetAll();
            }
        }
    }
}
