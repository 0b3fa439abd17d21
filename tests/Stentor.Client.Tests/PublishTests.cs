namespace Stentor.Client.Tests;

public sealed class PublishTests
{
    [Fact]
    public async Task A_publish_gives_its_outcome()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        var publishing = client.PublishAsync(Publish.Json("chat", "{\"type\": \"Note\",\n \"content\": \"hi\"}"));
        var socket = await server.NextSocketAsync();
        var frame = await socket.ReceiveAsync("publish");
        await socket.OkAsync(frame, region.Outcome("chat"));
        var outcome = await publishing.WaitAsync(Patience.Long);

        Assert.Equal("{\"type\":\"Note\",\"content\":\"hi\"}", frame.GetProperty("activity").GetRawText());
        Assert.Equal((1, "eu-1", false), (outcome.Seq, outcome.Origin.Value, outcome.Duplicate));
        Assert.Equal("eu-1:1", Clients.Show(client.Seen!));
    }

    [Fact]
    public async Task A_publish_whose_answer_was_lost_is_sent_again_with_the_same_id()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        var publishing = client.PublishAsync(Publish.Json("chat", "{}"));
        var socket = await server.NextSocketAsync();
        var first = await socket.ReceiveAsync("publish");
        socket.Cut();
        var again = await server.NextSocketAsync();
        var second = await again.ReceiveAsync("publish");
        await again.OkAsync(second, region.OutcomeOf("chat", 1, duplicate: true));
        var outcome = await publishing.WaitAsync(Patience.Long);

        Assert.Equal(first.GetProperty("id").GetString(), second.GetProperty("id").GetString());
        Assert.Equal(outcome.Id, first.GetProperty("id").GetString());
        Assert.True(outcome.Duplicate);
    }
}
