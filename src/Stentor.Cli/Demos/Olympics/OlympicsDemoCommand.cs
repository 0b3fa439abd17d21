using System.CommandLine;

namespace Stentor.Cli.Demos.Olympics;

/// <summary><c>stentor demo olympics</c>: a scoreboard, the one who writes it, and tablets that ask and tablets that are called.</summary>
/// <param name="around">What it finds around it.</param>
internal sealed class OlympicsDemoCommand(Surroundings around)
    : DemonstrationCommand("olympics", "A scoreboard over XML-RPC: ten tablets, pulled and pushed, show what was written; one dies; two regions agree.", around)
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["stentor demo olympics", "# its story: docs/demos.md"];

    /// <inheritdoc/>
    protected override Task PlayAsync(ParseResult parsed, Stage stage, CancellationToken cancellationToken) => new OlympicsPlay(stage).PlayAsync(cancellationToken);
}
