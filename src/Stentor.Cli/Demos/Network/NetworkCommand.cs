using System.CommandLine;

namespace Stentor.Cli.Demos.Network;

/// <summary><c>stentor demo network</c>: a network of the Activity Streamer protocol, one server of which is killed and comes back.</summary>
/// <param name="around">What it finds around it.</param>
internal sealed class NetworkCommand(Surroundings around)
    : DemonstrationCommand("network", "Five nodes and thirty clients: each activity reaches each client once, though one node is killed.", around)
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["stentor demo network", "# its story: docs/demos.md"];

    /// <inheritdoc/>
    protected override Task PlayAsync(ParseResult parsed, Stage stage, CancellationToken cancellationToken) => new NetworkPlay(stage).PlayAsync(cancellationToken);
}
