using Stentor.Protocol;

namespace Stentor.Node.Tests;

public sealed class GrantsTests
{
    [Fact]
    public async Task By_default_everyone_reads_and_accounts_publish()
    {
        await using var node = new TestNode();
        var grants = node.Node.Grants;

        Assert.Null(grants.MayPublish("alice", "chat.general"));
        Assert.Null(grants.MayPublish("anonymous", "activities"));
        Assert.Equal(ErrorType.Unauthenticated, grants.MayPublish("anonymous", "chat.general")?.Type);
        Assert.Null(grants.MaySubscribe("anonymous", ChannelPattern.Parse(">")));
        Assert.Null(grants.MaySubscribe("anonymous", ChannelPattern.Parse("chat.general")));
    }

    [Theory]
    [InlineData("_accounts.alice")]
    [InlineData("_sessions.00")]
    [InlineData("_inboxes.alice.phone")]
    [InlineData("_grants.x")]
    [InlineData("_other")]
    public async Task What_is_reserved_is_nobodys(string channel)
    {
        await using var node = new TestNode();

        foreach (var username in (string[])["anonymous", "alice", "operator"])
        {
            Assert.Equal(ErrorType.Forbidden, node.Node.Grants.MayPublish(username, channel)?.Type);
            Assert.Equal(ErrorType.Forbidden, node.Node.Grants.MaySubscribe(username, ChannelPattern.Parse(channel))?.Type);
        }
    }

    [Theory]
    [InlineData("_accounts.>")]
    [InlineData("_sessions.*")]
    [InlineData("_inboxes.>")]
    public async Task A_pattern_does_not_open_what_is_reserved(string pattern)
    {
        await using var node = new TestNode();

        Assert.Equal(ErrorType.Forbidden, node.Node.Grants.MaySubscribe("operator", ChannelPattern.Parse(pattern))?.Type);
    }

    [Fact]
    public async Task Grants_are_the_operators()
    {
        await using var node = new TestNode();
        var grants = node.Node.Grants;

        Assert.Null(grants.MayPublish("operator", "_grants"));
        Assert.Null(grants.MaySubscribe("operator", ChannelPattern.Parse("_grants")));
        Assert.Equal(ErrorType.Forbidden, grants.MayPublish("alice", "_grants")?.Type);
        Assert.Equal(ErrorType.Forbidden, grants.MayPublish("anonymous", "_grants")?.Type);
        Assert.Equal(ErrorType.Forbidden, grants.MaySubscribe("alice", ChannelPattern.Parse("_grants"))?.Type);
    }

    [Fact]
    public async Task A_rule_names_those_who_may_and_no_others()
    {
        await using var node = new TestNode();
        var grants = node.Node.Grants;
        await SetAsync(node, """{"publish scores.>": ["referee"], "publish open.*": ["$everyone"], "publish wall": ["$registered"], "publish closed": []}""");

        Assert.Null(grants.MayPublish("referee", "scores.final"));
        Assert.Null(grants.MayPublish("operator", "scores.final"));
        Assert.Null(grants.MayPublish("operator", "closed"));
        Assert.Null(grants.MayPublish("anonymous", "open.door"));
        Assert.Null(grants.MayPublish("alice", "wall"));
        Assert.Null(grants.MayPublish("alice", "scores"));
        Assert.Equal(ErrorType.Forbidden, grants.MayPublish("alice", "scores.final")?.Type);
        Assert.Equal(ErrorType.Forbidden, grants.MayPublish("alice", "closed")?.Type);
        Assert.Equal(ErrorType.Unauthenticated, grants.MayPublish("anonymous", "wall")?.Type);
        Assert.Equal(ErrorType.Unauthenticated, grants.MayPublish("anonymous", "open.door.wide")?.Type);
    }

    [Fact]
    public async Task Rules_that_match_together_add_up()
    {
        await using var node = new TestNode();
        await SetAsync(node, """{"publish a.>": ["alice"], "publish a.b": ["bob"]}""");

        Assert.Null(node.Node.Grants.MayPublish("alice", "a.b"));
        Assert.Null(node.Node.Grants.MayPublish("bob", "a.b"));
        Assert.NotNull(node.Node.Grants.MayPublish("bob", "a.c"));
    }

