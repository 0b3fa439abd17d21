using System.CommandLine;
using Stentor.Cli.CommandLine;

namespace Stentor.Cli.Demos.Causality;

/// <summary><c>stentor demo causality</c>: an answer is never shown before what it answers, however the messages travel.</summary>
internal sealed class CausalityCommand : DemonstrationCommand
{
    private const int FirstPort = 5061;
    private const int ServersMax = 99;

    private readonly Option<bool> _classic = new("--classic") { Description = "The conversation to the letter: servers 1, 2 and 3, two seconds from each to the next, and clocks that waiting moves." };
    private readonly Option<int> _serverNumber = CommonOptions.Number("--server-number", "With --classic, by hand: be server N in this terminal, until Ctrl-C; 0 plays the whole conversation.", "N", 0, 0, ServersMax);
    private readonly Option<int> _firstPort = CommonOptions.Number("--first-port", "By hand: the port of server 1; the others have the ports behind it.", "N", FirstPort, 1, ushort.MaxValue - ServersMax);

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public CausalityCommand(Surroundings around)
        : base("causality", "Three regions: an answer that arrives before what it answers is held back until that is there.", around)
    {
        Add(_classic);
        Add(_serverNumber);
        Add(_firstPort);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor demo causality",
        "stentor demo causality --classic",
        "# by hand, in five terminals: docs/demos.md",
        "stentor demo causality --classic --server-number 1",
        "stentor chat --classic --as alice --server http://127.0.0.1:5061",
    ];

    /// <inheritdoc/>
    protected override async Task PlayAsync(ParseResult parsed, Stage stage, CancellationToken cancellationToken)
    {
        var number = parsed.GetValue(_serverNumber);
        if (!parsed.GetValue(_classic))
        {
            await (number == 0 ? new CausalityPlay(stage).PlayAsync(cancellationToken) : throw CommandException.Usage("--server-number goes with --classic."));
        }
        else if (number == 0)
        {
            await new ClassicPlay(stage).PlayAsync(cancellationToken);
        }
        else
        {
            await ClassicServer.RunAsync(stage, number, parsed.GetValue(_firstPort), cancellationToken);
        }
    }
}
