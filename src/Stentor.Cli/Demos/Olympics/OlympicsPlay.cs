using System.Globalization;
using System.Net;
using Stentor.Cli.Olympics;
using Stentor.Cli.Olympics.Tablets;
using Stentor.Gateways;

namespace Stentor.Cli.Demos.Olympics;

/// <summary>
/// The play: a server, ten tablets, the one who writes; then those who may not write, who register wrongly, who die; then two regions.
/// </summary>
/// <param name="stage">Where it plays.</param>
internal sealed class OlympicsPlay(Stage stage)
{
    private const int PullTablets = 5;
    private const int PushTablets = 5;
    private const int Rounds = 10;
    private const string Team = "Gaul";
    private const string Event = "Stone Curling";
    private const string TestingScore = "Gaul leads by 1";

    // Processes of ours that nobody ends are over after so many seconds.
    private const string SecondsMax = "300";

    private static readonly XmlRpcValue Done = new XmlRpcValue.Truth(true);

    private string Logs => Path.Combine(stage.Directory, "logs");

    private string SecretFile => Path.Combine(stage.Directory, "writer.secret");

    /// <summary>Plays it.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task PlayAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Explain(
            $"""
            A server that keeps medals and scores; Cacophonix, who alone may write them; and stone tablets that show
            them: {PullTablets} that ask for them every tenth of a second, {PushTablets} that are called when something changes.
            """);

        var village = await StartAsync(cancellationToken);
        await SingAsync(village, cancellationToken);
        await ForgeAsync(village, cancellationToken);
        await MisspellAsync(village, cancellationToken);
        await LoseTabletAsync(village, cancellationToken);
        await stage.ClearAsync();
        await AgreeAsync(cancellationToken);
    }

    private async Task<Scorer> StartAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("1. The server, and ten tablets that want Gaul and Stone Curling.");
        var node = await stage.StartNodeAsync("village", 0, ["--secret-file", SecretFile, "--logs", Logs, "--xml-rpc-drop-after", "2"], cancellationToken, ["olympics", "server"]);
        var village = stage.Add(new Scorer(node.Address, SecretFile));
        stage.Narrator.Tell("server", $"listens on {node.Address}, and made the password.");
        StartTablets(node, PullTablets, PushTablets, Logs);
        await stage.UntilAsync("all tablets show something or are registered", async token =>
            await village.RegisteredAsync(token) == PushTablets && TabletLog.ReadAll(Logs).Count(log => log.IsPull && log.Scores.Count > 0) == PullTablets, cancellationToken);
        stage.Checks.Same("5 pull, 5 push", Kinds(TabletLog.ReadAll(Logs)), "tablets with logs of their own");
        return village;
    }

    private async Task SingAsync(Scorer village, CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter($"2. Cacophonix: every 0.2 s Gaul wins a gold medal, and leads Stone Curling by one; {Rounds} times.");
        var cacophonix = stage.Add(DemoProcess.Start("Cacophonix", stage.Directory,
            ["olympics", "cacophonix", "--mode", "testing", "--rate", "0.2", "--updates", $"{2 * Rounds}", "--server", village.Address.ToString(), "--secret-file", SecretFile, "--logs", Logs]));
        await cacophonix.WaitAsync(Stage.Patience, cancellationToken);
        var written = await File.ReadAllLinesAsync(Path.Combine(Logs, "log_cacophonix.txt"), cancellationToken);
        stage.Checks.Same($"{2 * Rounds}", $"{written.Count(line => line.EndsWith("-> true", StringComparison.Ordinal))}", "updates in log_cacophonix.txt that the server took");
        stage.Checks.Same(Tally(Rounds), ShownValue.Of(await village.CallAsync("get_medal_tally", [Text(Team)], cancellationToken)), "the server's tally");

        await stage.UntilAsync("every tablet shows the last medal", _ => Task.FromResult(TabletLog.ReadAll(Logs).All(log => log.Tallies.Count > 0 && log.Tallies[^1] == Tally(Rounds)
            && log.Scores.Count > 0 && log.Scores[^1] == TestingScore && (log.IsPull || log.Scores.Count >= Rounds))), cancellationToken);
        var every = Enumerable.Range(1, Rounds).Select(Tally).ToList();
        foreach (var log in TabletLog.ReadAll(Logs))
        {
            if (log.IsPull)
            {
                stage.Checks.That(
                    IsPartOf(log.Tallies.Distinct(), [Tally(0), .. every]) && IsPartOf(log.Scores.Distinct(), ["", TestingScore]),
                    $"{log}, pull: what it read never went back, and ends with the last medal",
                    $"it read {string.Join(" | ", log.Tallies.Distinct())}; {string.Join(" | ", log.Scores.Distinct())}");
            }
            else
            {
                stage.Checks.That(
                    log.Tallies.SequenceEqual(every) && log.Scores.SequenceEqual(Enumerable.Repeat(TestingScore, Rounds)),
                    $"{log}, push: called with each of {Rounds} medals and {Rounds} scores, once, in order",
                    $"it was called with {string.Join(" | ", log.Tallies)}; {string.Join(" | ", log.Scores)}");
            }

            stage.Checks.That(
                log.Latencies.Count > 0 && log.Latencies.All(latency => latency is >= 0 and < 30),
                $"{log}: latencies/{log.Port}.txt, {(log.IsPull ? "asking" : "being called")} took {Median(log.Latencies)} ms in the median",
                $"it has {log.Latencies.Count} latencies: {string.Join(" ", log.Latencies.Take(5))}");
        }
    }

    private async Task ForgeAsync(Scorer village, CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("3. Others sing too.");
        var before = TabletLog.ReadAll(Logs).Where(log => !log.IsPull).Sum(log => log.Scores.Count + log.Tallies.Count);
        var forged = await village.CallAsync("increment_medal_tally", [Text("Rome"), Text("gold"), Text("a guess")], cancellationToken);
        stage.Narrator.Tell("prolix", $"increment_medal_tally('Rome', 'gold', 'a guess') → {ShownValue.Of(forged)}");
        stage.Checks.That(ShownValue.IsError(forged) && ShownValue.Of(forged).Contains("password is wrong", StringComparison.Ordinal), "who does not know the password gets an error string", ShownValue.Of(forged));
        var tin = await village.CallAsync("increment_medal_tally", [Text(Team), Text("tin"), Text(village.Password)], cancellationToken);
        stage.Checks.That(ShownValue.IsError(tin), "so does who knows it, for a medal of tin", ShownValue.Of(tin));
        stage.Checks.Same(Tally(0), ShownValue.Of(await village.CallAsync("get_medal_tally", [Text("Rome")], cancellationToken)), "medals of Rome");
        stage.Checks.Same($"{before}", $"{TabletLog.ReadAll(Logs).Where(log => !log.IsPull).Sum(log => log.Scores.Count + log.Tallies.Count)}", "calls of tablets, before and after");
    }

    private async Task MisspellAsync(Scorer village, CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("4. A tablet registers with names that there are and names that there are not; another with a wrong address.");
        var screen = await Screen.StartAsync(stage, cancellationToken);
        var answer = ShownValue.Of(await village.RegisterAsync(screen.Port, [Event, "Menhir Throwing"], [Team, "Atlantis"], cancellationToken));
        stage.Narrator.Tell("tablet", answer);
        stage.Checks.That(
            answer.StartsWith("Error: ", StringComparison.Ordinal) && answer.Contains("'Menhir Throwing' is not an event", StringComparison.Ordinal) && answer.Contains("'Atlantis' is not a team", StringComparison.Ordinal),
            "the error string names what there is not",
            answer);
        await village.SetAsync("one more throw", cancellationToken);
        stage.Checks.Same("one more throw", await screen.NextAsync(cancellationToken), "it is called for what there is, with");

        var registered = await village.RegisteredAsync(cancellationToken);
        var wrong = await village.CallAsync("register_client", [Text("localhost:8002"), Names(Event), Names(Team)], cancellationToken);
        stage.Checks.That(ShownValue.IsError(wrong) && await village.RegisteredAsync(cancellationToken) == registered, "a wrong client_id gets an error string, and registers nothing", ShownValue.Of(wrong));
    }

    private async Task LoseTabletAsync(Scorer village, CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("5. A tablet dies.");
        var registered = await village.RegisteredAsync(cancellationToken);
        var mortal = StartTablets(village.Address, 0, 1, Path.Combine(stage.Directory, "mortal"));
        await stage.UntilAsync("it is registered", async token => await village.RegisteredAsync(token) == registered + 1, cancellationToken);
        await mortal.KillAsync();
        stage.Narrator.Tell("tablet", $"kill -9 {mortal.ProcessId}: it is gone, and still registered.");

        var before = TabletLog.ReadAll(Logs).Where(log => !log.IsPull).ToDictionary(log => log.Port, log => log.Scores.Count, StringComparer.Ordinal);
        string[] scores = ["2 : 0", "2 : 1", "2 : 2"];
        foreach (var score in scores)
        {
            await village.SetAsync(score, cancellationToken);
        }

        await stage.UntilAsync("the other tablets show the last score", _ => Task.FromResult(TabletLog.ReadAll(Logs).All(log => log.Scores[^1] == scores[^1])), cancellationToken);
        var missed = TabletLog.ReadAll(Logs).Where(log => !log.IsPull && !log.Scores.Skip(before[log.Port]).SequenceEqual(scores)).ToList();
        stage.Checks.That(missed.Count == 0, $"each of the {PushTablets} others was called with each of {scores.Length} scores", $"not so {string.Join(", ", missed)}");
        await stage.UntilAsync("the dead one is dropped", async token => await village.RegisteredAsync(token) == registered, cancellationToken);
        stage.Narrator.Tell("server", "drops it, after two seconds without an answer (here; a minute by default).");
        var log = await File.ReadAllTextAsync(Path.Combine(Logs, "log_server.txt"), cancellationToken);
        stage.Checks.That(log.Contains("is dropped after", StringComparison.Ordinal) && !log.Contains(village.Password, StringComparison.Ordinal), "log_server.txt tells of it, and nowhere of the password", "it does not, or does");
    }

    private async Task AgreeAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("6. Two regions, each with a server: what is written in one is seen in the other.");
        string[] scoreboard = ["--xml-rpc", "--xml-rpc-secret-file", SecretFile];
        var gaul = await stage.StartNodeAsync("gaul", 0, [.. DemoCluster.Options(stage), .. scoreboard], cancellationToken);
        var rome = await stage.StartNodeAsync("rome", 0, [.. DemoCluster.Options(stage, $"ws://127.0.0.1:{gaul.Address.Port}"), .. scoreboard], cancellationToken);
        await DemoCluster.LinkedAsync(stage, stage.NewClient(rome), "rome", 1, cancellationToken);
        Scorer[] scorers = [stage.Add(new Scorer(gaul.Address, SecretFile)), stage.Add(new Scorer(rome.Address, SecretFile))];
        foreach (var scorer in scorers)
        {
            await stage.UntilAsync("Cacophonix may write in both regions", async token => await scorer.CallAsync("set_score", [Text(Event), Text("0 : 0"), Text(scorer.Password)], token) == Done, cancellationToken);
        }

        await stage.UntilAsync("both regions have seen what is written so far", async token => await scorers[0].VersionAsync(token) == 2 && await scorers[1].VersionAsync(token) == 2, cancellationToken);
        var screen = await Screen.StartAsync(stage, cancellationToken);
        await scorers[1].RegisterAsync(screen.Port, [Event], [], cancellationToken);

        var started = stage.Time.GetTimestamp();
        await scorers[0].SetAsync("6 : 4", cancellationToken);
        stage.Checks.Same("6 : 4", await screen.NextAsync(cancellationToken), "a tablet of rome is called with the score that was set in gaul");
        stage.Narrator.Tell("rome", string.Create(CultureInfo.InvariantCulture, $"{stage.Time.GetElapsedTime(started).TotalMilliseconds:0} ms after it was set in the other region."));
        stage.Checks.Same("6 : 4", ShownValue.Of(await scorers[1].CallAsync("get_score", [Text(Event)], cancellationToken)), "rome's server answers get_score with");

        await Task.WhenAll(scorers.Select(scorer => scorer.CallAsync("increment_medal_tally", [Text(Team), Text("silver"), Text(scorer.Password)], cancellationToken)));
        const string Both = "gold 0, silver 2, bronze 0";
        await stage.UntilAsync("both regions count both medals", async token =>
            (await Task.WhenAll(scorers.Select(scorer => scorer.CallAsync("get_medal_tally", [Text(Team)], token)))).All(tally => ShownValue.Of(tally) == Both), cancellationToken);
        stage.Checks.Same(Both, ShownValue.Of(await scorers[0].CallAsync("get_medal_tally", [Text(Team)], cancellationToken)), "two medals, counted in two regions at once, are in both");
    }

    private DemoProcess StartTablets(DemoNode node, int pull, int push, string logs) => StartTablets(node.Address, pull, push, logs);

    private DemoProcess StartTablets(Uri server, int pull, int push, string logs) => stage.Add(DemoProcess.Start("The tablets' process", stage.Directory,
        ["olympics", "tablets", "--pull", $"{pull}", "--push", $"{push}", "--mode", "testing", "--rate", "0.1", "--server", server.ToString(), "--logs", logs, "--seconds", SecondsMax]));

    private static string Tally(int gold) => string.Create(CultureInfo.InvariantCulture, $"gold {gold}, silver 0, bronze 0");

    private static string Kinds(IReadOnlyList<TabletLog> logs) => $"{logs.Count(log => log.IsPull)} pull, {logs.Count(log => !log.IsPull)} push";

    /// <summary>Whether values are some of all, in the same order.</summary>
    private static bool IsPartOf(IEnumerable<string> some, IReadOnlyList<string> all)
    {
        var places = some.Select(value => all.ToList().IndexOf(value)).ToList();
        return places.TrueForAll(place => place >= 0) && places.SequenceEqual(places.Order());
    }

    private static string Median(IReadOnlyList<double> seconds) => (seconds.Order().ElementAt(seconds.Count / 2) * 1000).ToString("0.0", CultureInfo.InvariantCulture);

    private static XmlRpcValue Text(string text) => new XmlRpcValue.Text(text);

    private static XmlRpcValue.List Names(params string[] names) => TabletWish.Argument(names);

    /// <summary>Who calls a server, and knows the password.</summary>
    private sealed class Scorer(Uri address, string secretFile) : IAsyncDisposable
    {
        private readonly XmlRpcClient _client = new(new Uri(address, "/RPC2"), Stage.Patience);
        private readonly HttpClient _http = new() { BaseAddress = address, Timeout = Stage.Patience };

        public Uri Address => address;

        public string Password { get; } = File.ReadAllText(secretFile).Trim();

        public Task<XmlRpcValue> CallAsync(string method, IReadOnlyList<XmlRpcValue> arguments, CancellationToken cancellationToken) => _client.CallAsync(method, arguments, cancellationToken);

        public async Task SetAsync(string score, CancellationToken cancellationToken)
        {
            if (await CallAsync("set_score", [Text(Event), Text(score), Text(Password)], cancellationToken) is var answer && answer != Done)
            {
                throw new DemoException($"set_score was answered with {ShownValue.Of(answer)}");
            }
        }

        public Task<XmlRpcValue> RegisterAsync(int port, string[] events, string[] teams, CancellationToken cancellationToken) =>
            CallAsync("register_client", [new XmlRpcValue.List([Text("localhost"), new XmlRpcValue.Whole(port)]), Names(events), Names(teams)], cancellationToken);

        /// <summary>How many clients are registered.</summary>
        public async Task<int> RegisteredAsync(CancellationToken cancellationToken)
        {
            const string Metric = "stentor_xmlrpc_tablets ";
            var metrics = await _http.GetStringAsync(new Uri("/metrics", UriKind.Relative), cancellationToken);
            return int.Parse(metrics.Split('\n').Single(line => line.StartsWith(Metric, StringComparison.Ordinal))[Metric.Length..], CultureInfo.InvariantCulture);
        }

        /// <summary>How many updates of the event's score the region has seen.</summary>
        public async Task<long> VersionAsync(CancellationToken cancellationToken)
        {
            using var state = System.Text.Json.JsonDocument.Parse(await _http.GetStringAsync(new Uri("/v1/channels/scores.stone-curling", UriKind.Relative), cancellationToken));
            return state.RootElement.GetProperty("version").GetInt64();
        }

        public ValueTask DisposeAsync()
        {
            _client.Dispose();
            _http.Dispose();
            return default;
        }
    }

    /// <summary>A tablet of the play's own, which shows what it is called with.</summary>
    private sealed class Screen : IAsyncDisposable
    {
        private readonly System.Threading.Channels.Channel<string> _shown = System.Threading.Channels.Channel.CreateUnbounded<string>(); // The play writes a handful.
        private TabletServer? _server;

        public int Port { get; private set; }

        public static async Task<Screen> StartAsync(Stage stage, CancellationToken cancellationToken)
        {
            var screen = new Screen();
            var ports = TabletPorts.Take(IPAddress.Loopback, TabletPorts.First, 1);
            screen.Port = ports.Keys.Single();
            screen._server = await TabletServer.StartAsync(ports, (_, call) =>
            {
                screen._shown.Writer.TryWrite(ShownValue.Of(call.Arguments[0]));
                return Done;
            }, cancellationToken);
            return stage.Add(screen);
        }

        /// <summary>What it is called with next.</summary>
        public async Task<string> NextAsync(CancellationToken cancellationToken)
        {
            try
            {
                return await _shown.Reader.ReadAsync(cancellationToken).AsTask().WaitAsync(Stage.Patience, cancellationToken);
            }
            catch (TimeoutException)
            {
                throw new DemoException($"A tablet was not called within {Stage.Patience.TotalSeconds:0} s.");
            }
        }

        public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? default;
    }
}
