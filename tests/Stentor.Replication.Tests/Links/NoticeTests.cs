using System.Text;
using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>What a process tells all others at once.</summary>
public sealed class NoticeTests
{
    [Theory]
    [InlineData("chain")]
    [InlineData("ring")]
    [InlineData("mesh")]
    public void A_notice_reaches_every_node_once_and_does_not_come_back(string shape)
    {
        var world = World(shape, count: 6);

        world["r2"].Tell("I am here");
        world.Run(100);

        foreach (var region in world.Regions.Where(region => region.Name != "r2"))
        {
            Assert.Equal([("process of r2", "I am here")], region.Notices);
        }

        Assert.Empty(world["r2"].Notices);
        Assert.All(world.Regions, region => Assert.Empty(region.Ends));
        Assert.All(world.Regions, region => Assert.Equal(0, region.NoticesDropped));
    }

    [Theory]
    [InlineData("chain")]
    [InlineData("ring")]
    [InlineData("mesh")]
    public void Notices_of_one_process_come_in_their_order(string shape)
    {
        var world = World(shape, count: 5);

        for (var i = 0; i < 50; i++)
        {
            world.Regions[i % 5].Tell($"{i}");
            world.Run(i % 3);
        }

        world.Run(100);

        foreach (var region in world.Regions)
        {
            for (var from = 0; from < 5; from++)
            {
                var sender = world.Regions[from];
                var expected = sender == region ? [] : Enumerable.Range(0, 50).Where(i => i % 5 == from).Select(i => $"{i}");
                Assert.Equal(expected, region.Notices.Where(n => n.Instance == sender.Links.Self.Instance).Select(n => n.Text));
            }
        }
    }

    [Fact]
    public void What_is_told_while_a_link_is_cut_is_lost_and_what_is_told_later_arrives()
    {
        var world = World("chain", count: 3);
        world["r0"].Tell("before");
        world.Run(20);

        world.Cut("r1", "r2");
        world["r0"].Tell("meanwhile");
        world.Run(20);
        world.Connect("r2", "r1");
        world.Run(20);
        world["r0"].Tell("after");
        world.Run(20);

        Assert.Equal(["before", "meanwhile", "after"], world["r1"].Notices.Select(n => n.Text));
        Assert.Equal(["before", "after"], world["r2"].Notices.Select(n => n.Text));
    }

    [Fact]
    public void A_process_that_was_started_again_is_heard_from_its_first_notice_on()
    {
        var world = new LinkWorld(names: ["eu"]);
        world.Connect(world.Add("us", instance: "first"), world["eu"]);
        world.Run(20);
        world["us"].Tell("one");
        world["us"].Tell("two");
        world.Run(20);

        world.Cut("us", "eu");
        world.Regions.RemoveAll(region => region.Name == "us");
        world.Connect(world.Add("us", instance: "second"), world["eu"]);
        world.Run(20);
        world["us"].Tell("three");
        world.Run(20);

        Assert.Equal([("first", "one"), ("first", "two"), ("second", "three")], world["eu"].Notices);
    }

    [Fact]
    public void A_notice_is_told_on_every_open_link_and_on_no_other()
    {
        var world = new LinkWorld(names: ["eu", "us", "asia"]);
        world.Connect("eu", "us");
        world.Run(20);
        world.Connect("eu", "asia", delayMs: 50);

        world["eu"].Tell("early");
        world.Run(300);
        world["eu"].Tell("late");
        world.Run(100);

        Assert.Equal(["early", "late"], world["us"].Notices.Select(n => n.Text));
        Assert.Equal(["late"], world["asia"].Notices.Select(n => n.Text));
        Assert.Empty(world["asia"].Ends);
    }

    [Fact]
    public void A_notice_before_the_proof_ends_the_link()
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        var wire = world.Connect("eu", "us");

        Bring(world["eu"], wire.FromLink, Notice("us", 1));

        Assert.Equal(LinkEndType.BadMessage, Assert.Single(world["eu"].Ends).Type);
        Assert.Empty(world["eu"].Notices);

