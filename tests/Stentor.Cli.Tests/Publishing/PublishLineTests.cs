using System.Text;
using Stentor.Cli.Publishing;
using Stentor.Protocol;

namespace Stentor.Cli.Tests.Publishing;

public sealed class PublishLineTests
{
    [Fact]
    public void A_body_may_name_its_channel()
    {
        var publish = PublishLine.ReadBody("""{"channel":"medals.NOR","activity":{"type":"Win"},"effect":{"add":{"gold":1}},"id":"x","if":{"exists":true}}"""u8.ToArray(), "other");

        Assert.Equal("medals.NOR", publish.Channel);
        Assert.Equal("""{"type":"Win"}""", Encoding.UTF8.GetString(publish.Activity.Span));
        Assert.Equal("gold", Assert.Single(publish.Effect!.Add).Field); // It has an effect.
        Assert.Equal("x", publish.Id);
        Assert.True(publish.IfExists);
    }

    [Fact]
    public void A_body_without_a_channel_goes_to_the_one_of_the_command_line()
    {
        Assert.Equal("other", PublishLine.ReadBody("""{"activity":{}}"""u8.ToArray(), "other").Channel);
    }

    [Theory]
    [InlineData("""{"activity":{}}""", "names no `channel`")]
    [InlineData("""{"chanel":"x","activity":{}}""", "the key 'chanel'")]
    [InlineData("""{"channel":"x"}""", "`activity` or `effect`")]
    [InlineData("[]", "must be an object")]
    [InlineData("{", "not JSON")]
    public void What_is_no_body_is_refused_with_a_reason(string line, string reason)
    {
        var refusal = Assert.Throws<ProtocolException>(() => PublishLine.ReadBody(Encoding.UTF8.GetBytes(line), channel: null));

        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }
}
