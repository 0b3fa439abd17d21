namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Where a server is, as it is written.</summary>
public sealed class StreamerServerTests
{
    [Theory]
    [InlineData("127.0.0.1:3780", "127.0.0.1", 3780, false)]
    [InlineData("tls://eu.example.org:1", "eu.example.org", 1, true)]
    [InlineData("[::1]:65535", "::1", 65535, false)]
    public void A_server_is_read_as_it_is_written(string text, string host, int port, bool isTls)
    {
        Assert.True(StreamerServer.TryParse(text, out var server));

        Assert.Equal(new StreamerServer(host, port, isTls), server);
        Assert.Equal(text, server.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(":1")]
    [InlineData("h")]
    [InlineData("h:")]
    [InlineData("h:+1")]
    [InlineData("h:65536")]
    [InlineData("[h]:1")]
    [InlineData("[:1")]
    [InlineData("tls://")]
    [InlineData("a b:1")]
    public void What_is_no_server_is_not_read(string text) => Assert.False(StreamerServer.TryParse(text, out _));

    [Theory]
    [InlineData("h", "h:3780")]
    [InlineData("tls://[::1]", "tls://[::1]:3780")]
    [InlineData("h:1", "h:1")]
    public void Where_the_port_may_be_left_out_it_is_the_usual_one(string text, string expected)
    {
        Assert.True(StreamerServer.TryParse(text, out var server, portDefault: 3780));

        Assert.Equal(expected, server.ToString());
    }
}
