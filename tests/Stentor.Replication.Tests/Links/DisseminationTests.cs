using System.Text;
using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

public sealed class DisseminationTests
{
    [Fact]
    public void Two_regions_that_link_give_each_other_what_they_have_and_what_is_new()
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        world["eu"].Publish("""{"effect":{"add":{"n":1}}}""");
        world["us"].Publish("""{"effect":{"add":{"n":2}}}""");

        world.Connect("eu", "us");
        world.RunUntilLevel();
        world["us"].Publish("""{"effect":{"add":{"n":4}}}""");
        world["eu"].Publish("""{"effect":{"add":{"n":8}}}""");
        world.RunUntilLevel(100);

        Assert.Equal("""{"n":15}""", Texts.Of(world["eu"].States.Find("scores.curling")!.WriteState));
        Assert.Equal(world["eu"].States.Find("scores.curling")!.Bytes(), world["us"].States.Find("scores.curling")!.Bytes());
        Assert.Equal(4, world.EntriesSent);
    }

    [Fact]
    public void What_a_region_applied_it_passes_on()
    {
        var world = new LinkWorld(names: ["a", "b", "c", "d"]);
        world.Connect("a", "b");
        world.Connect("b", "c");
        world.Connect("c", "d");
        world.Run(50);

        world["a"].Publish();
        world["d"].Publish();

        Assert.InRange(world.RunUntilLevel(), 3, 20);
        Assert.Equal(6, world.EntriesSent);
    }

    [Fact]
    public void In_a_mesh_each_entry_soon_crosses_to_each_region_once()
    {
        var world = Mesh(8);
        for (var warmUp = 0; warmUp < 40; warmUp++)
        {
            world.Regions[warmUp % 8].Publish();
            world.Run(7);
        }

        world.Run(2_000);
        var before = world.EntriesSent;
        for (var i = 0; i < 400; i++)
        {
            world.Regions[i % 8].Publish();
            world.Run(3);
        }

        world.RunUntilLevel();

        Assert.InRange((world.EntriesSent - before) / (400.0 * 7), 1.0, 1.05);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void When_a_link_is_cut_another_one_brings_what_it_brought(bool isSilent)
    {
        var world = Mesh(6);
        for (var i = 0; i < 60; i++)
        {
            world.Regions[i % 6].Publish();
            world.Run(5);
        }

        world.RunUntilLevel();
        world.Cut("r0", "r1", isSilent);
        world.Cut("r0", "r2", isSilent);
        world["r0"].Publish();

        Assert.InRange(world.RunUntilLevel(), 1, 2_000);
    }

    [Fact]
    public void A_window_smaller_than_a_message_slows_a_link_and_does_not_end_it()
    {
        var world = new LinkWorld(LinkOptions.Default with { WindowBytes = 4_000, MessageBytes = 64_000 }, names: ["a", "b"]);
        for (var i = 0; i < 200; i++)
        {
            world["a"].Publish();
        }

        world.Connect("a", "b");
        world.RunUntilLevel(20_000);

        Assert.Empty(world["b"].Ends);
    }

    [Fact]
    public void An_entry_waits_for_its_past_when_another_link_is_slower()
    {
        var world = new LinkWorld(names: ["alice", "bob", "carol"]);
        world.Connect("alice", "bob");
        var direct = world.Connect("alice", "carol");
        world.Connect("bob", "carol");
        for (var i = 0; i < 20; i++)
        {
            world["alice"].Publish();
            world.Run(10);
        }

        world.RunUntilLevel();
        var before = world["carol"].Seen;
        direct.DelayMs = 300;

        world["alice"].Publish();
        world.Run(5);
        world["bob"].Publish();
        world.Run(20);

        Assert.Equal(1, world["carol"].Replica.WaitingCount);
        Assert.Equal(before, world["carol"].Seen);

        world.RunUntilLevel();
        Assert.Equal(["alice-1", "bob-1"], world["carol"].Log.Entries.Skip(20).Select(e => Entry.Parse(e).Origin.Value));
    }

    [Fact]
    public void No_more_is_under_way_than_the_receiver_allows()
    {
        var options = LinkOptions.Default with { WindowBytes = 10_000, MessageBytes = 1_000 };
        var world = new LinkWorld(options, names: ["eu", "us"]);
        for (var i = 0; i < 500; i++)
        {
            world["eu"].Publish();
        }

        world.Connect("eu", "us", delayMs: 100);
        long underWayMax = 0;
        for (var i = 0; i < 3_000; i++)
        {
            world.Run(1);
            underWayMax = Math.Max(underWayMax, world["eu"].Links.Status(world.Now)[0].SentBytes - world["us"].Links.Status(world.Now)[0].ReceivedBytes);
        }

        world.RunUntilLevel(60_000);
        Assert.InRange(underWayMax, 5_000, 11_500);
    }

    [Fact]
    public void What_the_waiting_room_dropped_is_asked_for_again()
    {
        var world = new LinkWorld(replicaOptions: ReplicaOptions.Default with { WaitingEntriesMax = 5 }, names: ["alice", "bob", "carol"]);
        world.Connect("alice", "bob");
        world.Connect("alice", "carol", delayMs: 700);
        world.Connect("bob", "carol");
        world.Run(3_000);
        for (var i = 0; i < 50; i++)
        {
            world["alice"].Publish();
            world["bob"].Publish();
            world.Run(10);
        }

        world.RunUntilLevel(60_000);

        Assert.Equal(0, world["carol"].Replica.WaitingCount);
    }

    [Fact]
    public void A_region_that_was_away_catches_up_over_one_link_without_repeats()
    {
        var world = new LinkWorld(LinkOptions.Default with { WindowBytes = 20_000, MessageBytes = 2_000 }, names: ["a", "b", "c"]);
        world.Connect("a", "b");
        for (var i = 0; i < 300; i++)
        {
            world["a"].Publish();
            world["b"].Publish();
            world.Run(1);
        }

        world.RunUntilLevelOf("a", "b");
        var before = world.EntriesSent;
        world.Connect("b", "c", delayMs: 200);
        world.RunUntilLevel(60_000);
        Assert.Equal(600, world.EntriesSent - before);
    }

    [Fact]
    public void Copies_are_counted_when_they_are_on_disk_near_and_far()
    {
        var world = new LinkWorld(names: ["a", "b", "c", "d"]);
        world.Connect("a", "b", delayMs: 10);
        world.Connect("b", "c", delayMs: 10);
        world.Connect("c", "d", delayMs: 10);
        world.Run(200);
        var outcome = world["a"].Publish();

        Assert.Equal(1, world["a"].Links.CopiesOf(outcome.Origin, outcome.Seq));
        world.Run(21);
        Assert.Equal(2, world["a"].Links.CopiesOf(outcome.Origin, outcome.Seq));
        world.Run(20);
        Assert.Equal(3, world["a"].Links.CopiesOf(outcome.Origin, outcome.Seq));
        world.Run(20);
        Assert.Equal(4, world["a"].Links.CopiesOf(outcome.Origin, outcome.Seq));
    }

    [Fact]
    public void A_region_that_lost_its_disk_and_has_an_entry_again_is_still_one_copy()
    {
        var world = new LinkWorld(names: ["us"]);
        world.Add("eu", origin: "eu-1");
        world.Connect("us", "eu");
        world.Run(100);
        var outcome = world["us"].Publish();
        world.Run(500);
        world.Cut("us", "eu");
        world.Regions.RemoveAll(region => region.Name == "eu");
        world.Add("eu", origin: "eu-2");
        world.Connect("us", "eu");
        world.Run(2_000);

        Assert.Equal(1, world["eu"].Seen[outcome.Origin]);
        Assert.Equal(2, world["us"].Links.CopiesOf(outcome.Origin, outcome.Seq));
    }

    [Fact]
    public void A_region_learns_that_its_own_origin_has_been_further()
    {
        var world = new LinkWorld(names: ["us"]);
        var old = world.Add("eu", origin: "eu-1");
        old.Publish();
        old.Publish();
        world.Connect(old, world["us"]);
        world.Run(100);
        world.Cut("eu", "us");
        world.Regions.Remove(old);
        var restored = world.Add("eu", origin: "eu-1", instance: "later");

        world.Connect(restored, world["us"]);
        world.Run(100);

        Assert.True(restored.WasOwnOriginBehind);
        Assert.Empty(restored.Log.Entries);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_number_that_comes_again_with_other_content_ends_the_link(int forkedAt)
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        var wire = world.Connect("eu", "us");
        for (var i = 0; i < 3; i++)
        {
            world["eu"].Publish();
        }

        world.RunUntilLevel();
        var us = world["us"];
        var origin = world["eu"].Origin;
        var forged = new ByteBuffer();
        EntryWriter.Write(new EntryParts("scores.curling", origin, forkedAt, forkedAt, world.Micros, "ann", VersionVector.Empty, null, null, Encoding.UTF8.GetBytes("""{"another":"past"}""")), 7, forged);

        foreach (var same in us.Log.Entries.ToArray())
        {
            us.Links.Receive(wire.ToLink, Message(same), world.Now, us.Output);
            us.Obey();
        }

        Assert.Empty(us.Ends);

        us.Links.Receive(wire.ToLink, Message(forged.WrittenSpan), world.Now, us.Output);
        us.Obey();

        var end = Assert.Single(us.Ends);
        Assert.Equal((LinkEndType.BadEntry, true), (end.Type, end.IsFault));
        Assert.Contains($"Entry {forkedAt} of {origin}", end.Detail, StringComparison.Ordinal);
        Assert.Contains("forked", end.Detail, StringComparison.Ordinal);
        Assert.Contains(us.Events, e => e.Kind == LinkEventKind.OriginStopped && e.Origin == origin);
    }

    private static byte[] Message(ReadOnlySpan<byte> entry)
    {
        var message = new ByteBuffer();
        LinkCodec.BeginEntries(message, VersionVector.Empty);
        LinkCodec.Add(message, entry);
        return LinkCodec.End(message);
    }

    private static LinkWorld Mesh(int count)
    {
        var world = new LinkWorld(names: [.. Enumerable.Range(0, count).Select(i => $"r{i}")]);
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                world.Connect(world.Regions[i], world.Regions[j], delayMs: 1 + ((i * 7) + (j * 3)) % 5);
            }
        }

        world.Run(300);
        return world;
    }
}
