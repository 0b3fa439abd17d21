using Stentor.Protocol;

namespace Stentor.Client.Tests;

public sealed class RealServerTests
{
    [Fact]
    public async Task What_is_published_is_read_subscribed_to_and_folded()
    {
        await using var server = await RealServer.StartAsync();
        await using var client = await ClientAsync(server.Address);

        await using var subscription = client.Subscribe("scores.*");
        await subscription.OpenAsync().WaitAsync(Patience.Long);
        var effect = new EffectBuilder().Set("home", "SWE").Add("points", 2).Build();
        var outcome = await client.PublishAsync(Publish.Json("scores.curling", "{\"type\":\"Score\", \"end\":3}") with { Effect = effect, IfExists = false });
        var received = Assert.Single(await subscription.TakeAsync(1));
        var page = await client.ReadAsync("scores.>");
        var state = await client.GetStateAsync("scores.curling");
        var unchanged = await client.GetStateAsync("scores.curling");
        await client.PublishAsync(Publish.Of("scores.curling", new EffectBuilder().Add("points", 3).Build()));
        var changed = await client.GetStateAsync("scores.curling");
        var channels = await client.ListChannelsAsync("scores.>").ToListAsync();
        var conflicts = await client.GetConflictsAsync("scores.curling");
        var cluster = await client.GetClusterAsync();

        Assert.Equal((2L, "ada", false), (outcome.Seq, outcome.Author, outcome.Duplicate));
        Assert.Equal(2, outcome.State!.Value.GetProperty("points").GetInt32());
        Assert.Equal(("scores.curling", outcome.Seq, outcome.Time), (received.Channel, received.Seq, received.Time));
        Assert.Equal("{\"type\":\"Score\",\"end\":3}", received.Json.GetRawText());
        Assert.Equal(received.Entry.Bytes.ToArray(), Assert.Single(page.Activities).Entry.Bytes.ToArray());
        Assert.Equal(("SWE", 2), (state!.Field<string>("home"), state.Field<int>("points")));
        Assert.Equal(state.Version, unchanged!.Version);
        Assert.Equal((2L, 5), (changed!.Version, changed.Field<int>("points")));
        Assert.Equal(("scores.curling", 2L), (Assert.Single(channels).Channel, channels[0].Version));
        Assert.Equal(0, conflicts.GetProperty("conflicts").GetArrayLength());
        Assert.Equal("eu", cluster.GetProperty("region").GetString());
    }

    [Fact]
    public async Task Refusals_come_with_the_servers_words()
    {
        await using var server = await RealServer.StartAsync();
        await using var client = await ClientAsync(server.Address);
        await using var anonymous = new StentorClient(Options(server.Address));
        await using var wrong = new StentorClient(Options(server.Address) with { Username = "ada", Secret = "wr0ng" });
        await client.PublishAsync(Publish.Of("scores", new EffectBuilder().Add("points", 1).Build()));

        async Task RefusedAsync(string type, Func<Task> act)
        {
            var error = await Assert.ThrowsAsync<StentorException>(() => act().WaitAsync(Patience.Long));
            Assert.Equal((type, ErrorType.StatusOf(type)), (error.Type, error.Status));
            Assert.NotEqual("", error.Detail);
            Assert.DoesNotContain("wr0ng", error.ToString(), StringComparison.Ordinal);
        }

        await RefusedAsync(ErrorType.ConditionNotMet, () => client.PublishAsync(Publish.Json("scores", "{}") with { IfExists = false }));
        await RefusedAsync(ErrorType.MixedField, () => client.PublishAsync(Publish.Of("scores", new EffectBuilder().Set("points", 1).Build())));
        await RefusedAsync(ErrorType.TooLarge, () => client.PublishAsync(Publish.Json("scores", $"{{\"text\":\"{new string('x', 70_000)}\"}}")));
        await RefusedAsync(ErrorType.TooLarge, () => client.PublishAsync(Publish.Json("scores", $"{{\"text\":\"{new string('x', 300_000)}\"}}")));
        await RefusedAsync(ErrorType.Forbidden, () => client.PublishAsync(Publish.Json("_accounts.ada", "{}")));
        await RefusedAsync(ErrorType.Unauthenticated, () => anonymous.PublishAsync(Publish.Json("scores", "{}")));
        await RefusedAsync(ErrorType.Unauthenticated, () => wrong.PublishAsync(Publish.Json("scores", "{}")));
        await RefusedAsync(ErrorType.Unauthenticated, () => wrong.GetStateAsync("scores"));
        await RefusedAsync(ErrorType.Unauthenticated, () => wrong.Subscribe("scores").OpenAsync());
        await RefusedAsync(ErrorType.Forbidden, () => client.Subscribe("_accounts.>").OpenAsync());
        await RefusedAsync(ErrorType.NotFound, () => client.ReadAsync("nothing"));
        await RefusedAsync(ErrorType.NotFound, () => client.ReadInboxAsync("nothing").ToListAsync().AsTask());
        await RefusedAsync(ErrorType.Taken, () => client.RegisterAsync("ada", "other"));
        Assert.Null(await client.GetStateAsync("nothing"));
    }

