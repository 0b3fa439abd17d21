using System.CommandLine;
using Stentor.Cli.CommandLine;
using Stentor.Protocol;

namespace Stentor.Cli.Tests.CommandLine;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("serv", "the command 'serv' is unknown; did you mean 'serve'?")]
    [InlineData("serve --lsten http://127.0.0.1:1", "the option '--lsten' is unknown; did you mean '--listen'?")]
    [InlineData("get --jsn x", "the option '--jsn' is unknown; did you mean '--json'?")]
    [InlineData("inbox raed work", "the command 'raed' is unknown; did you mean 'read'?")]
    [InlineData("serve --rate-limits of", "'of' is not a value for --rate-limits; it takes on, off.")]
    [InlineData("serve --ephemeral --data x", "give one of them")]
    [InlineData("serve --ephemeral --listen nonsense", "is not a place to listen on")]
    [InlineData("serve --ephemeral --listen http://0.0.0.0:0", "or give --insecure")]
    [InlineData("serve --ignore-dependencies", "it needs --ephemeral")]
    [InlineData("demo causality --server-number 1", "--server-number goes with --classic")]
    [InlineData("serve --depth-max 0", "a whole number from 1 to 1000")]
    [InlineData("publish", "Which channel?")]
    [InlineData("publish --bodies x {}", "the command line gives an activity already")]
    [InlineData("get x --secret-file y", "--secret-file needs --user")]
    [InlineData("get x --user ada", "--user ada needs --secret-file")]
    [InlineData("subscribe x --seen", "--seen goes with --json")]
    [InlineData("serve --ephemeral --region eu.west", "--region: 'eu.west' is not a region's name: 1 to 48 of A-Z a-z 0-9 _ -")]
    [InlineData("serve --ephemeral --region 0123456789012345678901234567890123456789012345678", "is not a region's name")]
    [InlineData("get a..b", "'a..b' is not a channel or pattern: 1 to 16 tokens")]
    [InlineData("get a.>.b", "'a.>.b' is not a channel or pattern")]
    [InlineData("log a..b", "'a..b' is not a channel or pattern")]
    [InlineData("log a --after x", "--after: 'x' is not a seen token")]
    [InlineData("subscribe a b..c", "'b..c' is not a channel or pattern")]
    [InlineData("subscribe a --after yesterday", "'yesterday' is not where a subscription can start: now, start, or a seen token")]
    [InlineData("publish a.* {}", "'a.*' is not a channel: 1 to 16 tokens")]
    [InlineData("publish a..b", "'a..b' is not a channel")]
    [InlineData("publish a {} --after x", "'x' is not a seen token")]
    [InlineData("publish a nonsense", "JSON")]
    [InlineData("publish a []", "`activity` must be an object")]
    [InlineData("publish a --effect {}", "effect")]
    [InlineData("chat a.*", "'a.*' is not a channel")]
    [InlineData("register a/b", "'a/b' is not a username: 1 to 64")]
    [InlineData("get a --user a/b", "--user: 'a/b' is not a username")]
    [InlineData("inbox put a.b c", "'a.b' is not an inbox: one token")]
    [InlineData("inbox put a b..c", "'b..c' is not a channel or pattern")]
    [InlineData("inbox read a.b", "'a.b' is not an inbox")]
    [InlineData("inbox ack a x", "'x' is not a seen token")]
    [InlineData("serve --ephemeral --voter maybe", "'maybe' is not a value for --voter; it takes on, off.")]
    [InlineData("voters ad eu-1", "the command 'ad' is unknown; did you mean 'add'?")]
    [InlineData("voters add eu.1", "'eu.1' is not an origin: 1 to 64 of")]
    [InlineData("voters replace eu-1", "Required argument 'NEW' missing")]
    [InlineData("olympics tablet", "the command 'tablet' is unknown; did you mean 'tablets'?")]
    [InlineData("olympics cacophonix", "It needs --secret-file FILE")]
    [InlineData("olympics cacophonix --mode tests", "'tests' is not a value for --mode; it takes random, testing.")]
    [InlineData("olympics cacophonix --rate 0", "'0' is not a value for --rate: seconds from 0.001 to 86400.")]
    [InlineData("olympics cacophonix --rate NaN", "'NaN' is not a value for --rate")]
    [InlineData("olympics cacophonix --server ftp://127.0.0.1", "'ftp://127.0.0.1' is not a server: a URL like http://127.0.0.1:8000, or HOST:PORT.")]
    [InlineData("olympics cacophonix --seed -1", "'-1' is not a value for --seed")]
    [InlineData("olympics cacophonix --teams Gaul,gaul", "'gaul' stands twice among the teams")]
    [InlineData("olympics cacophonix --events ,", "--events holds no name.")]
    [InlineData("olympics cacophonix --teams-file nowhere.txt", "--teams-file: Could not find file")]
    [InlineData("olympics tablets --pull 0 --push 0", "1 to 999 tablets together, and not 0.")]
    [InlineData("olympics tablets --pull 500 --push 500", "1 to 999 tablets together, and not 1000.")]
    [InlineData("olympics tablets --host a/b", "'a/b' is not a host")]
    [InlineData("olympics tablets --seconds 0", "'0' is not a value for --seconds")]
    [InlineData("olympics replay", "Required argument 'FILE' missing")]
    [InlineData("olympics replay x.csv --rate 5/min", "'5/min' is not a rate: like 500/s, or off.")]
    [InlineData("olympics replay x.csv --secret-file y", "--secret-file needs --server")]
    [InlineData("olympics replay x.csv --server http://127.0.0.1:1", "--server needs --secret-file FILE")]
    [InlineData("lab latency --clients 1,0", "--clients: '0' is not a number of clients: whole numbers from 1 to 500")]
    [InlineData("lab latency --clients 501", "'501' is not a number of clients")]
    [InlineData("lab latency --clients 1,", "'' is not a number of clients")]
    [InlineData("lab latency --arch pusch", "'pusch' is not an arch; did you mean 'push'?")]
    [InlineData("lab latency --transports carrier-pigeon", "'carrier-pigeon' is not a transport. There are xml-rpc, websocket, sse, http.")]
    [InlineData("lab latency --poll 0", "'0' is not a value for --poll: seconds from 0.01 to 60.")]
    [InlineData("lab latency --poll NaN", "'NaN' is not a value for --poll")]
    [InlineData("lab latency --tries 0", "'0' is not a value for --tries")]
    [InlineData("lab latency --seconds 0", "'0' is not a value for --seconds")]
    [InlineData("lab latency --arch pull --transports sse", "nothing is left to measure: pull is left out over sse: nobody polls there")]
    [InlineData("lab latency --seconds 600 --writes 1000 --no-plots", "600,000 writes for 50 clients are 30,000,000 samples")]
    [InlineData("lab readers", "this command is for the lab")]
    [InlineData("lab raeders", "the command 'raeders' is unknown.")]
    [InlineData("leave --server http://127.0.0.1:1 --server http://127.0.0.1:2", "give one --server")]
    public async Task A_wrong_command_line_ends_with_2_and_says_what_was_meant(string line, string complaint)
    {
        var run = new CommandRun();

        var exitCode = await run.RunAsync(line.Split(' '));

        Assert.Equal(2, exitCode);
        Assert.Contains(complaint, run.Error, StringComparison.Ordinal);
        Assert.Contains("--help", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }

    [Fact]
    public async Task A_region_with_a_space_in_its_name_is_asked_wrongly_wherever_it_is_given()
    {
        var line = new CommandRun();
        var variable = new CommandRun { Variables = new() { ["STENTOR_REGION"] = "a b" } };

        Assert.Equal(2, await line.RunAsync("serve", "--ephemeral", "--region", "a b"));
        Assert.Equal(2, await variable.RunAsync("serve", "--ephemeral"));

        Assert.Contains("'a b' is not a region's name", line.Error, StringComparison.Ordinal);
        Assert.Contains("STENTOR_REGION: ", variable.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_longest_region_that_the_command_line_takes_is_one_that_the_store_takes()
    {
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        var run = new CommandRun { Stop = stop.Token };

        var exitCode = await run.RunAsync("serve", "--ephemeral", "--listen", "http://127.0.0.1:0", "--region", new string('r', 48));

        // It made its store, and was then asked to end.
        Assert.True(exitCode == 0, run.Error);
    }

    [Theory]
    [InlineData("")]
    [InlineData("inbox")]
    public async Task Without_a_command_the_help_says_which_there_are(string line)
    {
        var run = new CommandRun();

        var exitCode = await run.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(2, exitCode);
        Assert.Contains("Commands:", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_for_demonstrations_only_is_not_shown_and_not_taken_from_a_variable()
    {
        var help = new CommandRun();
        var variable = new CommandRun { Variables = new() { ["STENTOR_IGNORE_DEPENDENCIES"] = "true" } };

        Assert.Equal(0, await help.RunAsync("serve", "--help"));
        Assert.Equal(2, await variable.RunAsync("serve", "--ephemeral"));

        Assert.DoesNotContain("dependencies", help.Out, StringComparison.Ordinal);
        Assert.Contains("STENTOR_IGNORE_DEPENDENCIES is unknown", variable.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_one_line()
    {
        var run = new CommandRun();

        Assert.Equal(0, await run.RunAsync("--version"));
        Assert.StartsWith("0.", Assert.Single(run.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_command_has_help_with_examples()
    {
        foreach (var path in CommandPaths())
        {
            var run = new CommandRun();

            Assert.Equal(0, await run.RunAsync([.. path, "--help"]));
            Assert.Contains("Examples:\n  ", run.Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_example_is_a_command_line_that_is_understood()
    {
        var root = StentorProgram.Commands(new CommandRun().Around);
        foreach (var example in AllBelow(root).OfType<ExampleCommand>().SelectMany(command => command.Examples).Where(line => line[0] != '#'))
        {
            // Tokens are too long for an example; AQ… stands for one.
            var words = Words(example.Replace("AQ…", SeenToken.Encode(VersionVector.Empty), StringComparison.Ordinal).Split(" && ")[^1].Split([" | ", " < ", " > "], StringSplitOptions.None)[0]);
            Assert.Equal("stentor", words[0]);

            var parsed = root.Parse(words.Skip(1).ToList(), StentorProgram.Parsing);

            Assert.True(parsed.Errors.Count == 0 && parsed.UnmatchedTokens.Count == 0, $"{example}: {string.Join(' ', parsed.Errors)}");
        }
    }

    internal static IEnumerable<string[]> CommandPaths()
    {
        var root = StentorProgram.Commands(new CommandRun().Around);
        return root.Subcommands.SelectMany(command => (IEnumerable<string[]>)[[command.Name], .. command.Subcommands.Where(sub => !sub.Hidden).Select(sub => new[] { command.Name, sub.Name })]);
    }

    private static IEnumerable<Command> AllBelow(Command command) => command.Subcommands.SelectMany(sub => AllBelow(sub).Prepend(sub));

    /// <summary>The words of a line as a shell parts them, as far as examples go: single quotes hold together.</summary>
    private static List<string> Words(string line)
    {
        var words = new List<string>();
        var parts = line.Split('\'');
        for (var i = 0; i < parts.Length; i++)
        {
            words.AddRange(i % 2 == 1 ? [parts[i]] : parts[i].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }

        return words;
    }
}
