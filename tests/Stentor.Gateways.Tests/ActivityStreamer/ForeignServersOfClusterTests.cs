using System.Text.Json;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Three regions in a row, a foreign server X linked to the first and another one, Y, to the last.</summary>
/// <param name="row">The regions; the names of each test are its own.</param>
public sealed class ForeignServersOfClusterTests(ForeignServersOfClusterTests.Row row) : IClassFixture<ForeignServersOfClusterTests.Row>, IAsyncLifetime
{
    private readonly StreamerCluster _cluster = row.Cluster;
    private StreamerClient _x = null!; // Set, as the next one, before any test.
    private StreamerClient _y = null!;

    public async ValueTask InitializeAsync()
    {
        await KnownAsync();
        _x = await StreamerClient.PeerAsync(_cluster[1]);
        _y = await StreamerClient.PeerAsync(_cluster[3]);
        await _x.AnnounceAsync("X", 1_000);
        await _y.AnnounceAsync("Y", 1_000);
        await KnownAsync("X", "Y");
    }

    public ValueTask DisposeAsync()
    {
        _x.Dispose();
        _y.Dispose();
        return default;
    }

    [Fact]
    public async Task A_foreign_server_hears_of_all_our_nodes_and_of_foreign_servers_behind_them()
    {
        // A server that comes later is told of our nodes at once, and of the others when they announce themselves.
        using var z = await StreamerClient.PeerAsync(_cluster[2]);
        var heard = Task.WhenAll(AnnouncedAsync(_x, "Y", "Z"), AnnouncedAsync(_y, "X", "Z"), AnnouncedAsync(z, "X", "Y"));

        await _x.AnnounceAsync("X", 7);
        await _y.AnnounceAsync("Y", 8);
        await z.AnnounceAsync("Z", 9);

        await heard;
    }

