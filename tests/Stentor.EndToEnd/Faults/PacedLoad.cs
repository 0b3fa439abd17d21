using System.Diagnostics;
using System.Globalization;
using System.Text;
using Stentor.EndToEnd.Frames;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Faults;

/// <summary>Publishes numbered entries at an even pace, while a pair of connections measures how long a publish takes to its reader.</summary>
internal sealed class PacedLoad : IAsyncDisposable
{
    private const int Groups = 20;

    private readonly NodeProcess _node;
    private readonly FrameConnection _publisher;
    private readonly FrameConnection _probePublisher;
    private readonly FrameConnection _probeReader;
    private int _refs;
    private int _probes;

    private PacedLoad(NodeProcess node, FrameConnection publisher, FrameConnection probePublisher, FrameConnection probeReader)
    {
        _node = node;
        _publisher = publisher;
        _probePublisher = probePublisher;
        _probeReader = probeReader;
    }

    /// <summary>Connects and logs in.</summary>
    /// <param name="node">The node, on which the user of the tests is registered.</param>
    public static async Task<PacedLoad> OpenAsync(NodeProcess node)
    {
        var load = new PacedLoad(node, await FrameConnection.ConnectAsync(node.Tcp), await FrameConnection.ConnectAsync(node.Tcp), await FrameConnection.ConnectAsync(node.Tcp));
        await load._publisher.LoginAsync(NodeClient.Username, NodeClient.Secret);
        await load._probePublisher.LoginAsync(NodeClient.Username, NodeClient.Secret);
        await load._probeReader.SubscribeAsync("now", "probe");
        return load;
    }

    /// <summary>Publishes entries that carry <c>"n":1</c>, <c>"n":2</c>, ….</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="count">How many entries.</param>
    /// <param name="duration">In which time; what does not fit takes longer.</param>
    /// <returns>What was measured meanwhile.</returns>
    public async Task<Measured> RunAsync(string channel, int count, TimeSpan duration)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var probing = Task.Run(() => ProbeAsync(end.Token));
        var residentMost = _node.ResidentBytes;
        var started = Stopwatch.GetTimestamp();
        for (var group = 1; group <= Groups; group++)
        {
            await PublishAsync(channel, (count / Groups * (group - 1)) + 1, count / Groups);
            residentMost = Math.Max(residentMost, _node.ResidentBytes);
            var early = (duration * group / Groups) - Stopwatch.GetElapsedTime(started);
            if (early > TimeSpan.Zero)
            {
                // The load is a pace: there is no signal for "the next group is due" but the clock.
                await Task.Delay(early, TestContext.Current.CancellationToken);
            }
        }

        await end.CancelAsync();
        var latencies = await probing;
        latencies.Sort();
        return new Measured(residentMost, latencies[latencies.Count / 2], latencies[(int)(latencies.Count * 0.99)], latencies.Count, Stopwatch.GetElapsedTime(started));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _publisher.DisposeAsync();
        await _probePublisher.DisposeAsync();
        await _probeReader.DisposeAsync();
    }

    private async Task PublishAsync(string channel, int first, int count)
    {
        const int Window = 500;
        var (published, acknowledged) = (0, 0);
        var frames = new StringBuilder();
        while (acknowledged < count)
        {
            frames.Clear();
            while (published < count && published - acknowledged < Window)
            {
                frames.Append(CultureInfo.InvariantCulture, $$$"""{"op":"publish","ref":{{{++_refs}}},"channel":"{{{channel}}}","activity":{"type":"Note","n":{{{first + published}}},"content":"It does not matter what stands here, as long as it is of the usual length."}}""").Append('\n');
                published++;
            }

            await _publisher.SendAsync(Encoding.ASCII.GetBytes(frames.ToString()));
            var floor = published == count ? count : published - (Window / 2);
            await _publisher.ReadRawAsync(frame =>
            {
                Assert.True(frame.IndexOf("\"op\":\"ok\""u8) >= 0, Encoding.UTF8.GetString(frame));
                return ++acknowledged < floor;
            });
        }
    }

    /// <summary>One publish after the other, each when the one before has arrived, until it is stopped.</summary>
    /// <returns>How long each took to its reader, in milliseconds.</returns>
    private async Task<List<double>> ProbeAsync(CancellationToken end)
    {
        var latencies = new List<double>();
        while (!end.IsCancellationRequested)
        {
            var number = ++_probes;
            var sent = Stopwatch.GetTimestamp();
            await _probePublisher.SendAsync($$$"""{"op":"publish","ref":{{{number}}},"channel":"probe","activity":{"probe":{{{number}}}}}""");
            while (EntryNumbers.After(Encoding.UTF8.GetBytes((await _probeReader.ReadAsync()).ToJsonString()), "\"probe\":"u8) != number)
            {
            }

            latencies.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            await _probePublisher.ReadAsync();
            // A pause between two probes, so that they measure the load and are none: nothing is waited for.
            await Task.Delay(TimeSpan.FromMilliseconds(2), TestContext.Current.CancellationToken);
        }

        return latencies;
    }

    /// <summary>What was measured while entries went by.</summary>
    /// <param name="ResidentBytesMost">The node's largest resident memory.</param>
    /// <param name="MedianMilliseconds">Half of the probes took at most this long.</param>
    /// <param name="P99Milliseconds">99 of 100 probes took at most this long.</param>
    /// <param name="Probes">How many probes there were.</param>
    /// <param name="Took">How long it took.</param>
    public sealed record Measured(long ResidentBytesMost, double MedianMilliseconds, double P99Milliseconds, int Probes, TimeSpan Took);
}
