using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Http;

public sealed class AccountTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task A_registered_user_publishes_under_their_name()
    {
        var alice = await server.RegisterAsync("alice");

        var answer = await server.PublishAsync("accounts.a", """{"activity": {}}""", alice);

        Assert.Equal((201, "alice"), (answer.Status, answer["author"].GetString()));
    }

    [Fact]
    public async Task A_username_is_registered_once()
    {
        var answer = await server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "bob", "secret": "one"}""");

        Assert.Equal((201, """{"username":"bob"}"""), (answer.Status, answer.Text));
        (await server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "bob", "secret": "two"}""")).Problem(ErrorType.Taken);
        (await server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "bob", "secret": "one"}""")).Problem(ErrorType.Taken);
        (await server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "operator", "secret": "x"}""")).Problem(ErrorType.Taken);
        (await server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "anonymous", "secret": "x"}""")).Problem(ErrorType.Taken);
    }

    [Fact]
    public async Task Of_many_who_register_one_name_at_once_one_gets_it()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(n =>
            server.SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "wanted", "secret": "{{n}}"}""")));

        Assert.Single(answers, a => a.Status == 201);
        Assert.Equal(7, answers.Count(a => a.Status == 409));
    }

    [Theory]
    [InlineData("""{"username": "a b", "secret": "x"}""")]
    [InlineData("""{"username": "", "secret": "x"}""")]
    [InlineData("""{"username": "é", "secret": "x"}""")]
    [InlineData("""{"username": "x"}""")]
    [InlineData("""{"secret": "x"}""")]
    [InlineData("""{"username": "x", "secret": ""}""")]
    [InlineData("""{"username": "x", "secret": 1}""")]
    [InlineData("""{"username": "x", "secret": "x", "secret": "y"}""")]
    [InlineData("""{"username": "x", "secret": "x", "role": "y"}""")]
    [InlineData("""["x"]""")]
    [InlineData("x")]
    public async Task A_registration_that_makes_no_sense_is_refused(string body) =>
        (await server.SendAsync(HttpMethod.Post, "/v1/accounts", body)).Problem(ErrorType.Malformed);

    [Fact]
    public async Task A_secret_may_be_any_text_up_to_its_limit()
    {
        var longest = new string('x', 1024);
        Assert.Equal(201, (await server.SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "longest", "secret": "{{longest}}"}""")).Status);
        Assert.Equal(201, (await server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "colon", "secret": "a:b é 😀"}""")).Status);

        Assert.Equal(201, (await server.PublishAsync("accounts.secrets", """{"activity": {}}""", ("longest", longest))).Status);
        Assert.Equal(201, (await server.PublishAsync("accounts.secrets", """{"activity": {}}""", ("colon", "a:b é 😀"))).Status);
        (await server.SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "longer", "secret": "{{longest}}x"}""")).Problem(ErrorType.Malformed);
    }

    [Theory]
    [InlineData("Basic !!!")]
    [InlineData("Basic bm9jb2xvbg==")]
    [InlineData("Basic YWxpY2U6d3Jvbmc=")]
    [InlineData("Basic bm9ib2R5Ondyb25n")]
    [InlineData("Bearer x")]
    [InlineData("Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("Digest x")]
    [InlineData("x")]
    public async Task Credentials_that_are_wrong_are_refused_with_a_challenge(string header)
    {
        var answer = await server.SendAsync(HttpMethod.Get, "/v1/channels", headers: ("Authorization", header));

        answer.Problem(ErrorType.Unauthenticated);
        Assert.Contains("Basic", answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_is_its_owner_until_it_ends()
    {
        var carol = await server.RegisterAsync("carol");

        var opened = await server.SendAsync(HttpMethod.Post, "/v1/sessions", user: carol);
        var token = opened["token"].GetString()!; // Asserted below.
        var published = await server.SendAsync(HttpMethod.Post, "/v1/channels/accounts.session/activities", """{"activity": {}}""", bearer: token);
        var closed = await server.SendAsync(HttpMethod.Delete, "/v1/sessions/current", bearer: token);

        Assert.Equal((201, "carol"), (opened.Status, opened["username"].GetString()));
        Assert.EndsWith("Z", opened["expires"].GetString());
        Assert.Equal("no-store", opened.Headers["Cache-Control"]);
        Assert.Equal((201, "carol"), (published.Status, published["author"].GetString()));
        Assert.Equal((204, ""), (closed.Status, closed.Text));
        (await server.SendAsync(HttpMethod.Get, "/v1/channels", bearer: token)).Problem(ErrorType.Unauthenticated);
        (await server.SendAsync(HttpMethod.Delete, "/v1/sessions/current", bearer: token)).Problem(ErrorType.Unauthenticated);
        (await server.SendAsync(HttpMethod.Delete, "/v1/sessions/current", user: carol)).Problem(ErrorType.Unauthenticated);
    }

    [Fact]
    public async Task A_session_may_be_opened_with_credentials_in_the_body()
    {
        var (username, secret) = await server.RegisterAsync("dave");

        var opened = await server.SendAsync(HttpMethod.Post, "/v1/sessions", $$"""{"username": "{{username}}", "secret": "{{secret}}"}""");

        Assert.Equal(201, opened.Status);
        (await server.SendAsync(HttpMethod.Post, "/v1/sessions", """{"username": "dave", "secret": "wrong"}""")).Problem(ErrorType.Unauthenticated);
        (await server.SendAsync(HttpMethod.Post, "/v1/sessions")).Problem(ErrorType.Unauthenticated);
    }

    [Fact]
    public async Task Only_the_operator_writes_and_reads_grants()
    {
        await using var own = await TestServer.StartAsync();
        var erin = await own.RegisterAsync("erin");
        var frank = await own.RegisterAsync("frank");
        const string Rules = """{"effect": {"set": {"publish only.>": ["erin"], "subscribe staff": ["erin"], "publish open": ["$everyone"]}}}""";

        (await own.PublishAsync("_grants", Rules, erin)).Problem(ErrorType.Forbidden);
        (await own.GetAsync("/v1/channels/_grants", erin)).Problem(ErrorType.Forbidden);
        Assert.Equal(201, (await own.PublishAsync("_grants", Rules)).Status);
        Assert.Equal(200, (await own.GetAsync("/v1/channels/_grants", own.Operator)).Status);

        Assert.Equal(201, (await own.PublishAsync("only.this", """{"activity": {}}""", erin)).Status);
        (await own.PublishAsync("only.this", """{"activity": {}}""", frank)).Problem(ErrorType.Forbidden);
        Assert.Equal(201, (await own.PublishAsync("staff", """{"activity": {}}""", frank)).Status);
        Assert.Equal(200, (await own.GetAsync("/v1/channels/staff", erin)).Status);
        (await own.GetAsync("/v1/channels/staff", frank)).Problem(ErrorType.Forbidden);
        (await own.GetAsync("/v1/channels/staff")).Problem(ErrorType.Unauthenticated);
        (await own.GetAsync("/v1/channels/*/activities", frank)).Problem(ErrorType.Forbidden);
        Assert.Equal(200, (await own.GetAsync("/v1/channels/*/activities", erin)).Status);
        Assert.Equal(201, (await own.SendAsync(HttpMethod.Post, "/v1/channels/open/activities", """{"activity": {}}""")).Status);
    }
}
