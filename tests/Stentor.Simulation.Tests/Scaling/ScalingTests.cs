using System.Text;

namespace Stentor.Simulation.Tests;

public sealed class ScalingTests
{
    [Fact]
    public void In_a_full_mesh_each_entry_is_sent_to_each_region_about_once()
    {
        var row = ScalingStudy.Measure(Shape("full mesh of 8"));

        Assert.InRange(row.Transmissions, 1.0, 1.05);
        Assert.InRange(row.FloodedTransmissions, 1.5, 7);
        Assert.NotNull(row.Registration);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(12)]
    public void After_a_cut_every_region_is_reached_again_within_two_seconds(int regions) =>
        Assert.InRange(ScalingStudy.MeasureCut(regions), 0, 2_000);

    [Fact]
    public void In_a_tree_nothing_is_sent_twice()
    {
        var row = ScalingStudy.Measure(Shape("tree of 100, ten below each"));

        Assert.Equal(1.0, row.Transmissions);
        Assert.InRange(row.DelayMaxMs, 30, 50);
    }

    /// <summary>Writes the table of docs/scaling.md: <c>./test.sh Simulation -- -explicit only -method '*table*'</c>, about a minute.</summary>
    [Fact(Explicit = true)]
    public void The_table_is_measured_again()
    {
        var table = new StringBuilder();
        foreach (var shape in ScalingStudy.Shapes)
        {
            table.AppendLine(ScalingStudy.Measure(shape).ToMarkdown());
        }

        foreach (var regions in (int[])[8, 20])
        {
            table.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"cut in a mesh of {regions}: {ScalingStudy.MeasureCut(regions):0} ms");
        }

        Assert.Fail(table.ToString());
    }

    private static ScalingShape Shape(string name) => ScalingStudy.Shapes.Single(s => s.Name == name);
}
