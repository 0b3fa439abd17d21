using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Http;

public sealed class InboxTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task What_was_not_acknowledged_comes_again()
    {
        var owner = await server.RegisterAsync("inbox.again");
        var made = await PutAsync(owner, "phone", """{"channels": ["inbox.again"]}""");
        await server.PublishAsync("inbox.again", """{"activity": {"n": 1}}""");
        await server.PublishAsync("inbox.other", """{"activity": {"n": 9}}""");
        await server.PublishAsync("inbox.again", """{"activity": {"n": 2}}""");

        var first = await server.GetAsync("/v1/inboxes/phone?limit=1", owner);
        var again = await server.GetAsync("/v1/inboxes/phone", owner);
        var acked = await AckAsync(owner, "phone", first.Seen);
        var rest = await server.GetAsync("/v1/inboxes/phone", owner);
        await AckAsync(owner, "phone", rest.Seen);
        await AckAsync(owner, "phone", first.Seen);
        var nothing = await server.GetAsync("/v1/inboxes/phone", owner);

        Assert.Equal((201, "phone", """["inbox.again"]"""), (made.Status, made["name"].GetString(), made["channels"].GetRawText()));
        Assert.Equal(["1 more", "1 2", "2", ""], new[] { first, again, rest, nothing }.Select(Numbers));
        Assert.Equal(first.Seen, acked.Seen);
    }

    [Fact]
    public async Task An_inbox_starts_where_its_owner_says()
    {
        var owner = await server.RegisterAsync("inbox.start");
        var first = await server.PublishAsync("inbox.start", """{"activity": {"n": 1}}""");
        await server.PublishAsync("inbox.start", """{"activity": {"n": 2}}""");

        await PutAsync(owner, "now", """{"channels": ["inbox.start"]}""");
        await PutAsync(owner, "then", $$"""{"channels": ["inbox.start"], "after": "{{first.Seen}}"}""");

        Assert.Equal("", Numbers(await server.GetAsync("/v1/inboxes/now", owner)));
        Assert.Equal("2", Numbers(await server.GetAsync("/v1/inboxes/then", owner)));
    }

    [Fact]
    public async Task Changing_what_an_inbox_takes_leaves_its_cursor()
    {
        var owner = await server.RegisterAsync("inbox.change");
        var made = await PutAsync(owner, "phone", """{"channels": ["inbox.change.a"]}""");
        await server.PublishAsync("inbox.change.b", """{"activity": {"n": 1}}""");

        var changed = await PutAsync(owner, "phone", """{"channels": ["inbox.change.*"]}""");

        Assert.Equal((200, made.Seen), (changed.Status, changed.Seen));
        Assert.Equal("1", Numbers(await server.GetAsync("/v1/inboxes/phone", owner)));
    }

    [Fact]
    public async Task An_inbox_may_be_waited_on()
    {
        var owner = await server.RegisterAsync("inbox.wait");
        await PutAsync(owner, "phone", """{"channels": ["inbox.wait"]}""");

        var waiting = server.GetAsync("/v1/inboxes/phone?wait=20", owner);
        await server.PublishAsync("inbox.wait", """{"activity": {"n": 1}}""");

        Assert.Equal("1", Numbers(await waiting));
        var empty = await server.GetAsync($"/v1/inboxes/phone?wait=0.02", await server.RegisterAsync("inbox.wait2"));
        empty.Problem(ErrorType.NotFound);
    }

    [Fact]
    public async Task An_inbox_is_its_owners_alone()
    {
        var owner = await server.RegisterAsync("inbox.owner");
        var other = await server.RegisterAsync("inbox_owner");
        await PutAsync(owner, "phone", """{"channels": ["inbox.owner"]}""");

        (await server.GetAsync("/v1/inboxes/phone", other)).Problem(ErrorType.NotFound);
        (await AckAsync(other, "phone", SeenToken.Encode(VersionVector.Empty))).Problem(ErrorType.NotFound);
        (await server.GetAsync("/v1/inboxes/phone")).Problem(ErrorType.Unauthenticated);
        (await server.SendAsync(HttpMethod.Put, "/v1/inboxes/phone", """{"channels": ["a"]}""")).Problem(ErrorType.Unauthenticated);
        (await server.SendAsync(HttpMethod.Post, "/v1/inboxes/phone/ack", """{"seen": "x"}""")).Problem(ErrorType.Unauthenticated);
    }

    [Theory]
    [InlineData("phone", "{}")]
    [InlineData("phone", """{"channels": []}""")]
    [InlineData("phone", """{"channels": "a"}""")]
    [InlineData("phone", """{"channels": ["a b"]}""")]
    [InlineData("phone", """{"channels": [1]}""")]
    [InlineData("phone", """{"channels": ["a"], "after": "x"}""")]
    [InlineData("phone", """{"channels": ["a"], "what": "x"}""")]
    [InlineData("a.b", """{"channels": ["a"]}""")]
    [InlineData("a%20b", """{"channels": ["a"]}""")]
    public async Task An_inbox_that_makes_no_sense_is_refused(string name, string body) =>
        (await PutAsync(server.Operator, name, body)).Problem(ErrorType.Malformed);

    [Fact]
    public async Task An_inbox_does_not_open_what_is_closed()
    {
        (await PutAsync(server.Operator, "closed", """{"channels": ["_accounts.>"]}""")).Problem(ErrorType.Forbidden);
    }

    [Fact]
    public async Task A_forged_token_does_not_move_the_cursor()
    {
        await using var impatient = await TestServer.StartAsync(o => o with { Node = o.Node with { CatchUpWait = TimeSpan.FromMilliseconds(20) } });
        await impatient.SendAsync(HttpMethod.Put, "/v1/inboxes/phone", """{"channels": ["a"]}""", user: impatient.Operator);
        var forged = SeenToken.Encode(VersionVector.Of(impatient.Server.Node.Store.Origin, 1_000_000));

        var answer = await impatient.SendAsync(HttpMethod.Post, "/v1/inboxes/phone/ack", $$"""{"seen": "{{forged}}"}""", user: impatient.Operator);
        await impatient.PublishAsync("a", """{"activity": {"n": 1}}""");

        answer.Problem(ErrorType.Behind);
        Assert.Equal("1", Numbers(await impatient.GetAsync("/v1/inboxes/phone", impatient.Operator)));
    }

    [Fact]
    public async Task Accounts_sessions_and_inboxes_outlive_a_restart()
    {
        var directory = Directory.CreateTempSubdirectory("stentor-test-").FullName;
        try
        {
            (string, string) owner;
            string token;
            await using (var before = await TestServer.StartAsync(o => o with { Ephemeral = false, DataDirectory = directory }))
            {
                owner = await before.RegisterAsync("gina");
                token = (await before.SendAsync(HttpMethod.Post, "/v1/sessions", user: owner))["token"].GetString()!; // Opened.
                await before.SendAsync(HttpMethod.Put, "/v1/inboxes/phone", """{"channels": ["a"]}""", user: owner);
                await before.PublishAsync("a", """{"activity": {"n": 1}}""");
                var page = await before.GetAsync("/v1/inboxes/phone", owner);
                await before.SendAsync(HttpMethod.Post, "/v1/inboxes/phone/ack", $$"""{"seen": "{{page.Seen}}"}""", user: owner);
                await before.PublishAsync("a", """{"activity": {"n": 2}}""");
            }

            await using var after = await TestServer.StartAsync(o => o with { Ephemeral = false, DataDirectory = directory });

            Assert.Equal("2", Numbers(await after.GetAsync("/v1/inboxes/phone", owner)));
            Assert.Equal("2", Numbers(await after.SendAsync(HttpMethod.Get, "/v1/inboxes/phone", bearer: token)));
            (await after.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "gina", "secret": "other"}""")).Problem(ErrorType.Taken);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private Task<Answer> PutAsync((string, string) owner, string name, string body) =>
        server.SendAsync(HttpMethod.Put, $"/v1/inboxes/{name}", body, user: owner);

    private Task<Answer> AckAsync((string, string) owner, string name, string seen) =>
        server.SendAsync(HttpMethod.Post, $"/v1/inboxes/{name}/ack", $$"""{"seen": "{{seen}}"}""", user: owner);

    private static string Numbers(Answer page) =>
        string.Join(' ', page["activities"].EnumerateArray().Select(e => e.GetProperty("activity").GetProperty("n").GetRawText()).Concat(page["more"].GetBoolean() ? ["more"] : []));
}
