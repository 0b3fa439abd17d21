using System.Diagnostics;
using Stentor.Cli.Lab;
using Stentor.Cli.Lab.Readers;

namespace Stentor.Cli.Tests.Lab;

public sealed class ResultsTests
{
    private static readonly long Millisecond = Stopwatch.Frequency / 1_000;

    [Fact]
    public void A_row_has_the_latencies_of_all_clients_and_the_cost_of_one()
    {
        Moment[] writes = [new(1, 0), new(2, 10 * Millisecond)];
        ClientShown[] shown = [Shown(isPush: true, (1, 2), (2, 14)), Shown(isPush: true, (2, 16))];

        var measured = Results.Of(new(Arch.Push, Transport.Sse, 2), writes, shown, new(40, 4, 4_000, 400), TrafficCount.Zero, seconds: 2, nodeCores: 0.5, otherCores: 0.25);

        var row = Assert.Single(measured.Rows);
        Assert.Equal(("push", "sse", 2, 4, 0), (row.Arch, row.Transport, row.Clients, row.Samples, row.Missed));
        Assert.Equal((2.0, 4.0, 16.0), (row.Latency!.Min, row.Latency.Median, row.Latency.Max));
        Assert.Equal(new Cost(10, 1, 1_000, 100), row.Cost);
        Assert.Equal((0.5, 0.25), (row.NodeCores, row.OtherCores));
        Assert.Equal([("push", 0, new Sample(1, 2)), ("push", 0, new Sample(2, 4)), ("push", 1, new Sample(1, 16)), ("push", 1, new Sample(2, 6))], measured.Samples);
    }

    [Fact]
    public void The_halves_of_a_mixed_population_are_told_apart()
    {
        ClientShown[] shown = [Shown(isPush: true, (1, 2)), Shown(isPush: true, (1, 4)), Shown(isPush: false, (1, 90))];

        var measured = Results.Of(new(Arch.Mixed, Transport.Http, 3), [new(1, 0)], shown, new(0, 20, 200, 40), new(0, 5, 50, 30), seconds: 1, nodeCores: 0.1, otherCores: null);

        Assert.Equal(["mixed-push", "mixed-pull"], measured.Rows.Select(row => row.Arch));
        Assert.Equal([3, 3], measured.Rows.Select(row => row.Clients));
        Assert.Equal([2, 1], measured.Rows.Select(row => row.Samples));
        Assert.Equal([new Cost(0, 10, 100, 20), new Cost(0, 5, 50, 30)], measured.Rows.Select(row => row.Cost));
        Assert.Equal([true, false], measured.Rows.Select(row => row.IsPush));
    }

    [Fact]
    public void Clients_that_show_nothing_have_missed_everything_and_no_latencies()
    {
        var measured = Results.Of(new(Arch.Push, Transport.Http, 2), [new(1, 0), new(2, 1)], [Shown(isPush: true), Shown(isPush: true)], TrafficCount.Zero, TrafficCount.Zero, 1, 0, null);

        var row = Assert.Single(measured.Rows);
        Assert.Equal((0, 4), (row.Samples, row.Missed));
        Assert.Null(row.Latency);
    }

    private static ClientShown Shown(bool isPush, params (long Number, long Milliseconds)[] shown) =>
        new(isPush, [.. shown.Select(one => one.Number)], [.. shown.Select(one => one.Milliseconds * Millisecond)]);
}
