using Stentor.Protocol;

namespace Stentor.Client.Tests;

public sealed class SubscriptionTests
{
    [Fact]
    public async Task A_subscription_shows_what_is_published_in_order_with_a_token_to_resume_after()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        var subscription = client.Subscribe("scores.*");
        var socket = await server.OpenAsync(subscription, seen: region.Seen);
        await socket.SendAsync(region.Frame("scores.curling", "{\"type\":\"Score\",\"home\":3}"));
        await socket.SendAsync(region.FrameWithoutSeen("scores.curling") + "\n" + region.Frame("scores.biathlon"));
        var received = await subscription.TakeAsync(3);

        Assert.Equal(["scores.curling eu-1:1", "scores.curling eu-1:2", "scores.biathlon eu-1:3"], received.Select(r => r.ToString()));
        Assert.Equal(3, received[0].Json.GetProperty("home").GetInt32());
        Assert.Equal(["eu-1:1", "eu-1:2", "eu-1:3"], received.Select(r => Clients.Show(r.Seen)));
        Assert.Equal("eu-1:3", Clients.Show(client.Seen!));
    }

    [Fact]
    public async Task An_activity_comes_with_everything_that_its_entry_says()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: region.Seen);
        await socket.SendAsync(FakeRegion.FrameOf(region.Record("chat", "{\"content\":\"hi\"}", id: "first", author: "grace"), region.Seen));
        var received = Assert.Single(await subscription.TakeAsync(1));

        Assert.Equal(("grace", "first", 1L, "hi"), (received.Author, received.Id, received.Lamport, received.As<Note>()!.Content));
        Assert.Equal(new DateTimeOffset(2023, 11, 14, 22, 13, 20, TimeSpan.Zero).AddMicroseconds(1), received.Time);
        Assert.Null(received.Effect);
    }

    [Fact]
    public async Task A_subscription_resumes_after_what_it_was_given_when_its_connection_is_cut()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: region.Seen);
        await socket.SendAsync(region.Frame("chat"));
        await socket.SendAsync(region.FrameWithoutSeen("chat"));
        await using var items = subscription.GetAsyncEnumerator();
        var before = await items.TakeAsync(2);
        socket.Cut();
        var next = items.TakeAsync(1);
        var again = await server.NextSocketAsync();
        var subscribe = await again.ReceiveAsync("subscribe");
        await again.OkAsync(subscribe);
        await again.SendAsync(region.Frame("chat"));

        Assert.Equal([1, 2], before.Select(r => r.Seq));
        Assert.Equal("eu-1:2", Clients.Show(subscribe.GetProperty("after").GetString()!));
        Assert.Equal(3, Assert.Single(await next).Seq);
    }

    [Fact]
    public async Task What_a_server_sends_again_is_not_shown_again()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();
        string[] frames = [region.FrameWithoutSeen("chat"), region.FrameWithoutSeen("chat"), region.Frame("chat")];

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        await using var items = subscription.GetAsyncEnumerator();
        await socket.SendAsync(frames[0] + "\n" + frames[1]);
        var before = await items.TakeAsync(2);
        socket.Cut();
        var next = items.TakeAsync(1);
        var again = await server.NextSocketAsync();
        await again.OkAsync(await again.ReceiveAsync("subscribe"));
        await again.SendAsync(string.Join('\n', frames));
        var after = await next;

        Assert.Equal([1, 2, 3], before.Concat(after).Select(r => r.Seq));
    }

    [Fact]
    public async Task An_activity_that_two_regions_recorded_is_shown_once_and_another_one_under_its_id_is_shown_too()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var eu = new FakeRegion("eu-1");
        var asia = new FakeRegion("asia-1");

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: eu.Seen);
        await socket.SendAsync(FakeRegion.FrameOf(eu.Record("chat", "{\"n\":1}", id: "a"), eu.Seen));
        await socket.SendAsync(FakeRegion.FrameOf(asia.Record("chat", "{\"n\":1}", id: "a"), asia.Seen));
        await socket.SendAsync(FakeRegion.FrameOf(asia.Record("chat", "{\"n\":2}", id: "a"), asia.Seen));
        await socket.SendAsync(FakeRegion.FrameOf(eu.Record("chat", "{\"n\":1}", id: "a"), eu.Seen));
        var received = await subscription.TakeAsync(3);

        Assert.Equal(["chat eu-1:1", "chat asia-1:2", "chat eu-1:2"], received.Select(r => r.ToString()));
        Assert.Equal("asia-1:2 eu-1:2", Clients.Show(client.Seen!));
    }

    [Fact]
    public async Task Now_is_the_moment_at_which_the_subscription_stood_first()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();
        region.Record("chat");

        await using var subscription = client.Subscribe("chat");
        var opening = subscription.OpenAsync();
        var socket = await server.NextSocketAsync();
        var first = await socket.ReceiveAsync("subscribe");
        await socket.OkAsync(first, $"\"seen\":\"{region.Seen}\"");
        await opening.WaitAsync(Patience.Long);
        var next = subscription.TakeAsync(1);
        socket.Cut();
        var again = await server.NextSocketAsync();
        var second = await again.ReceiveAsync("subscribe");
        await again.OkAsync(second);
        await again.SendAsync(region.Frame("chat"));

        Assert.Equal("now", first.GetProperty("after").GetString());
        Assert.Equal("eu-1:1", Clients.Show(second.GetProperty("after").GetString()!));
        Assert.Equal(2, Assert.Single(await next).Seq);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_subscription_starts_where_it_is_told_to_also_when_the_first_attempts_fail(bool fromStart)
    {
        var after = fromStart ? SubscribeOptions.Start : SeenToken.Encode(VersionVector.Of(new OriginId("eu-1"), 5));
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        var next = client.Subscribe("chat", new SubscribeOptions { After = after }).TakeAsync(1);
        var first = await server.NextSocketAsync();
        var asked = (await first.ReceiveAsync("subscribe")).GetProperty("after").GetString();
        first.Cut();
        var second = await server.NextSocketAsync();
        var askedAgain = await second.ReceiveAsync("subscribe");
        await second.RefuseAsync(askedAgain, ErrorType.NotReady);
        var third = await server.NextSocketAsync();
        await third.OkAsync(await third.ReceiveAsync("subscribe"));
        var region = new FakeRegion();
        var frames = Enumerable.Range(1, 6).Select(_ => region.Frame("chat")).ToArray();
        await third.SendAsync(frames[5]);
        await next;

        Assert.Equal(after, asked);
        Assert.Equal(after, askedAgain.GetProperty("after").GetString());
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(1011)]
    [InlineData(3001)]
    [InlineData(3008)]
    [InlineData(3020)]
    [InlineData(3499)]
    public async Task A_close_code_below_3500_means_come_again(int code)
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        var next = subscription.TakeAsync(1);
        await socket.CloseAsync(code);
        var again = await server.NextSocketAsync();
        await again.OkAsync(await again.ReceiveAsync("subscribe"));
        await again.SendAsync(new FakeRegion().Frame("chat"));

        Assert.Single(await next);
    }

    [Theory]
    [InlineData(3500, ErrorType.Unauthenticated)]
    [InlineData(3501, ErrorType.Malformed)]
    [InlineData(3504, ErrorType.TooLarge)]
    [InlineData(3999, ErrorType.Internal)]
    public async Task A_close_code_from_3500_ends_the_subscription(int code, string type)
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        var next = subscription.TakeAsync(1);
        await socket.CloseAsync(code, "no more");
        var error = await Assert.ThrowsAsync<StentorException>(() => next);

        Assert.Equal(type, error.Type);
        Assert.Contains("no more", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_server_says_before_it_closes_is_the_reason()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        var next = subscription.TakeAsync(1);
        await socket.SendAsync("""{"op":"error","type":"forbidden","detail":"Your session was ended by the operator."}""");
        await socket.CloseAsync(3500);
        var error = await Assert.ThrowsAsync<StentorException>(() => next);

        Assert.Equal((ErrorType.Forbidden, 403), (error.Type, error.Status));
        Assert.Contains("ended by the operator", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_subscription_ends_with_the_refusal()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        await using var subscription = client.Subscribe("secret.plans");
        var opening = subscription.OpenAsync();
        var socket = await server.NextSocketAsync();
        await socket.RefuseAsync(await socket.ReceiveAsync("subscribe"), ErrorType.Forbidden, "not you");
        var error = await Assert.ThrowsAsync<StentorException>(() => opening);

        Assert.Equal((ErrorType.Forbidden, 403, "not you"), (error.Type, error.Status, error.Detail));
    }

    [Fact]
    public async Task A_subscription_goes_to_the_next_server_when_its_own_dies_and_resumes_there()
    {
        await using var first = new FakeServer();
        await using var second = new FakeServer();
        await using var client = Clients.Of(first, second);
        var region = new FakeRegion();

        await using var subscription = client.Subscribe("chat");
        var socket = await first.OpenAsync(subscription, seen: region.Seen);
        await using var items = subscription.GetAsyncEnumerator();
        await socket.SendAsync(region.Frame("chat"));
        await items.TakeAsync(1);
        await first.DisposeAsync();
        var next = items.TakeAsync(1);
        var other = await second.NextSocketAsync();
        var subscribe = await other.ReceiveAsync("subscribe");
        await other.OkAsync(subscribe);
        await other.SendAsync(region.Frame("chat"));

        Assert.Equal("eu-1:1", Clients.Show(subscribe.GetProperty("after").GetString()!));
        Assert.Equal(2, Assert.Single(await next).Seq);
        Assert.Equal(second.Address, client.Address);
    }

    [Fact]
    public async Task A_server_that_is_behind_is_left_for_another_one()
    {
        await using var first = new FakeServer();
        await using var second = new FakeServer();
        await using var client = Clients.Of(first, second);

        var subscription = client.Subscribe("chat");
        var opening = subscription.OpenAsync();
        var socket = await first.NextSocketAsync();
        await socket.RefuseAsync(await socket.ReceiveAsync("subscribe"), ErrorType.Behind);
        var other = await second.NextSocketAsync();
        await other.OkAsync(await other.ReceiveAsync("subscribe"), $"\"seen\":\"{new FakeRegion().Seen}\"");

        await opening.WaitAsync(Patience.Long);
        await subscription.DisposeAsync();
    }

    [Theory]
    [InlineData(0xC0FFEE, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(4, 2)]
    public async Task Whatever_is_cut_each_activity_is_shown_once_and_none_is_left_out(int seed, int regions)
    {
        var random = new Random(seed);
        FakeNode[] nodes = [.. Enumerable.Range(1, regions).Select(r => new FakeNode(random.Next(), $"region-{r}"))];
        await using var client = Clients.Of([.. nodes.Select(n => n.Server)]);
        string[] channels = ["chat.a", "chat.b", "other"];
        foreach (var _ in Enumerable.Range(0, 200))
        {
            nodes[random.Next(regions)].Record(channels[random.Next(3)]);
        }

        // Each region takes what the others made, in their order, in between its own.
        var made = nodes.Select(n => n.Ledger).ToArray();
        foreach (var node in nodes)
        {
            foreach (var entry in made.Where(m => m != made[Array.IndexOf(nodes, node)]).SelectMany(m => m))
            {
                node.Apply(entry.Origin, entry.Seq, entry.Channel, entry.Entry);
            }
        }

        var expected = made.SelectMany(m => m).Where(e => e.Channel != "other").Select(e => $"{e.Channel} {e.Origin}:{e.Seq}").ToList();
        var received = (await client.Subscribe("chat.>", new SubscribeOptions { After = SubscribeOptions.Start }).TakeAsync(expected.Count)).ConvertAll(r => r.ToString());
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }

        Assert.Equal(expected.Order(StringComparer.Ordinal), received.Order(StringComparer.Ordinal));
        foreach (var origin in made)
        {
            // Of one origin, in its order.
            Assert.Equal(
                origin.Where(e => e.Channel != "other").Select(e => $"{e.Channel} {e.Origin}:{e.Seq}"),
                received.Where(r => origin.Count > 0 && r.Contains($" {origin[0].Origin}:", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_hole_is_told_in_its_place_and_the_subscription_goes_on_behind_it()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var gaps = new List<Gap>();
        var region = new FakeRegion();
        var from = region.Seen;
        region.Record("chat");
        region.Record("chat");

        await using var subscription = client.Subscribe("chat", new SubscribeOptions { After = from, OnGap = gaps.Add });
        var opening = subscription.OpenAsync();
        var socket = await server.NextSocketAsync();
        await socket.OkAsync(await socket.ReceiveAsync("subscribe"));
        await opening;
        await socket.SendAsync($"{{\"op\":\"gap\",\"channels\":[\"chat\"],\"from\":\"{from}\",\"to\":\"{region.Seen}\",\"reason\":\"recycled\"}}");
        await socket.SendAsync(region.Frame("chat"));
        var received = Assert.Single(await subscription.TakeAsync(1));

        Assert.Equal(3, received.Seq);
        Assert.Equal(("chat", from, "recycled"), (Assert.Single(gaps).Channels[0], gaps[0].From, gaps[0].Reason));
        Assert.Equal("eu-1:3", Clients.Show(received.Seen));
    }

    [Fact]
    public async Task A_hole_that_nobody_asked_to_be_told_of_ends_the_subscription()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        var next = subscription.TakeAsync(1);
        await socket.SendAsync("""{"op":"gap","channels":["chat"],"from":"","to":"","reason":"recycled"}""");
        var error = await Assert.ThrowsAsync<StentorException>(() => next);

        Assert.Equal(StentorException.Gap, error.Type);
    }

    [Fact]
    public async Task A_subscription_from_the_start_begins_with_what_is_held()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();
        region.Record("chat");

        var next = client.Subscribe("chat", new SubscribeOptions { After = SubscribeOptions.Start }).TakeAsync(1);
        var socket = await server.NextSocketAsync();
        var subscribe = await socket.ReceiveAsync("subscribe");
        await socket.SendAsync($"{{\"op\":\"gap\",\"channels\":[\"chat\"],\"from\":\"\",\"to\":\"{region.Seen}\",\"reason\":\"recycled\"}}");
        await socket.OkAsync(subscribe);
        await socket.SendAsync(region.Frame("chat"));

        Assert.Equal(2, Assert.Single(await next).Seq);
    }

    [Theory]
    [InlineData("this is not JSON")]
    [InlineData("[]")]
    [InlineData("{\"op\":7}")]
    public async Task A_server_that_talks_nonsense_is_left(string nonsense)
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        var next = subscription.TakeAsync(1);
        await socket.SendAsync(nonsense);
        var again = await server.NextSocketAsync();
        await again.OkAsync(await again.ReceiveAsync("subscribe"));
        await again.SendAsync("{\"op\":\"news\",\"of\":\"a later version\"}\n" + new FakeRegion().Frame("chat"));

        Assert.Single(await next);
    }

    [Theory]
    [InlineData("no channel!")]
    [InlineData("")]
    public async Task A_channel_that_is_none_is_refused_before_anything_is_sent(string channel)
    {
        await using var client = new StentorClient("http://127.0.0.1:1");

        var error = Assert.Throws<StentorException>(() => client.Subscribe(channel));

        Assert.Equal(ErrorType.Malformed, error.Type);
    }

    [Fact]
    public async Task A_subscription_has_one_consumer_and_a_second_one_goes_on_where_the_first_ended()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: region.Seen);
        var first = subscription.TakeAsync(1);
        await Assert.ThrowsAsync<InvalidOperationException>(() => subscription.TakeAsync(1));
        await socket.SendAsync(region.Frame("chat"));
        await first;
        var second = subscription.TakeAsync(1);
        var again = await server.NextSocketAsync();
        var subscribe = await again.ReceiveAsync("subscribe");
        await again.OkAsync(subscribe);
        await again.SendAsync(region.Frame("chat"));

        Assert.Equal("eu-1:1", Clients.Show(subscribe.GetProperty("after").GetString()!));
        Assert.Equal(2, Assert.Single(await second).Seq);
    }

    private sealed record Note(string Content);
}
