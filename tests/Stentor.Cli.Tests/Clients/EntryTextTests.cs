using Stentor.Cli.Clients;

namespace Stentor.Cli.Tests.Clients;

public sealed class EntryTextTests
{
    [Fact]
    public void Text_from_others_does_not_steer_the_terminal()
    {
        Assert.Equal("a\\u001b[2Jb\\u0007", EntryText.Printable("a\e[2Jb\a"));
    }

    [Fact]
    public void Ordinary_text_stays_as_it_is()
    {
        Assert.Equal("Grüße, 世界", EntryText.Printable("Grüße, 世界"));
    }
}
