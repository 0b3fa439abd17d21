using System.Text.Json;
using Stentor.Node;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Regions of one cluster in this process, each of which serves the Activity Streamer protocol. They are numbered from 1, as they were started; 1 founded the cluster.</summary>
internal sealed class StreamerCluster : IAsyncDisposable
{
    // How often something is asked again that nobody tells.
    private static readonly TimeSpan AskInterval = TimeSpan.FromMilliseconds(10);

    private readonly List<TestServer> _nodes = [];
    private readonly List<TestServer> _vanished = [];
    private readonly string _secretFile = Path.Combine(Path.GetTempPath(), $"stentor-test-{Guid.NewGuid():n}.cluster");
    private readonly Func<StreamerOptions, StreamerOptions>? _streamer;
    private readonly Func<ServerOptions, ServerOptions> _change;

    private StreamerCluster(Func<StreamerOptions, StreamerOptions>? streamer, Func<ServerOptions, ServerOptions>? change) =>
        (_streamer, _change) = (streamer, change ?? (o => o));

    /// <summary>All nodes that were started and are there.</summary>
    public IReadOnlyList<TestServer> Nodes => _nodes;

    /// <summary>A node by its number.</summary>
    public TestServer this[int number] => _nodes[number - 1];

    /// <summary>Starts regions that know each other, as servers and, unless told otherwise, as voters.</summary>
    /// <param name="count">How many.</param>
    /// <param name="isStar">Whether all are linked to the first; otherwise each to the one before it.</param>
    /// <param name="streamer">How the protocol is served.</param>
    /// <param name="change">What else is different from a server by itself.</param>
    public static async Task<StreamerCluster> StartAsync(int count, bool isStar = false, Func<StreamerOptions, StreamerOptions>? streamer = null, Func<ServerOptions, ServerOptions>? change = null)
    {
        var cluster = new StreamerCluster(streamer, change);
        try
        {
            for (var number = 1; number <= count; number++)
            {
                await cluster.AddAsync(linkedTo: number == 1 ? null : isStar ? cluster[1] : cluster[number - 1]);
            }

            await cluster.KnowEachOtherAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The id of a node as a server.</summary>
    public static string IdOf(TestServer node) => node.Server.Node.Store.Origin.Value;

    /// <summary>Starts one more region.</summary>
    /// <param name="linkedTo">Whom it dials; null for nobody.</param>
    /// <param name="change">What is different from the others.</param>
    public async Task<TestServer> AddAsync(TestServer? linkedTo, Func<ServerOptions, ServerOptions>? change = null)
    {
        var region = $"r{_nodes.Count + 1}";
        var links = linkedTo is null ? Array.Empty<LinkTarget>() : [LinkTarget.Parse($"ws://{linkedTo.Address.Authority}")];
        var node = await StreamerClient.ServeAsync(_streamer, o =>
        {
            var options = _change(o with { ClusterSecretFile = _secretFile, Node = o.Node with { Region = region, Links = links } });
            return change?.Invoke(options) ?? options;
        });
        _nodes.Add(node);
        return node;
    }

    /// <summary>Stops a node; the others keep their numbers when it was the last one.</summary>
    public async Task StopAsync(TestServer node)
    {
        _nodes.Remove(node);
        await node.DisposeAsync();
    }

    /// <summary>Takes a node away in such a way that it cannot say that it goes: its links end, as at a crash.</summary>
    public async Task VanishAsync(TestServer node)
    {
        _nodes.Remove(node);
        _vanished.Add(node);
        await node.Server.Node.DisposeAsync();
    }

    /// <summary>Waits until every node knows every other one as a server, and those that wish to be voters are.</summary>
    public async Task KnowEachOtherAsync()
    {
        var ids = _nodes.Select(IdOf).ToList();
        var voters = _nodes.Count(n => n.Server.Node.Options.WishesVote || n == _nodes[0]);
        await UntilAsync(
            async () =>
            {
                var known = await Task.WhenAll(_nodes.Select(ServersAsync));
                return _nodes.Select((node, i) => ids.All(id => id == IdOf(node) || known[i].ContainsKey(id)) && node.Server.Node.Cluster.Voters?.Voters.Count == voters).All(yes => yes);
            },
            "all nodes know each other");
    }

    /// <summary>The clients logged in at each node, as it says itself.</summary>
    public async Task<int[]> LoadsAsync() =>
        await Task.WhenAll(_nodes.Select(async node => (await StreamerAsync(node)).GetProperty("load").GetInt32()));

    /// <summary>Waits until every node knows how many clients every other one has.</summary>
    public Task KnowLoadsAsync() => UntilAsync(
        async () =>
        {
            var loads = await LoadsAsync();
            var known = await Task.WhenAll(_nodes.Select(ServersAsync));
            return known.All(servers => _nodes.Index().All(n => servers.GetValueOrDefault(IdOf(n.Item), loads[n.Index]) == loads[n.Index]));
        },
        "all nodes know each other's loads");

    /// <summary>The other servers that a node knows, with their loads.</summary>
    public static async Task<IReadOnlyDictionary<string, int>> ServersAsync(TestServer node) =>
        (await StreamerAsync(node)).GetProperty("servers").EnumerateArray().ToDictionary(s => s.GetProperty("id").GetString()!, s => s.GetProperty("load").GetInt32(), StringComparer.Ordinal); // A server has an id.

    /// <summary>Waits until every node has what each of the others has now.</summary>
    public async Task SettleAsync()
    {
        var seen = VersionVector.Empty;
        while (_nodes.Any(n => !n.Server.Node.Seen.Equals(seen)))
        {
            seen = _nodes.Aggregate(seen, (all, n) => all.Merge(n.Server.Node.Seen));
            foreach (var node in _nodes)
            {
                Assert.Null(await node.Server.Node.WaitForCoverageAsync(seen, TestServer.Patience, default).AsTask().WaitAsync(TestServer.Patience));
            }
        }
    }

    /// <summary>Asks again and again until something is so that nobody tells.</summary>
    /// <param name="isSo">What.</param>
    /// <param name="what">The same for people.</param>
    /// <param name="patience">How long at most; <see cref="TestServer.Patience"/> when it is not given.</param>
    public static async Task UntilAsync(Func<Task<bool>> isSo, string what, TimeSpan? patience = null)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < (patience ?? TestServer.Patience), $"It did not come about that {what}.");
            await Task.Delay(AskInterval);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Enumerable.Reverse(_nodes).Concat(_vanished))
        {
            await node.DisposeAsync();
        }

        File.Delete(_secretFile);
    }

    private static async Task<JsonElement> StreamerAsync(TestServer node) => (await node.GetAsync("/v1/cluster"))["activityStreamer"];
}
