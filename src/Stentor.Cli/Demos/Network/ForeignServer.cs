using System.Collections.Concurrent;
using Stentor.Cli.ActivityStreamer;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Demos.Network;

/// <summary>A server of another make, played: a leaf of the network with a few clients of its own. It says what the protocol's document asks of a server.</summary>
internal sealed class ForeignServer : IAsyncDisposable
{
    /// <summary>Its id.</summary>
    public const string Id = "a-server-of-another-make";

    // As the document has it; its first announcement leaves at once.
    private static readonly TimeSpan AnnounceInterval = TimeSpan.FromSeconds(5);

    private readonly Stage _stage;
    private readonly StreamerConnection _connection;
    private readonly int _load;
    private readonly string _registered;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentQueue<StreamerMessage> _heard = new();
    private readonly Task _running;

    private ForeignServer(Stage stage, StreamerConnection connection, int load, string registered)
    {
        (_stage, _connection, _load, _registered) = (stage, connection, load, registered);
        _running = Task.WhenAll(AnnounceAsync(), ReceiveAsync());
    }

    /// <summary>Whether the node that it is linked to has closed the link.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>The activities that it was told.</summary>
    public IReadOnlyList<Broadcast> Activities => [.. Heard(StreamerCommands.ActivityBroadcast).Select(message => Broadcast.Read(message.Activity))];

    /// <summary>The servers that it heard of, by their ids.</summary>
    public IReadOnlyCollection<string> Servers => [.. Heard(StreamerCommands.ServerAnnounce).Select(message => message.Id).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>How often it heard a command about a username.</summary>
    /// <param name="command">One of the lock commands.</param>
    /// <param name="username">The username.</param>
    public int CountOf(string command, string username) => Heard(command).Count(message => message.Username == username);

    /// <summary>Joins the network.</summary>
    /// <param name="stage">Where it plays.</param>
    /// <param name="node">The node that it is linked to.</param>
    /// <param name="load">How many clients it says that it has.</param>
    /// <param name="registered">The one username that is registered with it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<ForeignServer> JoinAsync(Stage stage, NetworkNode node, int load, string registered, CancellationToken cancellationToken)
    {
        var connection = await StreamerConnection.ConnectAsync(node.Server, Limits.Default, stage.Time, cancellationToken);
        await connection.SendAsync(StreamerLines.Authenticate(node.ServerSecret()), cancellationToken);
        return stage.Add(new ForeignServer(stage, connection, load, registered));
    }

    /// <summary>One of its own clients publishes.</summary>
    /// <param name="activity">As it is broadcast: with <c>authenticated_user</c>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task PublishAsync(ReadOnlyMemory<byte> activity, CancellationToken cancellationToken) => _connection.SendAsync(StreamerLines.Broadcast(activity.Span), cancellationToken);

    /// <summary>One of its own clients wants a username: it asks all other servers.</summary>
    /// <param name="username">The username.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task AskForAsync(string username, string secret, CancellationToken cancellationToken) =>
        _connection.SendAsync(StreamerLines.Name(StreamerCommands.LockRequest, username, secret), cancellationToken);

    /// <summary>Leaves the network.</summary>
    public async Task LeaveAsync()
    {
        await _end.CancelAsync();
        await _running;
        await _connection.DisposeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await LeaveAsync();
        _end.Dispose();
    }

    private IEnumerable<StreamerMessage> Heard(string command) => _heard.Where(message => message.Command == command);

    private async Task AnnounceAsync()
    {
        using var timer = new PeriodicTimer(AnnounceInterval, _stage.Time);
        try
        {
            do
            {
                // It has no port of its own: nobody is sent there, since it never has fewer clients than others.
                await _connection.SendAsync(StreamerLines.Announce(Id, _load, "127.0.0.1", StreamerOptions.DefaultPort), _end.Token);
            }
            while (await timer.WaitForNextTickAsync(_end.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or StreamerLostException)
        {
            // It has left.
        }
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (await _connection.ReceiveAsync(_end.Token) is { } message)
            {
                _heard.Enqueue(message);
                if (message.Command == StreamerCommands.LockRequest)
                {
                    var answer = message.Username == _registered ? StreamerCommands.LockDenied : StreamerCommands.LockAllowed;
                    await _connection.SendAsync(StreamerLines.Name(answer, message.Username, message.Secret), _end.Token);
                }
            }

            IsClosed = true;
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // It has left.
        }
        catch (Exception e) when (e is StreamerLostException or ProtocolException)
        {
            IsClosed = true;
        }
    }
}
