using System.Diagnostics;
using System.Text.Json;
using Stentor.Protocol;
using Stentor.Testing;

namespace Stentor.Gateways.Tests.Sockets;

/// <summary>What a session promises, over each transport alike.</summary>
public sealed class SessionTests(TestServer server) : IClassFixture<TestServer>
{
    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task The_first_frame_says_who_speaks_and_within_which_limits(string transport)
    {
        await using var client = await FrameClient.ConnectAsync(server, transport);

        Assert.Equal("hello", FrameClient.Op(client.Hello));
        Assert.Equal(server.Server.Node.Name, client.Hello.GetProperty("node").GetString());
        Assert.Equal("eu", client.Hello.GetProperty("region").GetString());
        Assert.NotEmpty(client.Hello.GetProperty("version").GetString()!);
        Assert.Equal(Limits.Default.FrameBytesMax, client.Hello.GetProperty("limits").GetProperty("frameBytesMax").GetInt32());
        Assert.Equal(25, client.Hello.GetProperty("heartbeat").GetDouble());
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_publish_is_answered_with_its_outcome(string transport)
    {
        await using var client = await FrameClient.ConnectAsync(server, transport, server.Operator);
        var channel = $"scores.{transport}";

        var first = await client.AskAsync($$$"""{"op":"publish","ref":1,"channel":"{{{channel}}}","effect":{"add":{"home":2}},"id":"one-{{{transport}}}"}""");
        var again = await client.AskAsync($$$"""{"op":"publish","ref":2,"channel":"{{{channel}}}","effect":{"add":{"home":2}},"id":"one-{{{transport}}}"}""");
        var plain = await client.AskAsync($$$"""{"op":"publish","ref":3,"channel":"{{{channel}}}","activity":{"n":1}}""");

        Assert.Equal(["op", "ref", "channel", "origin", "seq", "lamport", "time", "author", "duplicate", "copies", "state", "seen"], first.EnumerateObject().Select(p => p.Name));
        Assert.Equal((1, channel, "operator", false, 1), (first.GetProperty("ref").GetInt32(), first.GetProperty("channel").GetString(), first.GetProperty("author").GetString(), first.GetProperty("duplicate").GetBoolean(), first.GetProperty("copies").GetInt32()));
        Assert.Equal("""{"home":2}""", first.GetProperty("state").GetRawText());
        Assert.True(again.GetProperty("duplicate").GetBoolean());
        Assert.Equal(first.GetProperty("seq").GetInt64(), again.GetProperty("seq").GetInt64());
        Assert.False(plain.TryGetProperty("state", out _));
        Assert.Equal(first.GetProperty("seq").GetInt64() + 1, plain.GetProperty("seq").GetInt64());
        Assert.True(SeenToken.TryDecode(plain.GetProperty("seen").GetString(), out _));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_ref_comes_back_as_it_was_sent(string transport)
    {
        await using var client = await FrameClient.ConnectAsync(server, transport, server.Operator);
        string[] refs = ["0", "7", "-1", "1.50", "1e3", "12345678901234567890", "\"\"", "\"a b\"", "\"\\u00e4\"", "\"ä\""];

        foreach (var reference in refs)
        {
            var publish = await client.AskAsync($$$"""{"op":"publish","ref":{{{reference}}},"channel":"refs","activity":{}}""");
            var ping = await client.AskAsync($$$"""{"op":"ping","ref":{{{reference}}}}""");
            var refused = await client.AskAsync($$$"""{"op":"publish","channel":"_accounts.x","activity":{},"ref":{{{reference}}}}""");

            Assert.Equal([reference, reference, reference], new[] { publish, ping, refused }.Select(f => f.GetProperty("ref").GetRawText()));
        }

        Assert.False((await client.AskAsync("""{"op":"publish","channel":"refs","activity":{}}""")).TryGetProperty("ref", out _));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task Many_publishes_sent_at_once_are_answered_in_their_order_and_recorded_in_it(string transport)
    {
        await using var reader = await FrameClient.ConnectAsync(server, transport);
        await using var client = await FrameClient.ConnectAsync(server, transport, server.Operator);
        Assert.Equal("ok", FrameClient.Op(await reader.AskAsync($$"""{"op":"subscribe","channels":["many.{{transport}}"]}""")));

        await client.SendAsync([.. Enumerable.Range(0, 2000).Select(n => $$$"""{"op":"publish","ref":{{{(n % 3 == 0 ? $"\"{n}\"" : $"{n}")}}},"channel":"many.{{{transport}}}","activity":{"n":{{{n}}}}}""")]);
        var answers = await client.ReceiveAsync(2000);
        var entries = await reader.ReceiveAsync(2000);

        Assert.Equal(Enumerable.Range(0, 2000).Select(n => $"{n}"), answers.Select(a => a.GetProperty("ref").ToString()));
        Assert.Equal(answers.Select(a => a.GetProperty("seq").GetInt64()).Order(), answers.Select(a => a.GetProperty("seq").GetInt64()));
        Assert.Equal(Enumerable.Range(0, 2000), entries.Select(FrameClient.NumberOf));
    }

    [Fact]
    public async Task A_publish_that_waits_for_copies_keeps_its_ref_while_others_overtake_it()
    {
        await using var linked = await TestServer.StartAsync(options => options with
        {
            Node = options.Node with { ClusterSecret = "sixteen or more characters"u8.ToArray(), CopiesWait = TimeSpan.FromMilliseconds(300) },
        });
        await using var client = await FrameClient.ConnectAsync(linked, "tcp", linked.Operator);

        await client.SendAsync(
            """{"op":"publish","ref":"waits","channel":"refs","activity":{},"copies":2}""",
            """{"op":"publish","ref":"soon","channel":"refs","activity":{}}""");
        var answers = await client.ReceiveAsync(2);

        Assert.Equal(["soon", "waits"], answers.Select(a => a.GetProperty("ref").GetString()));
        Assert.Equal(answers[0].GetProperty("seq").GetInt64() - 1, answers[1].GetProperty("seq").GetInt64());
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task Subscriptions_bring_what_they_name_from_where_they_start(string transport)
    {
        await using var client = await FrameClient.ConnectAsync(server, transport, server.Operator);
        var channel = $"log.{transport}";
        await client.AskAsync($$$"""{"op":"publish","channel":"{{{channel}}}","activity":{"n":1}}""");
        var token = (await client.AskAsync($$$"""{"op":"publish","channel":"{{{channel}}}","activity":{"n":2}}""")).GetProperty("seen").GetString();
        await client.AskAsync($$$"""{"op":"publish","channel":"{{{channel}}}","activity":{"n":3}}""");

        foreach (var (after, numbers) in new (string After, int[] Numbers)[] { ("start", [1, 2, 3]), (token!, [3]), ("now", []) })
        {
            await using var reader = await FrameClient.ConnectAsync(server, transport);
            var ok = await reader.AskAsync($$"""{"op":"subscribe","ref":"s","channels":["{{channel}}"],"after":"{{after}}"}""");
            Assert.Equal("s", ok.GetProperty("ref").GetString());
            Assert.True(SeenToken.TryDecode(ok.GetProperty("seen").GetString(), out _));
            Assert.Equal(numbers, (await reader.ReceiveAsync(numbers.Length)).Select(FrameClient.NumberOf));
        }
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task Unsubscribing_ends_what_it_names_and_nothing_else(string transport)
    {
        await using var client = await FrameClient.ConnectAsync(server, transport, server.Operator);
        await client.AskAsync($$"""{"op":"subscribe","channels":["a.{{transport}}","b.{{transport}}"]}""");

        Assert.Equal("ok", FrameClient.Op(await client.AskAsync($$"""{"op":"unsubscribe","channels":["a.{{transport}}"]}""")));
        await client.SendAsync($$$"""{"op":"publish","channel":"a.{{{transport}}}","activity":{"n":1}}""", $$$"""{"op":"publish","channel":"b.{{{transport}}}","activity":{"n":2}}""");
        var frames = await client.ReceiveAsync(3);

        Assert.Equal([2], frames.Where(f => FrameClient.Op(f) == "activity").Select(FrameClient.NumberOf));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_login_says_who_publishes_from_then_on(string transport)
    {
        var user = await server.RegisterAsync($"ann-{transport}");
        var opened = await server.SendAsync(HttpMethod.Post, "/v1/sessions", user: user);
        await using var client = await FrameClient.ConnectAsync(server, transport);

        var anonymous = await client.AskAsync("""{"op":"publish","ref":1,"channel":"login","activity":{}}""");
        var inbox = await client.AskAsync("""{"op":"subscribe","ref":7,"inbox":"mine"}""");
        var ack = await client.AskAsync("""{"op":"ack","ref":8,"inbox":"mine","seen":"AVLQ"}""");
        var wrong = await client.AskAsync($$"""{"op":"login","ref":2,"username":"{{user.Username}}","secret":"wrong"}""");
        var right = await client.AskAsync($$"""{"op":"login","ref":3,"username":"{{user.Username}}","secret":"{{user.Secret}}"}""");
        var known = await client.AskAsync("""{"op":"publish","ref":4,"channel":"login","activity":{}}""");
        var token = await client.AskAsync($$"""{"op":"login","ref":5,"token":"{{opened["token"].GetString()}}"}""");
        var noToken = await client.AskAsync("""{"op":"login","ref":6,"token":"none"}""");

        Assert.Equal((ErrorType.Unauthenticated, ErrorType.Unauthenticated, ErrorType.Unauthenticated), (TypeOf(anonymous), TypeOf(wrong), TypeOf(noToken)));
        Assert.Equal((ErrorType.Unauthenticated, ErrorType.Unauthenticated), (TypeOf(inbox), TypeOf(ack)));
        Assert.Equal(("ok", "ok"), (FrameClient.Op(right), FrameClient.Op(token)));
        Assert.Equal(user.Username, known.GetProperty("author").GetString());
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_refusal_says_why_and_the_connection_goes_on(string transport)
    {
        await using var client = await FrameClient.ConnectAsync(server, transport, server.Operator);
        var channel = $"refused.{transport}";
        await client.AskAsync($$$$"""{"op":"publish","channel":"{{{{channel}}}}","effect":{"set":{"plain":1}}}""");

        foreach (var (frame, type) in new (string, string)[]
        {
            ($$$"""{"op":"publish","ref":1,"channel":"{{{channel}}}","activity":{},"if":{"exists":false}}""", ErrorType.ConditionNotMet),
            ($$$$"""{"op":"publish","ref":1,"channel":"{{{{channel}}}}","effect":{"add":{"plain":1}}}""", ErrorType.MixedField),
            ($$$$"""{"op":"publish","ref":1,"channel":"{{{{channel}}}}","effect":{"set":{"both":1},"add":{"both":1}}}""", ErrorType.MixedField),
            ("""{"op":"publish","ref":1,"channel":"_sessions.x","activity":{}}""", ErrorType.Forbidden),
            ("""{"op":"subscribe","ref":1,"channels":["_accounts.>"]}""", ErrorType.Forbidden),
            ("""{"op":"subscribe","ref":1,"inbox":"none"}""", ErrorType.NotFound),
            ("""{"op":"ack","ref":1,"inbox":"none","seen":"AVLQ"}""", ErrorType.NotFound),
            ($$$"""{"op":"publish","ref":1,"channel":"{{{channel}}}","activity":{"pad":"{{{new string('x', 70_000)}}}"}}""", ErrorType.TooLarge),
            ($$"""{"op":"subscribe","ref":1,"channels":[{{string.Join(',', Enumerable.Repeat("\"a\"", 1001))}}]}""", ErrorType.TooLarge),
        })
        {
            var answer = await client.AskAsync(frame);
            Assert.Equal((1, type), (answer.GetProperty("ref").GetInt32(), TypeOf(answer)));
            Assert.NotEmpty(answer.GetProperty("detail").GetString()!);
        }

        Assert.Equal("ok", FrameClient.Op(await client.AskAsync("""{"op":"ping","ref":2}""")));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task An_inbox_goes_on_where_it_was_acknowledged(string transport)
    {
        var user = await server.RegisterAsync($"bea-{transport}");
        var channel = $"inbox.{transport}";
        Assert.Equal(201, (await server.SendAsync(HttpMethod.Put, "/v1/inboxes/mine", $$"""{"channels":["{{channel}}"]}""", user: user)).Status);
        var first = await server.PublishAsync(channel, """{"activity":{"n":1}}""");
        await server.PublishAsync(channel, """{"activity":{"n":2}}""");
        await using var client = await FrameClient.ConnectAsync(server, transport, user);

        Assert.Equal("ok", FrameClient.Op(await client.AskAsync($$"""{"op":"ack","ref":1,"inbox":"mine","seen":"{{first.Seen}}"}""")));
        Assert.Equal("ok", FrameClient.Op(await client.AskAsync("""{"op":"subscribe","ref":2,"inbox":"mine"}""")));

        Assert.Equal(2, FrameClient.NumberOf(await client.ReceiveAsync()));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_malformed_frame_is_answered_and_ends_the_connection(string transport)
    {
        string[] frames =
        [
            "{", "[]", "1", "\"x\"", "null", "nonsense", "{}", """{"op":1}""", """{"op":"none"}""", """{"op":"ping","op":"ping"}""", """{"op":"ping","more":1}""",
            """{"op":"ping"} {"op":"ping"}""", """{"op":"ping","ref":{}}""", """{"op":"ping","ref":true}""", $$"""{"op":"ping","ref":"{{new string('x', 70)}}"}""",
            """{"op":"publish"}""", """{"op":"publish","channel":"a"}""", """{"op":"publish","channel":"a b","activity":{}}""", """{"op":"publish","channel":"a.>","activity":{}}""",
            """{"op":"publish","channel":"","activity":{}}""", """{"op":"publish","channel":5,"activity":{}}""", """{"op":"publish","channel":"a","activity":[]}""",
            """{"op":"publish","channel":"a","activity":{"n":1e999}}""", """{"op":"publish","channel":"a","activity":{"a":1,"a":2}}""", """{"op":"publish","channel":"a","activity":{"t":"\u0000"}}""",
            """{"op":"publish","channel":"a","activity":{"t":"\ud800"}}""", $$"""{"op":"publish","channel":"a","activity":{{string.Concat(Enumerable.Repeat("{\"a\":", 10_000))}}""",
            """{"op":"publish","channel":"a","activity":{},"after":"x"}""", """{"op":"publish","channel":"a","activity":{},"copies":0}""", """{"op":"publish","channel":"a","effect":{}}""",
            """{"op":"publish","channel":"a","activity":{},"channels":["a"]}""", """{"op":"subscribe"}""", """{"op":"subscribe","channels":[]}""", """{"op":"subscribe","channels":"a"}""",
            """{"op":"subscribe","channels":[1]}""", """{"op":"subscribe","channels":["a..b"]}""", """{"op":"subscribe","channels":["a"],"after":"x"}""", """{"op":"unsubscribe"}""",
            """{"op":"login"}""", """{"op":"login","username":"a"}""", """{"op":"login","username":"a","secret":"b","token":"c"}""", """{"op":"ack","inbox":"a"}""", """{"op":"ack","inbox":"a","seen":"x"}""",
        ];

        foreach (var frame in frames)
        {
            await using var client = await FrameClient.ConnectAsync(server, transport, server.Operator);
            await client.SendAsync(frame, """{"op":"ping","ref":"never"}""");
            var answers = await client.ReadToEndAsync();

            Assert.Equal((frame, 1, "malformed"), (frame, answers.Count, TypeOf(answers[0])));
            Assert.Equal(transport == "tcp" ? 0 : 3501, client.CloseCode);
        }
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task What_was_published_before_a_malformed_frame_is_recorded_and_answered(string transport)
    {
        await using var client = await FrameClient.ConnectAsync(server, transport, server.Operator);

        await client.SendAsync([.. Enumerable.Range(0, 100).Select(n => $$$"""{"op":"publish","ref":{{{n}}},"channel":"before","activity":{}}"""), "{"]);
        var answers = await client.ReadToEndAsync();

        // The error comes last: whoever stops reading at it has missed no outcome.
        Assert.Equal(Enumerable.Range(0, 100), answers.SkipLast(1).Select(a => a.GetProperty("ref").GetInt32()));
        Assert.Equal(ErrorType.Malformed, TypeOf(answers[^1]));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_frame_over_the_limit_ends_the_connection_with_the_limits_name(string transport)
    {
        await using var client = await FrameClient.ConnectAsync(server, transport);

        await client.SendAsync($$"""{"op":"ping","ref":"{{new string('x', 10_000_000)}}"}""");
        var answers = await client.ReadToEndAsync();

        Assert.Equal(ErrorType.TooLarge, TypeOf(Assert.Single(answers)));
        Assert.Contains("frame-bytes-max", answers[0].GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(transport == "tcp" ? 0 : 3504, client.CloseCode);
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_subscription_after_what_the_region_has_not_seen_is_refused_as_behind(string transport)
    {
        await using var patient = await TestServer.StartAsync(o => o with { Node = o.Node with { CatchUpWait = TimeSpan.FromMilliseconds(50) } });
        await using var client = await FrameClient.ConnectAsync(patient, transport);
        var future = SeenToken.Encode(VersionVector.Of(new OriginId("mars-1"), 5));

        var answer = await client.AskAsync($$"""{"op":"subscribe","ref":1,"channels":["a"],"after":"{{future}}"}""");

        Assert.Equal(ErrorType.Behind, TypeOf(answer));
        Assert.Equal("""{"mars-1":5}""", answer.GetProperty("missing").GetRawText());
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_silent_connection_is_asked_for_a_sign_of_life_and_then_given_up(string transport)
    {
        await using var brisk = await TestServer.StartAsync(o => o with { Node = o.Node with { Heartbeat = TimeSpan.FromMilliseconds(300), HeartbeatGrace = TimeSpan.FromMilliseconds(1500) } });
        await using var silent = await RawClient.OpenAsync(brisk, transport);
        await using var alive = await FrameClient.ConnectAsync(brisk, transport);

        for (var i = 0; i < 8; i++)
        {
            Assert.Equal("ping", FrameClient.Op(await alive.ReceiveAsync()));
            await alive.SendAsync(i % 2 == 0 ? """{"op":"pong"}""" : """{"op":"ping"}""");
            if (i % 2 == 1)
            {
                Assert.Equal("ok", FrameClient.Op(await alive.ReceiveAsync()));
            }
        }

        Assert.Contains("\"op\":\"ping\"", await silent.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Contains(brisk.Logs.Messages, m => m.Contains("no sign of life", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task Another_connection_does_not_get_around_the_limit_of_publishes(string transport)
    {
        await using var limited = await TestServer.StartAsync(o => o with { RateLimits = new() { AnonymousPublishesPerSecond = 50 } });
        await using var greedy = await FrameClient.ConnectAsync(limited, transport);
        await using var next = await FrameClient.ConnectAsync(limited, transport);

        var watch = Stopwatch.StartNew();
        await greedy.SendAsync([.. Enumerable.Repeat("""{"op":"publish","channel":"activities","activity":{}}""", 100)]);
        await greedy.ReceiveAsync(100);
        var answer = await next.AskAsync("""{"op":"publish","channel":"activities","activity":{}}""");

        // 50 at once and 50 a second: the hundredth is paid for after a second.
        Assert.Equal("ok", FrameClient.Op(answer));
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.9), TestServer.Patience);
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_connection_that_is_slowed_down_for_longer_than_silence_may_last_is_not_given_up(string transport)
    {
        var time = new ManualTime();
        await using var limited = await TestServer.StartAsync(o => o with { Time = time, RateLimits = new() { AnonymousPublishesPerSecond = 1 } });
        await using var greedy = await FrameClient.ConnectAsync(limited, transport);
        await greedy.SendAsync([.. Enumerable.Repeat("""{"op":"publish","channel":"activities","activity":{}}""", 60)]);
        await greedy.ReceiveAsync(60);
        await time.UntilWaitedForAsync(TimeSpan.FromSeconds(59)); // One at once and one a second.

        await greedy.SendAsync("""{"op":"ping","ref":"unread until then"}""");
        time.Advance(TimeSpan.FromSeconds(58));
        var whileUnread = await greedy.ReceiveAsync(2);
        time.Advance(TimeSpan.FromSeconds(1));
        var answer = await greedy.ReceiveAsync();

        // It hears every 25 s that the node is there.
        Assert.Equal(["ping", "ping"], whileUnread.Select(FrameClient.Op));
        Assert.Equal("unread until then", answer.GetProperty("ref").GetString());
        Assert.DoesNotContain(limited.Logs.Messages, m => m.Contains("no sign of life", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tcp", false)]
    [InlineData("websocket", false)]
    [InlineData("websocket", true)]
    public async Task A_busy_connection_ends_with_the_session_that_it_is_known_by(string transport, bool isInQuery)
    {
        await using var brisk = await TestServer.StartAsync(o => o with { Node = o.Node with { Heartbeat = TimeSpan.FromMilliseconds(500) } });
        var user = await brisk.RegisterAsync("dora");
        var token = (await brisk.SendAsync(HttpMethod.Post, "/v1/sessions", user: user))["token"].GetString()!; // A session has one.
        await using var client = isInQuery ? await WebSocketFrameClient.OpenAsync(brisk, $"?access_token={token}") : await FrameClient.ConnectAsync(brisk, transport);
        var known = isInQuery ? await client.ReceiveAsync() : await client.AskAsync($$"""{"op":"login","token":"{{token}}"}""");

        await brisk.SendAsync(HttpMethod.Delete, "/v1/sessions/current", bearer: token);
        var answer = known;
        for (var patience = Stopwatch.StartNew(); FrameClient.Op(answer) != "error" && patience.Elapsed < TestServer.Patience;)
        {
            answer = await client.AskAsync("""{"op":"ping"}""");
        }

        Assert.Equal(ErrorType.Unauthenticated, TypeOf(answer));
        await client.ReadToEndAsync();
        Assert.Equal(transport == "tcp" ? 0 : 3500, client.CloseCode);
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_stop_finishes_what_was_accepted_and_tells_clients_to_come_again(string transport)
    {
        var stopping = await TestServer.StartAsync();
        await using var client = await FrameClient.ConnectAsync(stopping, transport, stopping.Operator);
        await using var idle = await FrameClient.ConnectAsync(stopping, transport);
        await client.SendAsync([.. Enumerable.Range(0, 500).Select(n => $$$"""{"op":"publish","ref":{{{n}}},"channel":"stop","activity":{}}""")]);
        var first = await client.ReceiveAsync();
        var store = stopping.Server.Node.Store;

        var stop = stopping.DisposeAsync().AsTask();
        var answers = await client.ReadToEndAsync();
        var goodbye = await idle.ReadToEndAsync();
        await stop.WaitAsync(TestServer.Patience);

        // Every publish that the node had read has its answer, in order: recorded, or refused because it came too late. What it had not read
        // when it stopped has none, and is none of its entries: the client sends it again.
        var refs = answers.Where(a => a.TryGetProperty("ref", out _)).Select(a => a.GetProperty("ref").GetInt32()).ToList();
        Assert.Equal(0, first.GetProperty("ref").GetInt32());
        Assert.Equal(Enumerable.Range(1, refs.Count), refs);
        Assert.Equal(1 + answers.Count(a => FrameClient.Op(a) == "ok"), store.Find("stop")!.Version);
        Assert.All(answers.Where(a => FrameClient.Op(a) == "error"), a => Assert.Equal(ErrorType.NotReady, TypeOf(a)));
        Assert.Equal(ErrorType.NotReady, TypeOf(Assert.Single(goodbye)));
        Assert.Equal(transport == "tcp" ? (0, 0) : (3001, 3001), (client.CloseCode, idle.CloseCode));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_reader_that_does_not_read_gets_all_of_it_later_and_disturbs_nobody(string transport)
    {
        await using var stalled = await FrameClient.ConnectAsync(server, transport);
        await using var other = await FrameClient.ConnectAsync(server, transport);
        var channel = $"stalled.{transport}";
        await stalled.AskAsync($$"""{"op":"subscribe","channels":["{{channel}}"]}""");
        await other.AskAsync($$"""{"op":"subscribe","channels":["{{channel}}"]}""");
        await using var publisher = await FrameClient.ConnectAsync(server, transport, server.Operator);
        const int Count = 6000;
        var padding = new string('x', 4000); // 24 MB: more than the buffers of both sides hold.

        var reading = other.ReceiveAsync(Count);
        for (var n = 0; n < Count; n += 100)
        {
            await publisher.SendAsync([.. Enumerable.Range(n, 100).Select(i => $$$"""{"op":"publish","ref":{{{i}}},"channel":"{{{channel}}}","activity":{"n":{{{i}}},"pad":"{{{padding}}}"}}""")]);
            await publisher.ReceiveAsync(100);
        }

        Assert.Equal(Enumerable.Range(0, Count), (await reading).Select(FrameClient.NumberOf));
        Assert.Equal(Enumerable.Range(0, Count), (await stalled.ReceiveAsync(Count)).Select(FrameClient.NumberOf));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task A_client_that_asks_and_never_listens_is_not_read_any_further(string transport)
    {
        await using var deaf = await RawClient.OpenAsync(server, transport);
        await using var other = await FrameClient.ConnectAsync(server, transport);
        var ping = deaf.Framed($$"""{"op":"ping","ref":"{{new string('x', 60)}}"}""");
        var many = Enumerable.Repeat(ping, 2000).SelectMany(p => p).ToArray();

        // Its own socket says when the node has stopped reading: nothing more fits into the buffers between them.
        var sent = await deaf.SendUntilFullAsync(many, bytesMax: 256 * 1024 * 1024);

        Assert.True(sent < 256 * 1024 * 1024, $"{sent} bytes were taken");
        Assert.Equal("ok", FrameClient.Op(await other.AskAsync("""{"op":"ping"}""")));
    }

    [Theory]
    [MemberData(nameof(FrameClient.Transports), MemberType = typeof(FrameClient))]
    public async Task Connections_that_vanish_leave_nothing_behind(string transport)
    {
        await using var quiet = await TestServer.StartAsync();
        var hub = quiet.Server.Node.Hub;

        for (var i = 0; i < 100; i++)
        {
            var client = await RawClient.OpenAsync(quiet, transport);
            await client.SendAsync(client.Framed("""{"op":"subscribe","channels":["a","b.>"]}"""));
            await client.SendAsync(client.Framed("""{"op":"ping","ref":1}""")[..(i % 20)]);
            if (i % 2 == 0)
            {
                await client.ReadUntilAsync("\"seen\"");
            }

            client.Reset();
        }

        Assert.True(SpinWait.SpinUntil(() => hub.Readers == 0, TestServer.Patience), $"{hub.Readers} readers are left");
    }

    private static string? TypeOf(JsonElement error) => error.GetProperty("type").GetString();
}
