using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Node.Tests;

public sealed class ClusterTests
{
    [Fact]
    public async Task A_region_that_is_alone_has_no_cluster_and_writes_nothing_of_one()
    {
        await using var world = new ClusterWorld();
        var eu = world.Start("eu", isInCluster: false);

        await world.TickAsync();

        Assert.Null(eu.Cluster.Id);
        Assert.Equal(0, eu.Store.Position);
        Assert.Equal(ErrorType.ConditionNotMet, (await eu.Cluster.AddVoterAsync(eu.Store.Origin, default))?.Type);
        Assert.Equal(ErrorType.ConditionNotMet, (await eu.Cluster.AnnounceAsync(default))?.Type);
    }

    [Fact]
    public async Task The_first_region_founds_a_cluster_once()
    {
        await using var world = new ClusterWorld();
        var eu = world.Start("eu", joins: false);
        await world.TickAsync();
        var id = eu.Cluster.Id;
        var position = eu.Store.Position;
        Assert.Equal(32, id!.Length); // Founded.

        await world.StopAsync(eu);
        eu = world.Start("eu", joins: false);
        await world.TickAsync();

        Assert.Equal((id, position), (eu.Cluster.Id, eu.Store.Position));
        Assert.Equal([eu.Store.Origin], eu.Cluster.Voters!.Voters);
        Assert.Equal([new ClusterRegion(eu.Store.Origin, "eu", WishesVote: true, HasLeft: false)], eu.Cluster.Regions);
    }

    [Fact]
    public async Task Regions_that_join_become_voters()
    {
        await using var world = new ClusterWorld();

        var nodes = await world.ClusterAsync("eu", "us", "asia");

        Assert.Equal("asia-00007f3a, eu-00007f3a, us-00007f3a", nodes[0].Cluster.Voters!.ToString());
        Assert.Single(nodes.Select(n => n.Cluster.Id).Distinct());
    }

    [Fact]
    public async Task A_region_that_is_linked_to_a_cluster_joins_it_by_itself()
    {
        await using var eu = await FoundLinkedAsync("eu");
        await using var us = StartLinked("us", joins: true);
        Assert.Equal((null, false, true), (us.Cluster.Id, us.Cluster.IsMember, eu.Cluster.IsMember));

        using var link = new MemoryLink(us, eu);
        Assert.NotNull(await eu.Cluster.WaitForDecisionAsync("_voters.2", TestNode.Patience, default));
        await ClusterWorld.SettleAsync(eu, us);

        Assert.Equal((eu.Cluster.Id, true), (us.Cluster.Id, us.Cluster.IsMember));
        Assert.Equal("eu-00007f3a, us-00007f3a", us.Cluster.Voters!.ToString());
    }

    [Fact]
    public async Task A_region_that_does_not_wish_to_vote_does_not()
    {
        await using var world = new ClusterWorld();
        var eu = world.Start("eu", joins: false);
        var us = world.Start("us", wishesVote: false);
        var asia = world.Start("asia");
        await world.TickAsync();
        world.LinkAll(eu, us, asia);
        await ClusterWorld.JoinAsync(us, eu);
        await ClusterWorld.JoinAsync(asia, eu);

        await world.VotersAsync([eu, us, asia], 2);
        await world.TickAsync();

        Assert.Equal("asia-00007f3a, eu-00007f3a", us.Cluster.Voters!.ToString());
        Assert.Null(await eu.Cluster.AddVoterAsync(us.Store.Origin, default)); // By hand it can.
        Assert.Equal(3, eu.Cluster.Voters!.Voters.Count);
    }

    [Fact]
    public async Task When_the_first_voter_is_away_the_next_one_proposes_after_a_while()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        var (eu, us, asia) = (nodes[0], nodes[1], nodes[2]);
        await world.CutAsync(asia);
        var africa = world.Start("africa");
        world.LinkAll(eu, africa);
        await ClusterWorld.JoinAsync(africa, eu);
        await ClusterWorld.SettleAsync(eu, us, africa);

        // eu has rank 1 and proposes after 5 s; us after 10.
        for (var second = 0; second < 5; second++)
        {
            await world.TickAsync();
            Assert.Equal(3, eu.Cluster.Voters!.Voters.Count);
        }

