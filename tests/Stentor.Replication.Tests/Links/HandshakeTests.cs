using System.Text;
using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

public sealed class HandshakeTests
{
    [Fact]
    public void A_wrong_secret_is_refused_and_nothing_is_told()
    {
        var world = new LinkWorld(names: ["eu"]);
        var stranger = world.Add("us", secret: Encoding.UTF8.GetBytes("another secret altogether"));
        world["eu"].Publish();

        world.Connect(stranger, world["eu"]);
        world.Run(100);

        Assert.Equal((LinkEndType.WrongSecret, true), (world["eu"].Ends[0].Type, world["eu"].Ends[0].IsFault));
        Assert.Empty(stranger.Log.Entries);
        Assert.False(stranger.Links.IsCompared);
    }

    [Fact]
    public void A_stranger_that_is_dialled_is_found_out_too()
    {
        var world = new LinkWorld(names: ["eu"]);
        var stranger = world.Add("us", secret: Encoding.UTF8.GetBytes("another secret altogether"));

        world.Connect(world["eu"], stranger);
        world.Run(100);

        Assert.Contains(stranger.Ends, e => e.Type == LinkEndType.WrongSecret);
        Assert.False(world["eu"].Links.IsCompared);
    }

    [Fact]
    public void A_handshake_that_was_overheard_is_of_no_use()
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        var overheard = new List<byte[]>();
        world.Tap = (from, _, message) =>
        {
            if (from.Name == "us")
            {
                overheard.Add(message);
            }

            return message;
        };
        world.Connect("us", "eu");
        world.Run(100);
        var attacker = new LinkWorld(names: ["eu", "thief"]);

        attacker.Tap = (from, _, message) => from.Name == "thief" && overheard.Count > 0 ? Next(overheard) : message;
        attacker.Connect("thief", "eu");
        attacker.Run(100);

        Assert.Equal(LinkEndType.WrongSecret, attacker["eu"].Ends[0].Type);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_neighbour_of_another_version_is_refused_and_told_why(long version)
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        world.Tap = (from, _, message) => from.Name == "us" && LinkCodec.Decode(message) is LinkMessage.Hello hello ? LinkCodec.Encode(hello with { Version = version }) : message;

        world.Connect("us", "eu");
        world.Run(100);

        var end = Assert.Single(world["eu"].Ends);
        Assert.Equal((LinkEndType.OtherVersion, true), (end.Type, end.IsFault));
        Assert.Contains($"version {version} of the link protocol, this side version 2", end.Detail, StringComparison.Ordinal);
        Assert.Equal(LinkEndType.OtherVersion, Assert.Single(world["us"].Ends).Type);
    }

    [Fact]
    public void Regions_of_different_clusters_refuse_to_link()
    {
        var world = new LinkWorld(names: ["eu"]);
        world.Add("us", cluster: "c2");

        world.Connect("eu", "us");
        world.Run(100);

        Assert.Contains(world["eu"].Ends.Concat(world["us"].Ends), e => e.Type == LinkEndType.OtherCluster);
        Assert.Equal(0, world["eu"].Links.OpenCount);
    }

    [Fact]
    public void A_new_region_takes_the_cluster_that_it_finds()
    {
        var world = new LinkWorld(names: ["eu"]);
        world["eu"].Publish();
        var joiner = world.Add("us", cluster: null);

        world.Connect(joiner, world["eu"]);
        world.RunUntilLevel();

        Assert.Equal("c1", joiner.Links.JoiningCluster);
        Assert.Equal(VersionVector.Of(world["eu"].Origin, 1), joiner.Links.FirstNeighbourSeen);
    }

    [Fact]
    public void A_region_with_entries_of_its_own_and_no_cluster_cannot_join_one()
    {
        var world = new LinkWorld(names: ["eu"]);
        var other = world.Add("us", cluster: null);
        other.Publish();

        world.Connect(other, world["eu"]);
        world.Run(100);

        Assert.Contains(other.Ends, e => e.Type == LinkEndType.OtherCluster && e.Detail.Contains("empty data directory", StringComparison.Ordinal));
        Assert.Empty(world["eu"].Log.Entries);
    }

    [Fact]
    public void A_node_that_links_to_itself_and_one_that_claims_its_origin_are_told_apart()
    {
        var world = new LinkWorld(names: ["eu"]);
        var copy = world.Add("copy", origin: "eu-1");

        world.Connect(world["eu"], world["eu"]);
        world.Connect(copy, world["eu"]);
        world.Run(100);

        Assert.Contains(world["eu"].Ends, e => e.Type == LinkEndType.Itself);
        Assert.Contains(world["eu"].Ends, e => e.Type == LinkEndType.SameOrigin);
    }

    [Fact]
    public void The_second_of_two_nodes_with_one_origin_is_refused_until_the_first_has_left()
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        world.Connect("us", "eu");
        world.Run(100);
        var copy = world.Add("copy", origin: "us-1");

        world.Connect(copy, world["eu"]);
        world.Run(100);
        Assert.Equal(LinkEndType.SameOrigin, Assert.Single(world["eu"].Ends).Type);

        world.Cut("us", "eu");
        world.Connect(copy, world["eu"]);
        world.Run(100);
        Assert.Equal(1, world["eu"].Links.OpenCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(40)]
    public void A_damaged_message_ends_the_link_and_nothing_of_it_is_applied(int at)
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        world.Connect("us", "eu");
        world.Run(100);
        world.Tap = (from, _, message) =>
        {
            var damaged = message.ToArray();
            damaged[at % damaged.Length] ^= 0x10;
            return from.Name == "us" ? damaged : message;
        };

        world["us"].Publish();
        world.Run(100);

        Assert.Equal((LinkEndType.BadMessage, true), (world["eu"].Ends[0].Type, world["eu"].Ends[0].IsFault));
        Assert.Empty(world["eu"].Log.Entries);
    }

    [Fact]
    public void Silence_ends_a_link()
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        world.Connect("us", "eu");
        world.Run(5_000);
        Assert.Equal(1, world["eu"].Links.OpenCount);

        world.Cut("eu", "us", isSilent: true);
        world.Run(10_200);

        Assert.Equal(LinkEndType.Silent, Assert.Single(world["eu"].Ends).Type);
        Assert.Equal(0, world["us"].Links.OpenCount);
    }

    [Theory]
    [InlineData(LinkEndType.Stopping, false)]
    [InlineData(LinkEndType.Renewed, false)]
    [InlineData(LinkEndType.Silent, false)]
    [InlineData(LinkEndType.WrongSecret, true)]
    [InlineData(LinkEndType.BadEntry, true)]
    public void Only_blame_makes_the_other_side_wait_long_before_it_dials_again(string type, bool isFault)
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        var wire = world.Connect("us", "eu");
        world.Run(100);

        world["us"].Links.Receive(wire.FromLink, LinkCodec.Encode(new LinkMessage.Bye(type, "as the test wants it")), world.Now, world["us"].Output);
        world["us"].Obey();

        Assert.Equal((type, isFault), (world["us"].Ends[0].Type, world["us"].Ends[0].IsFault));
    }

    private static byte[] Next(List<byte[]> messages)
    {
        var next = messages[0];
        messages.RemoveAt(0);
        return next;
    }
}
