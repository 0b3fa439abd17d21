using Stentor.Cli.CommandLine;

namespace Stentor.Cli.Tests.CommandLine;

public sealed class NearestTests
{
    [Theory]
    [InlineData("--lsten", "--listen")]
    [InlineData("--listne", "--listen")]
    [InlineData("--rate-limit", "--rate-limits")]
    [InlineData("--tpc", "--tcp")]
    [InlineData("--lstn", "--listen")]
    [InlineData("--Listen", "--listen")]
    [InlineData("listen", "--listen")]
    [InlineData("--ratelimits", "--rate-limits")]
    [InlineData("--RateLimits", "--rate-limits")]
    public void A_slip_of_the_fingers_finds_what_was_meant(string word, string meant)
    {
        var nearest = Nearest.To(word, ["--tcp", "--listen", "--data", "--rate-limits"], "--");

        Assert.Equal(meant, nearest);
    }

    [Theory]
    [InlineData("--elephant")]
    [InlineData("--tls")]
    [InlineData("--ttl")]
    [InlineData("--date-limit")]
    [InlineData("--x")]
    [InlineData("--")]
    public void A_word_that_is_near_to_nothing_finds_nothing(string word)
    {
        Assert.Null(Nearest.To(word, ["--tcp", "--listen", "--data"], "--"));
    }

    [Fact]
    public void That_two_words_begin_as_all_do_does_not_make_them_alike()
    {
        string[] known = ["STENTOR_TCP", "STENTOR_LISTEN"];

        Assert.Null(Nearest.To("STENTOR_FOO", known, "STENTOR_"));
        Assert.Equal("STENTOR_TCP", Nearest.To("STENTOR_TPC", known, "STENTOR_"));
        Assert.Equal("STENTOR_LISTEN", Nearest.To("STENTOR_listn", known, "STENTOR_"));
    }
}
