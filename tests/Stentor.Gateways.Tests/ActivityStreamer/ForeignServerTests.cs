using System.Net;
using System.Net.Sockets;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Links with other servers: those that dial us, and those that we dial.</summary>
public sealed class ForeignServerTests : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public ForeignServerTests() => _listener.Start();

    private StreamerServer Remote => new("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task A_server_that_dials_says_the_secret_first_and_then_who_it_is()
    {
        await using var server = await StreamerClient.ServeAsync(o => o with { Remotes = [Remote] });
        using var remote = await StreamerClient.AcceptAsync(_listener);

        var first = await remote.ExpectAsync("AUTHENTICATE");
        var second = await remote.ExpectAsync("SERVER_ANNOUNCE");

        Assert.Equal(StreamerClient.Secret, first.GetProperty("secret").GetString());
        Assert.Equal(2, first.EnumerateObject().Count());
        Assert.Equal(5, second.EnumerateObject().Count());
        Assert.Equal(StreamerClient.EndPointOf(server).Port, second.GetProperty("port").GetInt32());
    }

    [Fact]
    public async Task Activities_cross_a_link_once_in_each_direction_and_never_return()
    {
        await using var server = await StreamerClient.ServeAsync(o => o with { Remotes = [Remote] });
        using var remote = await StreamerClient.AcceptAsync(_listener);
        await remote.ExpectAsync("AUTHENTICATE");
        using var leaf = await StreamerClient.PeerAsync(server);
        using var client = await StreamerClient.AnonymousAsync(server);

        await remote.SendAsync("""{"command":"ACTIVITY_BROADCAST","activity":{"n":1,"authenticated_user":"zoe"}}""");
        await client.ExpectAsync("ACTIVITY_BROADCAST");
        await leaf.SendAsync("""{"command":"ACTIVITY_BROADCAST","activity":{"n":2}}""");
        await client.ExpectAsync("ACTIVITY_BROADCAST");
        await client.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"n":3}}""");
        await client.ExpectAsync("ACTIVITY_BROADCAST");

        var toRemote = await NumbersAsync(remote);
        var toLeaf = await NumbersAsync(leaf);
        Assert.Equal([2, 3], toRemote);
        Assert.Equal([1, 3], toLeaf);

        static async Task<int[]> NumbersAsync(StreamerClient peer) =>
        [
            (await peer.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("n").GetInt32(),
            (await peer.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("n").GetInt32(),
        ];
    }

    [Fact]
    public async Task A_link_that_ends_is_made_again()
    {
        await using var server = await StreamerClient.ServeAsync(o => o with { Remotes = [Remote] });
        using (var remote = await StreamerClient.AcceptAsync(_listener))
        {
            await remote.ExpectAsync("AUTHENTICATE");
        }

        using var again = await StreamerClient.AcceptAsync(_listener);

        await again.ExpectAsync("AUTHENTICATE");
    }

    [Fact]
    public async Task A_server_that_has_announced_itself_and_falls_silent_is_told_so_and_closed()
    {
        await using var server = await StreamerClient.ServeAsync(o => o with { Silence = TimeSpan.FromSeconds(1) });
        using var peer = await StreamerClient.PeerAsync(server, "x");

        Assert.Contains("nothing was heard", (await peer.ExpectAsync("INVALID_MESSAGE")).GetProperty("info").GetString(), StringComparison.Ordinal);
        await peer.ExpectEndAsync();
        Assert.Equal(0, (await server.GetAsync("/v1/cluster"))["activityStreamer"].GetProperty("servers").GetArrayLength());
    }

    [Fact]
    public async Task A_server_that_resets_every_connection_is_tried_again_and_again()
    {
        await using var server = await StreamerClient.ServeAsync(o => o with { Remotes = [Remote] });
        for (var i = 0; i < 5; i++)
        {
            using var socket = await _listener.AcceptSocketAsync().WaitAsync(TestServer.Patience);
            socket.LingerState = new LingerOption(enable: true, 0);
        }

        using var remote = await StreamerClient.AcceptAsync(_listener);

        await remote.ExpectAsync("AUTHENTICATE");
    }

    [Fact]
    public async Task A_registration_whose_client_has_gone_is_brought_to_its_end()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var peer = await StreamerClient.PeerAsync(server, "x");
        using var gone = new CancellationTokenSource();
        using var body = new StringContent("""{"username":"ann","secret":"s1"}""", System.Text.Encoding.UTF8, "application/json");
        var post = server.Client.PostAsync("/v1/accounts", body, gone.Token);
        await peer.ExpectAsync("LOCK_REQUEST");

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => post);
        await peer.SendAsync("""{"command":"LOCK_ALLOWED","username":"ann","secret":"s1"}""");

        await StreamerCluster.UntilAsync(async () => await LoginAsync(server, "s1") == "LOGIN_SUCCESS", "ann can log in"); // There is nobody left to be told.
    }

    [Fact]
    public async Task When_the_first_server_cannot_be_reached_the_next_one_is_linked()
    {
        using var gone = new TcpListener(IPAddress.Loopback, 0);
        gone.Start();
        var dead = new StreamerServer("127.0.0.1", ((IPEndPoint)gone.LocalEndpoint).Port);
        gone.Stop();
        await using var server = await StreamerClient.ServeAsync(o => o with { Remotes = [dead, Remote] });

        using var remote = await StreamerClient.AcceptAsync(_listener);

        await remote.ExpectAsync("AUTHENTICATE");
        Assert.Contains(server.Logs.Messages, m => m.Contains(dead.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_wrong_secret_is_told_to_the_operator()
    {
        await using var server = await StreamerClient.ServeAsync(o => o with { Remotes = [Remote] });
        using (var remote = await StreamerClient.AcceptAsync(_listener))
        {
            await remote.ExpectAsync("AUTHENTICATE");
            await remote.SendAsync("""{"command":"AUTHENTICATION_FAIL","info":"not that one"}""");
            await remote.ExpectAsync("SERVER_ANNOUNCE");
            await remote.ExpectEndAsync();
        }

        using var again = await StreamerClient.AcceptAsync(_listener);

        Assert.Contains(server.Logs.Messages, m => m.Contains("not that one", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_of_our_servers_linked_by_this_protocol_alone_share_activities_and_names()
    {
        await using var root = await StreamerClient.ServeAsync();
        var remote = new StreamerServer("127.0.0.1", StreamerClient.EndPointOf(root).Port);
        await using var leaf = await StreamerClient.ServeAsync(o => o with { Remotes = [remote] }, o => o with { Node = o.Node with { Region = "us" } });
        await KnowsAsync(root, 1);
        await KnowsAsync(leaf, 1);
        using var ann = await StreamerClient.RegisteredAsync(leaf, "ann", "s1");
        using var reader = await StreamerClient.AnonymousAsync(root);

        await ann.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"ann","secret":"s1","activity":{"n":1}}""");
        Assert.Equal("""{"n":1,"authenticated_user":"ann"}""", (await reader.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetRawText());
        await reader.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"n":2}}""");
        await ann.ExpectAsync("ACTIVITY_BROADCAST");
        Assert.Equal(2, (await ann.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("n").GetInt32());

        using var again = await StreamerClient.ConnectAsync(root);
        await again.SendAsync("""{"command":"REGISTER","username":"ann","secret":"other"}""");
        await again.ExpectAsync("REGISTER_FAILED");
        using var elsewhere = await StreamerClient.ConnectAsync(root);
        await elsewhere.SendAsync("""{"command":"LOGIN","username":"ann","secret":"s1"}""");
        await elsewhere.ExpectAsync("LOGIN_SUCCESS");
    }

    [Fact]
    public async Task A_registration_over_HTTP_asks_the_other_servers_too()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var peer = await StreamerClient.PeerAsync(server, "x");

        var answer = server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "ann", "secret": "s1"}""");
        var request = await peer.ExpectAsync("LOCK_REQUEST");
        Assert.Equal(("ann", "s1"), (request.GetProperty("username").GetString(), request.GetProperty("secret").GetString()));
        await peer.SendAsync("""{"command":"LOCK_DENIED","username":"ann","secret":"s1"}""");

        (await answer).Problem("taken");
        answer = server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "ann", "secret": "s2"}""");
        await peer.ExpectAsync("LOCK_REQUEST");
        await peer.SendAsync("""{"command":"LOCK_ALLOWED","username":"ann","secret":"s2"}""");
        Assert.Equal(201, (await answer).Status);
    }

    [Fact]
    public async Task A_name_that_another_server_asked_for_logs_in_here_until_it_is_denied()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var peer = await StreamerClient.PeerAsync(server, "x");
        await peer.SendAsync("""{"command":"LOCK_REQUEST","username":"ann","secret":"s1"}""");
        await peer.ExpectAsync("LOCK_ALLOWED");
        Assert.Equal("LOGIN_SUCCESS", await LoginAsync(server, "s1"));
        Assert.Equal(201, (await server.PublishAsync("chat.general", """{"activity": {}}""", ("ann", "s1"))).Status);

        await peer.SendAsync("""{"command":"LOCK_DENIED","username":"ann","secret":"other"}""");
        await ForgetsAsync(peer, "ann");
        Assert.Equal("LOGIN_SUCCESS", await LoginAsync(server, "s1"));

        await peer.SendAsync("""{"command":"LOCK_DENIED","username":"ann","secret":"s1"}""");
        await ForgetsAsync(peer, "ann");
        Assert.Equal("LOGIN_FAILED", await LoginAsync(server, "s1"));
        Assert.Equal(401, (await server.PublishAsync("chat.general", """{"activity": {}}""", ("ann", "s1"))).Status);

        await peer.SendAsync("""{"command":"LOCK_REQUEST","username":"ann","secret":"s2"}""");
        await peer.ExpectAsync("LOCK_ALLOWED");
        Assert.Equal("LOGIN_SUCCESS", await LoginAsync(server, "s2"));
    }

    [Fact]
    public async Task A_name_that_was_registered_here_stays_whatever_another_server_says()
    {
        await using var server = await StreamerClient.ServeAsync();
        using var ann = await StreamerClient.RegisteredAsync(server, "ann", "s1");
        using var peer = await StreamerClient.PeerAsync(server, "x");

        await peer.SendAsync("""{"command":"LOCK_DENIED","username":"ann","secret":"s1"}""");
        await ForgetsAsync(peer, "ann");

        Assert.Equal("LOGIN_SUCCESS", await LoginAsync(server, "s1"));
    }

    /// <summary>Waits until what was said about a name was seen to: names are looked up one after the other.</summary>
    private static async Task ForgetsAsync(StreamerClient peer, string username)
    {
        // A secret that is too long for any account: denied, whatever the name.
        await peer.SendAsync($$"""{"command":"LOCK_REQUEST","username":"{{username}}","secret":"{{new string('x', 1_100)}}"}""");
        await peer.ExpectAsync("LOCK_DENIED");
    }

    private static async Task<string> LoginAsync(TestServer server, string secret)
    {
        using var client = await StreamerClient.ConnectAsync(server);
        await client.SendAsync($$"""{"command":"LOGIN","username":"ann","secret":"{{secret}}"}""");
        return (await client.ReceiveOtherAsync())!.Value.GetProperty("command").GetString()!; // A login is answered.
    }

    private static Task KnowsAsync(TestServer server, int servers) => StreamerCluster.UntilAsync(
        async () => (await server.GetAsync("/v1/cluster"))["activityStreamer"].GetProperty("servers").GetArrayLength() >= servers,
        $"{servers} servers are known");
}
