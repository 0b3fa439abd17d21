using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Http;

public sealed class PublishTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task A_publish_is_answered_with_its_stamps_and_a_token()
    {
        var answer = await server.PublishAsync("publish.one", """{"activity": {"type": "Note"}}""");

        Assert.Equal(201, answer.Status);
        Assert.Equal("publish.one", answer["channel"].GetString());
        Assert.StartsWith("eu-", answer["origin"].GetString());
        Assert.True(answer["seq"].GetInt64() > 0);
        Assert.True(answer["lamport"].GetInt64() > 0);
        Assert.EndsWith("Z", answer["time"].GetString());
        Assert.Equal("operator", answer["author"].GetString());
        Assert.False(answer["duplicate"].GetBoolean());
        Assert.Equal(1, answer["copies"].GetInt32());
        Assert.False(answer.Json.TryGetProperty("state", out _));
        Assert.True(SeenToken.TryDecode(answer.Seen, out var seen));
        Assert.Equal(answer["seq"].GetInt64(), seen[new OriginId(answer["origin"].GetString()!)]); // Asserted above.
    }

    [Fact]
    public async Task A_publish_with_an_effect_is_answered_with_the_state_after_it()
    {
        await server.PublishAsync("publish.state", """{"effect": {"set": {"leader": "Kim"}, "add": {"goals": 1}}}""");

        var answer = await server.PublishAsync("publish.state", """{"effect": {"add": {"goals": 2.5}, "remove": ["leader"]}}""");

        Assert.Equal("""{"goals":3.5}""", answer["state"].GetRawText());
    }

    [Fact]
    public async Task A_known_id_is_answered_with_the_first_outcome()
    {
        var first = await server.PublishAsync("publish.id", """{"activity": {"n": 1}, "id": "one", "effect": {"add": {"n": 1}}}""");

        var second = await server.PublishAsync("publish.id", """{"activity": {"n": 1}, "id": "one", "effect": {"add": {"n": 1}}}""");

        Assert.Equal((201, 200), (first.Status, second.Status));
        Assert.True(second["duplicate"].GetBoolean());
        Assert.Equal(first["seq"].GetInt64(), second["seq"].GetInt64());
        Assert.Equal("""{"n":1}""", second["state"].GetRawText());
        Assert.Equal(1, (await server.GetAsync("/v1/channels/publish.id"))["version"].GetInt64());
    }

    [Fact]
    public async Task More_copies_than_there_are_regions_are_accepted_but_not_reached()
    {
        var answer = await server.PublishAsync("publish.copies", """{"activity": {}, "copies": 2}""");

        Assert.Equal(202, answer.Status);
        Assert.Equal(1, answer["copies"].GetInt32());
    }

    [Fact]
    public async Task A_condition_decides()
    {
        Assert.Equal(201, (await server.PublishAsync("publish.if", """{"activity": {}, "if": {"exists": false}}""")).Status);
        (await server.PublishAsync("publish.if", """{"activity": {}, "if": {"exists": false}}""")).Problem(ErrorType.ConditionNotMet);
        (await server.PublishAsync("publish.if", """{"activity": {}, "if": {"version": 7}}""")).Problem(ErrorType.ConditionNotMet);
        Assert.Equal(201, (await server.PublishAsync("publish.if", """{"activity": {}, "if": {"version": 1}}""")).Status);
    }

    [Fact]
    public async Task Set_and_add_do_not_mix_on_one_field()
    {
        await server.PublishAsync("publish.mixed", """{"effect": {"add": {"n": 1}, "set": {"name": "x"}}}""");

        var set = await server.PublishAsync("publish.mixed", """{"effect": {"set": {"n": 1}}}""");
        var add = await server.PublishAsync("publish.mixed", """{"effect": {"add": {"name": 1}}}""");
        var both = await server.PublishAsync("publish.mixed", """{"effect": {"set": {"m": 1}, "add": {"m": 1}}}""");

        Assert.Contains("'n'", set.Problem(ErrorType.MixedField), StringComparison.Ordinal);
        Assert.Contains("'name'", add.Problem(ErrorType.MixedField), StringComparison.Ordinal);
        Assert.Contains("'m'", both.Problem(ErrorType.MixedField), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_the_region_does_not_cover_is_behind_and_says_what_is_missing()
    {
        await using var impatient = await TestServer.StartAsync(o => o with { Node = o.Node with { CatchUpWait = TimeSpan.FromMilliseconds(20) } });
        var token = SeenToken.Encode(VersionVector.Of(new OriginId("asia-1"), 7));

        var answer = await impatient.PublishAsync("a", $$"""{"activity": {}, "after": "{{token}}"}""");

        answer.Problem(ErrorType.Behind);
        Assert.Equal("""{"asia-1":7}""", answer["missing"].GetRawText());
        Assert.Equal("1", answer.Headers["Retry-After"]);
    }

    [Fact]
    public async Task A_token_that_the_region_covers_is_no_wait()
    {
        var first = await server.PublishAsync("publish.after", """{"activity": {}}""");

        var second = await server.PublishAsync("publish.after", $$"""{"activity": {}, "after": "{{first.Seen}}"}""");

        Assert.Equal(201, second.Status);
    }

    [Theory]
    [InlineData("", ErrorType.Malformed)]
    [InlineData("null", ErrorType.Malformed)]
    [InlineData("[]", ErrorType.Malformed)]
    [InlineData("{}", ErrorType.Malformed)]
    [InlineData("{\"activity\": {}} x", ErrorType.Malformed)]
    [InlineData("{\"activity\": 1}", ErrorType.Malformed)]
    [InlineData("{\"activity\": {}, \"activty\": {}}", ErrorType.Malformed)]
    [InlineData("{\"activity\": {\"a\": 1, \"a\": 2}}", ErrorType.Malformed)]
    [InlineData("{\"activity\": {\"a\": 1e999}}", ErrorType.Malformed)]
    [InlineData("{\"activity\": {\"a\": \"\\u0000\"}}", ErrorType.Malformed)]
    [InlineData("{\"activity\": {\"a\": \"\\ud800\"}}", ErrorType.Malformed)]
    [InlineData("{\"activity\": {}, \"after\": \"x\"}", ErrorType.Malformed)]
    [InlineData("{\"activity\": {}, \"copies\": 0}", ErrorType.Malformed)]
    [InlineData("{\"effect\": {\"add\": {\"n\": 1e30}}}", ErrorType.Malformed)]
    public async Task What_breaks_the_rules_is_refused_and_nothing_is_recorded(string body, string type)
    {
        var answer = await server.PublishAsync("publish.bad", body);

        answer.Problem(type);
        (await server.GetAsync("/v1/channels/publish.bad")).Problem(ErrorType.NotFound);
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_refused()
    {
        using var content = new ByteArrayContent([.. "{\"activity\":{\"a\":\""u8, 0xE2, 0x82, .. "\"}}"u8]);
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json");

        using var response = await server.Client.PostAsync("/v1/channels/activities/activities", content);

        (await Answer.OfAsync(response, default)).Problem(ErrorType.Malformed);
    }

    [Fact]
    public async Task What_nests_too_deep_or_is_too_long_is_refused_and_the_limit_is_named()
    {
        var deep = new string('[', 10_000) + new string(']', 10_000);
        var longText = new string('x', 65 * 1024);
        var longBody = new string('x', 10 * 1024 * 1024);

        Assert.Contains("depth-max", (await server.PublishAsync("publish.deep", $$$"""{"activity": {"a": {{{deep}}}}}""")).Problem(ErrorType.Malformed), StringComparison.Ordinal);
        Assert.Contains("activity-bytes-max", (await server.PublishAsync("publish.long", $$$"""{"activity": {"a": "{{{longText}}}"}}""")).Problem(ErrorType.TooLarge), StringComparison.Ordinal);
        Assert.Contains("body-bytes-max", (await server.PublishAsync("publish.body", $$$"""{"activity": {"a": "{{{longBody}}}"}}""")).Problem(ErrorType.TooLarge), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_body_without_a_length_is_refused_too()
    {
        using var content = new StreamContent(new Endless());
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/channels/activities/activities") { Content = content };
        request.Headers.TransferEncodingChunked = true;
        request.Headers.ExpectContinue = true;

        // The client may see the answer or the closed connection first; either way the node goes on.
        try
        {
            using var response = await server.Client.SendAsync(request);
            (await Answer.OfAsync(response, default)).Problem(ErrorType.TooLarge);
        }
        catch (HttpRequestException)
        {
            Assert.Equal(200, (await server.GetAsync("/healthz/live")).Status);
        }
    }

    [Theory]
    [InlineData("a..b")]
    [InlineData("a b")]
    [InlineData("scores.*")]
    [InlineData("%C3%A9")]
    [InlineData("a%2Fb")]
    [InlineData("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17")]
    public async Task A_name_that_is_no_channel_is_refused(string channel) =>
        (await server.PublishAsync(channel, """{"activity": {}}""")).Problem(ErrorType.Malformed);

    [Theory]
    [InlineData("_accounts.alice")]
    [InlineData("_sessions.00")]
    [InlineData("_inboxes.alice.phone")]
    [InlineData("_other")]
    public async Task Reserved_channels_are_refused_even_to_the_operator(string channel)
    {
        (await server.PublishAsync(channel, """{"activity": {}}""")).Problem(ErrorType.Forbidden);
        (await server.GetAsync($"/v1/channels/{channel}", server.Operator)).Problem(ErrorType.Forbidden);
        (await server.GetAsync($"/v1/channels/{channel}/activities", server.Operator)).Problem(ErrorType.Forbidden);
        (await server.GetAsync($"/v1/channels/{channel}/conflicts", server.Operator)).Problem(ErrorType.Forbidden);
        (await server.GetAsync($"/v1/channels?match={channel}", server.Operator)).Problem(ErrorType.Forbidden);
    }

    [Fact]
    public async Task Anonymous_may_publish_to_activities_only()
    {
        const string Body = """{"activity": {}}""";

        Assert.Equal(201, (await server.SendAsync(HttpMethod.Post, "/v1/channels/activities/activities", Body)).Status);
        var refused = await server.SendAsync(HttpMethod.Post, "/v1/channels/publish.anonymous/activities", Body);

        refused.Problem(ErrorType.Unauthenticated);
        Assert.Contains("Basic", refused.Headers["WWW-Authenticate"], StringComparison.Ordinal);
        (await server.SendAsync(HttpMethod.Post, "/v1/channels/_grants/activities", Body)).Problem(ErrorType.Forbidden);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=latin1")]
    [InlineData("nonsense")]
    public async Task A_content_type_that_is_no_JSON_is_refused(string type) =>
        (await server.SendAsync(HttpMethod.Post, "/v1/channels/activities/activities", """{"activity": {}}""", type)).Problem(ErrorType.UnsupportedMediaType);

    [Theory]
    [InlineData("application/json; charset=UTF-8")]
    [InlineData("application/json;charset=\"utf-8\"")]
    [InlineData("APPLICATION/JSON")]
    public async Task A_content_type_may_be_written_in_every_way_that_means_JSON(string type) =>
        Assert.Equal(201, (await server.SendAsync(HttpMethod.Post, "/v1/channels/activities/activities", """{"activity": {}}""", type)).Status);

    private sealed class Endless : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)' ');
            return count;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
