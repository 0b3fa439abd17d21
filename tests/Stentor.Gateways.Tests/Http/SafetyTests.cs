using System.Text;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Http;

public sealed class SafetyTests
{
    [Fact]
    public async Task Wrong_secrets_are_limited_by_address_and_the_right_one_that_is_known_goes_on()
    {
        await using var server = await TestServer.StartAsync(o => o with { RateLimits = new() { FailedLoginsPerMinute = 3 } });
        var alice = await server.RegisterAsync("alice");
        Assert.Equal(200, (await server.GetAsync("/v1/channels", alice)).Status);

        for (var n = 0; n < 3; n++)
        {
            (await server.GetAsync("/v1/channels", ("bob", $"guess {n}"))).Problem(ErrorType.Unauthenticated);
        }

        var refused = await server.GetAsync("/v1/channels", ("bob", "another guess"));

        refused.Problem(ErrorType.RateLimited);
        Assert.InRange(int.Parse(refused.Headers["Retry-After"]), 1, 20);
        Assert.Equal(200, (await server.GetAsync("/v1/channels", alice)).Status);
        Assert.Equal(200, (await server.GetAsync("/v1/channels")).Status);
    }

    [Fact]
    public async Task Right_secrets_use_up_no_limit()
    {
        await using var server = await TestServer.StartAsync(o => o with { RateLimits = new() { FailedLoginsPerMinute = 1, RegistrationsPerMinute = 100, SessionsPerMinute = 5 } });
        for (var n = 0; n < 5; n++)
        {
            var user = await server.RegisterAsync($"user{n}");
            Assert.Equal(200, (await server.GetAsync("/v1/channels", user)).Status);
        }
    }

    [Fact]
    public async Task Guesses_made_side_by_side_are_limited_all_the_same()
    {
        await using var server = await TestServer.StartAsync(o => o with { RateLimits = new() { FailedLoginsPerMinute = 3 } });

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(n => server.GetAsync("/v1/channels", ("bob", $"guess {n}"))));

