using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node.Tests;

/// <summary>Usernames in a cluster.</summary>
public sealed class NamesTests
{
    [Fact]
    public async Task A_name_registered_in_one_region_is_taken_in_all()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");

        Assert.Null(await nodes[0].Accounts.RegisterAsync("alice", "sesame", default));
        await ClusterWorld.SettleAsync(nodes);

        foreach (var node in nodes)
        {
            Assert.Equal(ErrorType.Taken, (await node.Accounts.RegisterAsync("alice", "another", default))?.Type);
            Assert.Equal(ErrorType.Taken, (await node.Accounts.RegisterAsync("alice", "sesame", default))?.Type);
            Assert.True(await node.Accounts.VerifyAsync("alice", "sesame", default));
            Assert.False(await node.Accounts.VerifyAsync("alice", "another", default));
        }
    }

    [Fact]
    public async Task Of_those_who_register_a_name_everywhere_at_once_one_gets_it()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        for (var round = 0; round < 10; round++)
        {
            var name = $"alice{round}";

            var refusals = await Task.WhenAll(nodes.SelectMany(n => Enumerable.Range(0, 3).Select(i => n.Accounts.RegisterAsync(name, $"of {n.Options.Region} {i}", default).AsTask())));

            await ClusterWorld.SettleAsync(nodes);
            var winner = Assert.Single(Enumerable.Range(0, 9), n => refusals[n] is null);
            Assert.All(refusals.Where((_, n) => n != winner), r => Assert.Equal(ErrorType.Taken, r!.Type)); // One is null.
            foreach (var node in nodes)
            {
                Assert.True(await node.Accounts.VerifyAsync(name, $"of {nodes[winner / 3].Options.Region} {winner % 3}", default));
                Assert.False(await node.Accounts.VerifyAsync(name, $"of {nodes[(winner + 3) / 3 % 3].Options.Region} {winner % 3}", default));
            }
        }
    }

    [Fact]
    public async Task Cut_off_from_the_majority_a_registration_is_undecided_and_goes_on()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        var (eu, us, asia) = (nodes[0], nodes[1], nodes[2]);
        await world.CutAsync(eu);

        var refusal = await OverdueAsync(world, eu, "alice", "sesame");

        Assert.Equal(ErrorType.Undecided, refusal?.Type);
        Assert.False(await eu.Accounts.VerifyAsync("alice", "sesame", default));
        Assert.Equal(ErrorType.Taken, (await eu.Accounts.RegisterAsync("alice", "another", default))?.Type);
        Assert.Null(await us.Accounts.RegisterAsync("bob", "sesame", default)); // Two of three are a majority.

        // The outcome is told to whoever repeats the registration, in any region, once.
        world.LinkAll(eu, us, asia);
        Assert.Null(await eu.Accounts.RegisterAsync("alice", "sesame", default));
        await ClusterWorld.SettleAsync(nodes);
        Assert.Equal(ErrorType.Taken, (await eu.Accounts.RegisterAsync("alice", "sesame", default))?.Type);
        Assert.True(await asia.Accounts.VerifyAsync("alice", "sesame", default));
        Assert.True(await eu.Accounts.VerifyAsync("bob", "sesame", default));
    }

    [Fact]
    public async Task A_registration_repeated_in_another_region_gives_the_outcome_there()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        await world.CutAsync(nodes[0]);
        await OverdueAsync(world, nodes[0], "alice", "sesame");

        world.LinkAll(nodes);
        await ClusterWorld.SettleAsync(nodes);

        Assert.Null(await nodes[1].Accounts.RegisterAsync("alice", "sesame", default));
        Assert.True(await nodes[2].Accounts.VerifyAsync("alice", "sesame", default));
    }

    [Fact]
    public async Task Whoever_was_cut_off_and_came_late_loses_the_name()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        await world.CutAsync(nodes[0]);
        Assert.Equal(ErrorType.Undecided, (await OverdueAsync(world, nodes[0], "alice", "of eu"))?.Type);
        Assert.Null(await nodes[1].Accounts.RegisterAsync("alice", "of us", default));

        world.LinkAll(nodes);

        Assert.Equal(ErrorType.Taken, (await nodes[0].Accounts.RegisterAsync("alice", "of eu", default))?.Type);
        await ClusterWorld.SettleAsync(nodes);
        Assert.True(await nodes[0].Accounts.VerifyAsync("alice", "of us", default));
        Assert.False(await nodes[0].Accounts.VerifyAsync("alice", "of eu", default));
    }

    [Fact]
    public async Task A_region_that_is_no_voter_registers_names_too()
    {
        await using var world = new ClusterWorld();
        var eu = world.Start("eu", joins: false);
        var us = world.Start("us", wishesVote: false);
        await world.TickAsync();
        world.LinkAll(eu, us);
        await ClusterWorld.JoinAsync(us, eu);

        Assert.Null(await us.Accounts.RegisterAsync("alice", "sesame", default));

        await ClusterWorld.SettleAsync(eu, us);
        Assert.True(await eu.Accounts.VerifyAsync("alice", "sesame", default));
    }

    [Fact]
    public async Task Whoever_has_logged_in_stays_so_when_a_late_vote_arrives()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        await world.CutAsync(nodes[2]);
        Assert.Null(await nodes[0].Accounts.RegisterAsync("alice", "sesame", default));
        var proof = await nodes[0].Accounts.CheckSecretAsync("alice", "sesame", default);
        var version = nodes[0].Store.Find("_accounts.alice")!.Version; // Registered.

        world.LinkAll(nodes);
        await ClusterWorld.SettleAsync(nodes);

        Assert.NotEqual(version, nodes[0].Store.Find("_accounts.alice")!.Version); // As above.
        Assert.True(proof!.Holds); // The secret was right.
    }

    [Fact]
    public async Task A_registration_that_the_disk_does_not_take_is_refused_and_can_be_sent_again()
    {
        await using var world = new ClusterWorld();
        var eu = world.Start("eu", joins: false);
        await world.TickAsync();

        world.DiskOf("eu").SyncsToFail = int.MaxValue;
        var refusal = await eu.Accounts.RegisterAsync("alice", "sesame", default);
        world.DiskOf("eu").SyncsToFail = 0;

        Assert.Equal(ErrorType.NotReady, refusal?.Type);
        Assert.Null(await eu.Accounts.RegisterAsync("alice", "sesame", default));
    }

    [Fact]
    public async Task An_account_that_is_older_than_the_cluster_is_one_in_all_its_regions()
    {
        await using var world = new ClusterWorld();
        var alone = world.Start("eu", isInCluster: false);
        Assert.Null(await alone.Accounts.RegisterAsync("alice", "sesame", default));
        await world.StopAsync(alone);

        var nodes = await world.ClusterAsync("eu", "us");

        foreach (var node in nodes)
        {
            Assert.True(await node.Accounts.VerifyAsync("alice", "sesame", default));
            Assert.Equal(ErrorType.Taken, (await node.Accounts.RegisterAsync("alice", "another", default))?.Type);
        }
    }

    [Fact]
    public async Task Before_a_region_has_joined_it_registers_nobody()
    {
        await using var world = new ClusterWorld();
        var us = world.Start("us");

        Assert.Equal(ErrorType.NotReady, (await us.Accounts.RegisterAsync("alice", "sesame", default))?.Type);
        Assert.Equal(0, us.Store.Position);
    }

    [Fact]
    public async Task A_name_that_waits_for_this_region_is_voted_on_after_a_restart()
    {
        await using var world = new ClusterWorld();
        var eu = world.Start("eu", joins: false);
        var us = world.Start("us");
        await world.TickAsync();
        world.LinkAll(eu, us);
        await ClusterWorld.JoinAsync(us, eu);
        await ClusterWorld.SettleAsync(eu, us);

        // us claims, is no voter yet, and forgets that a name is open; then it is a voter beside eu, which has not seen the claim.
        await world.CutAsync(us);
        Assert.Equal(ErrorType.Undecided, (await OverdueAsync(world, us, "alice", "sesame"))?.Type);
        await world.StopAsync(us);
        us = world.Start("us");
        while (eu.Cluster.Voters!.Voters.Count < 2)
        {
            await world.TickAsync();
        }

        world.LinkOneWay(eu, us);
        await ClusterWorld.CoverAsync(us, eu.Seen);
        var vote = us.Seen.With(us.Store.Origin, us.Seen[us.Store.Origin] + 1);
        await world.TickAsync();
        await ClusterWorld.CoverAsync(us, vote);

        Assert.True(ClaimState.Read("_accounts.alice", us.Store.Find("_accounts.alice")).HasVoted(us.Store.Origin, 2));
    }

    [Fact]
    public async Task A_name_that_waited_for_a_voter_is_decided_when_it_closes_an_old_version_even_after_a_restart()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        var (eu, us, asia) = (nodes[0], nodes[1], nodes[2]);
        await world.CutAsync(eu);
        await world.CutAsync(us);
        await OverdueAsync(world, eu, "alice", "of eu");
        await OverdueAsync(world, us, "alice", "of us");
        await OverdueAsync(world, asia.Options, asia.Cluster.RemoveVoterAsync(us.Store.Origin, default)); // Closes the version; nobody hears of it.
        world.LinkAll(eu, us);
        Assert.Null(await eu.Cluster.RemoveVoterAsync(asia.Store.Origin, default));
        await ClusterWorld.SettleAsync(eu, us);
        Assert.Null(eu.Cluster.Decide("_accounts.alice")); // asia may have voted for either.

        await world.StopAsync(eu);
        await world.StopAsync(us);
        (eu, us) = (world.Start("eu"), world.Start("us"));
        await world.TickAsync();
        world.LinkAll(eu, us, asia);
        for (var second = 0; second < 3; second++)
        {
            await ClusterWorld.SettleAsync(eu, us, asia);
            await world.TickAsync();
        }

        Assert.NotNull(await eu.Cluster.WaitForDecisionAsync("_accounts.alice", TestNode.Patience, default).AsTask().WaitAsync(TestNode.Patience));
    }

    /// <summary>A registration that waits in vain.</summary>
    private static Task<Refusal?> OverdueAsync(ClusterWorld world, StentorNode node, string username, string secret) =>
        OverdueAsync(world, node.Options, node.Accounts.RegisterAsync(username, secret, default));

    private static async Task<Refusal?> OverdueAsync(ClusterWorld world, NodeOptions options, ValueTask<Refusal?> waiting)
    {
        await world.Time.UntilWaitedForAsync(options.ClaimWait);
        world.Time.Advance(options.ClaimWait);
        return await waiting;
    }
}
