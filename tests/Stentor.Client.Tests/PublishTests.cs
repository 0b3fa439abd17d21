using System.Text;
using Stentor.Protocol;
using Stentor.Testing;

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
        await socket.OkAsync(frame, region.Outcome("chat", state: "{\"n\":1}"));
        var outcome = await publishing.WaitAsync(Patience.Long);

        Assert.Equal("{\"type\":\"Note\",\"content\":\"hi\"}", frame.GetProperty("activity").GetRawText());
        Assert.Equal((1L, "eu-1", false, 1, "ada"), (outcome.Seq, outcome.Origin.Value, outcome.Duplicate, outcome.Copies, outcome.Author));
        Assert.Equal(1, outcome.State!.Value.GetProperty("n").GetInt32());
        Assert.Equal("eu-1:1", Clients.Show(outcome.Seen));
        Assert.Equal("eu-1:1", Clients.Show(client.Seen!));
    }

    [Fact]
    public async Task A_publish_says_all_that_it_was_given()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var after = SeenToken.Encode(VersionVector.Of(new OriginId("us-1"), 3));

        var publishing = client.PublishAsync(new Publish
        {
            Channel = "scores.curling",
            Activity = "{\"type\":\"Score\"}"u8.ToArray(),
            Effect = new EffectBuilder().Set("home", "SWE").Add("ends", 1).Add("points", -2.5m).Remove("note").Build(),
            IfExists = true,
            IfVersion = 7,
            Id = "end-3",
            After = after,
            Copies = 2,
        });
        var socket = await server.NextSocketAsync();
        var frame = await socket.ReceiveAsync("publish");
        await socket.OkAsync(frame, new FakeRegion().Outcome("scores.curling"));
        await publishing.WaitAsync(Patience.Long);

        Assert.Equal(
            $"{{\"op\":\"publish\",\"ref\":1,\"channel\":\"scores.curling\",\"id\":\"end-3\",\"activity\":{{\"type\":\"Score\"}},"
            + "\"effect\":{\"set\":{\"home\":\"SWE\"},\"add\":{\"ends\":1,\"points\":-2.5},\"remove\":[\"note\"]},"
            + $"\"if\":{{\"exists\":true,\"version\":7}},\"after\":\"{after}\",\"copies\":2}}",
            frame.GetRawText());
    }

    [Fact]
    public async Task A_publish_comes_after_what_its_client_has_seen()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        var first = client.PublishAsync(Publish.Json("chat", "{}"));
        var socket = await server.NextSocketAsync();
        var firstFrame = await socket.ReceiveAsync("publish");
        await socket.OkAsync(firstFrame, region.Outcome("chat"));
        await first.WaitAsync(Patience.Long);
        client.AddSeen(SeenToken.Encode(VersionVector.Of(new OriginId("asia-1"), 4)));
        var second = client.PublishAsync(Publish.Json("chat", "{}"));
        var secondFrame = await socket.ReceiveAsync("publish");
        await socket.OkAsync(secondFrame, region.Outcome("chat"));
        await second.WaitAsync(Patience.Long);

        Assert.False(firstFrame.TryGetProperty("after", out _));
        Assert.Equal("asia-1:4 eu-1:1", Clients.Show(secondFrame.GetProperty("after").GetString()!));
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

    [Fact]
    public async Task Publishes_are_sent_again_in_their_order_and_only_those_without_an_outcome()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        var publishing = Enumerable.Range(1, 5).Select(n => client.PublishAsync(Publish.Json("chat", $"{{\"n\":{n}}}"))).ToArray();
        var socket = await server.NextSocketAsync();
        var first = await socket.ReceiveAsync("publish");
        await socket.ReceiveAsync("publish");
        await socket.OkAsync(first, region.Outcome("chat"));
        await publishing[0].WaitAsync(Patience.Long);
        socket.Cut();
        var again = await server.NextSocketAsync();
        var order = new List<int>();
        for (var i = 0; i < 4; i++)
        {
            var frame = await again.ReceiveAsync("publish");
            order.Add(frame.GetProperty("activity").GetProperty("n").GetInt32());
            await again.OkAsync(frame, region.Outcome("chat"));
        }

        await Task.WhenAll(publishing).WaitAsync(Patience.Long);

        Assert.Equal([2, 3, 4, 5], order);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0xBEEF)]
    public async Task Whatever_is_cut_each_publish_is_recorded_once_and_its_outcome_known(int seed)
    {
        await using var node = new FakeNode(seed, cutChance: 0.02);
        await using var client = Clients.Of(node.Server);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(publisher => Task.Run(async () =>
        {
            var mine = new List<PublishOutcome>();
            for (var i = 0; i < 20; i++)
            {
                mine.Add(await client.PublishAsync(Publish.Json($"chat.{publisher}", "{}")));
            }

            return mine;
        }))).WaitAsync(Patience.Long);

        Assert.Equal(400, node.Ledger.Count);
        Assert.Equal(Enumerable.Range(1, 400).Select(i => (long)i), outcomes.SelectMany(o => o).Select(o => o.Seq).Order());
        Assert.All(outcomes, mine => Assert.Equal(mine.Select(o => o.Seq).Order(), mine.Select(o => o.Seq)));
    }

    [Theory]
    [InlineData(ErrorType.Forbidden, 403)]
    [InlineData(ErrorType.ConditionNotMet, 412)]
    [InlineData(ErrorType.MixedField, 409)]
    public async Task A_refusal_ends_one_publish_and_leaves_the_others_alone(string type, int status)
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        var refused = client.PublishAsync(Publish.Json("chat", "{}"));
        var taken = client.PublishAsync(Publish.Json("chat", "{}"));
        var socket = await server.NextSocketAsync();
        await socket.RefuseAsync(await socket.ReceiveAsync("publish"), type, "not like this");
        await socket.OkAsync(await socket.ReceiveAsync("publish"), region.Outcome("chat"));
        var error = await Assert.ThrowsAsync<StentorException>(() => refused.WaitAsync(Patience.Long));

        Assert.Equal((type, status, "not like this"), (error.Type, error.Status, error.Detail));
        Assert.False(error.IsTransient);
        Assert.Equal(1, (await taken.WaitAsync(Patience.Long)).Seq);
    }

    [Theory]
    [InlineData(ErrorType.NotReady)]
    [InlineData(ErrorType.Behind)]
    [InlineData(ErrorType.RateLimited)]
    public async Task What_a_server_cannot_take_now_is_sent_again_later(string type)
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        var publishing = client.PublishAsync(Publish.Json("chat", "{}"));
        var socket = await server.NextSocketAsync();
        var first = await socket.ReceiveAsync("publish");
        await socket.RefuseAsync(first, type);
        var second = await socket.ReceiveAsync("publish");
        await socket.OkAsync(second, new FakeRegion().Outcome("chat"));
        await publishing.WaitAsync(Patience.Long);

        Assert.Equal(first.GetProperty("id").GetString(), second.GetProperty("id").GetString());
    }

    [Fact]
    public async Task What_a_server_cannot_take_now_goes_to_another_one()
    {
        await using var first = new FakeServer();
        await using var second = new FakeServer();
        await using var client = Clients.Of(first, second);

        var publishing = client.PublishAsync(Publish.Json("chat", "{}"));
        var socket = await first.NextSocketAsync();
        await socket.RefuseAsync(await socket.ReceiveAsync("publish"), ErrorType.NotReady, "The disk is full.");
        var other = await second.NextSocketAsync();
        await other.OkAsync(await other.ReceiveAsync("publish"), new FakeRegion().Outcome("chat"));

        Assert.Equal(1, (await publishing.WaitAsync(Patience.Long)).Seq);
    }

    [Theory]
    [InlineData("chat", "{\"n\":1} trailing")]
    [InlineData("chat", "{\"n\":")]
    [InlineData("chat", "[1]")]
    [InlineData("chat", "{\"n\":1,\"n\":2}")]
    [InlineData("chat", "{\"n\":1e999}")]
    [InlineData("chat", "{\"n\":\"\\u0000\"}")]
    [InlineData("chat", "")]
    [InlineData("no channel", "{}")]
    [InlineData("chat.*", "{}")]
    public async Task What_is_malformed_is_refused_here_since_it_would_end_the_connection_of_the_others(string channel, string activity)
    {
        await using var client = new StentorClient("http://127.0.0.1:1");

        var error = await Assert.ThrowsAsync<StentorException>(() => client.PublishAsync(Publish.Json(channel, activity)));

        Assert.Equal((ErrorType.Malformed, 400), (error.Type, error.Status));
    }

    [Fact]
    public async Task A_publish_longer_than_the_server_takes_is_refused_here()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        var publishing = client.PublishAsync(Publish.Json("chat", $"{{\"text\":\"{new string('x', 3000)}\"}}"));
        var socket = await server.NextSocketAsync(hello: false);
        await socket.SendAsync("""{"op":"hello","node":"n","region":"r","version":"1","limits":{"frameBytesMax":3000}}""");
        var error = await Assert.ThrowsAsync<StentorException>(() => publishing.WaitAsync(Patience.Long));

        Assert.Equal(ErrorType.TooLarge, error.Type);
        Assert.Contains("frame-bytes-max", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_publish_without_an_outcome_in_time_says_how_to_find_out()
    {
        var time = new ManualTime();
        await using var server = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server) with { Time = time, PublishDeadline = TimeSpan.FromSeconds(30) });

        var publishing = client.PublishAsync(Publish.Json("chat", "{}") with { Id = "mine" });
        var socket = await server.NextSocketAsync();
        await socket.ReceiveAsync("publish");
        time.Advance(TimeSpan.FromSeconds(30));
        var error = await Assert.ThrowsAsync<StentorException>(() => publishing.WaitAsync(Patience.Long));

        Assert.Equal(StentorException.Unreachable, error.Type);
        Assert.Contains("'mine'", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_publish_that_never_reached_a_server_says_so_and_why()
    {
        await using var client = new StentorClient(new StentorClientOptions { Addresses = [new("http://127.0.0.1:1")], PublishDeadline = TimeSpan.FromSeconds(1) });

        var error = await Assert.ThrowsAsync<StentorException>(() => client.PublishAsync(Publish.Json("chat", "{}")).WaitAsync(Patience.Long));

        Assert.Equal(StentorException.Unreachable, error.Type);
        Assert.Contains("was not sent", error.Detail, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:1", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_publish_is_not_sent_again()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        using var cancellation = new CancellationTokenSource();

        var cancelled = client.PublishAsync(Publish.Json("chat", "{\"n\":1}"), cancellation.Token);
        var kept = client.PublishAsync(Publish.Json("chat", "{\"n\":2}"));
        var socket = await server.NextSocketAsync();
        await socket.ReceiveAsync("publish");
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(Patience.Long));
        socket.Cut();
        var again = await server.NextSocketAsync();
        var frame = await again.ReceiveAsync("publish");
        await again.OkAsync(frame, new FakeRegion().Outcome("chat"));
        await kept.WaitAsync(Patience.Long);

        Assert.Equal(2, frame.GetProperty("activity").GetProperty("n").GetInt32());
    }

    [Fact]
    public async Task No_more_than_the_window_waits_for_outcomes()
    {
        await using var server = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server) with { PublishWindow = 3 });
        var region = new FakeRegion();

        var publishing = Enumerable.Range(0, 5).Select(n => client.PublishAsync(Publish.Json("chat", $"{{\"n\":{n}}}"))).ToArray();
        var socket = await server.NextSocketAsync();
        var frames = new[] { await socket.ReceiveAsync("publish"), await socket.ReceiveAsync("publish"), await socket.ReceiveAsync("publish") };
        var others = socket.ReceiveAsync("publish");
        Assert.False(others.IsCompleted);
        await socket.OkAsync(frames[0], region.Outcome("chat"));
        await socket.OkAsync(await others, region.Outcome("chat"));
        await socket.OkAsync(frames[1], region.Outcome("chat"));
        await socket.OkAsync(frames[2], region.Outcome("chat"));
        await socket.OkAsync(await socket.ReceiveAsync("publish"), region.Outcome("chat"));

        Assert.Equal(5, (await Task.WhenAll(publishing).WaitAsync(Patience.Long)).Select(o => o.Seq).Distinct().Count());
    }

    [Fact]
    public async Task Many_publishes_give_as_many_results_in_their_order_refusals_among_them()
    {
        await using var node = new FakeNode(seed: 7, cutChance: 0.005);
        await using var client = Clients.Of(node.Server);
        var publishes = Enumerable.Range(0, 3_000).Select(n => Publish.Json(n % 100 == 99 ? "not a channel" : "chat", $"{{\"n\":{n}}}"));

        var results = await client.PublishAsync(publishes.ToAsyncEnumerable()).ToListAsync().AsTask().WaitAsync(Patience.Long);

        Assert.Equal(3_000, results.Count);
        Assert.Equal(Enumerable.Range(0, 3_000).Select(n => $"{{\"n\":{n}}}"), results.Select(r => Encoding.UTF8.GetString(r.Publish.Activity.Span)));
        Assert.All(results.Where((_, n) => n % 100 == 99), r => Assert.Equal(ErrorType.Malformed, r.Error?.Type));
        Assert.Equal(Enumerable.Range(1, 2_970).Select(n => (long)n), results.Where(r => r.Outcome is not null).Select(r => r.Outcome!.Seq));
    }

    [Fact]
    public async Task What_goes_wrong_in_the_source_of_many_publishes_comes_out_behind_the_results()
    {
        await using var node = new FakeNode(seed: 8, cutChance: 0);
        await using var client = Clients.Of(node.Server);
        var results = new List<PublishResult>();

        static async IAsyncEnumerable<Publish> Broken()
        {
            yield return Publish.Json("chat", "{}");
            await Task.Yield();
            throw new InvalidDataException("line 2");
        }

        var publishing = Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (var result in client.PublishAsync(Broken()))
            {
                results.Add(result);
            }
        });
        await publishing.WaitAsync(Patience.Long);

        Assert.Equal(1, Assert.Single(results).Outcome?.Seq);
    }

    [Fact]
    public async Task Leaving_many_publishes_early_leaves_their_source()
    {
        await using var node = new FakeNode(seed: 9, cutChance: 0);
        await using var client = new StentorClient(Clients.Options(node.Server) with { PublishWindow = 10 });
        var left = new TaskCompletionSource();

        async IAsyncEnumerable<Publish> Endless()
        {
            try
            {
                while (true)
                {
                    await Task.Yield();
                    yield return Publish.Json("chat", "{}");
                }
            }
            finally
            {
                left.SetResult();
            }
        }

        await foreach (var result in client.PublishAsync(Endless()))
        {
            Assert.Null(result.Error);
            break;
        }

        await left.Task.WaitAsync(Patience.Long);
    }

    [Fact]
    public async Task A_server_that_closes_for_good_ends_what_is_pending_and_the_next_publish_tries_anew()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        var publishing = client.PublishAsync(Publish.Json("chat", "{}"));
        var socket = await server.NextSocketAsync();
        await socket.ReceiveAsync("publish");
        await socket.CloseAsync(3500, "ended");
        var error = await Assert.ThrowsAsync<StentorException>(() => publishing.WaitAsync(Patience.Long));
        var next = client.PublishAsync(Publish.Json("chat", "{}"));
        var again = await server.NextSocketAsync();
        await again.OkAsync(await again.ReceiveAsync("publish"), new FakeRegion().Outcome("chat"));

        Assert.Equal(ErrorType.Unauthenticated, error.Type);
        Assert.Equal(1, (await next.WaitAsync(Patience.Long)).Seq);
    }

    [Fact]
    public async Task A_refused_login_ends_publishes_with_the_refusal()
    {
        await using var server = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server) with { Username = "ada", Secret = "wr0ng" });

        var publishing = client.PublishAsync(Publish.Json("chat", "{}"));
        var socket = await server.NextSocketAsync();
        await socket.RefuseAsync(await socket.ReceiveAsync("login"), ErrorType.Unauthenticated, "Wrong username or secret.");
        var error = await Assert.ThrowsAsync<StentorException>(() => publishing.WaitAsync(Patience.Long));

        Assert.Equal("Wrong username or secret.", error.Detail);
        Assert.DoesNotContain("wr0ng", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposing_the_client_ends_what_is_pending_and_says_goodbye()
    {
        await using var server = new FakeServer();
        var client = Clients.Of(server);

        var publishing = client.PublishAsync(Publish.Json("chat", "{}"));
        var socket = await server.NextSocketAsync();
        await socket.ReceiveAsync("publish");
        await client.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => publishing.WaitAsync(Patience.Long));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.PublishAsync(Publish.Json("chat", "{}")));
        Assert.Null(await socket.ReceiveAnyAsync());
        Assert.Equal(1000, socket.CloseCode);
    }

    [Fact]
    public async Task Ids_of_two_clients_never_meet()
    {
        await using var server = new FakeServer();
        var ids = new List<string>();
        foreach (var _ in Enumerable.Range(0, 2))
        {
            await using var client = Clients.Of(server);
            var publishing = client.PublishAsync(Publish.Json("chat", "{}"));
            var socket = await server.NextSocketAsync();
            var frame = await socket.ReceiveAsync("publish");
            await socket.OkAsync(frame, new FakeRegion().Outcome("chat"));
            await publishing.WaitAsync(Patience.Long);
            ids.Add(frame.GetProperty("id").GetString()!);
        }

        Assert.NotEqual(ids[0], ids[1]);
        Assert.All(ids, id => Assert.Matches("^[0-9a-f]{32}-1$", id));
    }

    [Fact]
    public void A_line_of_NDJSON_is_a_publish()
    {
        var publish = Publish.Parse("chat", "{\"activity\": {\"n\": 1}, \"effect\": {\"add\": {\"n\": 2}}, \"if\": {\"version\": 3}, \"id\": \"a\", \"copies\": 2}"u8.ToArray());
        var error = Assert.Throws<StentorException>(() => Publish.Parse("chat", "{\"actvity\": {}}"u8.ToArray()));

        Assert.Equal(("{\"n\": 1}", 3L, "a", 2), (Encoding.UTF8.GetString(publish.Activity.Span), publish.IfVersion, publish.Id, publish.Copies));
        Assert.Equal("n", Assert.Single(publish.Effect!.Add).Field);
        Assert.Equal(ErrorType.Malformed, error.Type);
    }

    [Fact]
    public void An_effect_takes_each_field_once_and_at_least_one()
    {
        Assert.Throws<InvalidOperationException>(() => new EffectBuilder().Build());
        Assert.Throws<ArgumentException>(() => new EffectBuilder().Set("a", 1).Add("a", 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EffectBuilder().Add("a", 0.0000000001m));
    }
}
