using System.Text.Json.Nodes;
using Stentor.Cli.Chatting;

namespace Stentor.Cli.Tests.Chatting;

/// <summary>A chat with a clock.</summary>
public sealed class ChatTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public void A_clock_goes_on_by_what_is_said_heard_and_waited()
    {
        var clock = new LamportClock();

        clock.Said(1);
        clock.Waited(3);
        Assert.Equal((4, 5), (clock.Time, clock.Next));

        clock.Said(2);
        Assert.Equal(5, clock.Time);

        clock.Heard(9);
        clock.Heard(7);
        Assert.Equal(9, clock.Time);
    }

    [Theory]
    [InlineData("hello", "hello", 0, "")]
    [InlineData("//wait 3", "/wait 3", 0, "")]
    [InlineData("/wait 3", null, 3, "")]
    [InlineData("/wait  0", null, 0, "")]
    [InlineData("/wait", null, 0, "/wait takes seconds")]
    [InlineData("/wait -1", null, 0, "/wait takes seconds")]
    [InlineData("/wait 3601", null, 0, "0 to 3600")]
    [InlineData("/quit", null, 0, "one command")]
    public void A_line_is_said_or_waits(string line, string? text, int seconds, string fault)
    {
        var order = ChatOrder.Read(line);

        Assert.Equal((text, seconds), (order.Text, order.WaitSeconds));
        Assert.True(fault.Length == 0 ? order.Fault.Length == 0 : order.Fault.Contains(fault, StringComparison.Ordinal), order.Fault);
    }

    [Fact(Timeout = 30_000)]
    public async Task Without_an_account_one_talks_under_a_name_and_sees_regions_and_times()
    {
        var alice = await TalkAsync("alice", "Hello\n/wait 1\nIs anybody there?\n");
        var bob = await TalkAsync("bob", "I am\n");
        var log = new CommandRun();
        Assert.Equal(0, await log.RunAsync("log", "activities", "--json", "--server", server.Address));

        var entries = log.Lines.Select(line => JsonNode.Parse(line)!).ToList();
        var lamports = entries.Select(entry => (long)entry["lamport"]!).ToList();
        Assert.Equal(["alice", "alice", "bob"], entries.Select(entry => (string?)entry["activity"]!["actor"]));
        Assert.Equal(
            [$"said in local at Lamport time {lamports[0]}. The time is now {lamports[0]}.", $"The time is now {lamports[0] + 1}.", $"said in local at Lamport time {lamports[1]}. The time is now {lamports[0] + 2}."],
            alice.Lines);
        Assert.Contains($"alice (anonymous) Hello  (from local at Lamport time {lamports[0]})", bob.Lines[0], StringComparison.Ordinal);

        // Bob's clock goes on from Alice's, which was moved by her waiting and came with what she said.
        Assert.Equal(lamports[0] + 3, (long)entries[2]["activity"]!["clock"]!);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_line_that_is_no_command_is_not_said()
    {
        var run = new CommandRun { Input = "/nonsense\n" };

        Assert.Equal(1, await run.RunAsync("chat", "--as", "carol", "--history", "0", "--server", server.Address));
        Assert.Contains("one command, /wait N", run.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task The_classic_conversation_needs_regions_with_numbers_and_says_so()
    {
        var unnamed = new CommandRun();
        var elsewhere = new CommandRun();

        Assert.Equal(2, await unnamed.RunAsync("chat", "--classic", "--server", server.Address));
        Assert.Equal(1, await elsewhere.RunAsync("chat", "--classic", "--as", "alice", "--server", server.Address));

        Assert.Contains("--classic needs --as NAME", unnamed.Error, StringComparison.Ordinal);
        Assert.Contains("this one is called 'local'", elsewhere.Error, StringComparison.Ordinal);
    }

    private async Task<CommandRun> TalkAsync(string name, string input)
    {
        var run = new CommandRun { Input = input };
        var exitCode = await run.RunAsync("chat", "--as", name, "--server", server.Address);
        Assert.True(exitCode == 0, run.Error);
        return run;
    }
}
