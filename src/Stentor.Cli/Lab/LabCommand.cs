using Stentor.Cli.CommandLine;
using Stentor.Cli.Lab.Readers;

namespace Stentor.Cli.Lab;

/// <summary><c>stentor lab</c>: measurements that anyone can repeat.</summary>
internal sealed class LabCommand : ExampleCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public LabCommand(Surroundings around)
        : base("lab", "Measurements with real processes, which anyone can repeat.")
    {
        Add(new LatencyCommand(around));
        Add(new ReadersCommand(around));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["stentor lab latency"];
}
