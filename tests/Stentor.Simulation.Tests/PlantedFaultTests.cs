using System.Globalization;
using System.Text;

namespace Stentor.Simulation.Tests;

/// <summary>The checkers are tested with mistakes that are built in on purpose: each must be found.</summary>
public sealed class PlantedFaultTests
{
    private const ulong SeedsMax = 1_000;

    private static readonly string Document = Path.Combine(Repository(), "docs/testing.md");

    public static TheoryData<PlantedFault> Faults => [.. Enum.GetValues<PlantedFault>().Where(fault => fault != PlantedFault.None)];

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_planted_fault_is_found(PlantedFault fault) => Assert.NotNull(FirstFailure(fault)?.Violation);

    [Fact]
    public void The_table_names_every_planted_fault()
    {
        var described = File.ReadLines(Document).Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('`')[1]);

        Assert.Equal(Faults.Select(row => $"{row.Data}"), described);
        Assert.True(Faults.Count >= 25);
    }

    [Fact(Explicit = true)]
    public void Write_the_table()
    {
        var text = new StringBuilder();
        foreach (var fault in Faults.Select(row => row.Data))
        {
            var failure = FirstFailure(fault)!; // Found, as the test above asserts.
            var violation = failure.Violation!;
            text.Append(CultureInfo.InvariantCulture, $"| `{fault}` | {failure.Seed} | {(int)violation.Invariant} {violation.Invariant} | {violation.At.TotalSeconds:0} s |\n");
        }

        var lines = File.ReadAllText(Document);
        var start = lines.IndexOf("|---|---|---|---|\n", StringComparison.Ordinal) + "|---|---|---|---|\n".Length;
        var end = lines.IndexOf("\n\n", start - 1, StringComparison.Ordinal) + 1;
        File.WriteAllText(Document, lines[..start] + text + lines[end..]);
    }

    private static SimulationResult? FirstFailure(PlantedFault fault)
    {
        for (ulong seed = 1; seed <= SeedsMax; seed++)
        {
            var result = Simulator.Run(new SimulationOptions { Seed = seed, Planted = fault });
            if (result.Violation is not null)
            {
                return result;
            }
        }

        return null;
    }

    private static string Repository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Stentor.slnx")))
        {
            directory = directory.Parent;
        }

        return directory.FullName;
    }
}
