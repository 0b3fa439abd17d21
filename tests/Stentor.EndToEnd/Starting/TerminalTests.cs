using System.Text;
using Stentor.EndToEnd.Processes;
using Stentor.Testing;

namespace Stentor.EndToEnd.Starting;

/// <summary>What a person sees on a terminal, and what a program sees in a pipe.</summary>
public sealed class TerminalTests
{
    private const string CtrlC = "\u0003";

    [Fact(Timeout = 60_000)]
    public async Task A_conversation_on_a_terminal_shows_what_others_say_and_ends_with_Ctrl_C()
    {
        using var directory = new TempDirectory();
        await using var node = await StartAsync(directory);
        await using var chat = OnTerminal(directory, $"chat chat.general --user ada --secret-file ada.secret --server {node.Http}");

        // On a channel that is empty when the conversation begins.
        await chat.Process.In.WriteAsync("first!\n");
        await chat.Process.In.FlushAsync(TestContext.Current.CancellationToken);
        await HearAsync(node, "first!");
        await SayAsync(node, "anybody here?");
        await chat.SeeAsync("anybody here?");
        await chat.Process.In.WriteAsync("I am\n");
        await chat.Process.In.FlushAsync(TestContext.Current.CancellationToken);
        var heard = await HearAsync(node, "I am");
        await SayAsync(node, "\u001b[2Jgood \u0007");
        var answer = await chat.SeeAsync("good \\u0007");
        await chat.Process.In.WriteAsync(CtrlC);
        await chat.Process.In.FlushAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, await chat.Process.WaitAsync(TestContext.Current.CancellationToken));
        Assert.Equal("ada", heard);
        // Nobody steers our terminal.
        Assert.Contains("\\u001b[2J", answer, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_reader_uses_colour_on_a_terminal_and_none_in_a_pipe()
    {
        using var directory = new TempDirectory();
        await using var node = await StartAsync(directory);
        await SayAsync(node, "in colour?");
        var command = $"subscribe chat.general --after start --count 1 --server {node.Http}";

        await using var onTerminal = OnTerminal(directory, command);
        var coloured = await onTerminal.SeeAsync("in colour?");
        var piped = await CommandProcess.RunAsync(directory.Path, input: null, command.Split(' '));

        Assert.Contains("\u001b[36mchat.general\u001b[0m", coloured, StringComparison.Ordinal);
        Assert.Contains("chat.general", piped.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", piped.Out, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_reader_whose_reader_has_gone_ends_quietly()
    {
        using var directory = new TempDirectory();
        await using var node = await StartAsync(directory);
        var lines = string.Join('\n', Enumerable.Range(1, 2_000).Select(n => $"line {n}"));
        var said = await CommandProcess.RunAsync(directory.Path, lines, "chat", "chat.general", "--user", "ada", "--secret-file", "ada.secret", "--server", node.Http.ToString());
        await using var reader = new CommandProcess(directory.Path, ["subscribe", "chat.general", "--after", "start", "--json", "--server", node.Http.ToString()]);

        Assert.NotNull(await reader.Out.ReadLineAsync(TestContext.Current.CancellationToken));
        reader.Out.Close();

        Assert.Equal(0, said.ExitCode);
        Assert.Equal(0, await reader.WaitAsync(TestContext.Current.CancellationToken));
        Assert.Equal("", reader.ErrorText);
    }

    private static async Task<NodeProcess> StartAsync(TempDirectory directory)
    {
        var node = await NodeProcess.StartAsync(directory.Path, "--ephemeral");
        await node.RegisterAsync();
        await File.WriteAllTextAsync(directory["ada.secret"], NodeClient.Secret, TestContext.Current.CancellationToken);
        return node;
    }

    private static async Task SayAsync(NodeProcess node, string content)
    {
        var body = System.Text.Json.JsonSerializer.Serialize(new { activity = new { type = "Note", content } });
        var (status, text) = await node.AskAsync(HttpMethod.Post, "v1/channels/chat.general/activities", body);
        Assert.True(status == 201, text);
    }

    /// <summary>Waits until somebody has said something.</summary>
    /// <returns>Who.</returns>
    private static async Task<string?> HearAsync(NodeProcess node, string content)
    {
        var after = "";
        while (true)
        {
            var page = await node.GetAsync($"v1/channels/chat.*/activities?wait=5{after}");
            foreach (var entry in page.GetProperty("activities").EnumerateArray())
            {
                if (entry.GetProperty("activity").GetProperty("content").GetString() == content)
                {
                    return entry.GetProperty("author").GetString();
                }
            }

            after = $"&after={page.GetProperty("seen").GetString()}";
        }
    }

    // Without `exec` some shells stay between the terminal and the program, and Ctrl-C ends them, whatever the program makes of it. Which shell it is
    // would be up to the environment.
    private static Screen OnTerminal(TempDirectory directory, string command) => new(new CommandProcess(
        directory.Path, ["-qfec", $"exec {Repository.Program} {command}", "/dev/null"], "script", new Dictionary<string, string> { ["SHELL"] = "/bin/sh" }));

    /// <summary>A terminal, as the program <c>script</c> makes one.</summary>
    private sealed class Screen(CommandProcess process) : IAsyncDisposable
    {
        private readonly StringBuilder _shown = new();

        public CommandProcess Process => process;

        /// <summary>Waits until a text is shown.</summary>
        /// <returns>All that was shown until then.</returns>
        public async Task<string> SeeAsync(string text)
        {
            var buffer = new char[4096];
            while (!_shown.ToString().Contains(text, StringComparison.Ordinal))
            {
                var count = await process.Out.ReadAsync(buffer, TestContext.Current.CancellationToken);
                Assert.True(count > 0, $"The terminal closed; it showed:\n{_shown}\n{process.ErrorText}");
                _shown.Append(buffer, 0, count);
            }

            return _shown.ToString();
        }

        public ValueTask DisposeAsync() => process.DisposeAsync();
    }
}
