using System.Net;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>A client as real ones are: it logs in, goes where it is sent, and stays there.</summary>
internal sealed class RoamingClient : IAsyncDisposable
{
    private readonly Task _roaming;
    private StreamerClient? _connection;
    private volatile bool _hasLeft;
    private volatile bool _isLoggedIn;
    private volatile string? _end;
    private int _redirects;

    private RoamingClient(IPEndPoint first) => _roaming = Task.Run(() => RoamAsync(first));

    /// <summary>Whether it is logged in somewhere and was not sent on.</summary>
    public bool IsLoggedIn => _isLoggedIn;

    /// <summary>How often it was sent elsewhere.</summary>
    public int Redirects => Volatile.Read(ref _redirects);

    /// <summary>How it ended, when it was not sent on and did not leave; null otherwise.</summary>
    public string? End => _end;

    /// <summary>A client that begins at a server.</summary>
    public static RoamingClient Start(TestServer server) => new(StreamerClient.EndPointOf(server));

    /// <summary>Waits until all these are logged in where they are, and are counted there and nowhere else.</summary>
    public static Task StayAsync(StreamerCluster cluster, IReadOnlyCollection<RoamingClient> clients) => StreamerCluster.UntilAsync(
        async () =>
        {
            Assert.DoesNotContain(clients, c => c.End is not null);
            return clients.All(c => c.IsLoggedIn) && (await cluster.LoadsAsync()).Sum() == clients.Count;
        },
        $"{clients.Count} clients are logged in");

    /// <summary>Says goodbye.</summary>
    public async ValueTask DisposeAsync()
    {
        _hasLeft = true;
        if (_connection is { } connection && _isLoggedIn)
        {
            await connection.SendAsync("""{"command":"LOGOUT"}""");
        }

        _connection?.Dispose();
        await _roaming;
    }

    private async Task RoamAsync(IPEndPoint at)
    {
        try
        {
            while (!_hasLeft)
            {
                using var connection = _connection = await StreamerClient.ConnectAsync(at);
                await connection.SendAsync("""{"command":"LOGIN","username":"anonymous"}""");
                if (await StayAsync(connection) is not { } next)
                {
                    return;
                }

                at = next;
                Interlocked.Increment(ref _redirects);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or System.Net.Sockets.SocketException)
        {
            _end = _hasLeft ? null : e.Message;
        }
    }

    private async Task<IPEndPoint?> StayAsync(StreamerClient connection)
    {
        while (await connection.ReceiveAsync(Timeout.InfiniteTimeSpan) is { } message)
        {
            switch (message.GetProperty("command").GetString())
            {
                case "LOGIN_SUCCESS":
                    _isLoggedIn = true;
                    break;
                case "REDIRECT":
                    _isLoggedIn = false;
                    return new IPEndPoint(IPAddress.Parse(message.GetProperty("hostname").GetString()!), message.GetProperty("port").GetInt32()); // A redirect has a host.
                case "ACTIVITY_BROADCAST":
                    break;
                default:
                    _end = message.GetRawText();
                    return null;
            }
        }

        _end = _hasLeft ? null : "the connection ended";
        return null;
    }
}
