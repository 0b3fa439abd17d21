using System.Text.RegularExpressions;
using Stentor.Testing;

namespace Stentor.Client.Tests;

public sealed partial class DocumentationTests
{
    private static string Page => File.ReadAllText(Path.Combine(Repository.Root, "docs", "client.md"));

    [Fact]
    public void What_the_page_quotes_is_what_the_tests_run()
    {
        var run = Flat(File.ReadAllText(Path.Combine(Repository.Root, "tests", "Stentor.Client.Tests", "Documentation", "Snippets.cs")));

        var quoted = CSharp().Matches(Page).Select(m => Flat(m.Groups[1].Value)).ToList();

        Assert.True(quoted.Count >= 10, $"only {quoted.Count} pieces of C# on the page");
        Assert.All(quoted, snippet => Assert.Contains(snippet, run, StringComparison.Ordinal));
    }

    [Fact]
    public void The_page_names_each_option_with_its_default()
    {
        var defaults = new StentorClientOptions();
        var rows = Row().Matches(Page).Select(m => (Names: Name().Matches(m.Groups[1].Value).Select(n => n.Groups[1].Value).ToList(), Default: m.Groups[2].Value));
        var named = rows.SelectMany(r => r.Names.Zip(Enumerable.Repeat(r.Default, 9))).ToDictionary(r => r.First, r => r.Second);

        var options = typeof(StentorClientOptions).GetProperties().ToList();

        Assert.Equal(options.Select(o => o.Name).Order(StringComparer.Ordinal), named.Keys.Order(StringComparer.Ordinal));
        foreach (var option in options)
        {
            var expected = option.GetValue(defaults) switch
            {
                null => "none",
                IReadOnlyList<Uri> addresses => addresses[0].AbsoluteUri,
                TimeSpan time when time == Timeout.InfiniteTimeSpan => "never",
                TimeSpan time => $"{time.TotalSeconds:0.#} s",
                TimeProvider => "the system's",
                var other => $"{other}",
            };
            Assert.Contains(expected, named[option.Name].Replace("`", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_page_links_to_what_is_there()
    {
        var links = Link().Matches(Page).Select(m => m.Groups[1].Value);

        Assert.All(links, link => Assert.True(File.Exists(Path.Combine(Repository.Root, "docs", link)), link));
    }

    [Fact]
    public async Task What_the_page_quotes_works()
    {
        using var patience = new CancellationTokenSource(Patience.Long);
        await using var server = await RealServer.StartAsync();
        await using var stranger = new StentorClient(server.Address.AbsoluteUri);
        await stranger.RegisterAsync("ada", "lace");
        await using var client = new StentorClient(new StentorClientOptions { Addresses = [server.Address], Username = "ada", Secret = "lace" });
        var path = Path.Combine(server.DataDirectory, "lines.ndjson");
        await File.WriteAllLinesAsync(path, Enumerable.Range(0, 50).Select(n => $"{{\"activity\": {{\"content\": \"line {n}\"}}}}"));
        var handled = new List<string>();
        var enough = new CancellationTokenSource();
        var enoughAt = 0;
        var snippets = new Snippets(client, received =>
        {
            handled.Add(received.ToString());
            if (handled.Count == enoughAt)
            {
                enough.Cancel();
            }
        });

        await Snippets.StartAsync("lace");
        await snippets.RegisterAsync("hopper");
        await snippets.PublishAsync();
        await snippets.PublishEffectsAsync();
        await snippets.PublishManyAsync(path, patience.Token);
        await snippets.ReadAsync();
        await snippets.ReadStateAsync();
        await EndlessAsync(snippets.ResumeAsync, 30);
        await EndlessAsync(snippets.ResumeAsync, 22);
        var all = await client.ReadAllAsync("*.*").ToListAsync();
        Assert.Equal(all.Select(a => a.ToString()), handled);

        var answering = AnswerAsync();
        await snippets.AskAsync(patience.Token);
        await answering;
        Assert.StartsWith("answers.ada ", handled[^1], StringComparison.Ordinal);

        await client.PutInboxAsync("alerts", ["alerts.>"]);
        await client.PublishAsync(Publish.Json("alerts.fire", "{}"));
        await EndlessAsync(snippets.ReadInboxAsync, 1);
        Assert.StartsWith("alerts.fire ", handled[^1], StringComparison.Ordinal);

        await EndlessAsync(snippets.SubscribeAsync, 0);

        async Task EndlessAsync(Func<CancellationToken, Task> snippet, int count)
        {
            enoughAt = handled.Count + count;
            enough = CancellationTokenSource.CreateLinkedTokenSource(patience.Token);
            var running = snippet(enough.Token);
            if (count == 0)
            {
                await enough.CancelAsync();
            }

            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
            enough.Dispose();
        }

        async Task AnswerAsync()
        {
            await using var questions = client.Subscribe("questions", new SubscribeOptions { After = SubscribeOptions.Start });
            var question = Assert.Single(await questions.TakeAsync(1));
            await client.PublishAsync(Publish.Json(question.Json.GetProperty("replyTo").GetString()!, "{}")); // The snippet gives it.
        }
    }

    /// <summary>Without indentation: a quotation stands further left.</summary>
    private static string Flat(string code) => string.Join('\n', code.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline, matchTimeoutMilliseconds: 5000)]
    private static partial Regex CSharp();

    [GeneratedRegex(@"^\| (`[A-Z][^|]*) \| ([^|]*) \|", RegexOptions.Multiline, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Row();

    [GeneratedRegex("`([A-Za-z]+)`", RegexOptions.None, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Name();

    [GeneratedRegex(@"\]\(([^)#]+)\)", RegexOptions.None, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Link();
}