    [Fact]
    public async Task A_broadcast_of_a_foreign_server_reaches_everyone_else_once_and_never_comes_back()
    {
        var clients = await Task.WhenAll(_cluster.Nodes.Select(StreamerClient.AnonymousAsync));

        await _x.SendAsync("""{"command":"ACTIVITY_BROADCAST","activity":{"n":1,"authenticated_user":"xenia"}}""");
        await _x.SendAsync("""{"command":"ACTIVITY_BROADCAST","activity":{"n":2,"authenticated_user":"xenia"}}""");
        foreach (var client in clients.Append(_y))
        {
            Assert.Equal((1, "xenia"), Activity(await client.ExpectAsync("ACTIVITY_BROADCAST")));
            Assert.Equal((2, "xenia"), Activity(await client.ExpectAsync("ACTIVITY_BROADCAST")));
        }

        // What comes next is what is published next: nothing came twice, or back.
        await clients[0].SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"n":3}}""");
        foreach (var reader in clients.Append(_x).Append(_y))
        {
            Assert.Equal((3, "anonymous"), Activity(await reader.ExpectAsync("ACTIVITY_BROADCAST")));
        }

        await _y.SendAsync("""{"command":"ACTIVITY_BROADCAST","activity":{"n":4,"authenticated_user":"yves"}}""");
        foreach (var reader in clients.Append(_x))
        {
            Assert.Equal((4, "yves"), Activity(await reader.ExpectAsync("ACTIVITY_BROADCAST")));
            reader.Dispose();
        }
    }

    [Fact]
    public async Task A_registration_succeeds_when_every_foreign_server_has_allowed_it()
    {
        using var client = await StreamerClient.ConnectAsync(_cluster[2]);
        await client.SendAsync("""{"command":"REGISTER","username":"bea","secret":"s1"}""");
        var answer = client.ReceiveAsync();

        await AskedAsync(_x, "bea", "s1");
        await AskedAsync(_y, "bea", "s1");
        await _x.SendAsync("""{"command":"LOCK_ALLOWED","username":"bea","secret":"s1"}""");
        await SaysAsync(_y, "LOCK_ALLOWED", "bea", "s1");
        Assert.False(answer.IsCompleted);
        await _y.SendAsync("""{"command":"LOCK_ALLOWED","username":"bea","secret":"s1","server":"Y"}""");

        Assert.Equal("REGISTER_SUCCESS", Command(await answer));
        await LogsInEverywhereAsync("bea", "s1");
    }

    [Fact]
    public async Task An_answer_in_the_name_of_another_server_counts_for_nobody()
    {
        using var client = await StreamerClient.ConnectAsync(_cluster[2]);
        await client.SendAsync("""{"command":"REGISTER","username":"cleo","secret":"s1"}""");
        await AskedAsync(_x, "cleo", "s1");
        await AskedAsync(_y, "cleo", "s1");

        await _x.SendAsync("""{"command":"LOCK_ALLOWED","username":"cleo","secret":"s1"}""");
        await _x.SendAsync("""{"command":"LOCK_ALLOWED","username":"cleo","secret":"s1"}""");
        await _x.SendAsync("""{"command":"LOCK_ALLOWED","username":"cleo","secret":"s1","server":"Y"}""");

        Assert.Contains("silent: Y", Info(await client.ExpectAsync("REGISTER_FAILED")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registration_that_one_foreign_server_denies_fails_and_leaves_the_name_free()
    {
        using (var client = await StreamerClient.ConnectAsync(_cluster[2]))
        {
            await client.SendAsync("""{"command":"REGISTER","username":"dora","secret":"s1"}""");
            await AskedAsync(_x, "dora", "s1");
            await AskedAsync(_y, "dora", "s1");
            await _x.SendAsync("""{"command":"LOCK_ALLOWED","username":"dora","secret":"s1"}""");
            await _y.SendAsync("""{"command":"LOCK_DENIED","username":"dora","secret":"s1"}""");
            Assert.Equal("dora is already registered with the system", Info(await client.ExpectAsync("REGISTER_FAILED")));
            await client.ExpectEndAsync();
        }

        await SaysAsync(_x, "LOCK_DENIED", "dora", "s1"); // So that X forgets it.
        await SaysAsync(_y, "LOCK_ALLOWED", "dora", "s1");
        await RegisterAllowedAsync(_cluster[3], "dora", "s2");
        await LogsInEverywhereAsync("dora", "s2");
    }

    [Fact]
    public async Task A_registration_that_a_foreign_server_is_silent_about_fails_after_the_wait_and_leaves_the_name_free()
    {
        using (var client = await StreamerClient.ConnectAsync(_cluster[2]))
        {
            await client.SendAsync("""{"command":"REGISTER","username":"eva","secret":"s1"}""");
            await AskedAsync(_x, "eva", "s1");
            await AskedAsync(_y, "eva", "s1");
            await _x.SendAsync("""{"command":"LOCK_ALLOWED","username":"eva","secret":"s1"}""");
            Assert.Contains("within 1 s whether eva is free (silent: Y)", Info(await client.ExpectAsync("REGISTER_FAILED")), StringComparison.Ordinal);
        }

        await SaysAsync(_x, "LOCK_DENIED", "eva", "s1");
        await SaysAsync(_y, "LOCK_ALLOWED", "eva", "s1");
        await SaysAsync(_y, "LOCK_DENIED", "eva", "s1");
        await RegisterAllowedAsync(_cluster[2], "eva", "s2");
        await LogsInEverywhereAsync("eva", "s2");
    }

    [Fact]
    public async Task A_registration_fails_at_once_when_a_foreign_server_goes_that_it_waits_for()
    {
        using var client = await StreamerClient.ConnectAsync(_cluster[2]);
        await client.SendAsync("""{"command":"REGISTER","username":"fay","secret":"s1"}""");
        await AskedAsync(_x, "fay", "s1");

        _x.Dispose();

        Assert.Contains("The server X went away", Info(await client.ExpectAsync("REGISTER_FAILED")), StringComparison.Ordinal);
        await KnownAsync("Y");
        _y.Dispose();
        await KnownAsync();
        using var another = await StreamerClient.RegisteredAsync(_cluster[3], "fay", "s2");
    }

    [Fact]
    public async Task A_name_that_a_foreign_server_registers_logs_in_everywhere_until_another_one_denies_it()
    {
        await _x.SendAsync("""{"command":"LOCK_REQUEST","username":"xenia","secret":"s1"}""");
        await AskedAsync(_y, "xenia", "s1");
        await _y.SendAsync("""{"command":"LOCK_ALLOWED","username":"xenia","secret":"s1","server":"Y"}""");

        // One answer of each of our nodes, and that of Y.
        var answers = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            var answer = await SaysAsync(_x, "LOCK_ALLOWED", "xenia", "s1");
            answers.Add(answer.GetProperty("server").GetString()!); // Ours do as they were told, and so does Y.
        }

        Assert.Equal(_cluster.Nodes.Select(StreamerCluster.IdOf).Append("Y").Order(StringComparer.Ordinal), answers.Order(StringComparer.Ordinal));
        await LogsInEverywhereAsync("xenia", "s1");

        await _y.SendAsync("""{"command":"LOCK_DENIED","username":"xenia","secret":"s1"}""");

        await SaysAsync(_x, "LOCK_DENIED", "xenia", "s1");
        foreach (var node in _cluster.Nodes)
        {
            await StreamerCluster.UntilAsync(async () => await LoginAsync(node, "xenia", "s1") == "LOGIN_FAILED", "xenia is forgotten");
            Assert.Equal(401, await HttpLoginAsync(node, "xenia", "s1"));
        }

        await _cluster.SettleAsync();
        for (var i = 0; i < 3; i++)
        {
            await SaysAsync(_y, "LOCK_ALLOWED", "xenia", "s1"); // Of our nodes, from before.
        }

        await RegisterAllowedAsync(_cluster[2], "xenia", "s2");
        await LogsInEverywhereAsync("xenia", "s2");
    }

    [Fact]
    public async Task A_name_that_was_registered_here_is_denied_to_foreign_servers_and_stays()
    {
        await RegisterAllowedAsync(_cluster[3], "gil", "s1");
        await SaysAsync(_x, "LOCK_ALLOWED", "gil", "s1"); // Of Y.
        await _cluster.SettleAsync();

        await _x.SendAsync("""{"command":"LOCK_REQUEST","username":"gil","secret":"s2"}""");
        await SaysAsync(_x, "LOCK_DENIED", "gil", "s2");
        await _x.SendAsync("""{"command":"LOCK_DENIED","username":"gil","secret":"s1"}""");
        await _x.SettleAsync();

        await LogsInEverywhereAsync("gil", "s1");
    }

    [Fact]
    public async Task Of_a_client_and_a_foreign_server_that_want_a_name_at_once_at_most_one_gets_it()
    {
        var owners = new Dictionary<string, string?>(StringComparer.Ordinal);
        using var stop = new CancellationTokenSource();
        var allowing = AllowEverythingAsync(_y, "Y", stop.Token);
        for (var round = 0; round < 30; round++)
        {
            var name = $"rival{round}";
            using var client = await StreamerClient.ConnectAsync(_cluster[2]);
            var register = $$"""{"command":"REGISTER","username":"{{name}}","secret":"ours"}""";
            var request = $$"""{"command":"LOCK_REQUEST","username":"{{name}}","secret":"theirs"}""";
            switch (round % 3)
            {
                case 0: // Both at once.
                    await Task.WhenAll(client.SendAsync(register), _x.SendAsync(request));
                    break;
                case 1: // The client first: X knows when it is asked.
                    await client.SendAsync(register);
                    await AskedAsync(_x, name, "ours");
                    await _x.SendAsync(request);
                    await _x.SendAsync($$"""{"command":"LOCK_ALLOWED","username":"{{name}}","secret":"ours"}""");
                    break;
                default: // X first: one of those that it asks has answered.
                    await _x.SendAsync(request);
                    await SaysAsync(_x, "LOCK_ALLOWED", name, "theirs");
                    await client.SendAsync(register);
                    break;
            }

            // X has it when our three nodes and Y allow it. It allows whatever it is asked itself, so all is up to us.
            var answer = client.ReceiveAsync();
            var isTheirs = await IsAllowedAsync(name, round % 3 == 2 ? 3 : 4);
            var isOurs = Command(await answer) == "REGISTER_SUCCESS";

            Assert.False(isOurs && isTheirs, $"{name} has two owners.");
            var owner = owners[name] = isOurs ? "ours" : isTheirs ? "theirs" : null;
            if (owner is not null)
            {
                await LogsInEverywhereAsync(name, owner);
                Assert.Equal("LOGIN_FAILED", await LoginAsync(_cluster[2], name, isOurs ? "theirs" : "ours"));
            }
        }

        // What neither of them got is free.
        var allowingToo = AllowEverythingAsync(_x, "X", stop.Token);
        foreach (var name in owners.Keys.Where(n => owners[n] is null))
        {
            await StreamerCluster.UntilAsync(async () => await RegisterAsync(_cluster[3], name, "third") == "REGISTER_SUCCESS", $"{name} is free");
        }

        await stop.CancelAsync();
        await Task.WhenAll(allowing, allowingToo);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", owners.Values.CountBy(o => o ?? "free").Select(o => $"{o.Key} {o.Value}")));

        async Task<bool> IsAllowedAsync(string name, int missing)
        {
            while (missing > 0)
            {
                var message = await _x.ReceiveOtherAsync() ?? throw new InvalidOperationException("X was closed.");
                switch (Command(message), Name(message))
                {
                    case ("LOCK_REQUEST", var pair) when pair == $"{name} ours":
                        await _x.SendAsync($$"""{"command":"LOCK_ALLOWED","username":"{{name}}","secret":"ours"}""");
                        break;
                    case ("LOCK_ALLOWED", var pair) when pair == $"{name} theirs":
                        missing--;
                        break;
                    case ("LOCK_DENIED", var pair) when pair == $"{name} theirs":
                        return false;
                    default:
                        break;
                }
            }

            return true;
        }
    }

    /// <summary>A foreign server that knows no name, until it is told to end.</summary>
    private static async Task AllowEverythingAsync(StreamerClient server, string id, CancellationToken stop)
    {
        try
        {
            while (await server.ReceiveOtherAsync(stop) is { } message)
            {
                if (Command(message) == "LOCK_REQUEST")
                {
                    await server.SendAsync($$"""{"command":"LOCK_ALLOWED","username":{{message.GetProperty("username").GetRawText()}},"secret":{{message.GetProperty("secret").GetRawText()}},"server":"{{id}}"}""");
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private Task KnownAsync(params string[] foreign) => KnownAsync(_cluster, foreign);

    /// <summary>Waits until every node knows these foreign servers, and no others.</summary>
    private static Task KnownAsync(StreamerCluster cluster, params string[] foreign)
    {
        var ours = cluster.Nodes.Select(StreamerCluster.IdOf).ToList();
        return StreamerCluster.UntilAsync(
            async () => (await Task.WhenAll(cluster.Nodes.Select(StreamerCluster.ServersAsync))).All(known => known.Keys.Except(ours).Order(StringComparer.Ordinal).SequenceEqual(foreign)),
            $"all nodes know {string.Join(", ", foreign)} and no other server");
    }

    /// <summary>Reads until these have announced themselves, and all our nodes.</summary>
    private async Task AnnouncedAsync(StreamerClient server, params string[] others)
    {
        var missing = _cluster.Nodes.Select(StreamerCluster.IdOf).Concat(others).ToHashSet(StringComparer.Ordinal);
        while (missing.Count > 0)
        {
            var message = await server.ExpectAsync("SERVER_ANNOUNCE");
            missing.Remove(message.GetProperty("id").GetString()!); // An announcement has one.
        }
    }

    private static Task AskedAsync(StreamerClient server, string username, string secret) => SaysAsync(server, "LOCK_REQUEST", username, secret);

    /// <summary>What a foreign server is told next about a username; of others, of earlier tests, it may still hear.</summary>
    private static async Task<JsonElement> SaysAsync(StreamerClient server, string command, string username, string secret)
    {
        while (true)
        {
            var message = await server.ReceiveOtherAsync();
            Assert.True(message is not null, $"The connection ended where {command} was expected.");
            if (Name(message.Value) is var name && name.StartsWith($"{username} ", StringComparison.Ordinal))
            {
                Assert.Equal($"{command} {username} {secret}", $"{Command(message)} {name}");
                return message.Value;
            }
        }
    }

    /// <summary>Registers a name that X and Y allow.</summary>
    private async Task RegisterAllowedAsync(TestServer node, string username, string secret)
    {
        using var client = await StreamerClient.ConnectAsync(node);
        await client.SendAsync($$"""{"command":"REGISTER","username":"{{username}}","secret":"{{secret}}"}""");
        await AskedAsync(_x, username, secret);
        await AskedAsync(_y, username, secret);
        await _x.SendAsync($$"""{"command":"LOCK_ALLOWED","username":"{{username}}","secret":"{{secret}}"}""");
        await _y.SendAsync($$"""{"command":"LOCK_ALLOWED","username":"{{username}}","secret":"{{secret}}"}""");
        await client.ExpectAsync("REGISTER_SUCCESS");
    }

    private async Task LogsInEverywhereAsync(string username, string secret)
    {
        foreach (var node in _cluster.Nodes)
        {
            await StreamerCluster.UntilAsync(async () => await LoginAsync(node, username, secret) == "LOGIN_SUCCESS", $"{username} can log in");
            Assert.Equal(200, await HttpLoginAsync(node, username, secret));
        }
    }

    private static Task<string?> LoginAsync(TestServer node, string username, string secret) => SayAsync(node, "LOGIN", username, secret);

    private static Task<string?> RegisterAsync(TestServer node, string username, string secret) => SayAsync(node, "REGISTER", username, secret);

    private static async Task<string?> SayAsync(TestServer node, string command, string username, string secret)
    {
        using var client = await StreamerClient.ConnectAsync(node);
        await client.SendAsync($$"""{"command":"{{command}}","username":"{{username}}","secret":"{{secret}}"}""");
        return Command(await client.ReceiveAsync());
    }

    private static async Task<int> HttpLoginAsync(TestServer node, string username, string secret) => (await node.GetAsync("/v1/channels", (username, secret))).Status;

    private static string? Command(JsonElement? message) => message?.GetProperty("command").GetString();

    private static string? Info(JsonElement message) => message.GetProperty("info").GetString();

    private static string Name(JsonElement message) => message.TryGetProperty("username", out var username) ? $"{username} {message.GetProperty("secret")}" : "";

    private static (int N, string? User) Activity(JsonElement message)
    {
        var activity = message.GetProperty("activity");
        return (activity.GetProperty("n").GetInt32(), activity.GetProperty("authenticated_user").GetString());
    }

    /// <summary>Three regions in a row.</summary>
    public sealed class Row : IAsyncLifetime
    {
        internal StreamerCluster Cluster { get; private set; } = null!; // Set before any test.

        public async ValueTask InitializeAsync() =>
            Cluster = await StreamerCluster.StartAsync(3, streamer: s => s with { LockWait = TimeSpan.FromSeconds(1), LockServer = true });

        public ValueTask DisposeAsync() => Cluster.DisposeAsync();
    }
}
