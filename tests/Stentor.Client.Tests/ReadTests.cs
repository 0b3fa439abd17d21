using Stentor.Protocol;
using Stentor.Testing;

namespace Stentor.Client.Tests;

public sealed class ReadTests
{
    [Fact]
    public async Task A_read_gives_activities_in_order_and_a_token_to_read_on_after()
    {
        var region = new FakeRegion();
        await using var server = new FakeServer { OnRequest = _ => Page(region, more: true, region.Record("chat"), region.Record("chat")) };
        await using var client = Clients.Of(server);

        var page = await client.ReadAsync("chat", new ReadOptions { Limit = 2 });

        Assert.Equal(["chat eu-1:1", "chat eu-1:2"], page.Activities.Select(a => a.ToString()));
        Assert.Equal(["eu-1:1", "eu-1:2"], page.Activities.Select(a => Clients.Show(a.Seen)));
        Assert.Equal(("eu-1:2", true), (Clients.Show(page.Seen), page.More));
        Assert.Equal("/v1/channels/chat/activities?limit=2", Assert.Single(server.Requests).Target);
    }

    [Fact]
    public async Task A_read_says_all_that_it_was_given()
    {
        var region = new FakeRegion();
        await using var server = new FakeServer { OnRequest = _ => Page(region, more: false) };
        await using var client = Clients.Of(server);
        var after = SeenToken.Encode(VersionVector.Of(region.Origin, 0));

        await client.ReadAsync("scores.>", new ReadOptions { After = after, Limit = 7, Wait = TimeSpan.FromSeconds(2.5), Newest = true });

        Assert.Equal($"/v1/channels/scores.%3E/activities?limit=7&after={after}&wait=3&newest=true", Assert.Single(server.Requests).Target);
    }

    [Fact]
    public async Task Reading_all_goes_from_answer_to_answer()
    {
        var region = new FakeRegion();
        string[] entries = [.. Enumerable.Range(0, 5).Select(_ => region.Record("chat"))];
        var given = 0;
        await using var server = new FakeServer
        {
            OnRequest = _ =>
            {
                var part = entries.Skip(given).Take(2).ToArray();
                given += part.Length;
                return Page(VersionVector.Of(region.Origin, given), more: given < 5, part);
            },
        };
        await using var client = Clients.Of(server);

        var read = await client.ReadAllAsync("chat").ToListAsync();

        Assert.Equal([1, 2, 3, 4, 5], read.Select(a => a.Seq));
        Assert.Equal(["", "eu-1:2", "eu-1:4"], server.Requests.Select(r => r.Target.Split("after=") is [_, var token] ? Clients.Show(token) : ""));
    }

    [Fact]
    public async Task A_hole_in_history_is_never_silent()
    {
        var region = new FakeRegion();
        var after = region.Seen;
        region.Record("chat");
        var hole = $"{{\"from\":\"{after}\",\"to\":\"{region.Seen}\",\"reason\":\"recycled\"}}";
        var entry = region.Record("chat");
        await using var server = new FakeServer { OnRequest = _ => new FakeAnswer(200, $"{{\"activities\":[{entry}],\"seen\":\"{region.Seen}\",\"more\":false,\"gaps\":[{hole}]}}") };
        await using var client = Clients.Of(server);
        var gaps = new List<Gap>();

        var page = await client.ReadAsync("chat");
        var told = await client.ReadAllAsync("chat", after, gaps.Add).ToListAsync();
        var error = await Assert.ThrowsAsync<StentorException>(() => client.ReadAllAsync("chat", after).ToListAsync().AsTask());
        var held = await client.ReadAllAsync("chat").ToListAsync();

        Assert.Equal("recycled", Assert.Single(page.Gaps).Reason);
        Assert.Equal(("recycled", "chat"), (Assert.Single(gaps).Reason, gaps[0].Channels[0]));
        Assert.Equal(StentorException.Gap, error.Type);
        Assert.Single(told);
        Assert.Single(held);
    }

    [Fact]
    public async Task A_state_that_did_not_change_is_not_sent_again()
    {
        var region = new FakeRegion();
        region.Record("scores");
        await using var server = new FakeServer
        {
            OnRequest = r => r.Headers.TryGetValue("If-None-Match", out var tag) && tag == "W/\"1\""
                ? new FakeAnswer(304, "", ("ETag", "W/\"1\""))
                : new FakeAnswer(200, State(region, "{\"home\":3}"), ("ETag", "W/\"1\"")),
        };
        await using var client = Clients.Of(server);

        var first = await client.GetStateAsync("scores");
        var second = await client.GetStateAsync("scores");

        Assert.Equal((3, 1L, 1L), (first!.Field<int>("home"), first.Version, first.Last.Seq));
        Assert.Equal(3, second!.Field<int>("home"));
        Assert.Null(second.Field<string>("away"));
        Assert.Equal([false, true], server.Requests.Select(r => r.Headers.ContainsKey("If-None-Match")));
        Assert.Equal("eu-1:1", Clients.Show(second.Seen));
    }

