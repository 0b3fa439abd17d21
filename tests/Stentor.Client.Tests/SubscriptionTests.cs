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
        var items = subscription.GetAsyncEnumerator();
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
        await items.DisposeAsync();
    }
}
