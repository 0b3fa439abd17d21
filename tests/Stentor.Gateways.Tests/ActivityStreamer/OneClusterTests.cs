using System.Text.Json;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Whoever comes by HTTP and whoever comes by the Activity Streamer protocol, at whatever node, are in one place.</summary>
/// <param name="row">The regions; the names of each test are its own.</param>
public sealed class OneClusterTests(OneClusterTests.Row row) : IClassFixture<OneClusterTests.Row>
{
    private readonly StreamerCluster _cluster = row.Cluster;

    [Fact]
    public async Task A_name_registered_over_HTTP_logs_in_at_another_node()
    {
        var (username, secret) = await _cluster[1].RegisterAsync("ann");
        await _cluster.SettleAsync();

        using var client = await LoginAsync(_cluster[3], username, secret);

        await client.SendAsync($$"""{"command":"ACTIVITY_MESSAGE","username":"{{username}}","secret":"{{secret}}","activity":{} }""");
        Assert.Equal("ann", UserOf(await client.ExpectAsync("ACTIVITY_BROADCAST")));
    }

    [Fact]
    public async Task A_name_registered_by_a_client_is_an_account_over_HTTP_at_another_node()
    {
        using var client = await StreamerClient.RegisteredAsync(_cluster[3], "ben", "s1");
        await _cluster.SettleAsync();

        var right = await _cluster[1].PublishAsync("chat", """{"activity": {}}""", ("ben", "s1"));
        var wrong = await _cluster[1].PublishAsync("chat", """{"activity": {}}""", ("ben", "s2"));
        var again = await _cluster[1].SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "ben", "secret": "s2"}""");

        Assert.Equal((201, 401, 409), (right.Status, wrong.Status, again.Status));
    }

    [Fact]
    public async Task What_is_published_over_HTTP_reaches_clients_of_other_nodes_under_its_authors_name()
    {
        var ann = await _cluster[2].RegisterAsync("cleo");
        using var client = await StreamerClient.AnonymousAsync(_cluster[3]);

        await _cluster[2].PublishAsync("activities", """{"activity": {"type": "Note", "n": 1}}""", ann);
        await _cluster[2].PublishAsync("activities", """{"effect": {"set": {"topic": "\"bees\""}}}""", ann);
        await _cluster[2].PublishAsync("activities", """{"activity": {"authenticated_user": "someone-else", "n": 2}}""", ann);

        // The one in the middle has no activity, so nobody hears of it.
        Assert.Equal("""{"type":"Note","n":1,"authenticated_user":"cleo"}""", (await client.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetRawText());
        Assert.Equal("""{"n":2,"authenticated_user":"cleo"}""", (await client.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetRawText());
    }

    [Fact]
    public async Task What_a_client_publishes_is_an_entry_of_the_channel_in_every_region()
    {
        using var client = await StreamerClient.RegisteredAsync(_cluster[1], "dora", "s1");
        using var reader = await StreamerClient.AnonymousAsync(_cluster[3]);

        await client.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"dora","secret":"s1","activity":{"mark":"of dora","authenticated_user":"eve"}}""");

        Assert.Equal("dora", UserOf(await reader.ExpectAsync("ACTIVITY_BROADCAST")));
        var entry = (await _cluster[3].GetAsync("/v1/channels/activities/activities"))["activities"].EnumerateArray()
            .Single(e => e.TryGetProperty("activity", out var activity) && activity.TryGetProperty("mark", out _));
        Assert.Equal(("dora", "dora"), (entry.GetProperty("author").GetString(), entry.GetProperty("activity").GetProperty("authenticated_user").GetString()));
    }

    private static async Task<StreamerClient> LoginAsync(TestServer node, string username, string secret)
    {
        var client = await StreamerClient.ConnectAsync(node);
        await client.SendAsync($$"""{"command":"LOGIN","username":"{{username}}","secret":"{{secret}}"}""");
        await client.ExpectAsync("LOGIN_SUCCESS");
        return client;
    }

    private static string? UserOf(JsonElement broadcast) => broadcast.GetProperty("activity").GetProperty("authenticated_user").GetString();

    /// <summary>Three regions in a row.</summary>
    public sealed class Row : IAsyncLifetime
    {
        internal StreamerCluster Cluster { get; private set; } = null!; // Set before any test.

        public async ValueTask InitializeAsync() => Cluster = await StreamerCluster.StartAsync(3);

        public ValueTask DisposeAsync() => Cluster.DisposeAsync();
    }
}
