using Stentor.Cli.Lab;

namespace Stentor.Cli.Tests.Lab;

public sealed class JoiningTests
{
    // A clock that ticks a thousand times a second, so that ticks are milliseconds.
    private const long PerSecond = 1_000;

    [Fact]
    public void A_write_counts_until_it_is_shown()
    {
        var (samples, missed) = Joining.Join([new(7, 100), new(8, 200)], [new(7, 103), new(8, 209)], PerSecond);

        Assert.Equal([new Sample(7, 3), new Sample(8, 9)], samples);
        Assert.Equal(0, missed);
    }

    [Fact]
    public void A_write_that_is_passed_over_counts_until_a_newer_one_is_shown()
    {
        var (samples, missed) = Joining.Join([new(1, 0), new(2, 50), new(3, 100), new(4, 150)], [new(3, 120), new(4, 320)], PerSecond);

        Assert.Equal([new Sample(1, 120), new Sample(2, 70), new Sample(3, 20), new Sample(4, 170)], samples);
        Assert.Equal(0, missed);
    }

    [Fact]
    public void What_was_shown_before_the_first_write_that_counts_shows_none_of_them()
    {
        var (samples, _) = Joining.Join([new(5, 100)], [new(3, 90), new(4, 95), new(6, 130)], PerSecond);

        Assert.Equal([new Sample(5, 30)], samples);
    }

    [Fact]
    public void Writes_that_were_never_shown_nor_anything_newer_are_missed()
    {
        Assert.Equal((1, 2), Count(Joining.Join([new(1, 0), new(2, 10), new(3, 20)], [new(1, 5)], PerSecond)));
        Assert.Equal((0, 3), Count(Joining.Join([new(1, 0), new(2, 10), new(3, 20)], [], PerSecond)));
        Assert.Equal((0, 0), Count(Joining.Join([], [new(1, 5)], PerSecond)));
    }

    private static (int Samples, int Missed) Count((IReadOnlyList<Sample> Samples, int Missed) joined) => (joined.Samples.Count, joined.Missed);
}
