using Stentor.Cli.Lab;

namespace Stentor.Cli.Tests.Lab;

public sealed class ExperimentTests
{
    [Fact]
    public async Task What_is_not_disturbed_is_measured_once() => Assert.Equal((0.1, 1), await MeasureAsync(tries: 5, 0.1, 0.0));

    [Fact]
    public async Task What_is_disturbed_is_measured_until_it_is_not() => Assert.Equal((0.05, 3), await MeasureAsync(tries: 5, 1.5, 0.9, 0.05, 0.01));

    [Fact]
    public async Task Where_it_never_gets_quiet_the_least_disturbed_measurement_counts() => Assert.Equal((0.9, 3), await MeasureAsync(tries: 3, 1.5, 0.9, 1.2, 0.0));

    [Fact]
    public async Task Where_nobody_knows_of_others_once_is_enough() => Assert.Equal((0.0, 1), await MeasureAsync(tries: 3, null, 0.9));

    /// <summary>Measures while others use so many cores, one time after the other.</summary>
    /// <returns>What they used when it counted, and how often it was measured.</returns>
    private static async Task<(double OtherCores, int Times)> MeasureAsync(int tries, params double?[] otherCores)
    {
        var times = 0;
        var measured = await Experiment.LeastDisturbedAsync(() => Task.FromResult(new Measurement([Row(otherCores[times++])], [])), tries);
        return (measured.OtherCores, times);
    }

    private static LatencyRow Row(double? otherCores) => new("push", "sse", 1, 1, 0, new Spread(1, 1, 1, 1, 1, 1), default, 0.1, otherCores);
}