    [Fact]
    public async Task A_session_takes_the_place_of_the_secret_until_it_is_closed()
    {
        await using var server = await RealServer.StartAsync();
        await using var client = await ClientAsync(server.Address);

        var session = await client.OpenSessionAsync();
        await using var inSession = new StentorClient(Options(server.Address) with { Token = session.Token });
        var outcome = await inSession.PublishAsync(Publish.Json("chat", "{}"));
        await inSession.CloseSessionAsync(session.Token);
        var error = await Assert.ThrowsAsync<StentorException>(() => inSession.GetStateAsync("chat"));

        Assert.Equal("ada", outcome.Author);
        Assert.Equal(ErrorType.Unauthenticated, error.Type);
    }

    [Fact]
    public async Task The_same_id_is_recorded_once_whichever_client_sends_it()
    {
        await using var server = await RealServer.StartAsync();
        await using var first = await ClientAsync(server.Address);
        await using var second = new StentorClient(Options(server.Address) with { Username = "ada", Secret = "lace" });

        var outcome = await first.PublishAsync(Publish.Json("chat", "{\"n\":1}") with { Id = "mine" });
        var again = await second.PublishAsync(Publish.Json("chat", "{\"n\":1}") with { Id = "mine" });

        Assert.Equal((false, true), (outcome.Duplicate, again.Duplicate));
        Assert.Equal((outcome.Origin, outcome.Seq, outcome.Time), (again.Origin, again.Seq, again.Time));
        Assert.Single((await first.ReadAsync("chat")).Activities);
    }

    [Fact]
    public async Task An_inbox_keeps_what_its_owner_has_not_handled()
    {
        await using var server = await RealServer.StartAsync();
        await using var client = await ClientAsync(server.Address);
        await client.PutInboxAsync("alerts", ["chat.>"]);
        for (var n = 0; n < 250; n++)
        {
            await client.PublishAsync(Publish.Json(n % 2 == 0 ? "chat.a" : "other", $"{{\"n\":{n}}}"));
        }

        var first = await client.ReadInboxAsync("alerts").Take(110).ToListAsync();
        var second = await client.ReadInboxAsync("alerts").Take(15).ToListAsync();

        // The hundred and tenth was handed out, not handled: nobody asked for the one after it.
        Assert.Equal(Enumerable.Range(0, 110).Select(n => 2 * n), first.Select(a => a.Json.GetProperty("n").GetInt32()));
        Assert.Equal(Enumerable.Range(109, 15).Select(n => 2 * n), second.Take(15).Select(a => a.Json.GetProperty("n").GetInt32()));
    }

    [Fact]
    public async Task History_that_was_recycled_is_a_hole_that_shows()
    {
        await using var server = await RealServer.StartAsync(o => o with { SegmentBytes = 64 * 1024, RetainBytes = 64 * 1024, Node = o.Node with { CheckpointInterval = TimeSpan.FromMilliseconds(100) } });
        await using var client = await ClientAsync(server.Address);
        var first = await client.PublishAsync(Publish.Json("chat", "{}"));
        var text = new string('x', 1000);
        var gaps = new List<Gap>();
        while ((await client.ReadAsync("chat", new ReadOptions { After = first.Seen, Limit = 1 })).Gaps.Count == 0)
        {
            // A segment is recycled some time after the state that it made is check-pointed.
            await client.PublishAsync(Enumerable.Range(0, 100).Select(n => Publish.Json("chat", $"{{\"text\":\"{text}\"}}")).ToAsyncEnumerable()).CountAsync();
        }

        var received = await client.Subscribe("chat", new SubscribeOptions { After = first.Seen, OnGap = gaps.Add }).TakeAsync(1);
        var error = await Assert.ThrowsAsync<StentorException>(() => client.Subscribe("chat", new SubscribeOptions { After = first.Seen }).TakeAsync(1));
        var held = await client.Subscribe("chat", new SubscribeOptions { After = SubscribeOptions.Start }).TakeAsync(1);

        Assert.NotEmpty(gaps);
        Assert.True(received[0].Seq > first.Seq + 1);
        Assert.Equal(StentorException.Gap, error.Type);
        Assert.True(held[0].Seq >= received[0].Seq);
    }

