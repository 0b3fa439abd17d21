using Microsoft.Extensions.Logging.Abstractions;
using Stentor.Gateways;

namespace Stentor.Cli.Tests.Chatting.Classic;

/// <summary>The classic conversation as it is typed, at a server of its own.</summary>
public sealed class ClassicChatTests
{
    [Fact(Timeout = 30_000)]
    public async Task What_is_typed_is_said_stalled_or_refused()
    {
        await using var server = await StartAsync();

        var alice = new CommandRun { Input = "found\nlost\nwait\n1\nfound\n" };
        Assert.Equal(1, await alice.RunAsync("chat", "--classic", "--as", "alice", "--server", server.Listeners[0].Address));
        var bob = new CommandRun { Input = "wait 2\nglad\n" };
        var exitCode = await bob.RunAsync("chat", "--classic", "--as", "bob", "--server", server.Listeners[0].Address);
        Assert.True(exitCode == 0, bob.Error);
        var log = new CommandRun();
        Assert.Equal(0, await log.RunAsync("log", "activities", "--server", server.Listeners[0].Address));

        Assert.Equal(["FOUND received before dependency: 'lost' is not here yet, so this is refused. Send it again when it is.", "The time is now 2 seconds."], alice.Lines);
        Assert.Equal(["The time is now 2 seconds.", "GLAD received before dependency, stalling for 2 seconds."], bob.Lines);
        Assert.Equal(3, log.Lines.Length);
        Assert.Contains(""""content":"I have lost my wedding ring!","classic":"lost","time":1"""", log.Lines[0], StringComparison.Ordinal);
        Assert.Contains(""""content":"I have found my wedding ring!","classic":"found","time":3"""", log.Lines[1], StringComparison.Ordinal);
        Assert.Contains(""""content":"I am glad to hear that!","classic":"glad","time":4"""", log.Lines[2], StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task What_is_no_word_of_the_conversation_is_answered_with_those_that_are()
    {
        await using var server = await StartAsync();
        var run = new CommandRun { Input = "hello\nwait for me\n" };

        Assert.Equal(1, await run.RunAsync("chat", "--classic", "--as", "alice", "--server", server.Listeners[0].Address));

        Assert.Equal(2, run.Lines.Length);
        Assert.All(run.Lines, line => Assert.StartsWith("There are lost, found, glad and wait", line, StringComparison.Ordinal));
    }

    private static Task<Server> StartAsync() => Server.StartAsync(
        new ServerOptions { Listen = ["http://127.0.0.1:0"], Ephemeral = true, Node = new() { Region = "1" } }, NullLoggerFactory.Instance, CancellationToken.None);
}
