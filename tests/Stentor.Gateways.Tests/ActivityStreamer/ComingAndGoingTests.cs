namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Nodes that stop, vanish and come back, and what the others and their clients notice.</summary>
public sealed class ComingAndGoingTests
{
    [Fact]
    public async Task Clients_of_a_node_that_stops_are_sent_to_another_one_and_servers_are_told()
    {
        await using var cluster = await StreamerCluster.StartAsync(3);
        using var client = await StreamerClient.AnonymousAsync(cluster[3]);
        using var newcomer = await StreamerClient.ConnectAsync(cluster[3]);
        using var x = await StreamerClient.PeerAsync(cluster[3]);
        await x.AnnounceAsync("X", 1_000);
        await StreamerCluster.UntilAsync(async () => (await StreamerCluster.ServersAsync(cluster[1])).ContainsKey("X"), "X is known");
        var stopped = StreamerCluster.IdOf(cluster[3]);

        var stopping = cluster.StopAsync(cluster[3]);

        var port = (await client.ExpectAsync("REDIRECT")).GetProperty("port").GetInt32();
        Assert.Contains(port, cluster.Nodes.Select(n => StreamerClient.EndPointOf(n).Port));
        await client.ExpectEndAsync();
        foreach (var other in new[] { newcomer, x })
        {
            Assert.Contains("stopping", (await other.ExpectAsync("INVALID_MESSAGE")).GetProperty("info").GetString(), StringComparison.Ordinal);
            await other.ExpectEndAsync();
        }

        await UnknownAsync(cluster, stopped, "X");
        await stopping;
    }

    [Fact]
    public async Task A_node_that_vanishes_is_forgotten_and_so_are_the_servers_behind_it()
    {
        await using var cluster = await StreamerCluster.StartAsync(3);
        using var x = await StreamerClient.PeerAsync(cluster[3], "X");
        await StreamerCluster.UntilAsync(async () => (await StreamerCluster.ServersAsync(cluster[1])).ContainsKey("X"), "X is known");
        var vanished = cluster[3];

        await cluster.VanishAsync(vanished);

        await UnknownAsync(cluster, StreamerCluster.IdOf(vanished), "X");
    }

    [Fact]
    public async Task A_node_that_is_started_again_is_the_same_server_and_knows_the_names()
    {
        var directory = Directory.CreateTempSubdirectory("stentor-test-").FullName;
        try
        {
            await using var cluster = await StreamerCluster.StartAsync(2);
            var node = await cluster.AddAsync(cluster[1], o => o with { Ephemeral = false, DataDirectory = directory });
            await cluster.KnowEachOtherAsync();
            var id = StreamerCluster.IdOf(node);
            (await StreamerClient.RegisteredAsync(cluster[1], "ann", "s1")).Dispose();
            (await StreamerClient.RegisteredAsync(node, "ben", "s2")).Dispose();
            await cluster.SettleAsync();
            await cluster.StopAsync(node);
            await UnknownAsync(cluster, id);
            (await StreamerClient.RegisteredAsync(cluster[2], "cleo", "s3")).Dispose(); // Two of three voters are a majority.

            node = await cluster.AddAsync(cluster[1], o => o with { Ephemeral = false, DataDirectory = directory, Node = o.Node with { Region = "r3" } });
            await cluster.KnowEachOtherAsync();
            await cluster.SettleAsync();

            Assert.Equal(id, StreamerCluster.IdOf(node));
            foreach (var (username, secret) in new[] { ("ann", "s1"), ("ben", "s2"), ("cleo", "s3") })
            {
                using var client = await StreamerClient.ConnectAsync(node);
                await client.SendAsync($$"""{"command":"LOGIN","username":"{{username}}","secret":"{{secret}}"}""");
                await client.ExpectAsync("LOGIN_SUCCESS");
            }

            // It takes its share again.
            var clients = Enumerable.Range(0, 30).Select(_ => RoamingClient.Start(cluster[1])).ToList();
            await RoamingClient.StayAsync(cluster, clients);
            Assert.All(await cluster.LoadsAsync(), load => Assert.InRange(load, 9, 11));
            await Task.WhenAll(clients.Select(c => c.DisposeAsync().AsTask()));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Waits until no node knows these servers: sooner than they would have been forgotten for their silence.</summary>
    private static async Task UnknownAsync(StreamerCluster cluster, params string[] ids)
    {
        var start = TimeProvider.System.GetTimestamp();
        await StreamerCluster.UntilAsync(
            async () => !(await Task.WhenAll(cluster.Nodes.Select(StreamerCluster.ServersAsync))).Any(known => ids.Any(known.ContainsKey)),
            $"{string.Join(", ", ids)} are forgotten");
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, new StreamerOptions().Silence / 2);
    }
}
