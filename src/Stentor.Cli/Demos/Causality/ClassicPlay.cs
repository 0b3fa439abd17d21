using Stentor.Cli.Chatting.Classic;

namespace Stentor.Cli.Demos.Causality;

/// <summary>The classic conversation: Alice at server 1, Bob at server 2, and server 3, two seconds from each to the next.</summary>
/// <param name="stage">Where it plays.</param>
internal sealed class ClassicPlay(Stage stage)
{
    private const int ServerCount = 3;

    private readonly List<ClassicServer> _servers = [];

    /// <summary>Plays it.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task PlayAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Explain(
            $"""
            Three servers, each a process of its own, stand in a row, {ClassicMessage.SecondsPerStep} seconds from each to the next:

                Server 1 (Alice) ---- Server 2 (Bob) ---- Server 3

            What is said is stamped with the clock of whoever says it, and shown by another server as much later
            as it is under way. A clock goes on by one with what its owner says, and by what its owner waits.
            """);
        for (var number = 1; number <= ServerCount; number++)
        {
            _servers.Add(await ClassicServer.StartAsync(stage, number, 0, number == 1 ? null : _servers[^1].Node.Address, cancellationToken));
            await DemoCluster.LinkedAsync(stage, _servers[^1].Client, $"Server {number}", number == 1 ? 0 : 1, cancellationToken);
            stage.Narrator.Tell($"Server {number}", $"is online: process {_servers[^1].Node.ProcessId} serves {_servers[^1].Node.Address.GetLeftPart(UriPartial.Authority)}");
        }

        foreach (var server in _servers)
        {
            await server.MoveAwayAsync(stage, cancellationToken);
            await server.ShowAsync(stage, cancellationToken);
        }

        var told = new List<string>();
        var alice = await JoinAsync("alice", _servers[0], told, cancellationToken);
        var bob = await JoinAsync("bob", _servers[1], told, cancellationToken);
        await TooEarlyAsync(alice, bob, cancellationToken);
        await TalkAsync(alice, bob, told, cancellationToken);
    }

    private async Task<ClassicClient> JoinAsync(string name, ClassicServer server, List<string> told, CancellationToken cancellationToken)
    {
        var place = char.ToUpperInvariant(name[0]) + name[1..];
        return stage.Add(await ClassicClient.JoinAsync(
            server.Client,
            ClassicServer.Channel,
            name,
            line =>
            {
                stage.Narrator.Tell(place, line);
                lock (told)
                {
                    told.Add(line);
                }
            },
            stage.Time,
            cancellationToken));
    }

    private async Task TooEarlyAsync(ClassicClient alice, ClassicClient bob, CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("Too early: an answer to what is not there.");
        stage.Narrator.Tell("Alice", "found");
        var found = await alice.SayAsync(ClassicWord.Found, cancellationToken);
        stage.Narrator.Tell("Bob", "glad");
        var glad = await bob.SayAsync(ClassicWord.Glad, cancellationToken);
        stage.Checks.That(found is null, "'found' before 'lost' is refused with a message", "it was said");
        stage.Checks.That(glad is null, "'glad' before 'found' is refused with a message", "it was said");
    }

    private async Task TalkAsync(ClassicClient alice, ClassicClient bob, List<string> told, CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("The conversation.");
        await SayAsync(alice, "Alice", ClassicWord.Lost, cancellationToken);
        await WaitAsync(alice, "Alice", 3, cancellationToken);
        await SayAsync(alice, "Alice", ClassicWord.Found, cancellationToken);
        await WaitAsync(bob, "Bob", 5, cancellationToken);
        var before = stage.Narrator.Elapsed;
        await SayAsync(bob, "Bob", ClassicWord.Glad, cancellationToken);
        var took = stage.Narrator.Elapsed - before;

        stage.Narrator.Explain("");
        CheckServer(1, "from Server 2", 1, 5, 10);
        CheckServer(2, "directly from client", 3, 7, 8);
        CheckServer(3, "from Server 2", 5, 9, 10);
        lock (told)
        {
            var times = told.Where(line => line.StartsWith("The time", StringComparison.Ordinal)).ToList();
            stage.Checks.Same("The time is now 4 seconds.", times[0], "after waiting 3, Alice is told");
            stage.Checks.Same("The time is now 5 seconds.", times[1], "after waiting 5, Bob is told");
            stage.Checks.Same("GLAD received before dependency, stalling for 3 seconds.", told[^1], "Bob is told at Server 2");
        }

        // A tenth of a second off: timers and clocks are not the same.
        var least = TimeSpan.FromSeconds(3 + ClassicMessage.SecondsPerStep - 0.1);
        stage.Checks.That(took >= least, "the stall and the way to the others take that long", $"they took {took.TotalSeconds:0.00} s");
    }

    /// <summary>Says a word and waits until all servers show it.</summary>
    private async Task SayAsync(ClassicClient talker, string name, ClassicWord word, CancellationToken cancellationToken)
    {
        stage.Narrator.Tell(name, word.Typed());
        var count = _servers[0].Lines.Count + 1;
        await talker.SayAsync(word, cancellationToken);
        foreach (var server in _servers)
        {
            await stage.UntilAsync($"Server {server.Number} shows '{word.Typed()}' of {name}", _ => Task.FromResult(server.Lines.Count >= count), cancellationToken);
        }
    }

    private async Task WaitAsync(ClassicClient talker, string name, int seconds, CancellationToken cancellationToken)
    {
        stage.Narrator.Tell(name, $"wait {seconds}");
        await talker.WaitAsync(seconds, cancellationToken);
    }

    private void CheckServer(int number, string gladFrom, int lost, int found, int glad)
    {
        var aliceFrom = number == 1 ? "directly from client" : "from Server 1";
        string[] expected =
        [
            $"Alice: I have lost my wedding ring! (received {aliceFrom} at time {lost})",
            $"Alice: I have found my wedding ring! (received {aliceFrom} at time {found})",
            $"Bob: I am glad to hear that! (received {gladFrom} at time {glad})",
        ];
        var actual = _servers[number - 1].Lines;
        stage.Checks.That(
            expected.SequenceEqual(actual),
            $"Server {number} shows lost at {lost}, found at {found}, glad at {glad}, each once and in this order",
            $"it showed\n     {string.Join("\n     ", actual)}\n   and not\n     {string.Join("\n     ", expected)}");
    }
}
