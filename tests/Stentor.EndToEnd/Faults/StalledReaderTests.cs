using System.Globalization;
using System.Text;
using Stentor.EndToEnd.Frames;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Faults;

/// <summary>A reader that stops reading costs nobody anything, and loses nothing.</summary>
[Collection(nameof(Alone))]
public sealed class StalledReaderTests(ITestOutputHelper output)
{
    private const int Entries = 200_000;
    private const long MoreBytesMax = 64L * 1024 * 1024;

    [Fact(Timeout = 240_000)]
    public Task A_reader_that_stops_reading_for_60_seconds_while_200000_entries_go_by_then_gets_all_of_them_in_order() =>
        StallAsync(readers: 1, readOn: 1, TimeSpan.FromSeconds(60));

    [Fact(Timeout = 240_000)]
    public Task A_thousand_readers_that_stop_reading_while_200000_entries_go_by_cost_the_node_no_memory() =>
        StallAsync(readers: 1_000, readOn: 20, TimeSpan.FromSeconds(20));

    [Fact(Explicit = true, Timeout = 7_200_000)]
    public Task A_thousand_readers_that_stop_reading_for_60_seconds_all_get_all_of_it_in_order() =>
        StallAsync(readers: 1_000, readOn: 1_000, TimeSpan.FromSeconds(60));

    private async Task StallAsync(int readers, int readOn, TimeSpan stall)
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--rate-limits", "off");
        await node.RegisterAsync();
        await using var load = await PacedLoad.OpenAsync(node);
        var stalled = new List<FrameConnection>();
        try
        {
            for (var reader = 0; reader < readers; reader++)
            {
                // A small receive buffer: what the kernel holds for a stalled reader is not the node's to answer for.
                var connection = await FrameConnection.ConnectAsync(node.Tcp, receiveBytes: 16 * 1024);
                await connection.SubscribeAsync("now", "load");
                stalled.Add(connection);
            }

            // First the same load on a channel that they do not read: its memory and latency are what the stall is compared with.
            var before = await load.RunAsync("other", Entries / 10, stall / 10);
            Report("nobody reads", before);

            using var resumed = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            var pinging = PingAsync(stalled, resumed.Token);
            var during = await load.RunAsync("load", Entries, stall);
            await resumed.CancelAsync();
            await pinging;
            Report($"{readers} stalled", during);

            await Task.WhenAll(stalled.Take(readOn).Select(reader => Task.Run(() => ReadAsync(reader, 1, Entries))));
            output.WriteLine($"resident after all was read: {node.ResidentBytes / 1024 / 1024} MB");

            Assert.InRange(during.ResidentBytesMost, 0, before.ResidentBytesMost + MoreBytesMax);
            // Twice and a few milliseconds: what two busy cores give and take between two runs of the same load.
            Assert.InRange(during.MedianMilliseconds, 0, (2 * before.MedianMilliseconds) + 2);
            Assert.InRange(during.P99Milliseconds, 0, (2 * before.P99Milliseconds) + 10);
        }
        finally
        {
            foreach (var reader in stalled)
            {
                await reader.DisposeAsync();
            }
        }
    }

    /// <summary>They read nothing, but they are not dead: they say so before the node asks.</summary>
    private static async Task PingAsync(List<FrameConnection> readers, CancellationToken end)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(15));
        try
        {
            while (await timer.WaitForNextTickAsync(end))
            {
                foreach (var reader in readers)
                {
                    await reader.SendAsync("""{"op":"ping","ref":1000000000}""");
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The stall is over.
        }
    }

    private void Report(string when, PacedLoad.Measured measured) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{when}: {measured.ResidentBytesMost / 1024 / 1024} MB resident at most, {measured.Probes} probes, median {measured.MedianMilliseconds:f2} ms, p99 {measured.P99Milliseconds:f2} ms, {measured.Took.TotalSeconds:f1} s"));

    private static async Task ReadAsync(FrameConnection reader, long first, long last)
    {
        var next = first;
        await reader.ReadRawAsync(frame =>
        {
            if (frame.IndexOf("\"op\":\"activity\""u8) >= 0)
            {
                Assert.True(EntryNumbers.After(frame, "\"n\":"u8) == next, $"{next} was expected, this came: {Encoding.UTF8.GetString(frame)}");
                next++;
            }

            return next <= last;
        });
        Assert.Equal(last + 1, next);
    }
}
