using System.Net;
using System.Net.Sockets;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Demos;

/// <summary>The demonstration of causal order, as users run it.</summary>
public sealed class CausalityTests(ITestOutputHelper output)
{
    [Fact(Timeout = 180_000)]
    public async Task An_answer_is_held_back_until_what_it_answers_is_there_and_only_dependencies_see_to_it()
    {
        var result = await RunAsync("demo", "causality");

        Assert.Matches(@"asia +holds back Bob's answer us-\w+:\d+: it depends on eu-\w+:\d+", result.Out);
        Assert.Matches(@"asia +Bob's answer has waited \d+\.\d\d s for eu-\w+:\d+", result.Out);
        Assert.Matches(@"asia +shows  Bob: I am glad to hear that! \(from us, Lamport time \d+\)", result.Out);
        Assert.Contains("THIS NODE IGNORES DEPENDENCIES", result.Out, StringComparison.Ordinal);
        Assert.Equal(2, result.Lines.Count(line => line.EndsWith("the order at asia: lost, found, glad", StringComparison.Ordinal)));
        Assert.Single(result.Lines, line => line.EndsWith("the order at asia: lost, glad, found", StringComparison.Ordinal));
        Assert.DoesNotContain("DIFFERS", result.Out, StringComparison.Ordinal);
    }

    [Fact(Timeout = 180_000)]
    public async Task The_classic_conversation_is_shown_to_the_letter()
    {
        var result = await RunAsync("demo", "causality", "--classic");

        // Behind the elapsed time, which stands in front of each line.
        var shown = result.Lines.Where(line => line.Contains(" s  Server ", StringComparison.Ordinal) && line.Contains("received", StringComparison.Ordinal)).Select(line => line[11..]).Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "Server 1  Alice: I have found my wedding ring! (received directly from client at time 5)",
                "Server 1  Alice: I have lost my wedding ring! (received directly from client at time 1)",
                "Server 1  Bob: I am glad to hear that! (received from Server 2 at time 10)",
                "Server 2  Alice: I have found my wedding ring! (received from Server 1 at time 7)",
                "Server 2  Alice: I have lost my wedding ring! (received from Server 1 at time 3)",
                "Server 2  Bob: I am glad to hear that! (received directly from client at time 8)",
                "Server 3  Alice: I have found my wedding ring! (received from Server 1 at time 9)",
                "Server 3  Alice: I have lost my wedding ring! (received from Server 1 at time 5)",
                "Server 3  Bob: I am glad to hear that! (received from Server 2 at time 10)",
            ],
            shown);
        Assert.Contains("GLAD received before dependency, stalling for 3 seconds.", result.Out, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_demonstration_that_is_interrupted_leaves_no_process_and_no_file_behind()
    {
        using var directory = new TempDirectory();
        await using var demo = new CommandProcess(directory.Path, ["demo", "causality"], variables: TempIn(directory));
        var nodes = new List<int>();
        while (nodes.Count < 2)
        {
            var line = await demo.Out.ReadLineAsync(TestContext.Current.CancellationToken) ?? throw new EndOfStreamException(demo.ErrorText);
            if (line.Split("Process ") is [_, var rest])
            {
                nodes.Add(int.Parse(rest.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        demo.Signal(2);
        await demo.Out.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, await demo.WaitAsync(TestContext.Current.CancellationToken));
        Assert.All(nodes, node => Assert.False(Directory.Exists($"/proc/{node}")));
        Assert.Empty(Directory.GetDirectories(directory.Path, "stentor-demo-*"));
    }

    [Fact(Timeout = 120_000)]
    public async Task The_classic_conversation_works_by_hand_in_any_tempo_whichever_server_is_started_first()
    {
        using var directory = new TempDirectory();
        var port = TwoFreePorts();
        await using var second = new CommandProcess(directory.Path, Server(2, port), variables: TempIn(directory));
        await using var first = new CommandProcess(directory.Path, Server(1, port), variables: TempIn(directory));
        await SeeAsync(second, "Linked with server 1");

        // Nobody waits before they talk.
        var alice = await TalkAsync(directory, "alice", port, "found\nlost\nfound\n");
        await SeeAsync(second, "Alice: I have found my wedding ring! (received from Server 1 at time 4)");
        var bob = await TalkAsync(directory, "bob", port + 1, "glad\n");
        await SeeAsync(first, "Bob: I am glad to hear that! (received from Server 2 at time 7)");

        Assert.Equal(1, alice.ExitCode);
        Assert.StartsWith("FOUND received before dependency", Assert.Single(alice.Lines), StringComparison.Ordinal);
        Assert.Equal(0, bob.ExitCode);
        Assert.Equal("GLAD received before dependency, stalling for 5 seconds.", Assert.Single(bob.Lines));
        second.Signal(2);
        Assert.Equal(0, await second.WaitAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>A demonstration's own directory lies in the test's: one that is killed leaves it behind.</summary>
    private static Dictionary<string, string> TempIn(TempDirectory directory) => new() { ["TMPDIR"] = directory.Path };

    private static string[] Server(int number, int port) =>
        ["demo", "causality", "--classic", "--server-number", $"{number}", "--first-port", $"{port}"];

    private static Task<CommandResult> TalkAsync(TempDirectory directory, string name, int port, string words) =>
        CommandProcess.RunAsync(directory.Path, words, "chat", "--classic", "--as", name, "--server", $"http://127.0.0.1:{port}");

    private static async Task SeeAsync(CommandProcess process, string text)
    {
        while (await process.Out.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"It ended before it showed '{text}': {process.ErrorText}");
    }

    private static int TwoFreePorts()
    {
        while (true)
        {
            using var one = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            using var two = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            one.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            var port = ((IPEndPoint)one.LocalEndPoint!).Port; // It is bound.
            try
            {
                two.Bind(new IPEndPoint(IPAddress.Loopback, port + 1));
                return port;
            }
            catch (Exception e) when (e is SocketException or ArgumentOutOfRangeException)
            {
                // Taken, or there is none: another pair.
            }
        }
    }

    private async Task<CommandResult> RunAsync(params string[] arguments)
    {
        using var directory = new TempDirectory();
        var result = await CommandProcess.RunAsync(directory.Path, input: null, arguments);
        output.WriteLine(result.Out);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Matches(@"All \d+ checks hold", result.Out);
        return result;
    }
}