    [Fact]
    public async Task A_pattern_may_be_read_by_whoever_may_read_all_that_it_can_match()
    {
        await using var node = new TestNode();
        var grants = node.Node.Grants;
        await SetAsync(node, """{"subscribe staff.>": ["alice"], "subscribe staff.news.*": ["$everyone"]}""");

        Assert.Null(grants.MaySubscribe("alice", ChannelPattern.Parse(">")));
        Assert.Null(grants.MaySubscribe("bob", ChannelPattern.Parse("chat.>")));
        Assert.Null(grants.MaySubscribe("bob", ChannelPattern.Parse("staff")));
        Assert.Null(grants.MaySubscribe("bob", ChannelPattern.Parse("staff.news.*")));
        Assert.Null(grants.MaySubscribe("anonymous", ChannelPattern.Parse("staff.news.today")));
        Assert.Null(grants.MaySubscribe("operator", ChannelPattern.Parse(">")));
        Assert.Equal(ErrorType.Forbidden, grants.MaySubscribe("bob", ChannelPattern.Parse(">"))?.Type);
        Assert.Equal(ErrorType.Forbidden, grants.MaySubscribe("bob", ChannelPattern.Parse("*.room"))?.Type);
        Assert.Equal(ErrorType.Forbidden, grants.MaySubscribe("bob", ChannelPattern.Parse("staff.room"))?.Type);
        Assert.Equal(ErrorType.Unauthenticated, grants.MaySubscribe("anonymous", ChannelPattern.Parse("staff.room"))?.Type);
    }

    [Fact]
    public async Task A_rule_holds_from_when_it_is_set_to_when_it_is_removed()
    {
        await using var node = new TestNode();
        var grants = node.Node.Grants;

        Assert.Null(grants.MayPublish("alice", "a"));
        await SetAsync(node, """{"publish a": ["bob"]}""");
        Assert.NotNull(grants.MayPublish("alice", "a"));
        await node.Node.PublishAsync("_grants", "operator", TestNode.Body("""{"effect": {"remove": ["publish a"]}}"""), default);
        Assert.Null(grants.MayPublish("alice", "a"));
    }

    [Fact]
    public async Task What_is_no_rule_changes_nothing_and_a_rule_without_a_list_lets_nobody_in()
    {
        await using var node = new TestNode();
        await SetAsync(node, """{"publsh a": ["bob"], "publish a..b": ["bob"], "publish": 1, "publish b": "bob", "publish c": [1]}""");

        Assert.Null(node.Node.Grants.MayPublish("alice", "a"));
        Assert.NotNull(node.Node.Grants.MayPublish("bob", "b"));
        Assert.NotNull(node.Node.Grants.MayPublish("bob", "c"));
    }

    [Theory]
    [InlineData("a.b", "a.b", true, true)]
    [InlineData("a.b", "a.c", false, false)]
    [InlineData("a.*", "a.b", true, true)]
    [InlineData("a.b", "a.*", true, false)]
    [InlineData("a.>", "a.b.c", true, true)]
    [InlineData("a.>", "a", false, false)]
    [InlineData("a.>", "a.*", true, true)]
    [InlineData("a.*", "a.>", true, false)]
    [InlineData(">", "a.>", true, true)]
    [InlineData("*.b", "a.*", true, false)]
    [InlineData("*.b", "a.c", false, false)]
    [InlineData("a", "a.b", false, false)]
    [InlineData(">", "_grants", false, false)]
    [InlineData("*", "_grants", false, false)]
    public void Patterns_overlap_and_cover_each_other(string one, string other, bool overlap, bool covers)
    {
        Assert.Equal(overlap, PatternRelation.Overlap(ChannelPattern.Parse(one), ChannelPattern.Parse(other)));
        Assert.Equal(overlap, PatternRelation.Overlap(ChannelPattern.Parse(other), ChannelPattern.Parse(one)));
        Assert.Equal(covers, PatternRelation.Covers(ChannelPattern.Parse(one), ChannelPattern.Parse(other)));
    }

    [Fact]
    public void What_patterns_say_of_each_other_is_so_for_every_channel()
    {
        string[] tokens = ["a", "b", "*"];
        var patterns = Names(tokens, 3).Concat(Names(tokens, 2).Select(n => n + ".>")).Append(">").Select(ChannelPattern.Parse).ToList();
        var channels = Names(["a", "b"], 4).ToList();

        foreach (var one in patterns)
        {
            foreach (var other in patterns)
            {
                Assert.Equal(channels.Exists(c => one.Matches(c) && other.Matches(c)), PatternRelation.Overlap(one, other));
                if (PatternRelation.Covers(one, other))
                {
                    Assert.All(channels.Where(other.Matches), c => Assert.True(one.Matches(c), $"{one} covers {other}, but not {c}"));
                }
            }
        }
    }

    private static IEnumerable<string> Names(string[] tokens, int countMax)
    {
        IEnumerable<string> names = tokens;
        for (var count = 1; count <= countMax; count++)
        {
            foreach (var name in names)
            {
                yield return name;
            }

            names = [.. names.SelectMany(n => tokens.Select(t => $"{n}.{t}"))];
        }
    }

    private static async Task SetAsync(TestNode node, string rules) =>
        Assert.Null((await node.Node.PublishAsync("_grants", "operator", TestNode.Body("{\"effect\": {\"set\": " + rules + "}}"), default)).Refusal);
}
