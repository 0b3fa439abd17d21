using System.Globalization;
using Stentor.Gateways;

namespace Stentor.Cli.Demos.Network;

/// <content>A node is lost, and comes back.</content>
internal sealed partial class NetworkPlay
{
    // So many notes of each client before the end of node 4, and of those who lost it after they are back.
    private const int NotesBefore = 5;
    private const int NotesAfter = 3;

    // So many more of each client of node 4 right before its end: some of them are under way then.
    private const int HurriedNotes = 20;

    private const string Latecomer = "penelope";

    private readonly string _latecomerSecret = NewSecret();
    private List<NetworkClient> _stayed = [];
    private List<NetworkClient> _moved = [];
    private List<Flowing> _doubtful = [];
    private Tally _toldBefore = new([]);
    private string _lostId = "";

    private NetworkNode Lost => _tree[4];

    private async Task LoseNodeAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("5. All thirty publish notes, and node 4 is killed.");
        _moved = [.. _clients.Where(client => _tree.At(client.Place) == Lost)];
        _stayed = [.. _clients.Except(_moved)];
        _lostId = (await Lost.StatusAsync(cancellationToken)).Id;
        await using var flow = new Flow(stage, _tree, _clients);
        await PublishedAsync(flow, _clients, NotesBefore, cancellationToken);

        _moved[0].IsTold = true;
        await flow.BurstAsync(_moved, HurriedNotes);
        var killed = stage.Narrator.Elapsed;
        await _tree.KillAsync(Lost);
        stage.Narrator.Tell("", $"kill -9 {Lost.Process.ProcessId}: node 4 is gone, in the middle of what its {_moved.Count} clients publish.");
        await _tree.KnowEachOtherAsync(cancellationToken);
        stage.Narrator.Tell("", $"The four others do not count on node 4 any more, {(stage.Narrator.Elapsed - killed).TotalSeconds:0.00} s after its end.");
        await LoggedInAsync(_moved, cancellationToken);
        _moved[0].IsTold = false;
        var places = _moved.GroupBy(client => _tree.At(client.Place)!.Name).OrderBy(group => group.Key, StringComparer.Ordinal); // They are logged in.
        stage.Narrator.Tell("", $"Its clients are logged in again after {(stage.Narrator.Elapsed - killed).TotalSeconds:0.00} s: {string.Join(", ", places.Select(group => $"{group.Count()} at {group.Key}"))}.");

        var answer = await Visit.RegisterAsync(stage, _tree[5], Latecomer, _latecomerSecret, cancellationToken);
        stage.Checks.Same(StreamerCommands.RegisterSuccess, answer, $"who registers {Latecomer} at node 5 meanwhile is told");
        await PublishedAsync(flow, _moved, NotesOf(flow, _moved).Max() + NotesAfter, cancellationToken);
        await flow.StopAsync();

