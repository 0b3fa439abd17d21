using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Demos.Causality;
using Stentor.Cli.Demos.Network;
using Stentor.Cli.Demos.Olympics;

namespace Stentor.Cli.Demos;

/// <summary><c>stentor demo</c>: demonstrations with real processes. By itself it lists them.</summary>
internal sealed class DemoCommand : ExampleCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public DemoCommand(Surroundings around)
        : base("demo", "Demonstrations: real nodes and clients on free ports, which tell what happens and check it.")
    {
        Add(new CausalityCommand(around));
        Add(new NetworkCommand(around));
        Add(new OlympicsDemoCommand(around));
        SetAction(_ => List(around));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["# which are there?", "stentor demo", "stentor demo causality", "stentor demo network", "stentor demo olympics"];

    private int List(Surroundings around)
    {
        var width = Subcommands.Max(command => command.Name.Length);
        var output = new OutputLines(around.Out);
        foreach (var command in Subcommands)
        {
            output.Add($"stentor demo {command.Name.PadRight(width)}  {command.Description}");
        }

        output.Flush();
        return ExitCode.Done;
    }
}