    [Theory]
    [InlineData(0xC0FFEE)]
    [InlineData(17)]
    public async Task Whatever_is_cut_between_them_each_publish_is_recorded_once_and_shown_once(int seed)
    {
        await using var server = await RealServer.StartAsync();
        await using var relay = new Relay(server.Address, seed, cutBytes: 40_000);
        await using var reader = new StentorClient(Options(relay.Address));

        // A window that goes through between two cuts: otherwise all answers are lost, however often it is sent.
        await using var writer = await ClientAsync(server.Address, relay.Address, window: 50);

        await using var subscription = reader.Subscribe("chat.>");
        await subscription.OpenAsync().WaitAsync(Patience.Long);
        var reading = subscription.TakeAsync(2_000);
        var results = await writer.PublishAsync(Enumerable.Range(0, 2_000).Select(n => Publish.Json($"chat.{n % 7}", $"{{\"n\":{n}}}")).ToAsyncEnumerable()).ToListAsync();
        var received = await reading;

        Assert.All(results, r => Assert.Null(r.Error));
        Assert.Equal(Enumerable.Range(0, 2_000), received.Select(r => r.Json.GetProperty("n").GetInt32()));
        Assert.Equal(results.Select(r => r.Outcome!.Seq), received.Select(r => r.Seq));
        Assert.True(relay.Cuts > 5, $"{relay.Cuts} cuts are no test");
    }

    [Fact]
    public async Task A_server_that_stops_and_starts_again_is_no_matter()
    {
        await using var server = await RealServer.StartAsync();
        await using var relay = new Relay(server.Address);
        await using var client = await ClientAsync(server.Address, relay.Address);

        await using var subscription = client.Subscribe("chat");
        await subscription.OpenAsync().WaitAsync(Patience.Long);
        var reading = subscription.TakeAsync(600);
        var progress = new SemaphoreSlim(0);
        var publishing = PublishAsync(client, 600, progress);
        for (var stops = 0; stops < 3; stops++)
        {
            Assert.True(await progress.WaitAsync(Patience.Long));
            await server.StopAsync();
            await server.StartAgainAsync();
            relay.Target = server.Address;
        }

        var outcomes = await publishing;
        var received = await reading;

        Assert.Equal(outcomes.Select(o => o.Seq), received.Select(r => r.Seq));
    }

    [Fact]
    public async Task A_server_that_is_killed_and_started_again_is_no_matter()
    {
        var data = Directory.CreateTempSubdirectory("stentor-client-").FullName;
        var server = await ServerProcess.StartAsync(data);
        try
        {
            await using var relay = new Relay(server.Address);
            await using var client = await ClientAsync(server.Address, relay.Address);

            await using var subscription = client.Subscribe("chat");
            await subscription.OpenAsync().WaitAsync(Patience.Long);
            var reading = subscription.TakeAsync(600);
            var progress = new SemaphoreSlim(0);
            var publishing = PublishAsync(client, 600, progress);
            for (var kills = 0; kills < 2; kills++)
            {
                Assert.True(await progress.WaitAsync(Patience.Long));
                await server.DisposeAsync();
                server = await ServerProcess.StartAsync(data);
                relay.Target = server.Address;
            }

            var outcomes = await publishing;
            var received = await reading;

            Assert.Equal(600, outcomes.Select(o => o.Seq).Distinct().Count());
            Assert.Equal(outcomes.Select(o => o.Seq), received.Select(r => r.Seq));
        }
        finally
        {
            await server.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }
    }

    /// <summary>One after the other, each when the one before is recorded; every hundredth is told.</summary>
    private static async Task<List<PublishOutcome>> PublishAsync(StentorClient client, int count, SemaphoreSlim progress)
    {
        var outcomes = new List<PublishOutcome>();
        for (var n = 0; n < count; n++)
        {
            outcomes.Add(await client.PublishAsync(Publish.Json("chat", $"{{\"n\":{n}}}")));
            if (n % 100 == 99)
            {
                progress.Release();
            }
        }

        return outcomes;
    }

    private static StentorClientOptions Options(Uri address) => new()
    {
        Addresses = [address],
        ReconnectDelayMin = TimeSpan.FromMilliseconds(5),
        ReconnectDelayMax = TimeSpan.FromMilliseconds(50),
    };

    /// <summary>A client who is registered at a server, and talks to it there or through a relay.</summary>
    private static async Task<StentorClient> ClientAsync(Uri server, Uri? relay = null, int window = 1_000)
    {
        await using var stranger = new StentorClient(Options(server));
        await stranger.RegisterAsync("ada", "lace");
        return new StentorClient(Options(relay ?? server) with { Username = "ada", Secret = "lace", PublishWindow = window });
    }
}