        var sure = flow.Published.Where(note => note.Node is not null && note.Node != Lost).ToList();
        _doubtful = [.. flow.Published.Except(sure)];
        _published.AddRange(sure.Select(note => note.Broadcast));
        var (expected, optional) = (new Tally(_published), new Tally(_doubtful.Select(note => note.Broadcast)));
        await ToldAsync(_stayed, expected, cancellationToken);
        stage.Narrator.Tell("", string.Create(CultureInfo.InvariantCulture, $"{sure.Count} notes were published at the four nodes, {_doubtful.Count} at node 4 before its end."));
        CheckTold(_stayed, expected, optional, $"each of the {_stayed.Count} clients of the four nodes was told each note of them once, and none of node 4 twice");
        _toldBefore = new Tally(_stayed[0].Heard);
    }

    private async Task TakeNodeBackAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("6. Node 4 is started again.");
        await _tree.StartAgainAsync(Lost, cancellationToken);
        stage.Checks.Same(_lostId, (await Lost.StatusAsync(cancellationToken)).Id, "its id");
        await _tree.AgreeAsync(cancellationToken);
        await CheckDoubtfulAsync(cancellationToken);
        await ToldAsync(_stayed, new Tally(_published), cancellationToken);
        CheckTold(_stayed, new Tally(_published), optional: null, $"each of {_stayed.Count} clients was told all that is recorded, once");

        stage.Checks.Same(StreamerCommands.RegisterFailed, await Visit.RegisterAsync(stage, Lost, Latecomer, NewSecret(), cancellationToken), $"who registers {Latecomer} at node 4 is told");
        stage.Checks.Same(StreamerCommands.LoginSuccess, await Visit.LogInAsync(stage, Lost, Latecomer, _latecomerSecret, cancellationToken), $"{Latecomer} is told at node 4");
        await MoveBackAsync(cancellationToken);
    }

    /// <summary>Of what clients of node 4 published about the time of its end, some may not have arrived; what they were told themselves is recorded.</summary>
    private async Task CheckDoubtfulAsync(CancellationToken cancellationToken)
    {
        var ledger = new Tally(await Lost.LedgerAsync(cancellationToken));
        var heard = _moved.ToDictionary(client => client, client => new Tally(client.Heard));
        var recorded = _doubtful.Where(note => ledger[note.Broadcast] > 0).ToList();
        var forgotten = _doubtful.Where(note => ledger[note.Broadcast] == 0 && heard[note.Client][note.Broadcast] > 0).ToList();
        stage.Checks.That(
            forgotten.Count == 0,
            "what clients of node 4 published and saw come back, before its end, is recorded",
            $"{forgotten.Count} are not, such as {forgotten.FirstOrDefault()?.Broadcast}");
        var late = recorded.Count(note => _toldBefore[note.Broadcast] == 0);
        stage.Narrator.Tell("", string.Create(
            CultureInfo.InvariantCulture,
            $"Of the {_doubtful.Count} notes of its clients, {recorded.Count - late} had reached the others before its end, {late} come now, from its ledger, {_doubtful.Count - recorded.Count} never reached it."));
        _published.AddRange(recorded.Select(note => note.Broadcast));
    }

    /// <summary>Those who had lost node 4 log out and arrive at node 1 again, as newcomers do.</summary>
    private async Task MoveBackAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_moved.Select(client => client.LogOutAsync(cancellationToken)));
        await _tree.UntilAsync($"node 1 knows that {_stayed.Count} clients are logged in", statuses => statuses[0].Load + statuses[0].Ours.Values.Sum() == _stayed.Count, cancellationToken);
        await _tree.AgreeAsync(cancellationToken);
        stage.Narrator.Tell("", $"{_moved.Count} clients log out, and as many arrive at node 1.");
        var servers = _tree.All.Select(node => node.Server).ToList();
        var newcomers = _moved.ConvertAll(client => NetworkClient.LogIn(stage, client.Name, client.Username, client.Secret, servers));
        await LoggedInAsync(newcomers, cancellationToken);
        _clients.RemoveAll(_moved.Contains);
        _clients.AddRange(newcomers);
        TellTable();
        var elsewhere = newcomers.Count(client => _tree.At(client.Place) != Lost);
        stage.Checks.That(elsewhere == 0, $"all {newcomers.Count} are sent to node 4", $"{elsewhere} are elsewhere");
        CheckLevel(_clients);
    }

    private Task PublishedAsync(Flow flow, IReadOnlyCollection<NetworkClient> clients, int notes, CancellationToken cancellationToken) => stage.UntilAsync(
        $"{clients.Count} clients have published {notes} notes each",
        _ => Task.FromResult(NotesOf(flow, clients).All(count => count >= notes)),
        cancellationToken);

    private static IEnumerable<int> NotesOf(Flow flow, IEnumerable<NetworkClient> clients)
    {
        var counts = flow.Published.CountBy(note => note.Client).ToDictionary();
        return clients.Select(client => counts.GetValueOrDefault(client));
    }
}