        void Bring(LinkedRegion region, int link, byte[] message)
        {
            region.Links.Receive(link, message, world.Now, region.Output);
            region.Obey();
        }
    }

    [Fact]
    public void Notices_put_off_neither_what_a_region_announces_nor_its_sign_of_life()
    {
        var world = new LinkWorld(names: ["a", "b", "c"]);
        world.Connect("a", "b");
        world.Connect("b", "c");
        world.Run(200);
        var announcements = 0;
        world.Tap = (from, to, message) =>
        {
            announcements += (from.Name, to.Name, message[4]) == ("b", "c", 3) ? 1 : 0;
            return message;
        };

        for (var i = 0; i < 100; i++)
        {
            world["b"].Tell("busy");
            world.Run(50);
        }

        Assert.InRange(announcements, 4, 10);
    }

    [Fact]
    public void Whoever_floods_is_passed_on_no_faster_than_a_link_may_bring()
    {
        var world = World("chain", count: 3, LinkOptions.Default with { NoticeBytesPerSecond = 100_000 });
        var text = new string('x', 9_900);

        for (var i = 0; i < 100; i++)
        {
            world["r0"].Tell(text);
        }

        world.Run(20);
        Assert.Equal(10, world["r2"].Notices.Count);
        Assert.Equal(90, world["r1"].NoticesDropped);
        Assert.Equal(0, world["r2"].NoticesDropped);

        world.Run(10_000);
        for (var i = 0; i < 100; i++)
        {
            world["r0"].Tell(text);
            world.Run(50);
        }

        // At once what a second allows, then 100,000 bytes in each of five seconds.
        Assert.InRange(world["r2"].Notices.Count, 10 + 58, 10 + 61);
        Assert.All(world.Regions, region => Assert.Empty(region.Ends));
    }

    [Fact]
    public void However_short_a_notice_counts_as_a_kibibyte()
    {
        var world = World("chain", count: 3, LinkOptions.Default with { NoticeBytesPerSecond = 20 * 1024 });

        for (var i = 0; i < 100; i++)
        {
            world["r0"].Tell("");
        }

        world.Run(20);

        Assert.InRange(world["r2"].Notices.Count, 20, 21);
    }

    [Fact]
    public void What_one_link_brought_too_much_of_another_may_still_bring()
    {
        var world = new LinkWorld(LinkOptions.Default with { NoticeBytesPerSecond = 1_024 }, names: ["eu", "us", "asia"]);
        var toUs = world.Connect("eu", "us");
        var toAsia = world.Connect("eu", "asia");
        world.Run(20);
        var eu = world["eu"];

        eu.Links.Receive(toUs.FromLink, Notice("one", 1), world.Now, eu.Output);
        eu.Links.Receive(toUs.FromLink, Notice("two", 1), world.Now, eu.Output);
        eu.Links.Receive(toAsia.FromLink, Notice("two", 1), world.Now, eu.Output);
        eu.Obey();

        Assert.Equal(["one", "two"], eu.Notices.Select(n => n.Instance));
        Assert.Equal(1, eu.NoticesDropped);
    }

    [Fact]
    public void Repeats_cost_nothing_of_what_a_link_may_bring()
    {
        var world = new LinkWorld(LinkOptions.Default with { NoticeBytesPerSecond = 2 * 1_024 }, names: ["eu", "us"]);
        var wire = world.Connect("eu", "us");
        world.Run(20);
        var eu = world["eu"];

        for (var i = 0; i < 100; i++)
        {
            eu.Links.Receive(wire.FromLink, Notice("one", 1), world.Now, eu.Output);
            eu.Links.Receive(wire.FromLink, Notice(eu.Links.Self.Instance, i), world.Now, eu.Output);
        }

        eu.Links.Receive(wire.FromLink, Notice("one", 2), world.Now, eu.Output);
        eu.Obey();

        Assert.Equal(2, eu.Notices.Count);
        Assert.Equal(0, eu.NoticesDropped);
    }

    [Fact]
    public void Of_the_processes_remembered_the_one_heard_of_longest_ago_is_forgotten_once_nothing_of_it_can_be_under_way()
    {
        var world = new LinkWorld(LinkOptions.Default with { NoticeInstancesMax = 3, NoticeRememberMs = 1_000 }, names: ["eu", "us"]);
        var wire = world.Connect("eu", "us");
        world.Run(20);
        var eu = world["eu"];

        Bring("one", 1);
        Bring("two", 1);
        Bring("three", 1);
        world.Run(500);
        Bring("one", 2);
        Bring("four", 1);
        Assert.Equal(1, eu.NoticesDropped);

        world.Run(600);
        Bring("four", 2); // For which two is forgotten,
        Bring("one", 2);
        Bring("two", 1); // and three for two.

        Assert.Equal(["one", "two", "three", "one", "four", "two"], eu.Notices.Select(n => n.Instance));
        Assert.Equal(1, eu.NoticesDropped);

        void Bring(string instance, long number)
        {
            eu.Links.Receive(wire.FromLink, Notice(instance, number), world.Now, eu.Output);
            eu.Obey();
        }
    }

    [Fact]
    public void More_processes_than_can_be_remembered_do_not_set_notices_going_round_for_good()
    {
        var world = World("mesh", count: 4, LinkOptions.Default with { NoticeInstancesMax = 8, NoticeBytesPerSecond = 1_000_000 });
        var messages = 0;
        world.Tap = (_, _, message) =>
        {
            messages += message[4] == 8 ? 1 : 0;
            return message;
        };
        var hostile = world.Add("hostile");
        var wire = world.Connect(hostile, world["r0"]);
        world.Run(20);

        for (var i = 0; i < 500; i++)
        {
            world["r0"].Links.Receive(wire.ToLink, Notice($"nobody {i}", 1), world.Now, world["r0"].Output);
            world["r0"].Obey();
        }

        world.Run(1_000);
        var before = messages;
        world.Run(1_000);

        Assert.Equal(before, messages);
    }

    [Fact]
    public void A_notice_of_the_greatest_length_is_passed_on_and_a_longer_one_is_a_mistake()
    {
        var world = World("chain", count: 3);
        var longest = new string('x', Dissemination.NoticeBodyBytesMax);

        world["r0"].Tell(longest);
        world.Run(20);

        Assert.Equal(longest, Assert.Single(world["r2"].Notices).Text);
        Assert.ThrowsAny<ArgumentException>(() => world["r0"].Tell(longest + "x"));
    }

    [Fact]
    public void A_longer_one_of_a_peer_ends_its_link()
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        var wire = world.Connect("eu", "us");
        world.Run(20);
        var eu = world["eu"];

        eu.Links.Receive(wire.FromLink, Notice("us", 1, new byte[Dissemination.NoticeBodyBytesMax + 1]), world.Now, eu.Output);
        eu.Obey();

        Assert.Equal((LinkEndType.BadMessage, true), (eu.Ends[0].Type, eu.Ends[0].IsFault));
        Assert.Contains("65537 bytes", eu.Ends[0].Detail, StringComparison.Ordinal);
        Assert.Empty(eu.Notices);
    }

    [Fact]
    public void A_notice_is_passed_on_byte_by_byte_as_it_came()
    {
        var world = World("chain", count: 3);
        byte[]? passedOn = null;
        world.Tap = (from, _, message) =>
        {
            passedOn = from.Name == "r1" && message[4] == 8 ? message : passedOn;
            return message;
        };

        // An instance that is no UTF-8, and a number with more bytes than it needs: written anew it would be another message.
        byte[] fields = [0, 0, 0, 0, 8, 2, 0xFF, 0xFE, 0x85, 0x00, 7];
        var buffer = new ByteBuffer();
        buffer.Write(fields);
        var message = LinkCodec.End(buffer);
        world["r1"].Links.Receive(1 + 1, message, world.Now, world["r1"].Output);
        world["r1"].Obey();
        world.Run(20);

        Assert.Equal(message, passedOn);
        Assert.Equal(world["r1"].Notices, world["r2"].Notices);
        Assert.Single(world["r2"].Notices);
    }

    private static byte[] Notice(string instance, long number, byte[]? body = null) => LinkCodec.Encode(new LinkMessage.Notice(instance, number, body ?? Encoding.UTF8.GetBytes("said")));

    private static LinkWorld World(string shape, int count, LinkOptions? options = null)
    {
        var world = new LinkWorld(options, names: [.. Enumerable.Range(0, count).Select(i => $"r{i}")]);
        for (var i = 1; i < count; i++)
        {
            for (var j = shape == "mesh" ? 0 : i - 1; j < i; j++)
            {
                world.Connect(world.Regions[j], world.Regions[i], delayMs: 1 + (((i * 7) + (j * 3)) % 5));
            }
        }

        if (shape == "ring")
        {
            world.Connect(world.Regions[^1], world.Regions[0], delayMs: 3);
        }

        world.Run(300);
        return world;
    }
}
