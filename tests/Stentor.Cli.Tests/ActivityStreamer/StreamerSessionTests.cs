using Stentor.Cli.ActivityStreamer;
using Stentor.Gateways;
using Stentor.Testing;

namespace Stentor.Cli.Tests.ActivityStreamer;

/// <summary>The session's waits, with a clock of the test's own.</summary>
public sealed class StreamerSessionTests
{
    private readonly ManualTime _time = new();

    [Fact(Timeout = 30_000)]
    public async Task A_server_that_does_not_answer_is_not_waited_for_without_end()
    {
        using var server = new ScriptedServer();
        var running = Session(server).RunAsync(CancellationToken.None);
        using var client = await server.AcceptAsync();
        await client.ReadAsync();

        await AdvanceUntilAsync(running, StreamerConnection.AnswerWait);

        var failure = await Assert.ThrowsAsync<StreamerException>(() => running);
        Assert.Equal($"{server.Address}: no answer within 15 s.", failure.Message);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_server_that_does_not_close_after_the_goodbye_holds_nobody_who_stops()
    {
        using var server = new ScriptedServer();
        using var stop = new CancellationTokenSource();
        var running = Session(server).RunAsync(stop.Token);
        using var client = await server.AcceptLoginAsync();
        await _time.UntilWaitedForAsync(StreamerSession.RedirectWait);

        await stop.CancelAsync();
        await AdvanceUntilAsync(running, StreamerConnection.CloseWait);

        await running;
        Assert.Equal("""{"command":"LOGOUT"}""", await client.ReadAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task A_server_that_does_not_close_after_the_last_publish_is_a_doubt()
    {
        using var server = new ScriptedServer();
        var session = Session(server);
        var running = session.RunAsync(CancellationToken.None);
        using var client = await server.AcceptLoginAsync();
        await _time.UntilWaitedForAsync(StreamerSession.RedirectWait);
        _time.Advance(StreamerSession.RedirectWait);
        await session.PublishAsync("{}"u8.ToArray(), TestContext.Current.CancellationToken);

        await session.EndAsync(TestContext.Current.CancellationToken);
        await AdvanceUntilAsync(running, StreamerConnection.AnswerWait);

        await running;
        Assert.True(session.MayHaveLost);
    }

    [Fact(Timeout = 30_000)]
    public async Task When_the_session_is_over_nobody_waits_to_publish()
    {
        using var server = new ScriptedServer();
        using var stop = new CancellationTokenSource();
        var session = Session(server);
        var running = session.RunAsync(stop.Token);
        var publishing = session.PublishAsync("{}"u8.ToArray(), CancellationToken.None);
        using var client = await server.AcceptAsync();

        await stop.CancelAsync();

        await running;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => publishing);
    }

    private StreamerSession Session(ScriptedServer server) => new(
        new StreamerSessionOptions { Servers = [new StreamerServer("127.0.0.1", server.Port)], OnActivity = _ => { }, OnStatus = _ => { } }, _time);

    /// <summary>Lets a time go by whenever someone waits for it, until a task ends.</summary>
    private async Task AdvanceUntilAsync(Task task, TimeSpan time)
    {
        while (await Task.WhenAny(task, _time.UntilWaitedForAsync(time)) != task)
        {
            _time.Advance(time);
        }
    }
}
