using Stentor.Cli.ActivityStreamer;
using Stentor.Gateways;

namespace Stentor.Cli.Demos.Network;

/// <summary>A client of the network, which remembers what it was told. It goes where it is sent, and comes back when its server is gone. Any thread may ask.</summary>
internal sealed class NetworkClient : IAsyncDisposable
{
    private readonly StreamerSession _session;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly List<ReadOnlyMemory<byte>> _heard = [];
    private readonly Task _running;

    private NetworkClient(Stage stage, string name, string username, string? secret, IReadOnlyList<StreamerServer> servers)
    {
        (Name, Username, Secret) = (name, username, secret);
        _session = new StreamerSession(
            new StreamerSessionOptions
            {
                Servers = servers,
                Username = username,
                Secret = secret,
                OnActivity = Hear,
                OnStatus = status =>
                {
                    if (IsTold)
                    {
                        stage.Narrator.Tell(name, status);
                    }
                },
            },
            stage.Time);
        _running = _session.RunAsync(_end.Token);
    }

    /// <summary>As it is called here.</summary>
    public string Name { get; }

    /// <summary>Who it is.</summary>
    public string Username { get; }

    /// <summary>Its secret; null for <c>anonymous</c>.</summary>
    public string? Secret { get; }

    /// <summary>Whether the narrator tells what happens to its connection.</summary>
    public bool IsTold { get; set; }

    /// <summary>Where it is logged in, as far as can be told for good; null between two connections.</summary>
    /// <exception cref="DemoException">It has given up: a server has refused it, for example.</exception>
    public StreamerServer? Place => _running.IsFaulted ? throw GivenUp() : _session.Place;

    /// <summary>How often it was sent on.</summary>
    public int Redirects => _session.Redirects;

    /// <summary>How many activities it was told.</summary>
    public int HeardCount
    {
        get
        {
            lock (_lock)
            {
                return _heard.Count;
            }
        }
    }

    /// <summary>What it was told, in its order.</summary>
    public IReadOnlyList<Broadcast> Heard
    {
        get
        {
            lock (_lock)
            {
                return [.. _heard.Select(Broadcast.Read)];
            }
        }
    }

    /// <summary>A client logs in.</summary>
    /// <param name="stage">Where it lives.</param>
    /// <param name="name">As it is called here.</param>
    /// <param name="username">Who it is.</param>
    /// <param name="secret">Its secret; null for <c>anonymous</c>.</param>
    /// <param name="servers">The servers that it knows: it goes to the first one.</param>
    public static NetworkClient LogIn(Stage stage, string name, string username, string? secret, IReadOnlyList<StreamerServer> servers) =>
        stage.Add(new NetworkClient(stage, name, username, secret, servers));

    /// <summary>Publishes, when there is a connection.</summary>
    /// <param name="activity">One JSON object, checked.</param>
    /// <param name="cancellationToken">Ends the wait for a connection.</param>
    /// <returns>What others should be told.</returns>
    /// <exception cref="DemoException">It has given up.</exception>
    public async Task<Broadcast> PublishAsync(ReadOnlyMemory<byte> activity, CancellationToken cancellationToken)
    {
        try
        {
            await _session.PublishAsync(activity, cancellationToken);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw GivenUp();
        }

        return Broadcast.Of(Username, activity);
    }

    /// <summary>Logs out, and waits until the server has closed the connection.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task LogOutAsync(CancellationToken cancellationToken)
    {
        await _session.EndAsync(cancellationToken);
        await _running.WaitAsync(Stage.Patience, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Who was refused has been told of.
        _end.Dispose();
    }

    private DemoException GivenUp() => new($"{Name} has given up: {_running.Exception?.InnerException?.Message ?? "it is logged out"}");

    private void Hear(ReadOnlyMemory<byte> activity)
    {
        lock (_lock)
        {
            _heard.Add(activity);
        }
    }
}
