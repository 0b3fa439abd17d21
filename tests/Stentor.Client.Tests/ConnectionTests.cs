using System.Threading.Channels;
using Stentor.Protocol;
using Stentor.Testing;

namespace Stentor.Client.Tests;

public sealed class ConnectionTests
{
    [Fact]
    public async Task A_server_that_says_nothing_for_45_seconds_is_dead_and_not_a_second_earlier()
    {
        var time = new ManualTime();
        await using var server = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server) with { Time = time });

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        var next = subscription.TakeAsync(1);
        time.Advance(TimeSpan.FromSeconds(44.9));
        Assert.False(next.IsCompleted);
        Assert.Equal("ping", (await socket.ReceiveAnyAsync())?.GetProperty("op").GetString());
        time.Advance(TimeSpan.FromSeconds(0.1));
        while (await socket.ReceiveAnyAsync() is not null)
        {
        }

        await client.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    [Fact]
    public async Task A_server_that_asks_for_a_sign_of_life_gets_one()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        var next = subscription.TakeAsync(1);
        await socket.SendAsync("""{"op":"ping"}""");
        var answer = await socket.ReceiveAsync("ping");
        await socket.OkAsync(answer);
        await socket.SendAsync(new FakeRegion().Frame("chat"));

        Assert.Single(await next);
    }

    [Fact]
    public async Task A_dead_server_is_replaced_and_nothing_is_missed()
    {
        var time = new ManualTime();
        var events = Channel.CreateUnbounded<ConnectionEvent>();
        await using var server = new FakeServer();
        await using var other = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server, other) with { Time = time, OnConnection = e => events.Writer.TryWrite(e) });
        var region = new FakeRegion();

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: region.Seen);
        var next = subscription.TakeAsync(1);
        time.Advance(TimeSpan.FromSeconds(45));
        var lost = await LossAsync(events, time);
        var again = await other.NextSocketAsync();
        var subscribe = await again.ReceiveAsync("subscribe");
        await again.OkAsync(subscribe);
        await again.SendAsync(region.Frame("chat"));

        Assert.Single(await next);
        Assert.Contains("said nothing for 45 s", lost.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_busy_consumer_is_no_dead_client_and_its_server_no_dead_server()
    {
        var time = new ManualTime();
        await using var server = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server) with { Time = time });
        var region = new FakeRegion();

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: region.Seen);
        await using var items = subscription.GetAsyncEnumerator();
        await socket.SendAsync(region.Frame("chat"));
        await items.TakeAsync(1);

        // The consumer is at work on the first activity; meanwhile the server hears from its client, before it would ask.
        time.Advance(TimeSpan.FromSeconds(20));
        await socket.OkAsync(await socket.ReceiveAsync("ping"));
        time.Advance(TimeSpan.FromSeconds(600));
        await socket.SendAsync(region.Frame("chat"));

        Assert.Equal(2, Assert.Single(await items.TakeAsync(1)).Seq);
    }

    [Fact]
    public async Task A_server_that_asks_sooner_hears_from_its_client_sooner()
    {
        var time = new ManualTime();
        await using var server = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server) with { Time = time });

        await using var subscription = client.Subscribe("chat");
        var opening = subscription.OpenAsync();
        var socket = await server.NextSocketAsync(hello: false);
        await socket.SendAsync("""{"op":"hello","node":"n","region":"r","version":"1","limits":{},"heartbeat":5}""");
        await socket.OkAsync(await socket.ReceiveAsync("subscribe"), $"\"seen\":\"{new FakeRegion().Seen}\"");
        await opening.WaitAsync(Patience.Long);
        time.Advance(TimeSpan.FromSeconds(4));

        Assert.Equal("ping", (await socket.ReceiveAnyAsync())?.GetProperty("op").GetString());
    }

    [Fact]
    public async Task A_slow_consumer_slows_its_own_connection_and_nothing_else_and_misses_nothing()
    {
        // More than what the sockets of both sides buffer.
        const int Count = 3_000;
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();
        var long20KiB = $"{{\"text\":\"{new string('x', 20 * 1024)}\"}}";

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: region.Seen);
        await using var items = subscription.GetAsyncEnumerator();
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < Count; i++)
            {
                await socket.SendAsync(region.Frame("chat", long20KiB));
            }
        });
        var first = await items.TakeAsync(1);
        await PublishSomeAsync(server, client, 500);
        var isHeldBack = !sending.IsCompleted;
        var rest = await items.TakeAsync(Count - 1);
        await sending.WaitAsync(Patience.Long);

        Assert.True(isHeldBack, "60 MB were taken from the server for a consumer who had asked for 20 kB");
        Assert.Equal(Enumerable.Range(1, Count).Select(i => (long)i), first.Concat(rest).Select(r => r.Seq));
    }

    [Fact]
    public async Task Cancelling_ends_the_wait_and_closes_the_connection()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        using var cancellation = new CancellationTokenSource();

        await using var subscription = client.Subscribe("chat");
        var socket = await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        await using var items = subscription.GetAsyncEnumerator(cancellation.Token);
        var next = items.MoveNextAsync().AsTask();
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.WaitAsync(Patience.Long));
        Assert.Null(await socket.ReceiveAnyAsync());
    }

    [Fact]
    public async Task Cancelling_ends_the_attempts_to_connect()
    {
        using var cancellation = new CancellationTokenSource();
        await using var client = new StentorClient(new StentorClientOptions { Addresses = [new("http://127.0.0.1:1")], OnConnection = _ => cancellation.Cancel() });

        var opening = client.Subscribe("chat").OpenAsync(cancellation.Token);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening.WaitAsync(Patience.Long));
    }

    [Fact]
    public async Task Leaving_the_loop_or_disposing_says_goodbye_to_the_server()
    {
        await using var server = new FakeServer();
        await using var client = Clients.Of(server);
        var region = new FakeRegion();

        var left = client.Subscribe("chat");
        var socketLeft = await server.OpenAsync(left, seen: region.Seen);
        await socketLeft.SendAsync(region.Frame("chat"));
        await left.TakeAsync(1);
        var disposed = client.Subscribe("chat");
        var socketDisposed = await server.OpenAsync(disposed, seen: region.Seen);
        await disposed.DisposeAsync();

        Assert.Null(await socketLeft.ReceiveAnyAsync());
        Assert.Null(await socketDisposed.ReceiveAnyAsync());
        Assert.Equal((1000, 1000), (socketLeft.CloseCode, socketDisposed.CloseCode));
    }

    [Fact]
    public async Task Disposing_the_client_ends_its_subscriptions()
    {
        await using var server = new FakeServer();
        var client = Clients.Of(server);

        var subscription = client.Subscribe("chat");
        await server.OpenAsync(subscription, seen: new FakeRegion().Seen);
        var next = subscription.TakeAsync(1);
        await client.DisposeAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.WaitAsync(Patience.Long));
        Assert.Throws<ObjectDisposedException>(() => client.Subscribe("chat"));
    }

    [Fact]
    public async Task A_server_that_does_not_greet_in_time_is_left_for_the_next()
    {
        var time = new ManualTime();
        await using var silent = new FakeServer();
        await using var server = new FakeServer();
        var events = Channel.CreateUnbounded<ConnectionEvent>();
        await using var client = new StentorClient(
            Clients.Options(silent, server) with { Time = time, ConnectTimeout = TimeSpan.FromSeconds(7), OnConnection = e => events.Writer.TryWrite(e) });

        await using var subscription = client.Subscribe("chat");
        var opening = subscription.OpenAsync();
        await silent.NextSocketAsync(hello: false);
        await time.UntilWaitedForAsync(TimeSpan.FromSeconds(7));
        time.Advance(TimeSpan.FromSeconds(7));
        await LossAsync(events, time);
        var socket = await server.NextSocketAsync();
        await socket.OkAsync(await socket.ReceiveAsync("subscribe"), $"\"seen\":\"{new FakeRegion().Seen}\"");

        await opening.WaitAsync(Patience.Long);
    }

    [Fact]
    public async Task A_subscription_gives_up_when_it_was_told_to()
    {
        await using var client = new StentorClient(new StentorClientOptions
        {
            Addresses = [new("http://127.0.0.1:1"), new("http://127.0.0.1:2")],
            ReconnectDelayMin = TimeSpan.FromMilliseconds(1),
            ReconnectDeadline = TimeSpan.FromMilliseconds(100),
        });

        var error = await Assert.ThrowsAsync<StentorException>(() => client.Subscribe("chat").OpenAsync().WaitAsync(Patience.Long));

        Assert.Equal(StentorException.Unreachable, error.Type);
        Assert.Contains("ReconnectDeadline", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_deadline_of_an_attempt_begins_with_the_attempt()
    {
        var time = new ManualTime();
        await using var server = new FakeServer { HandshakeStatus = 503 };
        var events = Channel.CreateUnbounded<ConnectionEvent>();
        await using var client = new StentorClient(
            Clients.Options(server) with { Time = time, ReconnectDeadline = TimeSpan.FromSeconds(10), OnConnection = e => events.Writer.TryWrite(e) });

        await using var subscription = client.Subscribe("chat");
        time.Advance(TimeSpan.FromHours(1));
        var opening = subscription.OpenAsync();
        var first = await events.Reader.ReadAsync().AsTask().WaitAsync(Patience.Long);
        await time.UntilWaitedForAsync(Assert.NotNull(first.RetryIn));
        time.Advance(TimeSpan.FromSeconds(10));
        var error = await Assert.ThrowsAsync<StentorException>(() => opening.WaitAsync(Patience.Long));

        Assert.Equal(StentorException.Unreachable, error.Type);
    }

    [Fact]
    public async Task Waits_between_attempts_double_up_to_their_maximum_and_differ_from_client_to_client()
    {
        var events = Channel.CreateUnbounded<ConnectionEvent>();
        var waits = new List<TimeSpan>();
        using var enough = new CancellationTokenSource();
        var time = new ManualTime();
        await using var client = new StentorClient(new StentorClientOptions
        {
            Addresses = [new("http://127.0.0.1:1")],
            Time = time,
            ReconnectDelayMin = TimeSpan.FromMilliseconds(100),
            ReconnectDelayMax = TimeSpan.FromSeconds(1),
            OnConnection = e => events.Writer.TryWrite(e),
        });

        var opening = client.Subscribe("chat").OpenAsync(enough.Token);
        for (var attempt = 0; attempt < 8; attempt++)
        {
            waits.Add((await LossAsync(events, time)).RetryIn!.Value); // A loss without a next attempt is passed over.
        }

        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);

        double[] most = [0.1, 0.2, 0.4, 0.8, 1, 1, 1, 1];
        Assert.All(waits.Take(8).Zip(most), w => Assert.InRange(w.First.TotalSeconds, w.Second / 2, w.Second));
        Assert.True(waits[4..].Distinct().Count() > 1);
    }

    [Fact]
    public async Task A_client_logs_in_with_its_secret_and_says_its_name()
    {
        await using var server = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server) with { Username = "ada", Secret = "lace \"1815\"", ClientName = "my-tool/1" });

        var subscription = client.Subscribe("chat");
        var opening = subscription.OpenAsync();
        var socket = await server.NextSocketAsync();
        var login = await socket.ReceiveAsync("login");
        await socket.OkAsync(login);
        await socket.OkAsync(await socket.ReceiveAsync("subscribe"), $"\"seen\":\"{new FakeRegion().Seen}\"");
        await opening.WaitAsync(Patience.Long);
        await subscription.DisposeAsync();

        Assert.Equal(("ada", "lace \"1815\""), (login.GetProperty("username").GetString(), login.GetProperty("secret").GetString()));
        Assert.Equal("my-tool/1", socket.Handshake.Headers["User-Agent"]);
    }

    [Fact]
    public async Task A_refused_login_ends_the_attempt_without_a_word_about_the_secret()
    {
        await using var server = new FakeServer();
        await using var client = new StentorClient(Clients.Options(server) with { Token = "s3ss10n" });

        var opening = client.Subscribe("chat").OpenAsync();
        var socket = await server.NextSocketAsync();
        var login = await socket.ReceiveAsync("login");
        await socket.RefuseAsync(login, ErrorType.Unauthenticated, "The session is over.");
        var error = await Assert.ThrowsAsync<StentorException>(() => opening.WaitAsync(Patience.Long));

        Assert.Equal("s3ss10n", login.GetProperty("token").GetString());
        Assert.Equal((ErrorType.Unauthenticated, 401), (error.Type, error.Status));
        Assert.DoesNotContain("s3ss10n", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, ErrorType.Unauthenticated)]
    [InlineData(403, ErrorType.Forbidden)]
    public async Task A_refused_handshake_ends_the_attempt(int status, string type)
    {
        await using var server = new FakeServer { HandshakeStatus = status };
        await using var client = Clients.Of(server);

        var error = await Assert.ThrowsAsync<StentorException>(() => client.Subscribe("chat").OpenAsync().WaitAsync(Patience.Long));

        Assert.Equal((type, status), (error.Type, error.Status));
    }

    [Fact]
    public async Task A_server_that_is_overloaded_or_none_of_ours_is_left_for_the_next()
    {
        await using var overloaded = new FakeServer { HandshakeStatus = 503 };
        await using var foreign = new FakeServer { HandshakeStatus = 404 };
        await using var server = new FakeServer();
        await using var client = Clients.Of(overloaded, foreign, server);

        var subscription = client.Subscribe("chat");
        await server.OpenAsync(subscription, seen: new FakeRegion().Seen);

        Assert.Equal(server.Address, client.Address);
        await subscription.DisposeAsync();
    }

    /// <summary>Waits for a loss, and lets the wait that follows it go by.</summary>
    private static async Task<ConnectionEvent> LossAsync(Channel<ConnectionEvent> events, ManualTime time)
    {
        while (true)
        {
            var next = await events.Reader.ReadAsync().AsTask().WaitAsync(Patience.Long);
            if (next.RetryIn is { } retryIn)
            {
                await time.UntilWaitedForAsync(retryIn);
                time.Advance(retryIn);
                return next;
            }
        }
    }

    private static async Task PublishSomeAsync(FakeServer server, StentorClient client, int count)
    {
        var region = new FakeRegion("us-1");
        FakeSocket? socket = null;
        for (var i = 0; i < count; i++)
        {
            var publishing = client.PublishAsync(Publish.Json("other", "{}"));
            socket ??= await server.NextSocketAsync();
            await socket.OkAsync(await socket.ReceiveAsync("publish"), region.Outcome("other"));
            await publishing.WaitAsync(Patience.Long);
        }
    }
}
