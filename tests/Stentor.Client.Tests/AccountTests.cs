using System.Text;
using Stentor.Protocol;
using Stentor.Testing;

namespace Stentor.Client.Tests;

public sealed class AccountTests
{
    [Fact]
    public async Task Registering_sends_name_and_secret()
    {
        await using var server = new FakeServer { OnRequest = _ => new FakeAnswer(201, "{\"username\":\"ada\"}") };
        await using var client = Clients.Of(server);

        await client.RegisterAsync("ada", "lace \"1815\"");

        var request = Assert.Single(server.Requests);
        Assert.Equal(("POST", "/v1/accounts", "{\"username\":\"ada\",\"secret\":\"lace \\\"1815\\\"\"}"), (request.Method, request.Target, request.Body));
    }

    [Fact]
    public async Task A_name_that_is_taken_is_refused()
    {
        await using var server = new FakeServer { OnRequest = _ => ReadTests.Problem(409, ErrorType.Taken) };
        await using var client = Clients.Of(server);

        var error = await Assert.ThrowsAsync<StentorException>(() => client.RegisterAsync("ada", "lace"));

        Assert.Equal((ErrorType.Taken, 409), (error.Type, error.Status));
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_registration_whose_answer_was_lost_finds_out_whose_the_name_is(bool isMine)
    {
        var attempts = 0;
        await using var server = new FakeServer
        {
            OnRequest = r => r.Target switch
            {
                "/v1/accounts" when attempts++ == 0 => new FakeAnswer(0),
                "/v1/accounts" => ReadTests.Problem(409, ErrorType.Taken),
                "/v1/sessions" when isMine => new FakeAnswer(201, "{\"token\":\"t0k3n\",\"username\":\"ada\",\"expires\":\"2026-01-02T03:04:05Z\"}"),
                "/v1/sessions" => ReadTests.Problem(401, ErrorType.Unauthenticated),
                _ => new FakeAnswer(204),
            },
        };
        await using var client = Clients.Of(server);

        var registering = client.RegisterAsync("ada", "lace");

        if (isMine)
        {
            await registering;
            Assert.Equal(("DELETE", "Bearer t0k3n"), (server.Requests.Last().Method, server.Requests.Last().Headers["Authorization"]));
        }
        else
        {
            Assert.Equal(ErrorType.Taken, (await Assert.ThrowsAsync<StentorException>(() => registering)).Type);
        }
    }

    [Fact]
    public async Task A_registration_that_is_not_decided_is_repeated_until_it_is()
    {
        var time = new ManualTime();
        var attempts = 0;
        await using var server = new FakeServer
        {
            OnRequest = _ => attempts++ == 0 ? ReadTests.Problem(503, ErrorType.Undecided, "wait", ("Retry-After", "2")) : new FakeAnswer(201, "{}"),
        };
        await using var client = new StentorClient(Clients.Options(server) with { Time = time });

        var registering = client.RegisterAsync("ada", "lace");
        await time.UntilWaitedForAsync(TimeSpan.FromSeconds(2));
        time.Advance(TimeSpan.FromSeconds(2));
        await registering.WaitAsync(Patience.Long);

        Assert.Equal(2, attempts);
    }

    [Fact]
    public async Task A_session_is_opened_with_the_secret_and_closed_with_its_token()
    {
        await using var server = new FakeServer
        {
            OnRequest = r => r.Method == "POST" ? new FakeAnswer(201, "{\"token\":\"t0k3n\",\"username\":\"ada\",\"expires\":\"2026-01-02T03:04:05.000000Z\"}") : new FakeAnswer(204),
        };
        await using var client = new StentorClient(Clients.Options(server) with { Username = "ada", Secret = "lace" });

        var session = await client.OpenSessionAsync();
        await client.CloseSessionAsync(session.Token);

        Assert.Equal(("t0k3n", "ada", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)), (session.Token, session.Username, session.Expires));
        Assert.Equal(
            [("POST", "/v1/sessions", "Basic " + Convert.ToBase64String("ada:lace"u8)), ("DELETE", "/v1/sessions/current", "Bearer t0k3n")],
            server.Requests.Select(r => (r.Method, r.Target, r.Headers["Authorization"])));
    }

    [Fact]
    public async Task Requests_carry_the_token_where_there_is_one()
    {
        await using var server = new FakeServer { OnRequest = _ => new FakeAnswer(200, "{\"node\":\"n\"}") };
        await using var client = new StentorClient(Clients.Options(server) with { Token = "t0k3n", ClientName = "my-tool" });

        var cluster = await client.GetClusterAsync();

        Assert.Equal("n", cluster.GetProperty("node").GetString());
        Assert.Equal(("Bearer t0k3n", "my-tool"), (server.Requests.Single().Headers["Authorization"], server.Requests.Single().Headers["User-Agent"]));
    }

    [Fact]
    public async Task Neither_secret_nor_token_shows_in_any_text()
    {
        await using var server = new FakeServer { OnRequest = _ => ReadTests.Problem(401, ErrorType.Unauthenticated, "Wrong username or secret.") };
        var withSecret = Clients.Options(server) with { Username = "ada", Secret = "s3cr3t" };
        var withToken = Clients.Options(server) with { Token = "t0k3n" };
        var texts = new StringBuilder().Append(withSecret).Append(withToken).Append(new StentorSession("t0k3n", "ada", default));

        foreach (var options in new[] { withSecret, withToken })
        {
            await using var client = new StentorClient(options);
            texts.Append(await Assert.ThrowsAsync<StentorException>(() => client.OpenSessionAsync()));
            texts.Append(await Assert.ThrowsAsync<StentorException>(() => client.GetStateAsync("chat")));
        }

        Assert.DoesNotContain("s3cr3t", texts.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String("ada:s3cr3t"u8), texts.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("t0k3n", texts.ToString(), StringComparison.Ordinal);
        Assert.Contains("ada", texts.ToString(), StringComparison.Ordinal);
    }

    public static TheoryData<string, StentorClientOptions> Unfit => new()
    {
        { "Addresses", new() { Addresses = [] } },
        { "Addresses", new() { Addresses = [new("ftp://example.org")] } },
        { "Addresses", new() { Addresses = [new("http://ada:l4c3@example.org")] } },
        { "Username", new() { Username = "ada" } },
        { "Username", new() { Username = "a da", Secret = "x" } },
        { "Token", new() { Username = "ada", Secret = "x", Token = "y" } },
        { "ClientName", new() { ClientName = "a\r\nb" } },
        { "ConnectTimeout", new() { ConnectTimeout = TimeSpan.Zero } },
        { "ReconnectDelayMin", new() { ReconnectDelayMin = TimeSpan.FromMinutes(1) } },
        { "ReconnectDeadline", new() { ReconnectDeadline = TimeSpan.Zero } },
        { "RequestDeadline", new() { RequestDeadline = TimeSpan.Zero } },
        { "PublishDeadline", new() { PublishDeadline = TimeSpan.Zero } },
        { "PublishWindow", new() { PublishWindow = 0 } },
        { "Heartbeat", new() { Heartbeat = TimeSpan.Zero } },
        { "MessageBytesMax", new() { MessageBytesMax = 1 } },
    };

    [Theory]
    [MemberData(nameof(Unfit), DisableDiscoveryEnumeration = true)]
    public void An_option_that_cannot_work_is_refused_by_name(string option, StentorClientOptions options)
    {
        var error = Assert.Throws<ArgumentException>(() => new StentorClient(options));

        Assert.Equal(option, error.ParamName);
        Assert.DoesNotContain("l4c3", error.Message, StringComparison.Ordinal);
    }
}
