using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Simulation;
using Stentor.Storage;
using Stentor.Testing;

namespace Stentor.Node.Tests;

/// <summary>Real nodes, and links between them that the test lays and cuts: each carries one node's entries to another as they come.</summary>
internal sealed class ClusterWorld : IAsyncDisposable
{
    private static readonly ChannelSet Everything = new(ChannelPattern.Parse(">"), ChannelPattern.Parse("_accounts.>"),
        ChannelPattern.Parse("_cluster"), ChannelPattern.Parse("_regions.>"), ChannelPattern.Parse("_voters.>"));

    private readonly Dictionary<string, SimulatedDisk> _disks = [];
    private uint _lostDisks;
    private readonly List<StentorNode> _nodes = [];
    private readonly List<(StentorNode From, StentorNode To, CancellationTokenSource Cut, Task Carrying)> _links = [];

    public ManualTime Time { get; } = new();

    public SimulatedDisk DiskOf(string region) => _disks[region];

    /// <summary>A node of a region; the first of a name is new, a further one goes on with its disk.</summary>
    public StentorNode Start(string region, bool joins = true, bool isInCluster = true, bool wishesVote = true)
    {
        if (!_disks.TryGetValue(region, out var disk))
        {
            _disks.Add(region, disk = new SimulatedDisk());
        }

        var options = new NodeOptions
        {
            Region = region,
            SecretIterations = 10,
            KeepsCluster = isInCluster,
            JoinsCluster = joins,
            WishesVote = wishesVote,
        };
        var store = new StoreOptions { Region = region, Incarnation = 0x7f3a + _lostDisks, SegmentBytes = 256 * 1024 };
        var node = StentorNode.Start(disk, store, options, Time, FaultLogs.Instance);
        _nodes.Add(node);
        return node;
    }

    /// <summary>The region's disk is gone; it starts again on a new one, under another origin.</summary>
    public void LoseDisk(string region)
    {
        _disks.Remove(region);
        _lostDisks++;
    }

    /// <summary>Regions that are all voters, every two of them linked; the first founded the cluster.</summary>
    public async Task<StentorNode[]> ClusterAsync(params string[] regions)
    {
        var nodes = regions.Select((region, i) => Start(region, joins: i > 0)).ToArray();
        await TickAsync();
        LinkAll(nodes);
        foreach (var node in nodes.Skip(1))
        {
            await JoinAsync(node, nodes[0]);
        }

        await VotersAsync(nodes, nodes.Length);
        return nodes;
    }

    /// <summary>What a region does that has come to know its cluster.</summary>
    public static async Task JoinAsync(StentorNode node, StentorNode neighbour)
    {
        await CoverAsync(node, neighbour.Seen);
        Assert.Null(await node.Cluster.AnnounceAsync(default));
    }

    /// <summary>Lets time go by until all these nodes know of so many voters.</summary>
    public async Task VotersAsync(StentorNode[] nodes, int count)
    {
        while (nodes.Any(n => n.Cluster.Voters?.Voters.Count != count))
        {
            await TickAsync();
            await SettleAsync(nodes);
        }
    }

    /// <summary>A second goes by, and every node looks after its cluster.</summary>
    public async Task TickAsync()
    {
        Time.Advance(ClusterKeeper.Interval);
        await Task.WhenAll(_nodes.Select(n => n.Keeper?.Looked ?? Task.CompletedTask)).WaitAsync(TestNode.Patience);
    }

    public void LinkAll(params StentorNode[] nodes)
    {
        foreach (var from in nodes)
        {
            foreach (var to in nodes.Where(n => n != from))
            {
                LinkOneWay(from, to);
            }
        }
    }

    public void LinkOneWay(StentorNode from, StentorNode to)
    {
        var cut = new CancellationTokenSource();
        _links.Add((from, to, cut, Task.Run(() => CarryAsync(from, to, cut.Token))));
    }

    /// <summary>Cuts every link from and to a node.</summary>
    public async Task CutAsync(StentorNode node)
    {
        foreach (var link in _links.FindAll(l => l.From == node || l.To == node))
        {
            _links.Remove(link);
            await link.Cut.CancelAsync();
            await link.Carrying;
        }
    }

    /// <summary>Stops a node for good, or until its region is started again.</summary>
    public async Task StopAsync(StentorNode node)
    {
        await CutAsync(node);
        _nodes.Remove(node);
        await node.DisposeAsync();
    }

    /// <summary>Waits until a node has something.</summary>
    public static async Task CoverAsync(StentorNode node, VersionVector seen) =>
        Assert.Null(await node.WaitForCoverageAsync(seen, TestNode.Patience, default).AsTask().WaitAsync(TestNode.Patience));

    /// <summary>Waits until every one of these nodes has what each of the others has now.</summary>
    public static async Task SettleAsync(params StentorNode[] nodes)
    {
        var seen = VersionVector.Empty;
        while (nodes.Any(n => !n.Seen.Equals(seen)))
        {
            seen = nodes.Aggregate(seen, (all, n) => all.Merge(n.Seen));
            foreach (var node in nodes)
            {
                await CoverAsync(node, seen);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.ToArray())
        {
            await StopAsync(node);
        }
    }

    private static async Task CarryAsync(StentorNode from, StentorNode to, CancellationToken cut)
    {
        var batch = new LedgerBatch();
        long position = 0;
        try
        {
            while (true)
            {
                while (position < from.Store.Position)
                {
                    from.Store.ReadAll(position, 64 * 1024, batch);
                    var entries = batch.Entries.Select(e => Entry.Parse(batch.Bytes.WrittenMemory.Slice(e.Offset, e.Length).ToArray()));
                    to.TrySubmit([.. entries.Where(e => to.Seen[e.Origin] < e.Seq).Select(e => new Command.Receive(e))]);
                    position = batch.Through;
                }

                await from.WaitForEntryAsync(Everything, position, Timeout.InfiniteTimeSpan, cut);
            }
        }
        catch (OperationCanceledException)
        {
            // Cut.
        }
    }
}
