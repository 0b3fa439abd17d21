using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Stentor.EndToEnd.Processes;
using Stentor.Testing;

namespace Stentor.EndToEnd.Starting;

/// <summary>What a stranger does first: clone, start, follow the tour in the README.</summary>
public sealed partial class CloneTests(ITestOutputHelper output)
{
    [Fact(Timeout = 600_000)]
    public async Task The_tour_of_the_README_works_as_it_is_written_in_a_fresh_clone()
    {
        using var directory = new TempDirectory();
        var clone = directory["stentor"];
        await CloneAsync(clone);
        var tour = Steps(await File.ReadAllTextAsync(Path.Combine(clone, "README.md"), TestContext.Current.CancellationToken));
        var port = FreePort();
        var terminals = new Dictionary<string, Terminal>(StringComparer.Ordinal);
        try
        {
            foreach (var step in tour)
            {
                if (!terminals.TryGetValue(step.Terminal, out var terminal))
                {
                    terminals[step.Terminal] = terminal = new Terminal(clone, port);
                }

                output.WriteLine($"{step.Terminal}: {step.Text ?? "Ctrl-C"}");
                await (step.Text is null ? terminal.InterruptAsync() : terminal.PasteAsync(step.Text));

                // A person looks at the reader before going on.
                if (terminals.GetValueOrDefault("terminal-3") is { IsBusy: true } reader && terminals["terminal-1"].IsBusy)
                {
                    foreach (var content in Published(tour.TakeWhile(before => before != step).Append(step)))
                    {
                        await reader.WaitForAsync(content);
                    }
                }
            }

            output.WriteLine(string.Join('\n', terminals.Select(pair => $"=== {pair.Key}\n{pair.Value.Text}")));
            Assert.Contains("listening on http://127.0.0.1", terminals["terminal-1"].Text, StringComparison.Ordinal);
            // What the second terminal published came to the third: before the crash, and after it what it had missed, each once.
            var contents = Published(tour).ToList();
            Assert.True(contents.Count >= 3, "The tour publishes before the crash and after it.");
            Assert.All(contents, content => Assert.Equal(2, terminals["terminal-3"].Text.Split(content).Length));
        }
        finally
        {
            foreach (var terminal in terminals.Values)
            {
                await terminal.DisposeAsync();
            }
        }
    }

    [Fact(Timeout = 180_000)]
    public async Task The_commands_in_the_examples_do_what_is_written_beside_them()
    {
        using var directory = new TempDirectory();
        File.CreateSymbolicLink(directory["stentor"], Repository.Program);
        Directory.CreateSymbolicLink(directory["examples"], Path.Combine(Repository.Root, "examples"));
        var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "examples.md"), TestContext.Current.CancellationToken);
        await using var terminal = new Terminal(directory.Path, FreePort());
        try
        {
            foreach (Match block in Shell().Matches(document))
            {
                await terminal.PasteAsync(block.Groups["text"].Value);
            }

            output.WriteLine(terminal.Text + terminal.ErrorText);
            Assert.Contains("1250 chat.ndjson", terminal.Text, StringComparison.Ordinal);
            Assert.Contains("23,076 published, 0 failed", terminal.ErrorText, StringComparison.Ordinal);
            Assert.Matches("gold +139\n", terminal.Text);
            Assert.Contains("204 published, 1 failed", terminal.ErrorText, StringComparison.Ordinal);
        }
        finally
        {
            await terminal.PasteAsync("kill %1; wait %1\n");
        }
    }

    /// <summary>The steps of the tour: shell blocks, each with its terminal, and where the text says to press Ctrl-C.</summary>
    private static List<Step> Steps(string readme) => [.. StepInText().Matches(readme).Select(match => match.Groups["text"].Success
        ? new Step(match.Groups["terminal"].Value, match.Groups["text"].Value)
        : new Step("terminal-3", Text: null))];

    private static IEnumerable<string> Published(IEnumerable<Step> steps) =>
        steps.SelectMany(step => Content().Matches(step.Text ?? "")).Select(match => match.Groups["content"].Value);

    /// <summary>Copies what git has or would take: no build output.</summary>
    private static async Task CloneAsync(string target)
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        {
            UseShellExecute = false,
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
        })!;
        var files = (await git.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        foreach (var file in files.Where(file => File.Exists(Path.Combine(Repository.Root, file))))
        {
            var copy = Path.Combine(target, file);
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(Path.Combine(Repository.Root, file), copy);
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    [GeneratedRegex("^```sh (?<terminal>terminal-[0-9])\n(?<text>.*?)^```|Ctrl-C in the third terminal", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex StepInText();

    [GeneratedRegex("^```sh\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Shell();

    [GeneratedRegex("\"content\": \"(?<content>[^\"]*)\"", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Content();

    /// <summary>A step of the tour.</summary>
    /// <param name="Terminal">Where it is done.</param>
    /// <param name="Text">What is pasted; null for Ctrl-C.</param>
    private sealed record Step(string Terminal, string? Text);
}
