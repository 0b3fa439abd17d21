using Stentor.Cli.CommandLine;

namespace Stentor.Cli.Tests.CommandLine;

public sealed class NearestTests
{
    [Theory]
    [InlineData("--lsten", "--listen")]
    [InlineData("--listne", "--listen")]
    [InlineData("--rate-limit", "--rate-limits")]
    [InlineData("--tpc", "--tcp")]
    public void A_slip_of_the_fingers_finds_what_was_meant(string word, string meant)
    {
        var nearest = Nearest.To(word, ["--tcp", "--listen", "--data", "--rate-limits"]);

        Assert.Equal(meant, nearest);
    }

    [Fact]
    public void A_word_that_is_near_to_nothing_finds_nothing()
    {
        Assert.Null(Nearest.To("--elephant", ["--tcp", "--listen", "--data"]));
    }
}
