using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Stentor.Protocol.Tests;

public sealed class ChannelPatternTests
{
    private static readonly string[] Words = ["a", "b", "scores", "_x", "stone-curling"];

    [Fact]
    public void A_pattern_matches_what_its_regular_expression_does()
    {
        var patterns =
            from words in Gen.Elements([.. Words, "*", "*"]).ArrayOf().Where(w => w.Length is > 0 and <= 5)
            from rest in Gen.Elements("", ".>")
            select string.Join('.', words) + rest;
        var channels = from words in Gen.Elements(Words).ArrayOf().Where(w => w.Length is > 0 and <= 6) select string.Join('.', words);
        Property.Holds(from p in patterns from c in channels select (p, c), pair =>
        {
            var (text, channel) = pair;
            var pattern = ChannelPattern.Parse(text);

            var expected = Oracle(text).IsMatch(channel) && (text[0] == '_' || channel[0] != '_');

            Assert.Equal(expected, pattern.Matches(channel));
            Assert.Equal(expected, pattern.Matches(Encoding.UTF8.GetBytes(channel)));
            Assert.Equal(expected, new ChannelSet(pattern, ChannelPattern.Parse("never.this")).Contains(channel));
            Assert.Equal(!text.Contains('*') && !text.Contains('>'), pattern.IsExact);
        }, runs: 1_500);
    }

    [Theory]
    [InlineData(">", "_accounts.ann", false)]
    [InlineData("*.ann", "_accounts.ann", false)]
    [InlineData("_accounts.>", "_accounts.ann", true)]
    [InlineData("_accounts.*", "_accounts.ann", true)]
    [InlineData("scores.>", "scores", false)]
    [InlineData("scores.*", "scores.a.b", false)]
    [InlineData(">", "scores", true)]
    public void Wildcards_do_not_show_the_node_s_own_channels(string pattern, string channel, bool expected) =>
        Assert.Equal(expected, ChannelPattern.Parse(pattern).Matches(channel));

    [Fact]
    public void Names_and_patterns_follow_the_rule() => Property.Holds(Texts(), text =>
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var isShort = bytes.Length <= 255 && text.Split('.').Length <= 16;

        Assert.Equal(isShort && Regex.IsMatch(text, @"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture), ChannelName.IsValid(text));
        Assert.Equal(isShort && Regex.IsMatch(text, @"^([A-Za-z0-9_-]+|\*)(\.([A-Za-z0-9_-]+|\*))*(\.>)?\z|^>\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture), ChannelName.IsValidPattern(text));
        Assert.Equal(ChannelName.IsValid(text), ChannelName.IsValid(bytes));
        Assert.Equal(Regex.IsMatch(text, @"^[A-Za-z0-9_.-]{1,64}\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture), Username.IsValid(text));
        Assert.Equal(Username.IsValid(text), Username.IsValid(bytes));
        Assert.Equal(Regex.IsMatch(text, @"^[A-Za-z0-9_-]{1,64}\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture), OriginId.IsValid(bytes));
    }, runs: 1_500);

    [Fact]
    public void The_longest_names_are_taken_and_longer_ones_not()
    {
        Assert.True(ChannelName.IsValid(new string('a', 255)));
        Assert.False(ChannelName.IsValid(new string('a', 256)));
        Assert.False(ChannelName.IsValid(new string('a', 100_000)));
        Assert.True(ChannelName.IsValid(string.Join('.', Enumerable.Repeat("a", 16))));
        Assert.False(ChannelName.IsValid(string.Join('.', Enumerable.Repeat("a", 17))));
        Assert.False(new ChannelSet(ChannelPattern.Parse("a")).Contains(Encoding.UTF8.GetBytes(new string('a', 300))));
        Assert.Throws<ProtocolException>(() => ChannelPattern.Parse("a.>.b"));
    }

    [Fact]
    public void A_username_s_token_is_its_own_and_fits_into_a_channel() => Property.Holds(
        from one in Usernames() from other in Usernames() select (one, other), pair =>
        {
            var (one, other) = pair;

            Assert.Equal(one == other, Username.ToToken(one) == Username.ToToken(other));
            Assert.True(ChannelName.IsValid($"_accounts.{Username.ToToken(one)}"));
        });

    private static Gen<string> Usernames() =>
        Gen.Elements('a', 'u', 'd', '_', '.', '-').ArrayOf().Where(c => c.Length is > 0 and <= 64).Select(c => new string(c));

    private static Gen<string> Texts() =>
        Gen.Elements("a", "Z", "9", "_", "-", ".", ".", "*", ">", " ", "é", "\n", "\0", new string('x', 90)).ArrayOf().Select(string.Concat);

    private static Regex Oracle(string pattern) =>
        new("^" + Regex.Escape(pattern).Replace(@"\*", "[^.]+", StringComparison.Ordinal).Replace(">", ".+", StringComparison.Ordinal) + @"\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture);
}
