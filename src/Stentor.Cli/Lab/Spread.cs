namespace Stentor.Cli.Lab;

/// <summary>How values spread.</summary>
/// <param name="Min">The least.</param>
/// <param name="P5">The 5th percentile.</param>
/// <param name="Median">The middle one.</param>
/// <param name="P95">The 95th percentile.</param>
/// <param name="P99">The 99th percentile.</param>
/// <param name="Max">The greatest.</param>
internal sealed record Spread(double Min, double P5, double Median, double P95, double P99, double Max)
{
    /// <summary>The spread of some values; null when there are none.</summary>
    /// <param name="values">The values, in any order; sorted by this.</param>
    public static Spread? Of(double[] values)
    {
        Array.Sort(values);
        return values.Length == 0 ? null : new Spread(values[0], Percentile(values, 5), Percentile(values, 50), Percentile(values, 95), Percentile(values, 99), values[^1]);
    }

    /// <summary>A percentile by the nearest rank: the least value that so many hundredths of all are not greater than. Always one that was measured.</summary>
    /// <param name="sorted">The values, ascending; at least one.</param>
    /// <param name="percent">1 to 100.</param>
    public static double Percentile(double[] sorted, int percent) => sorted[Math.Max(0, (int)((((long)sorted.Length * percent) + 99) / 100) - 1)];
}