        Assert.InRange(answers.Count(a => a.Status == 401), 3, 3 + Node.Accounts.HashesAtOnce);
        Assert.All(answers, a => Assert.Contains(a.Status, (int[])[401, 429]));
    }

    [Fact]
    public async Task A_program_that_opens_many_connections_at_once_is_let_in_on_all()
    {
        await using var server = await TestServer.StartAsync(o => o with { RateLimits = new() { FailedLoginsPerMinute = 2 } });
        var alice = await server.RegisterAsync("alice");

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.GetAsync("/v1/channels", alice)));

        Assert.All(answers, a => Assert.Equal(200, a.Status));
    }

    [Fact]
    public async Task Registrations_sessions_and_publishes_are_limited()
    {
        await using var server = await TestServer.StartAsync(o => o with { RateLimits = new() { RegistrationsPerMinute = 2, SessionsPerMinute = 2, PublishesPerSecond = 1, AnonymousPublishesPerSecond = 1 } });
        var alice = await server.RegisterAsync("alice");
        await server.RegisterAsync("bob");

        var registration = await server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "carol", "secret": "x"}""");
        var sessions = new List<int>();
        for (var n = 0; n < 3; n++)
        {
            sessions.Add((await server.SendAsync(HttpMethod.Post, "/v1/sessions", user: alice)).Status);
        }

        var publishes = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.PublishAsync("a", """{"activity": {}}""", alice)));
        var anonymous = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.SendAsync(HttpMethod.Post, "/v1/channels/activities/activities", """{"activity": {}}""")));

        registration.Problem(ErrorType.RateLimited);
        Assert.Equal([201, 201, 429], sessions);
        publishes.First(a => a.Status != 201).Problem(ErrorType.RateLimited);
        anonymous.First(a => a.Status != 201).Problem(ErrorType.RateLimited);
    }

    [Fact]
    public async Task A_stream_of_publishes_is_slowed_down_rather_than_refused()
    {
        await using var server = await TestServer.StartAsync(o => o with { RateLimits = new() { PublishesPerSecond = 1000 } });
        var lines = string.Concat(Enumerable.Repeat("{\"activity\":{}}\n", 1500));
        var started = TimeProvider.System.GetTimestamp();

        var answer = await server.SendAsync(HttpMethod.Post, "/v1/channels/a/activities", lines, "application/x-ndjson", server.Operator);

        Assert.Equal(1500, answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(l => l.Contains("\"seq\"", StringComparison.Ordinal)));
        Assert.True(TimeProvider.System.GetElapsedTime(started) > TimeSpan.FromMilliseconds(200), "1,500 at 1,000 a second with as many at once take half a second.");
    }

    [Fact]
    public async Task Connections_over_the_limit_are_closed_and_those_that_stand_go_on()
    {
        await using var server = await TestServer.StartAsync(o => o with { Node = o.Node with { Limits = o.Node.Limits with { ConnectionsMax = 2 } } });
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        const string Request = "GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n";
        using var one = await RawHttp.ConnectAsync(server.Address, timeout.Token);
        using var two = await RawHttp.ConnectAsync(server.Address, timeout.Token);
        await one.SendAsync(Request, timeout.Token);
        await two.SendAsync(Request, timeout.Token);
        await one.ReadUntilAsync("live", timeout.Token);
        await two.ReadUntilAsync("live", timeout.Token);

        using (var three = await RawHttp.ConnectAsync(server.Address, timeout.Token))
        {
            await three.SendAsync(Request, timeout.Token);
            Assert.Equal("", await three.ReadToEndAsync(timeout.Token));
        }

        await one.SendAsync(Request, timeout.Token);
        await one.ReadUntilAsync("live", timeout.Token);
    }

    [Fact]
    public async Task Pages_of_other_origins_may_do_nothing_unless_they_are_allowed()
    {
        await using var server = await TestServer.StartAsync(o => o with { AllowOrigins = ["https://good.example"] });
        const string Path = "/v1/channels/activities/activities";
        const string Body = """{"activity": {}}""";

        var evilRead = await server.SendAsync(HttpMethod.Get, "/v1/channels", headers: ("Origin", "https://evil.example"));
        var evilWrite = await server.SendAsync(HttpMethod.Post, Path, Body, headers: ("Origin", "https://evil.example"));
        var goodRead = await server.SendAsync(HttpMethod.Get, "/v1/channels", headers: ("Origin", "https://good.example"));
        var goodWrite = await server.SendAsync(HttpMethod.Post, Path, Body, headers: ("Origin", "https://good.example"));
        var goodError = await server.SendAsync(HttpMethod.Get, "/v1/channels/nothing", headers: ("Origin", "https://good.example"));
        var same = await server.SendAsync(HttpMethod.Post, Path, Body, headers: ("Origin", server.Address.GetLeftPart(UriPartial.Authority)));
        var asked = await server.SendAsync(HttpMethod.Options, Path, headers: [("Origin", "https://good.example"), ("Access-Control-Request-Method", "POST")]);
        var evilAsked = await server.SendAsync(HttpMethod.Options, Path, headers: [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")]);

        Assert.False(evilRead.Headers.ContainsKey("Access-Control-Allow-Origin"));
        evilWrite.Problem(ErrorType.Forbidden);
        Assert.Equal((200, "https://good.example"), (goodRead.Status, goodRead.Headers["Access-Control-Allow-Origin"]));
        Assert.Equal((201, "https://good.example"), (goodWrite.Status, goodWrite.Headers["Access-Control-Allow-Origin"]));
        Assert.Equal((404, "https://good.example"), (goodError.Status, goodError.Headers["Access-Control-Allow-Origin"]));
        Assert.Equal(201, same.Status);
        Assert.Equal(204, asked.Status);
        Assert.Contains("POST", asked.Headers["Access-Control-Allow-Methods"], StringComparison.Ordinal);
        Assert.Contains("Authorization", asked.Headers["Access-Control-Allow-Headers"], StringComparison.Ordinal);
        Assert.Equal((405, false), (evilAsked.Status, evilAsked.Headers.ContainsKey("Access-Control-Allow-Origin")));
    }

    [Fact]
    public async Task No_secret_token_or_hash_stands_in_an_answer_a_log_or_a_metric()
    {
        const string Secret = "sesame-5f2c81";
        const string Guess = "guessed-9b1d44";
        await using var server = await TestServer.StartAsync();
        var answers = new List<string>();
        async Task<Answer> Keep(Task<Answer> sending)
        {
            var answer = await sending;
            answers.Add(answer.Text + string.Join('\n', answer.Headers));
            return answer;
        }

        await Keep(server.SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "alice", "secret": "{{Secret}}"}"""));
        await Keep(server.SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "alice", "secret": "{{Secret}}"}"""));
        await Keep(server.SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "a b", "secret": "{{Secret}}"}"""));
        await Keep(server.SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "alice", "secret": "{{Secret}}", }"""));
        await Keep(server.SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "alice", "secret": {{Secret}} }"""));
        await Keep(server.GetAsync("/v1/channels", ("alice", Secret)));
        await Keep(server.GetAsync("/v1/channels", ("alice", Guess)));
        await Keep(server.GetAsync("/v1/channels", ("nobody", Guess)));
        await Keep(server.GetAsync("/v1/channels", server.Operator));
        await Keep(server.SendAsync(HttpMethod.Get, "/v1/channels", headers: ("Authorization", $"Basic {Guess}")));
        await Keep(server.SendAsync(HttpMethod.Get, "/v1/channels", bearer: Guess));
        var opened = await server.SendAsync(HttpMethod.Post, "/v1/sessions", user: ("alice", Secret));
        var token = opened["token"].GetString()!; // Opened.
        await Keep(server.SendAsync(HttpMethod.Get, $"/v1/stream?channels=&access_token={token}"));
        await Keep(server.SendAsync(HttpMethod.Get, $"/v1/socket?access_token={token}"));
        await Keep(server.SendAsync(HttpMethod.Get, $"/v1/channels?access_token={token}"));
        await Keep(server.SendAsync(HttpMethod.Get, "/v1/channels", bearer: token));
        await Keep(server.GetAsync("/v1/channels?limit=1000", server.Operator));
        await Keep(server.GetAsync("/v1/channels/>/activities?limit=1000", server.Operator));
        await Keep(server.GetAsync("/v1/channels/_accounts.alice", server.Operator));
        await Keep(server.GetAsync("/v1/cluster", server.Operator));
        await Keep(server.SendAsync(HttpMethod.Delete, "/v1/sessions/current", bearer: token));
        await Keep(server.GetAsync("/metrics"));
        var everything = string.Join('\n', answers.Concat(server.Logs.Messages));

        foreach (var kept in (string[])[Secret, Guess, token, server.OperatorSecret, "pbkdf2", .. HashesIn(server)])
        {
            Assert.DoesNotContain(kept, everything, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes(kept)).TrimEnd('='), everything, StringComparison.Ordinal);
        }
    }

    private static IEnumerable<string> HashesIn(TestServer server)
    {
        var form = server.Server.Node.Store.Find("_accounts.alice")!.Field("secret"); // Registered.
        var parts = Encoding.UTF8.GetString(form.Span).Trim('"').Split('$');
        Assert.Equal(4, parts.Length);
        return parts[2..];
    }
}
