using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Http;

public sealed class ReadTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task A_state_is_what_its_activities_add_up_to()
    {
        await server.PublishAsync("read.state", """{"effect": {"set": {"name": "x"}}}""");
        var last = await server.PublishAsync("read.state", """{"effect": {"add": {"n": 2}}}""");

        var answer = await server.GetAsync("/v1/channels/read.state");

        Assert.Equal((200, "application/json"), (answer.Status, answer.ContentType));
        Assert.Equal("read.state", answer["channel"].GetString());
        Assert.Equal("""{"n":2,"name":"x"}""", answer["state"].GetRawText());
        Assert.Equal(2, answer["version"].GetInt64());
        foreach (var stamp in (string[])["origin", "seq", "lamport", "time"])
        {
            Assert.Equal(last[stamp].GetRawText(), answer["last"].GetProperty(stamp).GetRawText());
        }

        Assert.True(SeenToken.Decode(answer.Seen).Covers(SeenToken.Decode(last.Seen)));
    }

    [Fact]
    public async Task A_state_that_is_known_is_not_sent_again()
    {
        await server.PublishAsync("read.tag", """{"effect": {"add": {"n": 1}}}""");
        var first = await server.GetAsync("/v1/channels/read.tag");
        var tag = first.Headers["ETag"];

        var same = await server.SendAsync(HttpMethod.Get, "/v1/channels/read.tag", headers: ("If-None-Match", tag));
        var several = await server.SendAsync(HttpMethod.Get, "/v1/channels/read.tag", headers: ("If-None-Match", $"\"x\", {tag}"));
        var any = await server.SendAsync(HttpMethod.Get, "/v1/channels/read.tag", headers: ("If-None-Match", "*"));
        var other = await server.SendAsync(HttpMethod.Get, "/v1/channels/read.tag", headers: ("If-None-Match", "\"x\""));
        await server.PublishAsync("read.tag", """{"activity": {}}""");
        var changed = await server.SendAsync(HttpMethod.Get, "/v1/channels/read.tag", headers: ("If-None-Match", tag));

        Assert.Equal((304, "", tag), (same.Status, same.Text, same.Headers["ETag"]));
        Assert.Equal((304, 304, 200, 200), (several.Status, any.Status, other.Status, changed.Status));
    }

    [Fact]
    public async Task A_channel_that_nothing_was_published_to_is_not_found()
    {
        (await server.GetAsync("/v1/channels/read.nothing")).Problem(ErrorType.NotFound);
        (await server.GetAsync("/v1/channels/read.nothing/activities")).Problem(ErrorType.NotFound);
        (await server.GetAsync("/v1/channels/read.nothing/conflicts")).Problem(ErrorType.NotFound);
    }

    [Fact]
    public async Task Head_answers_as_get_does_without_the_body()
    {
        await server.PublishAsync("read.head", """{"activity": {}}""");
        var get = await server.GetAsync("/v1/channels/read.head");

        var head = await server.SendAsync(HttpMethod.Head, "/v1/channels/read.head");
        var page = await server.SendAsync(HttpMethod.Head, "/v1/channels/read.head/activities");
        var nothing = await server.SendAsync(HttpMethod.Head, "/v1/channels/read.headless");

        Assert.Equal((200, "", get.Headers["Content-Length"]), (head.Status, head.Text, head.Headers["Content-Length"]));
        Assert.Equal((200, ""), (page.Status, page.Text));
        Assert.Equal((404, ""), (nothing.Status, nothing.Text));
    }

    [Fact]
    public async Task Activities_come_back_as_they_were_published_and_page_by_page()
    {
        for (var n = 1; n <= 5; n++)
        {
            await server.PublishAsync("read.pages", $$$"""{"activity": {"n": {{{n}}}, "text": "a\u00e9 <&>"}}""");
        }

        var first = await server.GetAsync("/v1/channels/read.pages/activities?limit=2");
        var second = await server.GetAsync($"/v1/channels/read.pages/activities?limit=2&after={first.Seen}");
        var third = await server.GetAsync($"/v1/channels/read.pages/activities?limit=2&after={second.Seen}");
        var fourth = await server.GetAsync($"/v1/channels/read.pages/activities?limit=2&after={third.Seen}");

        Assert.Equal(["1 2 more", "3 4 more", "5", ""], new[] { first, second, third, fourth }.Select(Numbers));
        var entry = first["activities"][0];
        Assert.Equal("read.pages", entry.GetProperty("channel").GetString());
        Assert.Equal("operator", entry.GetProperty("author").GetString());
        Assert.Equal("a\u00e9 <&>", entry.GetProperty("activity").GetProperty("text").GetString());
        Assert.True(Entry.Parse(System.Text.Encoding.UTF8.GetBytes(entry.GetRawText())).Seq > 0);
    }

    [Fact]
    public async Task The_newest_come_in_the_regions_order()
    {
        for (var n = 1; n <= 5; n++)
        {
            await server.PublishAsync("read.newest", $$$"""{"activity": {"n": {{{n}}}}}""");
        }

        var all = await server.GetAsync("/v1/channels/read.newest/activities?newest=true");
        var two = await server.GetAsync("/v1/channels/read.newest/activities?newest&limit=2");
        var first = await server.GetAsync("/v1/channels/read.newest/activities?limit=3");
        var rest = await server.GetAsync($"/v1/channels/read.newest/activities?newest=true&after={first.Seen}");
        var none = await server.GetAsync($"/v1/channels/read.newest/activities?newest=true&after={two.Seen}");

        Assert.Equal(["1 2 3 4 5", "4 5 more", "4 5", ""], new[] { all, two, rest, none }.Select(Numbers));
        Assert.Equal(all.Seen, two.Seen);
    }

    [Fact]
    public async Task A_pattern_brings_channels_together_and_never_reserved_ones()
    {
        await server.PublishAsync("read.pattern.a", """{"activity": {"n": 1}}""");
        await server.PublishAsync("read.pattern.b", """{"activity": {"n": 2}}""");
        await server.PublishAsync("read.pattern.a", """{"activity": {"n": 3}}""");
        await server.RegisterAsync("read.pattern");

        Assert.Equal("1 2 3", Numbers(await server.GetAsync("/v1/channels/read.pattern.*/activities")));
        Assert.Equal("1 2 3", Numbers(await server.GetAsync("/v1/channels/read.pattern.%3E/activities")));
        Assert.Equal("", Numbers(await server.GetAsync("/v1/channels/read.pattern.none.*/activities")));
        var everything = await server.GetAsync("/v1/channels/>/activities?limit=1000");
        Assert.DoesNotContain(everything["activities"].EnumerateArray(), e => e.GetProperty("channel").GetString()!.StartsWith('_')); // Entries have a channel.
    }

    [Fact]
    public async Task A_pull_that_waits_is_answered_by_the_next_activity()
    {
        await server.PublishAsync("read.wait", """{"activity": {"n": 1}}""");
        var before = await server.GetAsync("/v1/channels/read.wait/activities");

        var waiting = server.GetAsync($"/v1/channels/read.wait/activities?wait=20&after={before.Seen}");
        var unborn = server.GetAsync("/v1/channels/read.unborn/activities?wait=20");
        await server.PublishAsync("read.other", """{"activity": {"n": 9}}""");
        await server.PublishAsync("read.wait", """{"activity": {"n": 2}}""");
        await server.PublishAsync("read.unborn", """{"activity": {"n": 3}}""");

        Assert.Equal("2", Numbers(await waiting));
        Assert.Equal("3", Numbers(await unborn));
    }

    [Fact]
    public async Task A_pull_that_waited_for_nothing_comes_empty_and_may_go_on()
    {
        var first = await server.GetAsync("/v1/channels/read.silent/activities?wait=0.05");
        await server.PublishAsync("read.silent", """{"activity": {"n": 1}}""");
        var second = await server.GetAsync($"/v1/channels/read.silent/activities?after={first.Seen}");

        Assert.Equal((200, ""), (first.Status, Numbers(first)));
        Assert.Equal("1", Numbers(second));
        (await server.GetAsync("/v1/channels/read.silence/activities?wait=0")).Problem(ErrorType.NotFound);
    }

    [Fact]
    public async Task History_that_is_no_longer_held_is_a_gap_and_never_silent()
    {
        await using var forgetful = await TestServer.StartAsync(o => o with
        {
            SegmentBytes = 256 * 1024,
            RetainBytes = 512 * 1024,
            Node = o.Node with { CheckpointInterval = TimeSpan.FromMilliseconds(20) },
        });
        var lines = string.Concat(Enumerable.Range(1, 500).Select(n => $$$"""{"activity": {"n": {{{n}}}, "text": "{{{new string('x', 1000)}}}"}}""" + "\n"));
        long first = 1;
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        while (first == 1)
        {
            timeout.Token.ThrowIfCancellationRequested();
            await forgetful.SendAsync(HttpMethod.Post, "/v1/channels/gaps/activities", lines, "application/x-ndjson", forgetful.Operator);
            first = (await forgetful.GetAsync("/v1/cluster"))["loads"].GetProperty("positionFirst").GetInt64();
        }

        var page = await forgetful.GetAsync("/v1/channels/gaps/activities?limit=1");
        var newest = await forgetful.GetAsync("/v1/channels/gaps/activities?limit=1&newest=true");

        var gap = page["gaps"][0];
        Assert.Equal(VersionVector.Empty, SeenToken.Decode(gap.GetProperty("from").GetString()!)); // A gap has ends.
        Assert.True(SeenToken.Decode(page.Seen).Covers(SeenToken.Decode(gap.GetProperty("to").GetString()!)));
        Assert.NotEqual("", gap.GetProperty("reason").GetString());
        Assert.Equal(1, page["activities"].GetArrayLength());
        Assert.False(newest.Json.TryGetProperty("gaps", out _));
    }

    [Theory]
    [InlineData("/v1/channels/read.behind?wait=0.02&after=")]
    [InlineData("/v1/channels/read.behind/activities?wait=0.02&after=")]
    [InlineData("/v1/channels/read.behind/conflicts?wait=0.02&after=")]
    public async Task A_read_after_a_token_that_is_not_covered_is_behind(string path)
    {
        await server.PublishAsync("read.behind", """{"activity": {}}""");
        var token = SeenToken.Encode(VersionVector.Of(new OriginId("asia-1"), 7));

        var answer = await server.GetAsync(path + token);

        answer.Problem(ErrorType.Behind);
        Assert.Equal("""{"asia-1":7}""", answer["missing"].GetRawText());
        Assert.Equal("1", answer.Headers["Retry-After"]);
    }

    [Fact]
    public async Task Channels_are_listed_in_order_and_page_by_page()
    {
        foreach (var name in (string[])["read.list.c", "read.list.a", "read.list.b", "read.list.b"])
        {
            await server.PublishAsync(name, """{"activity": {}}""");
        }

        var first = await server.GetAsync("/v1/channels?match=read.list.*&limit=2");
        var second = await server.GetAsync($"/v1/channels?match=read.list.*&limit=2&after={first["next"].GetString()}");
        var one = await server.GetAsync("/v1/channels?match=read.list.c");

        Assert.Equal([("read.list.a", 1), ("read.list.b", 2)], Channels(first));
        Assert.Equal([("read.list.c", 1)], Channels(second));
        Assert.Equal(JsonValueKind.Null, second["next"].ValueKind);
        Assert.Equal([("read.list.c", 1)], Channels(one));
        Assert.EndsWith("Z", first["channels"][0].GetProperty("time").GetString());
        Assert.DoesNotContain(Channels(await server.GetAsync("/v1/channels?limit=1000")), c => c.Channel.StartsWith('_'));
    }

    [Fact]
    public async Task Conflicts_are_a_list()
    {
        await server.PublishAsync("read.conflicts", """{"effect": {"set": {"a": 1}}}""");

        var answer = await server.GetAsync("/v1/channels/read.conflicts/conflicts");

        Assert.Equal("[]", answer["conflicts"].GetRawText());
    }

    [Theory]
    [InlineData("activities?limit=0", "limit")]
    [InlineData("activities?limit=1001", "pull-max")]
    [InlineData("activities?limit=x", "limit")]
    [InlineData("activities?wait=-1", "wait")]
    [InlineData("activities?wait=61", "wait-seconds-max")]
    [InlineData("activities?wait=NaN", "wait")]
    [InlineData("activities?after=x", "seen token")]
    [InlineData("activities?newest=maybe", "newest")]
    [InlineData("activities?limit=1&limit=2", "twice")]
    [InlineData("activities?limits=1", "did you mean 'limit'")]
    [InlineData("conflicts?befor=x", "did you mean 'after'")]
    public async Task A_parameter_that_makes_no_sense_is_refused_and_named(string rest, string named)
    {
        var answer = await server.GetAsync($"/v1/channels/read.parameters/{rest}");

        Assert.Contains(named, answer.Problem(ErrorType.Malformed), StringComparison.Ordinal);
    }

    private static string Numbers(Answer page) =>
        string.Join(' ', page["activities"].EnumerateArray().Select(e => e.GetProperty("activity").GetProperty("n").GetRawText()).Concat(page["more"].GetBoolean() ? ["more"] : []));

    private static IEnumerable<(string Channel, int Version)> Channels(Answer answer) =>
        answer["channels"].EnumerateArray().Select(c => (c.GetProperty("channel").GetString()!, c.GetProperty("version").GetInt32())); // Each has a name.
}
