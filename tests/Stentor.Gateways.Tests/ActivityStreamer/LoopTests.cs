namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>A foreign server that is linked to two of our nodes, and so closes a loop.</summary>
public sealed class LoopTests(ITestOutputHelper output)
{
    private const int Activities = 200;

    // An activity is known again when it comes back as soon as it has gone out by the link that it comes back by; until then it may go round. On a machine of two
    // cores that was 3 or 4 times at most.
    private const int HeardMax = 20;

    [Fact]
    public async Task A_server_that_passes_on_everything_between_two_nodes_is_closed_and_nobody_else_is()
    {
        await using var cluster = await StreamerCluster.StartAsync(3);
        using var client = await StreamerClient.AnonymousAsync(cluster[3]);
        using var x = await StreamerClient.PeerAsync(cluster[1], "X");

        await using var loop = await Loop.StartAsync(cluster[1], cluster[2], _ => true);

        Assert.Contains("is that of a server of ours", await loop.End.WaitAsync(TestServer.Patience), StringComparison.Ordinal);
        Assert.Equal(1, await CountAsync(cluster, client, activities: 1));
        await x.SettleAsync();
    }

    [Fact]
    public async Task Activities_that_go_round_between_two_nodes_are_heard_a_few_times_at_most()
    {
        await using var cluster = await StreamerCluster.StartAsync(3);
        using var client = await StreamerClient.AnonymousAsync(cluster[3]);
        using var x = await StreamerClient.PeerAsync(cluster[1], "X");

        // It says nothing of who is there, so the loop is not seen by that.
        await using var loop = await Loop.StartAsync(cluster[1], cluster[2], line => !line.Contains("SERVER_ANNOUNCE", StringComparison.Ordinal));
        var most = await CountAsync(cluster, client, Activities);

        output.WriteLine($"heard {most} times at most, passed on {loop.Passed} times for {Activities} activities");
        Assert.InRange(most, 1, HeardMax);
        await x.SettleAsync();
    }

    /// <summary>Publishes at each node in turn.</summary>
    /// <returns>How often a client of another node heard one of them at most.</returns>
    private static async Task<int> CountAsync(StreamerCluster cluster, StreamerClient reader, int activities)
    {
        for (var n = 0; n < activities; n++)
        {
            await cluster[1 + (n % 3)].PublishAsync("activities", $$"""{"activity": {"n": {{n}} } }""");
        }

        await cluster.SettleAsync();
        await cluster[3].PublishAsync("activities", """{"activity": {"n": -1}}""");
        var heard = new Dictionary<int, int>();
        while (!heard.ContainsKey(-1))
        {
            var n = (await reader.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("n").GetInt32();
            heard[n] = heard.GetValueOrDefault(n) + 1;
        }

        Assert.Equal(activities + 1, heard.Count);
        return heard.Values.Max();
    }

    /// <summary>Links to two servers, and passes what one says on to the other.</summary>
    private sealed class Loop : IAsyncDisposable
    {
        private readonly StreamerClient[] _links;
        private readonly Task[] _passing;
        private readonly TaskCompletionSource<string> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Func<string, bool> _passes;
        private int _passed;

        private Loop(StreamerClient[] links, Func<string, bool> passes)
        {
            (_links, _passes) = (links, passes);
            _passing = [Task.Run(() => PassAsync(links[0], links[1])), Task.Run(() => PassAsync(links[1], links[0]))];
        }

        /// <summary>What it was told when it was closed.</summary>
        public Task<string> End => _end.Task;

        /// <summary>How many lines it has passed on.</summary>
        public int Passed => Volatile.Read(ref _passed);

        public static async Task<Loop> StartAsync(TestServer one, TestServer other, Func<string, bool> passes) =>
            new([await StreamerClient.PeerAsync(one), await StreamerClient.PeerAsync(other)], passes);

        public async ValueTask DisposeAsync()
        {
            foreach (var link in _links)
            {
                link.Dispose();
            }

            await Task.WhenAll(_passing);
        }

        private async Task PassAsync(StreamerClient from, StreamerClient to)
        {
            try
            {
                while (await from.ReceiveAsync(Timeout.InfiniteTimeSpan) is { } message)
                {
                    var line = message.GetRawText();
                    if (message.GetProperty("command").GetString() == "INVALID_MESSAGE")
                    {
                        _end.TrySetResult(line);
                    }
                    else if (_passes(line))
                    {
                        Interlocked.Increment(ref _passed);
                        await to.SendAsync(line);
                    }
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // It was closed.
            }
        }
    }
}
