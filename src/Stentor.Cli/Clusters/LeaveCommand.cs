using System.CommandLine;
using Stentor.Cli.Clients;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Clusters;

/// <summary><c>stentor leave</c>: takes a region out of its cluster, for good.</summary>
internal sealed class LeaveCommand : ClientCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public LeaveCommand(Surroundings around)
        : base("leave", "Take the node's region out of its cluster, for good: it votes and publishes no more, and nobody waits for it.", around) => AddOptions();

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor leave --server http://127.0.0.1:5060 --user operator --secret-file us-data/operator.secret",
    ];

    /// <inheritdoc/>
    protected override bool AsksOneServer => true;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        var status = await client.GetClusterAsync(cancellationToken);
        var origin = new OriginId(status.GetProperty("origin").GetString() ?? "");
        await client.LeaveAsync(origin, cancellationToken);
        var output = new OutputLines(Around.Out);
        output.Add($"{EntryText.Printable(origin.Value)} has left; another region has all that it made, so its nodes may be stopped");
        output.Flush();
        return ExitCode.Done;
    }
}