        await world.TickAsync();
        await world.VotersAsync([eu, us, africa], 4);
        Assert.Equal(eu.Store.Origin, eu.Cluster.Decide(ClaimChannels.OfVoterSet(eu.Cluster.Voters!.Version))!.Claim!.Origin); // There are voters, by a claim that was decided.
    }

    [Fact]
    public async Task A_voter_that_lost_its_disk_is_none_until_it_is_replaced()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        var (eu, us, lost) = (nodes[0], nodes[1], nodes[2].Store.Origin);
        await world.StopAsync(nodes[2]);
        world.LoseDisk("asia");
        var asia = world.Start("asia");
        world.LinkAll(eu, asia);
        await ClusterWorld.JoinAsync(asia, eu);
        await ClusterWorld.SettleAsync(eu, us, asia);

        // Long enough for each voter to propose what it would.
        for (var second = 0; second < 20; second++)
        {
            await world.TickAsync();
            await ClusterWorld.SettleAsync(eu, us, asia);
        }

        Assert.Equal("asia-00007f3a, eu-00007f3a, us-00007f3a", us.Cluster.Voters!.ToString());

        Assert.Equal(ErrorType.NotFound, (await us.Cluster.ReplaceVoterAsync(new OriginId("mars-1"), asia.Store.Origin, default))?.Type);
        Assert.Equal(ErrorType.NotFound, (await us.Cluster.ReplaceVoterAsync(lost, new OriginId("mars-1"), default))?.Type);
        Assert.Null(await us.Cluster.ReplaceVoterAsync(lost, asia.Store.Origin, default));
        Assert.Null(await us.Cluster.ReplaceVoterAsync(lost, asia.Store.Origin, default)); // Again changes nothing.

        Assert.Equal("asia-00007f3b, eu-00007f3a, us-00007f3a", us.Cluster.Voters!.ToString());
        Assert.Null(await asia.Accounts.RegisterAsync("alice", "sesame", default));
    }

    [Fact]
    public async Task A_change_that_finds_no_majority_says_so_and_goes_on()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us", "asia");
        var (eu, us, asia) = (nodes[0], nodes[1], nodes[2]);
        await world.CutAsync(eu);

        var removing = eu.Cluster.RemoveVoterAsync(asia.Store.Origin, default);
        await world.Time.UntilWaitedForAsync(eu.Options.ClaimWait);
        world.Time.Advance(eu.Options.ClaimWait);
        var refusal = await removing;

        Assert.Equal(ErrorType.Undecided, refusal?.Type);
        Assert.Contains("it takes 2 of the voters asia-00007f3a, eu-00007f3a, us-00007f3a", refusal!.Detail, StringComparison.Ordinal);
        world.LinkAll(eu, us, asia);
        await world.VotersAsync(nodes, 2);
        Assert.Null(await eu.Cluster.RemoveVoterAsync(asia.Store.Origin, default));
    }

    [Fact]
    public async Task A_region_leaves_and_votes_no_more()
    {
        await using var world = new ClusterWorld();
        var nodes = await world.ClusterAsync("eu", "us");
        var (eu, us) = (nodes[0], nodes[1]);

        Assert.Null(await us.Cluster.LeaveAsync(default));
        Assert.Null(await us.Cluster.LeaveAsync(default));

        await ClusterWorld.SettleAsync(nodes);
        Assert.Equal([eu.Store.Origin], eu.Cluster.Voters!.Voters);
        Assert.True(eu.Cluster.FindRegion(us.Store.Origin)!.HasLeft); // It said that it is one.
        Assert.Equal(ErrorType.ConditionNotMet, (await us.Cluster.AnnounceAsync(default))?.Type);
        Assert.Equal(ErrorType.ConditionNotMet, (await eu.Cluster.AddVoterAsync(us.Store.Origin, default))?.Type);
        Assert.Equal(ErrorType.ConditionNotMet, (await eu.Cluster.LeaveAsync(default))?.Type); // The last voter.
        await world.TickAsync();
        Assert.Null(await eu.Accounts.RegisterAsync("alice", "sesame", default));
    }

    [Fact]
    public async Task A_region_has_left_when_a_neighbour_has_on_disk_all_that_it_made()
    {
        await using var eu = await FoundLinkedAsync("eu");
        await using var us = StartLinked("us", joins: true);
        using var link = new MemoryLink(us, eu);
        Assert.NotNull(await eu.Cluster.WaitForDecisionAsync("_voters.2", TestNode.Patience, default));
        await ClusterWorld.SettleAsync(eu, us);
        var last = await us.PublishAsync("chat", "ann", TestNode.Body("""{"activity":{}}"""), default);
        Assert.Null(last.Refusal);

        Assert.Null(await us.Cluster.LeaveAsync(default));

        Assert.True(eu.Seen[us.Store.Origin] > last.Seq);
        Assert.Equal([eu.Store.Origin], eu.Cluster.Voters!.Voters); // There is a cluster.
        Assert.Equal(ErrorType.NotReady, (await us.PublishAsync("chat", "ann", TestNode.Body("""{"activity":{}}"""), default)).Refusal?.Type);
    }

    [Fact]
    public async Task A_region_that_leaves_while_no_neighbour_is_there_says_so_and_can_be_asked_again()
    {
        await using var eu = await FoundLinkedAsync("eu");
        await using var us = StartLinked("us", joins: true, o => o with { WishesVote = false, CopiesWait = TimeSpan.FromMilliseconds(50) });
        using (new MemoryLink(us, eu))
        {
            Assert.True(await eu.WaitForEntryAsync(new ChannelSet(ChannelPattern.Parse("_regions.us-00007f3a")), 0, TestNode.Patience, default));
        }

        var refusal = await us.Cluster.LeaveAsync(default);
        var made = us.Seen[us.Store.Origin];

        Assert.Equal(ErrorType.Undecided, refusal?.Type);
        Assert.Contains("no other region is known to have on disk all that it made, up to number 2", refusal!.Detail, StringComparison.Ordinal);
        using var link = new MemoryLink(us, eu);
        while (await us.Cluster.LeaveAsync(default) is { } again)
        {
            Assert.Equal(ErrorType.Undecided, again.Type);
        }

        Assert.Equal(made, us.Seen[us.Store.Origin]); // Asking again writes nothing.
        Assert.True(eu.Cluster.FindRegion(us.Store.Origin)!.HasLeft); // It said that it is one.
    }

    [Fact]
    public async Task Nothing_is_said_of_voters_before_a_neighbour_has_compared()
    {
        await using var eu = StartLinked("eu", joins: true, o => o with { Links = [LinkTarget.Parse("ws://127.0.0.1:1")] });

        Assert.Equal(ErrorType.NotReady, (await eu.Cluster.RemoveVoterAsync(eu.Store.Origin, default))?.Type);
        Assert.Equal(ErrorType.NotReady, (await eu.Cluster.LeaveAsync(default))?.Type);
    }

    [Fact]
    public async Task Eight_voters_are_too_many()
    {
        await using var world = new ClusterWorld();
        var eu = world.Start("eu", joins: false);
        await world.TickAsync();

        var refusal = await eu.Cluster.ProposeAsync([.. Enumerable.Range(1, 8).Select(n => new OriginId($"r-{n}"))], default);

        Assert.Equal(ErrorType.TooLarge, refusal?.Type);
    }

    /// <summary>A region that has founded its cluster: before that, no link to it would stand.</summary>
    private static async Task<StentorNode> FoundLinkedAsync(string region)
    {
        var node = StartLinked(region, joins: false);
        Assert.True(await node.WaitForEntryAsync(new ChannelSet(ChannelPattern.Parse("_regions.>")), 0, TestNode.Patience, default));
        return node;
    }

    private static StentorNode StartLinked(string region, bool joins, Func<NodeOptions, NodeOptions>? with = null)
    {
        var options = new NodeOptions { Region = region, KeepsCluster = true, JoinsCluster = joins, ClusterSecret = "a secret of the whole cluster"u8.ToArray() };
        var store = new StoreOptions { Region = region, Incarnation = 0x7f3a, SegmentBytes = 256 * 1024 };
        return StentorNode.Start(new MemoryDisk(), store, with?.Invoke(options) ?? options, TimeProvider.System, FaultLogs.Instance);
    }
}
