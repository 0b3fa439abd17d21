using Stentor.Cli.CommandLine;

namespace Stentor.Cli.Olympics;

/// <summary><c>stentor olympics</c>: the three kinds of process of a scoreboard.</summary>
internal sealed class OlympicsCommand : ExampleCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public OlympicsCommand(Surroundings around)
        : base("olympics", "A live scoreboard over XML-RPC: its server, the one who writes, those who read.")
    {
        Add(new OlympicsServerCommand(around));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["stentor olympics server --secret-file cacophonix.secret"];
}
