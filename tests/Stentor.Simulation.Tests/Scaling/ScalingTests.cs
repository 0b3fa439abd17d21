using System.Globalization;
using Stentor.Testing;

namespace Stentor.Simulation.Tests;

public sealed class ScalingTests
{
    private const string Document = "docs/scaling.md";

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

        // A claim and seven votes over 99 links, and no more than as much again to say how far everybody is and who has copies.
        Assert.Equal(8 * 99, row.Registration!.Transmissions);
        Assert.InRange(row.Registration.Messages, 8 * 99, 2 * 8 * 99);
    }

    /// <summary>Measures the tables of docs/scaling.md again, about a minute.</summary>
    [Fact(Explicit = true)]
    public void Write_the_tables()
    {
        Repository.WriteTable(Document, ScalingRow.MarkdownHead, ScalingStudy.Shapes.Select(shape => ScalingStudy.Measure(shape).ToMarkdown()));
        Repository.WriteTable(Document, "| full mesh of | ms |", new[] { 8, 20 }.Select(regions =>
            string.Create(CultureInfo.InvariantCulture, $"| {regions} | {ScalingStudy.MeasureCut(regions):0} |")));
    }

    [Fact]
    public void The_document_has_a_row_for_each_shape()
    {
        var text = Repository.Read(Document);

        Assert.Contains(ScalingRow.MarkdownHead + "\n|---", text, StringComparison.Ordinal);
        Assert.All(ScalingStudy.Shapes, shape => Assert.Contains($"\n| {shape.Name} | ", text, StringComparison.Ordinal));
    }

    private static ScalingShape Shape(string name) => ScalingStudy.Shapes.Single(s => s.Name == name);
}
