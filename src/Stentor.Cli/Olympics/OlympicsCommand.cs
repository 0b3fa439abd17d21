using Stentor.Cli.CommandLine;
using Stentor.Cli.Olympics.Crier;
using Stentor.Cli.Olympics.Replay;
using Stentor.Cli.Olympics.Tablets;

namespace Stentor.Cli.Olympics;

/// <summary><c>stentor olympics</c>: the three kinds of process of a scoreboard, and games of the past to fill it.</summary>
internal sealed class OlympicsCommand : ExampleCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public OlympicsCommand(Surroundings around)
        : base("olympics", "A live scoreboard over XML-RPC: its server, the one who writes, those who read.")
    {
        Add(new OlympicsServerCommand(around));
        Add(new CacophonixCommand(around));
        Add(new TabletsCommand(around));
        Add(new ReplayCommand(around));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "# in three terminals: the server, the one who writes, ten tablets",
        "stentor olympics server --secret-file cacophonix.secret",
        "stentor olympics cacophonix --mode testing --secret-file cacophonix.secret",
        "stentor olympics tablets --mode testing",
    ];
}
