using System.Globalization;
using Stentor.Testing;

namespace Stentor.Simulation.Tests;

/// <summary>The checkers are tested with mistakes that are built in on purpose: each must be found.</summary>
public sealed class PlantedFaultTests
{
    private const ulong SeedsMax = 1_000;

    private const string Document = "docs/testing.md";

    public static TheoryData<PlantedFault> Faults => [.. Enum.GetValues<PlantedFault>().Where(fault => fault != PlantedFault.None)];

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_planted_fault_is_found(PlantedFault fault) => Assert.NotNull(FirstFailure(fault)?.Violation);

    [Fact]
    public void The_table_names_every_planted_fault()
    {
        var described = Repository.Read(Document).Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('`')[1]);

        Assert.Equal(Faults.Select(row => $"{row.Data}"), described);
        Assert.True(Faults.Count >= 25);
    }

    [Fact(Explicit = true)]
    public void Write_the_table()
    {
        var rows = Faults.Select(row =>
        {
            var failure = FirstFailure(row.Data)!; // Found, as the test above asserts.
            var violation = failure.Violation!;
            return string.Create(CultureInfo.InvariantCulture, $"| `{row.Data}` | {failure.Seed} | {(int)violation.Invariant} {violation.Invariant} | {violation.At.TotalSeconds:0} s |");
        });
        Repository.WriteTable(Document, "| planted fault | found by seed | invariant | after |", rows);
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
}
