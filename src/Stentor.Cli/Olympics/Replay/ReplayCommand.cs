using System.CommandLine;
using System.Globalization;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Demos;
using Stentor.Client;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Olympics.Replay;

/// <summary><c>stentor olympics replay</c>: plays the medals of past games into a scoreboard, and checks what they add up to.</summary>
internal sealed class ReplayCommand : ExampleCommand
{
    // Many times what a read takes on a busy machine.
    private static readonly TimeSpan CallWait = TimeSpan.FromSeconds(10);

    private readonly Surroundings _around;
    private readonly Argument<string> _file = new("FILE") { Description = "The athletes, a table with the columns id, name, nationality, sport, gold, silver and bronze, among others. Played sport by sport, in each in the file's order." };
    private readonly Option<string> _rate = new Option<string>("--rate") { Description = "How many medals a second are played, like 500/s or 500; off for as fast as they are taken.", HelpName = "N/s|off", DefaultValueFactory = _ => "500/s" }
        .By(text => ReplayRate.TryParse(text, out _) ? null : $"'{Printable.Cut(text)}' is not a rate: like 500/s, or off.");

    private readonly Option<Uri?> _server = new("--server") { Description = "The node whose scoreboard it is, over HTTP. Without it a node is started for the run, which serves XML-RPC too, and both are compared.", HelpName = "URL", CustomParser = result => CommonOptions.Url("--server", result.Tokens[0].Value, result) };
    private readonly Option<string?> _secretFile = new("--secret-file") { Description = $"With --server: the file with the secret of {XmlRpcOptions.Writer}, who alone may write. On a terminal it is asked for when none is given.", HelpName = "FILE" };
    private readonly Option<bool> _json = CommonOptions.Json("Print the medal table as JSON, a team a line.");

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public ReplayCommand(Surroundings around)
        : base("replay", "Play past games into a scoreboard, medal by medal, and compare the medal table with the file's totals.")
    {
        _around = around;
        Add(_file);
        foreach (var option in (ReadOnlySpan<Option>)[_rate, _server, _secretFile, _json])
        {
            Add(option);
        }

        SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "# Rio 2016 in four seconds, with a node for the run",
        "stentor olympics replay examples/data/olympics/athletes.csv",
        "# into a scoreboard that others look at",
        "stentor olympics replay examples/data/olympics/athletes.csv --rate 5/s --server http://127.0.0.1:8000 --secret-file cacophonix.secret",
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var given = GivenPlace(parsed);
        var games = Read(_around.PathOf(parsed.GetRequiredValue(_file)));
        await _around.Error.WriteLineAsync($"{games.Teams.Count} teams, {games.Sports.Count} sports, {games.Medals.Count} medals.");
        var stage = new Stage(_around, TimeProvider.System);
        await using (stage)
        {
            try
            {
                var place = given ?? await NewPlaceAsync(stage, games, cancellationToken);
                await using var client = new StentorClient(new StentorClientOptions { Addresses = [place.Server], Username = XmlRpcOptions.Writer, Secret = place.Secret, ClientName = "stentor-cli" });
                var run = new ReplayRun(client, games, TimeProvider.System);
                await PlayAsync(parsed, run, games, cancellationToken);
                var tallies = await run.ReadAsync(cancellationToken);
                Print(new MedalTable(tallies), parsed.GetValue(_json));
                List<string> differences = [.. MedalTable.Differences(games.Totals, tallies)];
                if (place.IsOwn)
                {
                    differences.AddRange(await DifferencesOverXmlRpcAsync(place.Server, games, cancellationToken));
                }

                return differences.Count > 0
                    ? throw new CommandException($"It differs from what the file adds up to:{string.Concat(differences.Select(line => $"\n  {EntryText.Printable(line)}"))}")
                    : await DoneAsync(place.IsOwn);
            }
            catch (DemoException e)
            {
                throw new CommandException(e.Message);
            }
            catch (StentorException e)
            {
                throw new CommandException($"{e.Type}: {e.Detail}");
            }
        }
    }

    private async Task<int> DoneAsync(bool isOwn)
    {
        await _around.Error.WriteLineAsync($"The table equals what the file adds up to{(isOwn ? ", and so do tallies and scores over XML-RPC" : "")}.");
        return ExitCode.Done;
    }

