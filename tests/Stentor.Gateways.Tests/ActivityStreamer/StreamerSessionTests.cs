using System.Text.Json;

namespace Stentor.Gateways.Tests.ActivityStreamer;

public sealed class StreamerSessionTests
{
    [Fact]
    public async Task An_activity_reaches_everyone_who_is_logged_in_its_author_too_and_says_who_that_is()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var ann = await StreamerClient.RegisteredAsync(server, "ann", "s1");
        using var reader = await StreamerClient.AnonymousAsync(server);
        using var peer = await StreamerClient.PeerAsync(server);

        await ann.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"ann","secret":"s1","activity":{"type":"Note","authenticated_user":"eve","url":"http:\/\/a"}}""");

        foreach (var receiver in (StreamerClient[])[ann, reader, peer])
        {
            var broadcast = await receiver.ExpectAsync("ACTIVITY_BROADCAST");
            Assert.Equal(2, broadcast.EnumerateObject().Count());
            using var wanted = JsonDocument.Parse("""{"authenticated_user":"ann","type":"Note","url":"http://a"}""");
            Assert.True(JsonElement.DeepEquals(wanted.RootElement, broadcast.GetProperty("activity")), broadcast.ToString());
        }
    }

    [Fact]
    public async Task What_is_wrong_right_behind_a_login_is_answered_behind_it()
    {
        await using var server = await StreamerClient.ServeAsync();
        for (var n = 0; n < 50; n++)
        {
            using var client = await StreamerClient.ConnectAsync(server);
            await client.SendAsync("{\"command\":\"LOGIN\",\"username\":\"anonymous\"}\n{\"command\":\"LOGIN\",\"username\":\"anonymous\"}");

            await client.ExpectAsync("LOGIN_SUCCESS");
            await client.ExpectAsync("INVALID_MESSAGE");
            await client.ExpectEndAsync();
        }
    }

    [Theory]
    [InlineData("LOGOUT", null)]
    [InlineData("BOGUS", "INVALID_MESSAGE")]
    public async Task Who_ends_at_once_has_heard_of_the_login_and_of_what_it_published(string last, string? answer)
    {
        await using var server = await StreamerClient.ServeAsync();
        for (var n = 0; n < 30; n++)
        {
            using var client = await StreamerClient.ConnectAsync(server);
            var activities = Enumerable.Range(0, n % 3).Select(a => $$"""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"a":{{a}} } }""");
            await client.SendAsync(string.Join('\n', ["""{"command":"LOGIN","username":"anonymous"}""", .. activities, $$"""{"command":"{{last}}"}"""]));

            await client.ExpectAsync("LOGIN_SUCCESS");
            for (var a = 0; a < n % 3; a++)
            {
                Assert.Equal(a, (await client.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("a").GetInt32());
            }

            if (answer is not null)
            {
                await client.ExpectAsync(answer);
            }

            await client.ExpectEndAsync();
        }
    }

    [Fact]
    public async Task Who_sends_nothing_more_is_answered_what_it_asked()
    {
        await using var server = await StreamerClient.ServeAsync();
        for (var n = 0; n < 30; n++)
        {
            using var guest = await StreamerClient.ConnectAsync(server);
            await guest.SendAsync("""{"command":"LOGIN","username":"anonymous"}""");
            guest.EndSending();
            using var newcomer = await StreamerClient.ConnectAsync(server);
            await newcomer.SendAsync($$"""{"command":"REGISTER","username":"new-{{n}}","secret":"s"}""");
            newcomer.EndSending();

            await guest.ExpectAsync("LOGIN_SUCCESS");
            await guest.ExpectEndAsync();
            await newcomer.ExpectAsync("REGISTER_SUCCESS");
            await newcomer.ExpectEndAsync();
        }
    }

    [Fact]
    public async Task Whatever_is_published_on_the_channel_is_broadcast_under_its_authors_name()
    {
        await using var server = await StreamerClient.ServeAsync();
        var bob = await server.RegisterAsync("bob");
        using var reader = await StreamerClient.AnonymousAsync(server);
        using var peer = await StreamerClient.PeerAsync(server);

        await server.PublishAsync("activities", """{"activity": {"n": 1, "authenticated_user": "ann"}}""", bob);
        await server.PublishAsync("activities", """{"effect": {"add": {"n": 1}}}""", bob);
        await server.PublishAsync("other", """{"activity": {"n": 2}}""", bob);
        await server.SendAsync(HttpMethod.Post, "/v1/channels/activities/activities", """{"activity": {"n": 3, "authenticated_user": "bob"}}""");

        foreach (var receiver in (StreamerClient[])[reader, peer])
        {
            Assert.Equal("""{"n":1,"authenticated_user":"bob"}""", (await receiver.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetRawText());
            Assert.Equal("""{"n":3,"authenticated_user":"anonymous"}""", (await receiver.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetRawText());
        }
    }

    [Fact]
    public async Task What_clients_publish_is_in_the_channel_with_its_author_and_says_who_it_was()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var ann = await StreamerClient.RegisteredAsync(server, "ann", "s1");
        using var peer = await StreamerClient.PeerAsync(server);

        await ann.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"ann","secret":"s1","activity":{"n":1}}""");
        await ann.ExpectAsync("ACTIVITY_BROADCAST");
        await peer.SendAsync("""{"command":"ACTIVITY_BROADCAST","activity":{"n":2,"authenticated_user":"zoe"}}""");
        await ann.ExpectAsync("ACTIVITY_BROADCAST");

        var entries = (await server.GetAsync("/v1/channels/activities/activities"))["activities"].EnumerateArray().ToList();
        Assert.Equal(["ann", "activity-streamer"], entries.Select(e => e.GetProperty("author").GetString()));
        Assert.Equal(["""{"n":1,"authenticated_user":"ann"}""", """{"n":2,"authenticated_user":"zoe"}"""], entries.Select(e => e.GetProperty("activity").GetRawText()));
    }

    [Fact]
    public async Task A_client_receives_what_is_published_from_its_login_on_until_it_logs_out()
    {
        await using var server = await StreamerClient.ServeAsync();
        await server.PublishAsync("activities", """{"activity": {"n": 1}}""");
        using var reader = await StreamerClient.AnonymousAsync(server);

        await server.PublishAsync("activities", """{"activity": {"n": 2}}""");

        Assert.Equal(2, (await reader.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("n").GetInt32());
        await reader.SendAsync("""{"command":"LOGOUT"}""");
        await reader.ExpectEndAsync();
    }

    [Fact]
    public async Task Activities_that_are_sent_at_once_come_in_their_order()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var client = await StreamerClient.AnonymousAsync(server);

        await client.SendAsync(string.Join('\n', Enumerable.Range(0, 500).Select(n => $$"""{"activity":{"n":{{n}}},"command":"ACTIVITY_MESSAGE","username":"anonymous"}""")));

        for (var n = 0; n < 500; n++)
        {
            Assert.Equal(n, (await client.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("n").GetInt32());
        }
    }

    [Fact]
    public async Task What_was_sent_before_a_goodbye_is_published()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var reader = await StreamerClient.AnonymousAsync(server);
        using var client = await StreamerClient.AnonymousAsync(server);

        await client.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"n":1}}""" + "\n" + """{"command":"LOGOUT"}""");

        await reader.ExpectAsync("ACTIVITY_BROADCAST");
    }

    [Fact]
    public async Task A_name_registered_over_HTTP_logs_in_here_and_the_other_way_round()
    {
        await using var server = await StreamerClient.ServeAsync();
        var bob = await server.RegisterAsync("bob");
        using var client = await StreamerClient.ConnectAsync(server);
        await client.SendAsync($$"""{"command":"LOGIN","username":"bob","secret":"{{bob.Secret}}"}""");
        await client.ExpectAsync("LOGIN_SUCCESS");

        using var ann = await StreamerClient.RegisteredAsync(server, "ann", "s1");

        Assert.Equal(201, (await server.PublishAsync("chat.general", """{"activity": {}}""", ("ann", "s1"))).Status);
    }

    [Fact]
    public async Task A_newcomer_is_told_that_it_is_logged_in_and_then_sent_where_there_are_two_fewer()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var peer = await StreamerClient.PeerAsync(server, "x", load: 0);
        using var first = await StreamerClient.AnonymousAsync(server);
        using var second = await StreamerClient.ConnectAsync(server);

        await second.SendAsync("""{"command":"LOGIN","username":"anonymous"}""");

        await second.ExpectAsync("LOGIN_SUCCESS");
        var redirect = await second.ExpectAsync("REDIRECT");
        Assert.Equal(("127.0.0.1", 3999), (redirect.GetProperty("hostname").GetString(), redirect.GetProperty("port").GetInt32()));
        Assert.Equal(3, redirect.EnumerateObject().Count());
        await second.ExpectEndAsync();
        Assert.Equal(1, (await server.GetAsync("/v1/cluster"))["activityStreamer"].GetProperty("load").GetInt32());
    }

    [Fact]
    public async Task Who_may_not_read_or_publish_there_is_told_so()
    {
        await using var server = await StreamerClient.ServeAsync();
        await server.RegisterAsync("bob");
        await server.PublishAsync("_grants", """{"effect": {"set": {"subscribe activities": ["$registered"], "publish activities": ["ann"]}}}""");

        using var anonymous = await StreamerClient.ConnectAsync(server);
        await anonymous.SendAsync("""{"command":"LOGIN","username":"anonymous"}""");
        await anonymous.ExpectAsync("LOGIN_FAILED");
        await anonymous.ExpectEndAsync();
        using var bob = await StreamerClient.ConnectAsync(server);
        await bob.SendAsync("""{"command":"LOGIN","username":"bob","secret":"secret-of-bob"}""");
        await bob.ExpectAsync("LOGIN_SUCCESS");
        await bob.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"bob","secret":"secret-of-bob","activity":{}}""");
        await bob.ExpectAsync("AUTHENTICATION_FAIL");
        await bob.ExpectEndAsync();
    }

    [Fact]
    public async Task Wrong_secrets_are_limited_in_their_rate()
    {
        await using var server = await StreamerClient.ServeAsync(change: o => o with { RateLimits = new RateLimits { FailedLoginsPerMinute = 2 } });
        var infos = new List<string?>();
        for (var i = 0; i < 3; i++)
        {
            using var client = await StreamerClient.ConnectAsync(server);
            await client.SendAsync("""{"command":"LOGIN","username":"ann","secret":"guess"}""");
            infos.Add((await client.ExpectAsync("LOGIN_FAILED")).GetProperty("info").GetString());
        }

        Assert.DoesNotContain("Too many", infos[1], StringComparison.Ordinal);
        Assert.Contains("Too many", infos[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_stops_sends_its_clients_elsewhere_and_tells_its_peers()
    {
        var server = await StreamerClient.ServeAsync();
        using var peer = await StreamerClient.PeerAsync(server, "x", load: 50);
        using var client = await StreamerClient.AnonymousAsync(server);

        await server.DisposeAsync();

        await client.ExpectAsync("REDIRECT");
        await client.ExpectEndAsync();
        Assert.Contains("stopping", (await peer.ExpectAsync("INVALID_MESSAGE")).GetProperty("info").GetString(), StringComparison.Ordinal);
        await peer.ExpectEndAsync();
    }

    [Fact]
    public async Task With_nowhere_to_go_clients_are_told_that_the_server_stops()
    {
        var server = await StreamerClient.ServeAsync();
        using var client = await StreamerClient.AnonymousAsync(server);

        await server.DisposeAsync();

        await client.ExpectAsync("INVALID_MESSAGE");
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task Secrets_never_reach_the_log()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var ann = await StreamerClient.RegisteredAsync(server, "ann", "secret-in-no-log");
        using var peer = await StreamerClient.PeerAsync(server, "x");
        await peer.SendAsync("""{"command":"LOCK_REQUEST","username":"bob","secret":"secret-in-no-log"}""");
        await peer.ExpectAsync("LOCK_ALLOWED");
        using var wrong = await StreamerClient.ConnectAsync(server);
        await wrong.SendAsync("""{"command":"LOGIN","username":"ann","secret":"secret-in-no-log","x":}""");
        await wrong.ExpectAsync("INVALID_MESSAGE");

        Assert.NotEmpty(server.Logs.Messages);
        Assert.DoesNotContain(server.Logs.Messages, m => m.Contains("secret-in-no-log", StringComparison.Ordinal) || m.Contains(StreamerClient.Secret, StringComparison.Ordinal));
    }
}
