using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node.Tests;

/// <summary>Usernames that foreign servers ask for, in a region by itself and in a cluster.</summary>
public sealed class ForeignNamesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_free_name_is_recorded_and_logs_in_everywhere(int regions)
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, regions);

        Assert.True(await nodes[0].Accounts.AllowsAsync("alice", "sesame", records: true, default));
        await ClusterWorld.SettleAsync(nodes);

        foreach (var node in nodes)
        {
            Assert.True(await node.Accounts.VerifyAsync("alice", "sesame", default));
            Assert.True(await node.Accounts.AllowsAsync("alice", "sesame", records: true, default)); // Known with this very secret.
            Assert.False(await node.Accounts.AllowsAsync("alice", "another", records: true, default));
            Assert.Equal(ErrorType.Taken, (await node.Accounts.RegisterAsync("alice", "sesame", default))?.Type);
            Assert.Equal(ErrorType.Taken, (await node.Accounts.RegisterAsync("alice", "another", default))?.Type);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_name_that_was_denied_is_free_again_as_often_as_that_happens(int regions)
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, regions);
        for (var round = 0; round < 4; round++)
        {
            var node = nodes[round % regions];
            Assert.True(await node.Accounts.AllowsAsync("alice", $"secret {round}", records: true, default));
            Assert.True(await node.Accounts.VerifyAsync("alice", $"secret {round}", default));

            Assert.False(await node.Accounts.ForgetForeignAsync("alice", "another", default));
            Assert.True(await node.Accounts.VerifyAsync("alice", $"secret {round}", default));
            Assert.True(await node.Accounts.ForgetForeignAsync("alice", $"secret {round}", default));

            Assert.False(await node.Accounts.VerifyAsync("alice", $"secret {round}", default));
            Assert.False(await node.Accounts.ForgetForeignAsync("alice", $"secret {round}", default));
            await ClusterWorld.SettleAsync(nodes);
        }

        Assert.Null(await nodes[^1].Accounts.RegisterAsync("alice", "sesame", default));
        await ClusterWorld.SettleAsync(nodes);
        Assert.True(await nodes[0].Accounts.VerifyAsync("alice", "sesame", default));
        Assert.False(await nodes[0].Accounts.VerifyAsync("alice", "secret 3", default));
        Assert.Equal(ErrorType.Taken, (await nodes[0].Accounts.RegisterAsync("alice", "secret 3", default))?.Type);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_registered_name_is_never_forgotten(int regions)
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, regions);
        Assert.Null(await nodes[0].Accounts.RegisterAsync("alice", "sesame", default));
        await ClusterWorld.SettleAsync(nodes);

        Assert.False(await nodes[^1].Accounts.ForgetForeignAsync("alice", "sesame", default));

        Assert.True(await nodes[^1].Accounts.VerifyAsync("alice", "sesame", default));
        Assert.True(await nodes[^1].Accounts.AllowsAsync("alice", "sesame", records: true, default));
        Assert.False(await nodes[^1].Accounts.AllowsAsync("alice", "another", records: true, default));
    }

    [Fact]
    public async Task A_look_records_nothing()
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, 1);

        Assert.True(await nodes[0].Accounts.AllowsAsync("alice", "sesame", records: false, default));

        Assert.False(await nodes[0].Accounts.VerifyAsync("alice", "sesame", default));
        Assert.Null(await nodes[0].Accounts.RegisterAsync("alice", "another", default));
    }

    [Theory]
    [InlineData("anonymous", "s")]
    [InlineData("operator", "s")]
    [InlineData("activity-streamer", "s")]
    [InlineData("no such name", "s")]
    [InlineData("", "s")]
    [InlineData("alice", "")]
    public async Task What_can_be_no_account_is_not_allowed(string username, string secret)
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, 1);

        Assert.False(await nodes[0].Accounts.AllowsAsync(username, secret, records: true, default));
        Assert.False(await nodes[0].Accounts.ForgetForeignAsync(username, secret, default));
    }

    [Fact]
    public async Task Of_foreign_servers_and_people_who_ask_in_all_regions_at_once_one_gets_the_name()
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, 3);
        for (var round = 0; round < 10; round++)
        {
            var name = $"alice{round}";

            var foreign = nodes.Select(n => n.Accounts.AllowsAsync(name, $"foreign {n.Options.Region}", records: true, default).AsTask()).ToList();
            var people = nodes.Select(n => n.Accounts.RegisterAsync(name, $"of {n.Options.Region}", default).AsTask()).ToList();

            var won = (await Task.WhenAll(foreign)).Count(allowed => allowed) + (await Task.WhenAll(people)).Count(refusal => refusal is null);
            Assert.Equal(1, won);
            await ClusterWorld.SettleAsync(nodes);
        }
    }

    [Fact]
    public async Task Cut_off_from_the_majority_a_foreign_server_is_told_no_and_the_name_is_free_afterwards()
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, 3);
        await world.CutAsync(nodes[0]);

        var asked = nodes[0].Accounts.AllowsAsync("alice", "sesame", records: true, default).AsTask();
        while (!asked.IsCompleted)
        {
            await world.TickAsync();
        }

        Assert.False(await asked);
        var again = nodes[0].Accounts.AllowsAsync("alice", "sesame", records: true, default).AsTask(); // What was denied is not allowed when it is asked for again.
        while (!again.IsCompleted)
        {
            await world.TickAsync();
        }

        Assert.False(await again);
        world.LinkAll(nodes);
        await ClusterWorld.SettleAsync(nodes);
        Assert.False(await nodes[1].Accounts.VerifyAsync("alice", "sesame", default));
        Assert.Null(await nodes[1].Accounts.RegisterAsync("alice", "another", default));
    }

    [Fact]
    public async Task What_somebody_has_only_claimed_is_not_allowed_with_the_same_secret_either()
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, 3);
        await world.CutAsync(nodes[0]);
        var claimed = nodes[0].Accounts.RegisterAsync("alice", "sesame", default).AsTask();
        while (!claimed.IsCompleted)
        {
            await world.TickAsync();
        }

        Assert.Equal(ErrorType.Undecided, (await claimed)?.Type);
        Assert.Null(await nodes[1].Accounts.RegisterAsync("alice", "of another", default));
        var asked = nodes[0].Accounts.AllowsAsync("alice", "sesame", records: true, default).AsTask();
        while (!asked.IsCompleted)
        {
            await world.TickAsync();
        }

        Assert.False(await asked);
    }

    [Fact]
    public async Task A_registration_asks_foreign_servers_only_for_names_that_are_free_here_and_lets_them_go_when_it_fails()
    {
        await using var world = new ClusterWorld();
        var nodes = await NodesAsync(world, 1);
        var others = new Others();
        nodes[0].Accounts.ForeignServers = others;

        Assert.Null(await nodes[0].Accounts.RegisterAsync("alice", "sesame", default));
        Assert.Equal(ErrorType.Taken, (await nodes[0].Accounts.RegisterAsync("alice", "another", default))?.Type);
        others.Refusal = new Refusal(ErrorType.Taken, "It is known elsewhere.");
        Assert.Equal("It is known elsewhere.", (await nodes[0].Accounts.RegisterAsync("bob", "sesame", default))?.Detail);
        others.Refusal = null;
        others.Meanwhile = async () => await nodes[0].Accounts.AllowsAsync("carol", "of another", records: true, default);
        Assert.Equal(ErrorType.Taken, (await nodes[0].Accounts.RegisterAsync("carol", "sesame", default))?.Type);

        Assert.Equal(["ask alice", "ask bob", "ask carol", "release carol"], others.Said);
        Assert.False(await nodes[0].Accounts.VerifyAsync("bob", "sesame", default));
    }

    /// <summary>One region by itself, or a cluster.</summary>
    private static async Task<StentorNode[]> NodesAsync(ClusterWorld world, int regions) =>
        regions == 1 ? [world.Start("eu", isInCluster: false)] : await world.ClusterAsync("eu", "us", "asia");

    private sealed class Others : IForeignServers
    {
        public List<string> Said { get; } = [];

        public Refusal? Refusal { get; set; }

        public Func<Task>? Meanwhile { get; set; }

        public async ValueTask<Refusal?> AskAsync(string username, string secret, CancellationToken cancellationToken)
        {
            Said.Add($"ask {username}");
            await (Meanwhile?.Invoke() ?? Task.CompletedTask);
            return Refusal;
        }

        public void Release(string username, string secret) => Said.Add($"release {username}");
    }
}