    [Fact]
    public async Task A_channel_to_which_nothing_was_published_has_no_state()
    {
        await using var server = new FakeServer { OnRequest = _ => Problem(404, ErrorType.NotFound) };
        await using var client = Clients.Of(server);

        Assert.Null(await client.GetStateAsync("nothing"));
        Assert.Equal(ErrorType.NotFound, (await Assert.ThrowsAsync<StentorException>(() => client.ReadAsync("nothing"))).Type);
    }

    [Fact]
    public async Task A_state_is_asked_for_as_of_what_the_client_has_seen()
    {
        var region = new FakeRegion();
        await using var server = new FakeServer { OnRequest = _ => new FakeAnswer(200, State(region, "{}")) };
        await using var client = Clients.Of(server);
        var publishing = client.PublishAsync(Publish.Json("scores", "{}"));
        var socket = await server.NextSocketAsync();
        await socket.OkAsync(await socket.ReceiveAsync("publish"), region.Outcome("scores"));
        await publishing.WaitAsync(Patience.Long);

        await client.GetStateAsync("scores");

        Assert.Equal("eu-1:1", Clients.Show(server.Requests.Last().Target.Split("?after=")[1]));
    }

    [Fact]
    public async Task A_read_from_a_server_that_has_seen_less_waits_until_it_has_seen_as_much()
    {
        var region = new FakeRegion();
        string[] entries = [region.Record("chat"), region.Record("chat")];
        var isBehind = true;
        await using var server = new FakeServer
        {
            OnRequest = request =>
            {
                if (!request.Target.Contains("limit=1&", StringComparison.Ordinal))
                {
                    return isBehind ? Page(VersionVector.Of(region.Origin, 1), more: false, entries[0]) : Page(region, more: false, entries);
                }

                isBehind = false; // It waited.
                return Page(region, more: false);
            },
        };
        await using var client = Clients.Of(server);
        client.AddSeen(region.Seen);

        var page = await client.ReadAsync("chat");

        Assert.Equal([1, 2], page.Activities.Select(a => a.Seq));
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task A_channel_that_this_client_wrote_to_elsewhere_is_waited_for()
    {
        var region = new FakeRegion();
        var entry = region.Record("new");
        var isBehind = true;
        await using var server = new FakeServer
        {
            OnRequest = request =>
            {
                if (isBehind)
                {
                    isBehind = !request.Target.Contains("after=", StringComparison.Ordinal);
                    return Problem(404, ErrorType.NotFound);
                }

                return Page(region, more: false, entry);
            },
        };
        await using var client = Clients.Of(server);
        client.AddSeen(region.Seen);

        Assert.Single((await client.ReadAsync("new")).Activities);
    }

    [Fact]
    public async Task A_request_goes_to_the_next_server_when_one_is_dead_behind_or_not_ready()
    {
        var region = new FakeRegion();
        await using var cutting = new FakeServer { OnRequest = _ => new FakeAnswer(0) };
        await using var behind = new FakeServer { OnRequest = _ => Problem(503, ErrorType.Behind) };
        await using var proxy = new FakeServer { OnRequest = _ => new FakeAnswer(502, "<html>") };
        await using var server = new FakeServer { OnRequest = _ => Page(region, more: false, region.Record("chat")) };
        await using var client = Clients.Of(cutting, behind, proxy, server);

        Assert.Single((await client.ReadAsync("chat")).Activities);
        Assert.Equal(server.Address, client.Address);
    }

    [Fact]
    public async Task A_server_that_stays_behind_until_the_deadline_ends_the_request_with_what_it_said()
    {
        await using var server = new FakeServer { OnRequest = _ => Problem(503, ErrorType.Behind, "It lacks eu-1: 5.") };
        await using var client = new StentorClient(Clients.Options(server) with { RequestDeadline = TimeSpan.FromSeconds(1) });

        var error = await Assert.ThrowsAsync<StentorException>(() => client.GetStateAsync("chat"));

        Assert.Equal((ErrorType.Behind, 503, "It lacks eu-1: 5."), (error.Type, error.Status, error.Detail));
        Assert.True(server.Requests.Count > 1);
    }

    [Fact]
    public async Task No_server_at_all_ends_a_request_at_its_deadline()
    {
        await using var client = new StentorClient(new StentorClientOptions
        {
            Addresses = [new("http://127.0.0.1:1")],
            ReconnectDelayMin = TimeSpan.FromMilliseconds(1),
            RequestDeadline = TimeSpan.FromMilliseconds(100),
        });

        var error = await Assert.ThrowsAsync<StentorException>(() => client.GetStateAsync("chat"));

        Assert.Equal((StentorException.Unreachable, 0), (error.Type, error.Status));
        Assert.Contains("127.0.0.1:1", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_asks_too_often_comes_back_when_the_server_says()
    {
        var time = new ManualTime();
        var region = new FakeRegion();
        var asked = 0;
        await using var server = new FakeServer
        {
            OnRequest = _ => Interlocked.Increment(ref asked) == 1 ? Problem(429, ErrorType.RateLimited, "slower", ("Retry-After", "7")) : Page(region, more: false),
        };
        await using var client = new StentorClient(Clients.Options(server) with { Time = time });

        var reading = client.ReadAsync("chat");
        await time.UntilWaitedForAsync(TimeSpan.FromSeconds(7));
        Assert.Equal(1, asked);
        time.Advance(TimeSpan.FromSeconds(7));
        await reading.WaitAsync(Patience.Long);

        Assert.Equal(2, asked);
    }

    [Theory]
    [InlineData(400, ErrorType.Malformed)]
    [InlineData(403, ErrorType.Forbidden)]
    [InlineData(500, ErrorType.Internal)]
    public async Task What_a_server_refuses_for_good_is_not_asked_again(int status, string type)
    {
        await using var server = new FakeServer { OnRequest = _ => Problem(status, type, "no") };
        await using var client = Clients.Of(server);

        var error = await Assert.ThrowsAsync<StentorException>(() => client.ReadAsync("chat"));

        Assert.Equal((type, status, "no"), (error.Type, error.Status, error.Detail));
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"activities\":[{}],\"seen\":\"\",\"more\":false}")]
    [InlineData("{\"activities\":[],\"seen\":\"nonsense\",\"more\":false}")]
    public async Task An_answer_that_is_not_as_the_contract_says_is_an_error(string body)
    {
        await using var server = new FakeServer { OnRequest = _ => new FakeAnswer(200, body) };
        await using var client = Clients.Of(server);

        Assert.Equal(ErrorType.Internal, (await Assert.ThrowsAsync<StentorException>(() => client.ReadAsync("chat"))).Type);
    }

    [Fact]
    public async Task Cancelling_ends_a_request()
    {
        using var cancellation = new CancellationTokenSource();
        await using var server = new FakeServer();
        server.OnRequest = _ =>
        {
            cancellation.Cancel();
            return new FakeAnswer(0);
        };
        await using var client = Clients.Of(server);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.ReadAsync("chat", cancellationToken: cancellation.Token));
    }

    [Fact]
    public async Task Channels_are_listed_from_answer_to_answer()
    {
        await using var server = new FakeServer
        {
            OnRequest = r => new FakeAnswer(200, r.Target.Contains("after=scores.a", StringComparison.Ordinal)
                ? "{\"channels\":[{\"channel\":\"scores.b\",\"version\":2,\"time\":\"2026-01-02T03:04:05.000006Z\"}],\"next\":null}"
                : "{\"channels\":[{\"channel\":\"scores.a\",\"version\":1,\"time\":\"2026-01-02T03:04:05.000006Z\"}],\"next\":\"scores.a\"}"),
        };
        await using var client = Clients.Of(server);

        var channels = await client.ListChannelsAsync("scores.>").ToListAsync();

        Assert.Equal([("scores.a", 1L), ("scores.b", 2L)], channels.Select(c => (c.Channel, c.Version)));
        Assert.Equal("/v1/channels?match=scores.%3E&limit=1000", server.Requests.First().Target);
    }

    internal static FakeAnswer Page(FakeRegion region, bool more, params string[] entries) => Page(region.Vector, more, entries);

    internal static FakeAnswer Page(VersionVector seen, bool more, params string[] entries) =>
        new(200, $"{{\"activities\":[{string.Join(',', entries)}],\"seen\":\"{SeenToken.Encode(seen)}\",\"more\":{(more ? "true" : "false")}}}");

    internal static FakeAnswer Problem(int status, string type, string detail = "because", params (string Name, string Value)[] headers) =>
        new(status, $"{{\"type\":\"{type}\",\"title\":\"x\",\"status\":{status},\"detail\":\"{detail}\"}}", headers);

    private static string State(FakeRegion region, string state) =>
        $"{{\"channel\":\"scores\",\"state\":{state},\"version\":1,\"last\":{{\"origin\":\"eu-1\",\"seq\":1,\"lamport\":1,\"time\":\"2026-01-02T03:04:05.000006Z\"}},\"seen\":\"{region.Seen}\"}}";
}
