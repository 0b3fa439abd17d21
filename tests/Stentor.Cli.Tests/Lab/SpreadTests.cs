using Stentor.Cli.Lab;

namespace Stentor.Cli.Tests.Lab;

public sealed class SpreadTests
{
    [Fact]
    public void Percentiles_are_values_that_were_measured()
    {
        double[] hundred = [.. Enumerable.Range(1, 100).Select(n => (double)n)];
        Random.Shared.Shuffle(hundred);

        Assert.Equal(new Spread(1, 5, 50, 95, 99, 100), Spread.Of(hundred));
    }

    [Fact]
    public void Few_values_have_percentiles_too()
    {
        Assert.Equal(new Spread(4, 4, 4, 4, 4, 4), Spread.Of([4]));
        Assert.Equal(new Spread(1, 1, 1, 2, 2, 2), Spread.Of([2, 1]));
        Assert.Equal(new Spread(1, 1, 2, 3, 3, 3), Spread.Of([3, 1, 2]));
    }

    [Fact]
    public void No_values_have_no_spread() => Assert.Null(Spread.Of([]));

    [Fact]
    public void A_percentile_is_the_least_value_that_so_many_hundredths_are_not_greater_than()
    {
        for (var count = 1; count < 300; count++)
        {
            double[] sorted = [.. Enumerable.Range(0, count).Select(n => (double)n)];
            foreach (var percent in (int[])[5, 50, 95, 99])
            {
                var expected = sorted.First(value => sorted.Count(other => other <= value) * 100 >= percent * count);

                Assert.Equal(expected, Spread.Percentile(sorted, percent));
            }
        }
    }
}
