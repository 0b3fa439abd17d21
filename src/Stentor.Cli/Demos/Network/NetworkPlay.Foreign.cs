using System.Globalization;
using System.Text;
using Stentor.Gateways;

namespace Stentor.Cli.Demos.Network;

/// <content>A server of another make joins.</content>
internal sealed partial class NetworkPlay
{
    private const int ForeignNotes = 10;

    // Two usernames of which one is taken there.
    private const string TakenThere = "hermes";
    private const string FreeThere = "hera";

    // Two that its own clients want, of which one is taken here.
    private const string FreeHere = "iris";

    private async Task MeetForeignServerAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter("7. A server of another make joins: this program plays it, as a leaf of node 5.");
        var server = await ForeignServer.JoinAsync(stage, _tree[5], _clients.Count, TakenThere, cancellationToken);
        await _tree.UntilAsync("all nodes know the foreign server", statuses => statuses.All(status => status.Foreign.Contains(ForeignServer.Id)), cancellationToken);
        await stage.UntilAsync("the foreign server knows all nodes", _ => Task.FromResult(server.Servers.Count >= _tree.All.Count), cancellationToken);
        var ids = (await _tree.StatusesAsync(cancellationToken)).Select(status => status.Id).Order(StringComparer.Ordinal);
        stage.Narrator.Tell("", "It has authenticated with the secret of node 5, and announced itself: all nodes know it.");
        stage.Checks.Same(string.Join(", ", ids), string.Join(", ", server.Servers), "the servers that it heard of");

        await ExchangeAsync(server, cancellationToken);
        await AskAsync(server, cancellationToken);
        stage.Checks.That(!server.IsClosed, "node 5 found nothing wrong with it", "the link was closed");

        await server.LeaveAsync();
        await _tree.UntilAsync("all nodes forget the foreign server", statuses => statuses.All(status => status.Foreign.Count == 0), cancellationToken);
        stage.Narrator.Tell("", "It leaves; all nodes have noticed.");
    }

    private async Task ExchangeAsync(ForeignServer server, CancellationToken cancellationToken)
    {
        var notes = new List<Broadcast>();
        for (var i = 0; i < ForeignNotes; i++)
        {
            var note = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"type":"Note","content":"note {{i + 1}} for all servers"}"""));
            notes.Add(await _clients[i * _clients.Count / ForeignNotes].PublishAsync(note, cancellationToken));
        }

        var own = """{"type":"Note","content":"from afar","authenticated_user":"odysseus"}"""u8.ToArray();
        await server.PublishAsync(own, cancellationToken);
        _published.AddRange([.. notes, Broadcast.Read(own)]);

        await ToldAsync(_stayed, new Tally(_published), cancellationToken);
        CheckTold(_stayed, new Tally(_published), optional: null, $"each of the {_stayed.Count} clients that were logged in throughout was told each of {_published.Count} activities once, its own one among them");
        await stage.UntilAsync("the foreign server was told", _ => Task.FromResult(server.Activities.Count >= notes.Count), cancellationToken);
        var newcomers = _clients.Except(_stayed).ToList();
        await ToldAsync(newcomers, new Tally([.. notes, Broadcast.Read(own)]), cancellationToken);
        CheckTold(newcomers, new Tally([.. notes, Broadcast.Read(own)]), optional: null, $"each of the {newcomers.Count} others was told the last {notes.Count + 1} once");
        var difference = new Tally(server.Activities).Against(new Tally(notes));
        stage.Checks.That(difference.Length == 0, $"the foreign server was told {notes.Count} activities, each once and its own one not at all", difference);
    }

    private async Task AskAsync(ForeignServer server, CancellationToken cancellationToken)
    {
        var free = await Visit.RegisterAsync(stage, _tree[3], FreeThere, NewSecret(), cancellationToken);
        var taken = await Visit.RegisterAsync(stage, _tree[3], TakenThere, NewSecret(), cancellationToken);
        stage.Checks.Same(StreamerCommands.RegisterSuccess, free, $"who registers {FreeThere} at node 3, which the foreign server allows, is told");
        stage.Checks.Same(StreamerCommands.RegisterFailed, taken, $"who registers {TakenThere} at node 3, which is registered there, is told");
        var asked = server.CountOf(StreamerCommands.LockRequest, FreeThere) + server.CountOf(StreamerCommands.LockRequest, TakenThere);
        stage.Checks.That(asked == 2, "it was asked once for each", $"it was asked {asked} times for both");

        var secret = NewSecret();
        await server.AskForAsync(FreeHere, secret, cancellationToken);
        await server.AskForAsync(_users[0].Username, NewSecret(), cancellationToken);
        await stage.UntilAsync(
            "the foreign server is answered",
            _ => Task.FromResult(server.CountOf(StreamerCommands.LockAllowed, FreeHere) >= _tree.All.Count && server.CountOf(StreamerCommands.LockDenied, _users[0].Username) > 0),
            cancellationToken);
        var allowed = server.CountOf(StreamerCommands.LockAllowed, FreeHere);
        stage.Checks.That(allowed == _tree.All.Count, $"when it asks for {FreeHere} itself, five servers allow it", $"{allowed} do");
        stage.Checks.That(server.CountOf(StreamerCommands.LockAllowed, _users[0].Username) < _tree.All.Count, $"when it asks for {_users[0].Username}, it is denied", "five servers allow it");
        await _tree.AgreeAsync(cancellationToken);
        stage.Checks.Same(StreamerCommands.LoginSuccess, await Visit.LogInAsync(stage, _tree[1], FreeHere, secret, cancellationToken), $"{FreeHere} is told at node 1");
    }
}
