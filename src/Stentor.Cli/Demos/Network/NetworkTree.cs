using Stentor.Gateways;

namespace Stentor.Cli.Demos.Network;

/// <summary>The five nodes of the network, and which of them are up.</summary>
internal sealed class NetworkTree
{
    // Node 1 is the root, 2 and 3 hang on it, 4 and 5 on node 2.
    private static readonly int[] Parents = [0, 1, 1, 2, 2];

    private readonly Stage _stage;
    private readonly HashSet<NetworkNode> _down = [];

    /// <summary>Plans the tree; no node is up.</summary>
    /// <param name="stage">Where it stands.</param>
    public NetworkTree(Stage stage)
    {
        _stage = stage;
        var nodes = new List<NetworkNode>();
        foreach (var parent in Parents)
        {
            nodes.Add(new NetworkNode(stage, nodes.Count + 1, parent == 0 ? null : nodes[parent - 1]));
        }

        All = nodes;
    }

    /// <summary>All five.</summary>
    public IReadOnlyList<NetworkNode> All { get; }

    /// <summary>Those that are up.</summary>
    public IReadOnlyList<NetworkNode> Up => [.. All.Where(node => !_down.Contains(node))];

    /// <summary>A node by its number.</summary>
    /// <param name="number">1 to 5.</param>
    public NetworkNode this[int number] => All[number - 1];

    /// <summary>The node at which clients log in there; null for none.</summary>
    /// <param name="server">Where.</param>
    public NetworkNode? At(StreamerServer? server) => All.FirstOrDefault(node => node.Server == server);

    /// <summary>Starts all nodes: each when the one that it is linked to is up.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await StartAsync([this[1]], cancellationToken);
        await StartAsync([this[2], this[3]], cancellationToken);
        await StartAsync([this[4], this[5]], cancellationToken);
        await KnowEachOtherAsync(cancellationToken);
    }

    /// <summary>Kills a node.</summary>
    /// <param name="node">The node.</param>
    public async Task KillAsync(NetworkNode node)
    {
        _down.Add(node);
        await node.Process.KillAsync();
    }

    /// <summary>Starts a node again that was killed.</summary>
    /// <param name="node">The node.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task StartAgainAsync(NetworkNode node, CancellationToken cancellationToken)
    {
        await StartAsync([node], cancellationToken);
        _down.Remove(node);
        await KnowEachOtherAsync(cancellationToken);
    }

    /// <summary>What the nodes say that are up, in their order.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IReadOnlyList<NodeStatus>> StatusesAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(Up.Select(node => node.StatusAsync(cancellationToken)));

    /// <summary>Waits until something is so at all nodes that are up.</summary>
    /// <param name="what">What should be so.</param>
    /// <param name="isSo">Looks.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task UntilAsync(string what, Func<IReadOnlyList<NodeStatus>, bool> isSo, CancellationToken cancellationToken) =>
        _stage.UntilAsync(what, async token => isSo(await StatusesAsync(token)), cancellationToken);

    /// <summary>Waits until the nodes that are up know each other and no other one.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public Task KnowEachOtherAsync(CancellationToken cancellationToken) => UntilAsync(
        "every node knows every other one that is up",
        statuses => statuses.All(status => status.Ours.Count == statuses.Count - 1 && statuses.All(other => other == status || status.Ours.ContainsKey(other.Id))),
        cancellationToken);

    /// <summary>Waits until the nodes that are up have seen the same, and agree on their loads.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public Task AgreeAsync(CancellationToken cancellationToken) => UntilAsync(
        "all nodes have seen the same and agree on their loads",
        statuses => statuses.All(status => status.Vector == statuses[0].Vector && statuses.All(other => other == status || status.Ours.GetValueOrDefault(other.Id, -1) == other.Load)),
        cancellationToken);

    private async Task StartAsync(IReadOnlyList<NetworkNode> nodes, CancellationToken cancellationToken)
    {
        await Task.WhenAll(nodes.Select(node => node.StartAsync(cancellationToken)));
        foreach (var node in nodes)
        {
            _stage.Narrator.Tell(node.Name, $"Process {node.Process.ProcessId} serves clients at {node.Server}");
        }
    }
}
