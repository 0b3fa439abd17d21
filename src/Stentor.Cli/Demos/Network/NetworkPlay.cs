using System.Globalization;
using System.Security.Cryptography;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Demos.Network;

/// <summary>
/// The play: a tree of five nodes, thirty clients; usernames, redirects, activities, a node that is killed and comes back, a server of another make. Whoever was
/// logged in throughout was told each activity once.
/// </summary>
/// <param name="stage">Where it plays.</param>
internal sealed partial class NetworkPlay(Stage stage)
{
    private const int Users = 20;
    private const int Anonymous = 10;

    // One is enough when all arrive at one node; more than three would be a quarrel of servers.
    private const int RedirectsMax = 3;

    private readonly NetworkTree _tree = new(stage);
    private readonly List<(string Username, string Secret)> _users = [];
    private readonly List<NetworkClient> _clients = [];
    private readonly List<Broadcast> _published = [];

    /// <summary>Plays it.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task PlayAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Explain(
            """
            Five nodes, each a process of its own that keeps its data on disk: regions of one cluster, linked as
            a tree. Each serves the Activity Streamer protocol on a TCP port, where it is a server among servers.

                          node 1
                         /      \
                    node 2      node 3
                   /      \
              node 4      node 5
            """);

        stage.Narrator.Chapter("1. The tree is up.");
        await _tree.StartAsync(cancellationToken);
        await CheckTreeAsync(cancellationToken);
        await RegisterAsync(cancellationToken);
        await ArriveAsync(cancellationToken);
        await PublishAsync(cancellationToken);
        await LoseNodeAsync(cancellationToken);
        await TakeNodeBackAsync(cancellationToken);
        await MeetForeignServerAsync(cancellationToken);
        await CheckLedgersAsync(cancellationToken);
    }

    private static string NewSecret() => RandomNumberGenerator.GetHexString(26, lowercase: true);

    private async Task CheckTreeAsync(CancellationToken cancellationToken)
    {
        var statuses = await _tree.StatusesAsync(cancellationToken);
        foreach (var (node, status) in _tree.Up.Zip(statuses))
        {
            stage.Checks.That(
                status.Ours.Keys.Order(StringComparer.Ordinal).SequenceEqual(statuses.Select(other => other.Id).Where(id => id != status.Id).Order(StringComparer.Ordinal)),
                $"{node.Name} knows the four others",
                $"it knows {string.Join(", ", status.Ours.Keys)}");
        }
    }

    private async Task RegisterAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("2. Twenty users register, all at once, at nodes in turn. Two want the same name at two nodes.");
        for (var i = 1; i <= Users; i++)
        {
            _users.Add((string.Create(CultureInfo.InvariantCulture, $"user-{i:00}"), NewSecret()));
        }

        const string Rivalled = "helen";
        var registering = Task.WhenAll(_users.Select((user, i) => Visit.RegisterAsync(stage, _tree.All[i % _tree.All.Count], user.Username, user.Secret, cancellationToken)));
        string[] secrets = [NewSecret(), NewSecret()];
        var rivals = await Task.WhenAll(Visit.RegisterAsync(stage, _tree[3], Rivalled, secrets[0], cancellationToken), Visit.RegisterAsync(stage, _tree[5], Rivalled, secrets[1], cancellationToken));
        var answers = await registering;
        stage.Narrator.Tell("", $"{Rivalled} is told {rivals[0]} at node 3 and {rivals[1]} at node 5.");
        var failed = answers.Where(answer => answer != StreamerCommands.RegisterSuccess).ToList();
        stage.Checks.That(failed.Count == 0, $"{Users} users are told {StreamerCommands.RegisterSuccess}", $"{failed.Count} are told {string.Join(", ", failed.Distinct())}");
        stage.Checks.Same(
            $"{StreamerCommands.RegisterFailed}, {StreamerCommands.RegisterSuccess}",
            string.Join(", ", rivals.Order(StringComparer.Ordinal)),
            "what two are told who want one name at two nodes at once");

        await _tree.AgreeAsync(cancellationToken);
        var first = rivals[0] == StreamerCommands.RegisterSuccess;
        var winner = await Visit.LogInAsync(stage, _tree[4], Rivalled, secrets[first ? 0 : 1], cancellationToken);
        var loser = await Visit.LogInAsync(stage, _tree[first ? 3 : 5], Rivalled, secrets[first ? 1 : 0], cancellationToken);
        stage.Checks.Same(StreamerCommands.LoginSuccess, winner, $"who has the name {Rivalled} is told at node 4");
        stage.Checks.Same(StreamerCommands.LoginFailed, loser, $"the other one is told at node {(first ? 3 : 5)}");
        stage.Checks.Same(
            StreamerCommands.RegisterFailed,
            await Visit.RegisterAsync(stage, _tree[2], _users[0].Username, NewSecret(), cancellationToken),
            $"who registers {_users[0].Username} at node 2, which node 1 has registered, is told");
    }

    private async Task ArriveAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("3. Thirty clients, twenty users and ten without a name, all arrive at node 1 and go where they are sent.");
        await _tree.AgreeAsync(cancellationToken);
        var servers = _tree.All.Select(node => node.Server).ToList();
        for (var i = 1; i <= Users + Anonymous; i++)
        {
            var (username, secret) = i <= Users ? _users[i - 1] : (Username.Anonymous, null);
            _clients.Add(NetworkClient.LogIn(stage, string.Create(CultureInfo.InvariantCulture, $"client {i:00}"), username, secret, servers));
        }

        await LoggedInAsync(_clients, cancellationToken);
        stage.Narrator.Tell("", $"All {_clients.Count} are logged in.");
        TellTable();
        CheckLevel(_clients);
        var most = _clients.MaxBy(client => client.Redirects)!; // There are thirty.
        stage.Checks.That(most.Redirects <= RedirectsMax, $"nobody was sent on more than {RedirectsMax} times", $"{most.Name} was sent on {most.Redirects} times");
    }

    private async Task PublishAsync(CancellationToken cancellationToken)
    {
        var documents = Document.All();
        var broken = documents.Where(document => document.Fault is not null).ToList();
        var good = documents.Except(broken).ToList();
        stage.Narrator.Chapter($"4. All thirty publish in turn: {good.Count} documents of the W3C.");
        foreach (var document in broken)
        {
            stage.Narrator.Explain($"   Left out: {document.Name}. {document.Fault}");
        }

        for (var i = 0; i < good.Count; i++)
        {
            _published.Add(await _clients[i % _clients.Count].PublishAsync(good[i].Bytes, cancellationToken));
        }

        var expected = new Tally(_published);
        await ToldAsync(_clients, expected, cancellationToken);
        stage.Narrator.Tell("", $"{_clients.Sum(client => client.HeardCount)} broadcasts have arrived.");
        CheckTold(_clients, expected, optional: null, $"each of {_clients.Count} clients was told each of {good.Count} documents once, with who published it, else unchanged");
    }

    private async Task CheckLedgersAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("8. The ledgers.");
        await _tree.AgreeAsync(cancellationToken);
        var expected = new Tally(_published);
        foreach (var node in _tree.All)
        {
            var ledger = await node.LedgerAsync(cancellationToken);
            stage.Checks.That(
                ledger.Count == _published.Count && new Tally(ledger).Against(expected).Length == 0,
                $"the channel activities of {node.Name} has {_published.Count} entries: all that was published, once",
                $"it has {ledger.Count}: {new Tally(ledger).Against(expected)}");
        }
    }

    /// <summary>Waits until clients are logged in for good.</summary>
    private Task LoggedInAsync(IReadOnlyCollection<NetworkClient> clients, CancellationToken cancellationToken) => stage.UntilAsync(
        $"{clients.Count} clients are logged in",
        _ => Task.FromResult(clients.All(client => _tree.At(client.Place) is { } node && _tree.Up.Contains(node))),
        cancellationToken);

    /// <summary>Waits until clients were told all that they should be. When that does not come, the check behind it says what is missing.</summary>
    private async Task ToldAsync(IReadOnlyCollection<NetworkClient> clients, Tally expected, CancellationToken cancellationToken)
    {
        try
        {
            await stage.UntilAsync("all clients were told", _ => Task.FromResult(clients.All(client => client.HeardCount >= expected.Count && new Tally(client.Heard).Covers(expected))), cancellationToken);
        }
        catch (DemoException e)
        {
            stage.Narrator.Tell("", e.Message);
        }
    }

    private void CheckTold(IReadOnlyCollection<NetworkClient> clients, Tally expected, Tally? optional, string what)
    {
        var different = clients.Select(client => (client.Name, Difference: new Tally(client.Heard).Against(expected, optional))).Where(pair => pair.Difference.Length > 0).ToList();
        stage.Checks.That(different.Count == 0, what, $"{different.Count} were not; {different.FirstOrDefault().Name}: {different.FirstOrDefault().Difference}");
    }

    private void CheckLevel(IReadOnlyCollection<NetworkClient> clients)
    {
        var loads = _tree.Up.Select(node => clients.Count(client => _tree.At(client.Place) == node)).ToList();
        stage.Checks.That(loads.Max() - loads.Min() <= 1, $"no node has more than one client more than another: {string.Join(", ", loads)}", $"they have {string.Join(", ", loads)}");
    }

    private void TellTable()
    {
        var most = _clients.Max(client => client.Redirects);
        var lines = new List<string> { $"{"clients",28}{string.Concat(Enumerable.Range(0, most + 1).Select(hops => $"{$"sent on {hops}×",14}"))}" };
        foreach (var node in _tree.Up)
        {
            var here = _clients.Where(client => _tree.At(client.Place) == node).ToList();
            lines.Add($"{node.Name,18}{here.Count,10}{string.Concat(Enumerable.Range(0, most + 1).Select(hops => $"{here.Count(client => client.Redirects == hops),14}"))}");
        }

        stage.Narrator.Explain(string.Join('\n', lines));
    }
}