    /// <summary>The scoreboard on the command line; null when there is none.</summary>
    private Place? GivenPlace(ParseResult parsed)
    {
        var secretFile = parsed.GetValue(_secretFile) is { } path ? _around.PathOf(path) : null;
        if (parsed.GetValue(_server) is not { } server)
        {
            return secretFile is null ? null : throw CommandException.Usage("--secret-file needs --server: whose secret is it?");
        }

        return secretFile is not null || _around is { InIsTerminal: true, ErrorIsTerminal: true }
            ? new Place(server, Secrets.Read(secretFile, XmlRpcOptions.Writer, _around), IsOwn: false)
            : throw CommandException.Usage($"--server needs --secret-file FILE, the secret of {XmlRpcOptions.Writer}: there is no terminal to ask for it.");
    }

    private async Task<Place> NewPlaceAsync(Stage stage, Games games, CancellationToken cancellationToken)
    {
        var (teams, events, secret) = (Path.Combine(stage.Directory, "teams.txt"), Path.Combine(stage.Directory, "events.txt"), Path.Combine(stage.Directory, "cacophonix.secret"));
        await File.WriteAllLinesAsync(teams, games.Teams, cancellationToken);
        await File.WriteAllLinesAsync(events, games.Sports, cancellationToken);
        var node = await stage.StartNodeAsync(
            "games", 0, ["--xml-rpc", "--teams-file", teams, "--events-file", events, "--xml-rpc-secret-file", secret, "--rate-limits", "off"], cancellationToken);
        var address = node.Address.GetLeftPart(UriPartial.Authority);
        await _around.Error.WriteLineAsync($"A node for this run listens on {address}; look on from another terminal: stentor subscribe 'medals.*' --server {address}");
        return new Place(node.Address, Secrets.Read(secret, XmlRpcOptions.Writer, _around), IsOwn: true);
    }

    private async Task PlayAsync(ParseResult parsed, ReplayRun run, Games games, CancellationToken cancellationToken)
    {
        _ = ReplayRate.TryParse(parsed.GetRequiredValue(_rate), out var perSecond);
        var start = TimeProvider.System.GetTimestamp();
        await using (ReplayProgress.Start(_around, () => run.Played, games.Medals.Count))
        {
            await run.PlayAsync(perSecond, cancellationToken);
        }

        var took = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        var known = run.Known == 0 ? "" : $"; {run.Known} of them were there from an earlier run and are not counted again";
        await _around.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{run.Played} medals were played in {took:0.00} s{known}."));
    }

    private void Print(MedalTable table, bool json)
    {
        var output = new OutputLines(_around.Out);
        foreach (var line in json ? table.ForPrograms() : table.ForPeople())
        {
            output.Add(EntryText.Printable(line));
        }

        output.Flush();
    }

    private static async Task<IReadOnlyList<string>> DifferencesOverXmlRpcAsync(Uri server, Games games, CancellationToken cancellationToken)
    {
        using var client = new XmlRpcClient(new Uri(server, "/RPC2"), CallWait);
        try
        {
            var tallies = new Dictionary<string, Tally>(StringComparer.Ordinal);
            foreach (var team in games.Teams)
            {
                tallies.Add(team, Tally.Of(await client.CallAsync("get_medal_tally", [new XmlRpcValue.Text(team)], cancellationToken)));
            }

            var differences = MedalTable.Differences(games.Totals, tallies).Select(line => $"over XML-RPC {line}").ToList();
            foreach (var sport in games.Sports)
            {
                var expected = games.Finals.GetValueOrDefault(sport, "");
                var score = ShownValue.Of(await client.CallAsync("get_score", [new XmlRpcValue.Text(sport)], cancellationToken));
                differences.AddRange(score == expected ? [] : [$"over XML-RPC the score of {sport} is '{score}' in place of '{expected}'"]);
            }

            return differences;
        }
        catch (Exception e) when (e is XmlRpcCallException or XmlRpcFaultException)
        {
            throw new CommandException($"The tallies cannot be read over XML-RPC: {e.Message}");
        }
    }

    private static Games Read(string path)
    {
        try
        {
            using var text = new StreamReader(path);
            return Games.Read(text);
        }
        catch (FormatException e)
        {
            throw new CommandException($"{path}: {e.Message}");
        }
    }

    /// <summary>A scoreboard to play into.</summary>
    /// <param name="Server">Its node.</param>
    /// <param name="Secret">The writer's secret.</param>
    /// <param name="IsOwn">Whether it was started for this run.</param>
    private sealed record Place(Uri Server, string Secret, bool IsOwn)
    {
        /// <inheritdoc/>
        public override string ToString() => Server.ToString(); // Without the secret.
    }
}
