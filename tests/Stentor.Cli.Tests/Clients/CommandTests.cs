using System.Text.Json.Nodes;

namespace Stentor.Cli.Tests.Clients;

/// <summary>What the commands do with a node.</summary>
public sealed class CommandTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact(Timeout = 30_000)]
    public async Task One_activity_is_published_and_its_outcome_printed()
    {
        var (exitCode, run) = await server.RunAsync("", "publish", "one.a", """{"type":"Note"}""", "--effect", """{"add":{"x":2}}""", "--json", "--id", "first");

        Assert.True(exitCode == 0, run.Error);
        var outcome = JsonNode.Parse(Assert.Single(run.Lines))!;
        Assert.Equal("one.a", (string?)outcome["channel"]);
        Assert.Equal("ada", (string?)outcome["author"]);
        Assert.Equal("first", (string?)outcome["id"]);
        Assert.Equal(2, (int?)outcome["state"]?["x"]);
        Assert.False((bool?)outcome["duplicate"]);
    }

    [Fact(Timeout = 30_000)]
    public async Task Every_line_has_its_outcome_in_the_order_of_the_input_and_a_bad_one_does_not_end_the_others()
    {
        var (exitCode, run) = await server.RunAsync("{\"n\":1}\n\nnonsense\n{\"n\":2}\n[]\n{\"n\":3}", "publish", "many.a", "--json");

        Assert.Equal(1, exitCode);
        Assert.Equal([null, 3, null, 5, null], run.Lines.Select(line => (int?)JsonNode.Parse(line)!["error"]?["line"]));
        Assert.Equal("malformed", (string?)JsonNode.Parse(run.Lines[1])!["error"]!["type"]);
        Assert.Contains("3 published, 2 failed", run.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Fewer_copies_than_asked_for_are_told_and_are_no_failure()
    {
        var (oneCode, one) = await server.RunAsync("", "publish", "copies.a", """{"type":"Note"}""", "--copies", "3");
        var (enoughCode, enough) = await server.RunAsync("", "publish", "copies.a", """{"type":"Note"}""", "--copies", "1");
        var (manyCode, many) = await server.RunAsync(
            """
            {"activity":{"n":1},"copies":2}
            {"activity":{"n":2},"copies":1}
            """,
            "publish", "copies.a", "--bodies");

        Assert.Equal((0, 0, 0), (oneCode, enoughCode, manyCode));
        Assert.Contains("on disk in 1 of the 3 regions", one.Error, StringComparison.Ordinal);
        Assert.Empty(enough.Error);
        Assert.Contains("2 published, 0 failed", many.Error, StringComparison.Ordinal);
        Assert.Contains("\nKnown to be on disk in fewer regions than asked for: 1.", many.Error.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Bodies_go_to_the_channels_that_they_name()
    {
        var (exitCode, _) = await server.RunAsync(
            """
            {"channel":"bodies.a","activity":{"n":1}}
            {"channel":"bodies.b","effect":{"set":{"x":"y"}}}
            """,
            "publish", "--bodies");
        var (_, list) = await server.RunAsync("", "get", "bodies.*", "--json");

        Assert.Equal(0, exitCode);
        Assert.Equal(["bodies.a", "bodies.b"], list.Lines.Select(line => (string?)JsonNode.Parse(line)!["channel"]));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_state_is_printed_for_people_and_for_programs()
    {
        await server.RunAsync("", "publish", "states.a", "--effect", """{"set":{"name":"Ringu"},"add":{"views":3}}""");

        var (_, people) = await server.RunAsync("", "get", "states.a");
        var (_, program) = await server.RunAsync("", "get", "states.a", "--json");

        Assert.Equal(["name   \"Ringu\"", "views  3"], people.Lines.Take(2));
        Assert.Equal("""{"name":"Ringu","views":3}""", JsonNode.Parse(Assert.Single(program.Lines))!["state"]!.ToJsonString());
    }

    [Fact(Timeout = 30_000)]
    public async Task A_channel_without_activities_is_a_failure_that_says_so()
    {
        var (exitCode, run) = await server.RunAsync("", "get", "nothing.here");

        Assert.Equal(1, exitCode);
        Assert.Contains("Nothing was ever published to nothing.here", run.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task History_is_printed_in_order_over_as_many_pages_as_it_takes()
    {
        await server.RunAsync(string.Join('\n', Enumerable.Range(1, 2_500).Select(n => $"{{\"n\":{n}}}")), "publish", "history.a");

        var (_, all) = await server.RunAsync("", "log", "history.a", "--json");
        var (_, some) = await server.RunAsync("", "log", "history.a", "--json", "--limit", "1200");
        var (_, newest) = await server.RunAsync("", "log", "history.a", "--json", "--newest", "3");

        Assert.Equal(Enumerable.Range(1, 2_500), Numbers(all));
        Assert.Equal(Enumerable.Range(1, 1_200), Numbers(some));
        Assert.Equal([2_498, 2_499, 2_500], Numbers(newest));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_subscriber_that_keeps_its_place_goes_on_where_it_was()
    {
        var file = Path.Combine(Path.GetDirectoryName(server.User.SecretFile)!, "place.seen");
        await server.RunAsync("{\"n\":1}\n{\"n\":2}\n{\"n\":3}", "publish", "place.a");

        var (_, first) = await server.RunAsync("", "subscribe", "place.a", "--after", "start", "--seen-file", file, "--count", "2", "--json");
        var (_, second) = await server.RunAsync("", "subscribe", "place.a", "--after", "start", "--seen-file", file, "--count", "1", "--json");

        Assert.Equal([1, 2], Numbers(first));
        Assert.Equal([3], Numbers(second));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_subscriber_that_is_asked_to_end_ends_quietly()
    {
        using var stop = new CancellationTokenSource();
        var run = new CommandRun { Stop = stop.Token };
        var subscribing = run.RunAsync("subscribe", "quiet.a", "--server", server.Address);

        await stop.CancelAsync();

        Assert.Equal(0, await subscribing);
        Assert.Empty(run.Out);
        Assert.Empty(run.Error);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_publisher_that_is_asked_to_end_says_what_was_recorded_and_that_it_was_not_all()
    {
        using var stop = new CancellationTokenSource();
        using var input = new StalledInput("{\"n\":1}\n{\"n\":2}\n", onStall: stop.Cancel);
        var run = new CommandRun { Stop = stop.Token };

        var exitCode = await StentorProgram.RunAsync(
            ["publish", "stopped.a", "--server", server.Address, "--user", server.User.Name, "--secret-file", server.User.SecretFile], run.Around with { In = input });

        Assert.Equal(1, exitCode);
        Assert.Contains("2 published, 0 failed", run.Error, StringComparison.Ordinal);
        Assert.Contains("interrupted", run.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Every_line_of_redirected_input_is_said_on_a_chat()
    {
        var (exitCode, _) = await server.RunAsync("Hello\nIs \"anybody\" there?\n", "chat", "chat.a");
        var (_, log) = await server.RunAsync("", "log", "chat.a", "--json");

        Assert.Equal(0, exitCode);
        Assert.Equal(
            ["""{"type":"Note","actor":"ada","content":"Hello"}""", """{"type":"Note","actor":"ada","content":"Is \"anybody\" there?"}"""],
            log.Lines.Select(line => JsonNode.Parse(line)!["activity"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })));
    }

    [Fact(Timeout = 30_000)]
    public async Task An_inbox_gives_each_entry_until_it_is_acknowledged()
    {
        await server.RunAsync("", "inbox", "put", "work", "inbox.>");
        await server.RunAsync("{\"n\":1}\n{\"n\":2}\n{\"n\":3}", "publish", "inbox.a");

        var (_, kept) = await server.RunAsync("", "inbox", "read", "work", "--keep", "--json", "--seen", "--limit", "2");
        var token = (string)JsonNode.Parse(kept.Lines[0])!["seen"]!;
        await server.RunAsync("", "inbox", "ack", "work", token);
        var (_, taken) = await server.RunAsync("", "inbox", "read", "work", "--json");
        var (_, empty) = await server.RunAsync("", "inbox", "read", "work", "--json");

        Assert.Equal([1, 2], kept.Lines.Select(line => (int?)JsonNode.Parse(line)!["entry"]!["activity"]!["n"]));
        Assert.Equal([2, 3], Numbers(taken));
        Assert.Empty(empty.Lines);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_name_that_is_taken_is_a_failure_that_says_so()
    {
        var run = new CommandRun();

        var exitCode = await run.RunAsync("register", server.User.Name, "--secret-file", server.User.SecretFile, "--server", server.Address);

        Assert.Equal(1, exitCode);
        Assert.Contains("taken", run.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task The_status_says_which_region_it_is()
    {
        var (_, people) = await server.RunAsync("", "status");
        var (_, program) = await server.RunAsync("", "status", "--json");

        Assert.Contains(people.Lines, line => line.StartsWith("region", StringComparison.Ordinal) && line.EndsWith("local", StringComparison.Ordinal));
        Assert.Equal("local", (string?)JsonNode.Parse(Assert.Single(program.Lines))!["region"]);
    }

    private static IEnumerable<int> Numbers(CommandRun run) => run.Lines.Select(line => (int)JsonNode.Parse(line)!["activity"]!["n"]!);

    /// <summary>Input that gives some lines and then nothing more, without ending: a terminal, a pipe.</summary>
    private sealed class StalledInput(string text, Action onStall) : MemoryStream(System.Text.Encoding.UTF8.GetBytes(text))
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position < Length)
            {
                return Read(buffer.Span);
            }

            onStall();
            await new TaskCompletionSource().Task;
            return 0;
        }
    }
}
