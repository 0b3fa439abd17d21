using System.Text.Json;
using Stentor.EndToEnd.Processes;
using Stentor.Testing;

namespace Stentor.EndToEnd.RealInput;

/// <summary>A morning on a busy support channel.</summary>
public sealed class ChatTests
{
    private static readonly string ChatFile = Repository.PathOf("examples", "data", "chat", "ubuntu-2008-12-11.txt");

    [Fact(Timeout = 120_000)]
    public async Task A_reader_that_is_killed_half_way_and_resumes_after_its_last_token_gets_each_of_1250_lines_once_in_order()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path);
        await node.RegisterAsync();
        var lines = await File.ReadAllLinesAsync(ChatFile, TestContext.Current.CancellationToken);
        Assert.Equal(1250, lines.Length);
        var received = new List<string>();
        string token;

        await using (var first = Reader(directory, node, "--after", "start", "--seen"))
        {
            var said = await SayAsync(directory, node);
            Assert.True(said.ExitCode == 0, said.Error);
            token = "";
            while (received.Count < lines.Length / 2)
            {
                token = Take(await LineAsync(first), received);
            }

            await first.KillAsync();
        }

        await using (var second = Reader(directory, node, "--after", token, "--seen"))
        {
            while (received.Count < lines.Length)
            {
                Take(await LineAsync(second), received);
            }

            second.Terminate();
            Assert.Equal(0, await second.WaitAsync(TestContext.Current.CancellationToken));
            Assert.Null(await second.Out.ReadLineAsync(TestContext.Current.CancellationToken));
        }

        Assert.Equal(lines.Select(line => line.Trim()), received);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_reader_that_keeps_its_token_in_a_file_misses_nothing_however_often_it_is_killed()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path);
        await node.RegisterAsync();
        var lines = await File.ReadAllLinesAsync(ChatFile, TestContext.Current.CancellationToken);
        Assert.Equal(0, (await SayAsync(directory, node)).ExitCode);
        var received = new SortedDictionary<long, string>();
        var random = new Random(1250);

        for (var life = 0; received.Count < lines.Length; life++)
        {
            Assert.True(life < 100, "A hundred lives were not enough.");
            await using var reader = Reader(directory, node, "--after", "start", "--seen-file", "chat.seen");
            for (var left = random.Next(1, 400); left > 0 && received.Count < lines.Length; left--)
            {
                using var entry = JsonDocument.Parse(await LineAsync(reader));
                // A line that it was given before it could write its token comes again, and is known by its number.
                received[entry.RootElement.GetProperty("seq").GetInt64()] = entry.RootElement.GetProperty("activity").GetProperty("content").GetString()!;
            }

            await reader.KillAsync();
            // What it had written before it died is ours, too: its token says so.
            while (await reader.Out.ReadLineAsync(TestContext.Current.CancellationToken) is { } rest)
            {
                if (rest.EndsWith('}'))
                {
                    using var entry = JsonDocument.Parse(rest);
                    received[entry.RootElement.GetProperty("seq").GetInt64()] = entry.RootElement.GetProperty("activity").GetProperty("content").GetString()!;
                }
            }
        }

        Assert.Equal(lines.Select(line => line.Trim()), received.Values);
    }

    private static CommandProcess Reader(TempDirectory directory, NodeProcess node, params string[] more) =>
        new(directory.Path, ["subscribe", "chat.ubuntu", "--json", "--server", node.Http.ToString(), .. more]);

    private static async Task<CommandResult> SayAsync(TempDirectory directory, NodeProcess node)
    {
        await File.WriteAllTextAsync(directory["ada.secret"], NodeClient.Secret, TestContext.Current.CancellationToken);
        return await CommandProcess.RunAsync(
            directory.Path,
            await File.ReadAllTextAsync(ChatFile, TestContext.Current.CancellationToken),
            "chat", "chat.ubuntu", "--user", NodeClient.Username, "--secret-file", "ada.secret", "--server", node.Http.ToString());
    }

    private static async Task<string> LineAsync(CommandProcess reader) =>
        await reader.Out.ReadLineAsync(TestContext.Current.CancellationToken) ?? throw new EndOfStreamException($"The reader ended: {reader.ErrorText}");

    private static string Take(string line, List<string> received)
    {
        using var json = JsonDocument.Parse(line);
        received.Add(json.RootElement.GetProperty("entry").GetProperty("activity").GetProperty("content").GetString()!);
        return json.RootElement.GetProperty("seen").GetString()!;
    }
}
