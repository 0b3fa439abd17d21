namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Clients that are sent from node to node until all have about as many.</summary>
public sealed class BalanceTests(ITestOutputHelper output)
{
    private const int Nodes = 5;
    private const int Clients = 300;

    // What a client of this protocol may be asked to put up with.
    private const int RedirectsMax = 3;

    // 10 %.
    private const double SpreadMax = 0.1;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Clients_that_all_come_to_one_node_end_up_evenly_on_all_nodes(bool isStar)
    {
        await using var cluster = await StartAsync(isStar);

        var clients = Come(Clients, _ => cluster[1]);
        await RoamingClient.StayAsync(cluster, clients);

        await CheckAsync(cluster, clients, "all at node 1");
        await LeaveAsync(clients);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Clients_that_come_to_random_nodes_and_leave_and_come_again_stay_evenly_spread(int seed)
    {
        var random = new Random(seed);
        await using var cluster = await StartAsync(isStar: false);

        var clients = Come(Clients, _ => cluster[random.Next(1, Nodes + 1)]);
        await RoamingClient.StayAsync(cluster, clients);
        await CheckAsync(cluster, clients, "at random nodes");

        var leaving = clients.OrderBy(_ => random.Next()).Take(Clients / 2).ToList();
        await LeaveAsync(leaving);
        clients = [.. clients.Except(leaving)];
        await RoamingClient.StayAsync(cluster, clients);
        await cluster.KnowLoadsAsync(); // Whoever thinks that another node is full keeps those who come.
        output.WriteLine($"half have left: {string.Join(' ', await cluster.LoadsAsync())}");

        clients = [.. clients, .. Come(100, _ => cluster[random.Next(1, Nodes + 1)])];
        await RoamingClient.StayAsync(cluster, clients);
        await CheckAsync(cluster, clients, "100 new ones");
        await LeaveAsync(clients);
    }

    // Nobody registers here, so one voter is enough.
    private static Task<StreamerCluster> StartAsync(bool isStar) =>
        StreamerCluster.StartAsync(Nodes, isStar, change: o => o with { Node = o.Node with { WishesVote = false } });

    private static List<RoamingClient> Come(int count, Func<int, TestServer> where) => [.. Enumerable.Range(0, count).Select(n => RoamingClient.Start(where(n)))];

    private static async Task LeaveAsync(IEnumerable<RoamingClient> clients) => await Task.WhenAll(clients.Select(c => c.DisposeAsync().AsTask()));

    private async Task CheckAsync(StreamerCluster cluster, IReadOnlyCollection<RoamingClient> clients, string what)
    {
        var loads = await cluster.LoadsAsync();
        var redirects = clients.CountBy(c => c.Redirects).OrderBy(c => c.Key).Select(c => $"{c.Value} clients {c.Key} times");
        output.WriteLine($"{what}: {string.Join(' ', loads)}; redirected {string.Join(", ", redirects)}");
        Assert.InRange(loads.Max() - loads.Min(), 0, SpreadMax * clients.Count / Nodes);
        Assert.InRange(clients.Max(c => c.Redirects), 0, RedirectsMax);
    }
}
