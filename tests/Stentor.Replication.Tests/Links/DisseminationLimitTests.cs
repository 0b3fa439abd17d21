using System.Text;
using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>What a neighbour that knows the secret may not do to a region, and what a region must not hold against its neighbour.</summary>
public sealed class DisseminationLimitTests
{
    [Fact]
    public void However_much_a_neighbour_allows_no_more_is_under_way_than_two_windows()
    {
        var options = LinkOptions.Default with { WindowBytes = 10_000, MessageBytes = 2_000 };
        var world = new LinkWorld(options, names: ["eu", "us"]);
        var eu = world["eu"];
        for (var i = 0; i < 500; i++)
        {
            eu.Publish();
        }

        world.Tap = (from, _, message) => from == eu || message[4] != 3 ? message : null; // What us announces is said here.
        var wire = world.Connect("eu", "us");
        world.Run(20);
        eu.Links.Receive(wire.FromLink, LinkCodec.Encode(new LinkMessage.Announce(VersionVector.Empty, long.MaxValue, [])), world.Now, eu.Output);
        var sent = eu.Output.Sends.Sum(s => (long)s.Message.Length);

        Assert.InRange(sent, options.WindowBytes, (3 * options.WindowBytes) + options.MessageBytes);
    }

    [Fact]
    public void A_neighbour_that_names_thousands_of_origins_is_sent_away()
    {
        var world = new LinkWorld(LinkOptions.Default with { OriginsMax = 100 }, names: ["eu", "us"]);
        var wire = world.Connect("eu", "us");
        world.Run(20);
        var eu = world["eu"];

        Announce(1, 100);
        Assert.True(eu.Ends.Count == 0, string.Join('\n', eu.Ends));
        Announce(1, 101);
        Assert.Equal(LinkEndType.BadMessage, Assert.Single(eu.Ends).Type);

        void Announce(int first, int count)
        {
            var seen = VersionVector.Of(Enumerable.Range(first, count).Select(n => new KeyValuePair<OriginId, long>(new OriginId($"x{n}-1"), 1)));
            eu.Links.Receive(wire.FromLink, LinkCodec.Encode(new LinkMessage.Announce(seen, 1_000, [])), world.Now, eu.Output);
            eu.Obey();
        }
    }

    [Fact]
    public void Origins_that_come_little_by_little_are_bounded_too()
    {
        var world = new LinkWorld(LinkOptions.Default with { OriginsMax = 100 }, names: ["eu", "us"]);
        var wire = world.Connect("eu", "us");
        world.Run(20);
        var eu = world["eu"];

        for (var n = 1; n <= 400 && eu.Ends.Count == 0; n++)
        {
            eu.Links.Receive(wire.FromLink, LinkCodec.Encode(new LinkMessage.Prune([new OriginId($"x{n}-1")])), world.Now, eu.Output);
            eu.Obey();
        }

        Assert.Equal(LinkEndType.BadMessage, Assert.Single(eu.Ends).Type);
    }

    [Fact]
    public void Copies_that_were_told_while_the_way_to_the_origin_was_cut_are_told_when_it_is_mended()
    {
        var world = new LinkWorld(names: ["eu", "us", "asia"]);
        world.Connect("eu", "us");
        world.Connect("us", "asia", delayMs: 100);
        world.RunUntilLevel();
        world.Run(500);
        var seq = world["eu"].Publish().Seq;
        world.Run(50);
        Assert.Equal(2, world["eu"].Links.CopiesOf(world["eu"].Origin, seq));

        world.Cut("eu", "us");
        world.Run(500);
        world.Connect("eu", "us");
        world.Run(100);

        Assert.Equal(3, world["eu"].Links.CopiesOf(world["eu"].Origin, seq));
    }

    [Fact]
    public void An_entry_that_is_refused_for_its_time_ends_the_link_and_is_taken_once_the_clock_is_right()
    {
        var world = new LinkWorld(names: ["eu", "us"]);
        var eu = world["eu"];
        var origin = new OriginId("asia-1");

        Bring(world.Micros + (400L * 86_400 * 1_000_000));
        Assert.Equal(LinkEndType.BadEntry, Assert.Single(eu.Ends).Type);
        Assert.Equal(0, eu.Seen[origin]);
        Assert.DoesNotContain(eu.Events, e => e.Kind == LinkEventKind.OriginStopped);

        Bring(world.Micros);
        Assert.Single(eu.Ends);
        Assert.Equal(1, eu.Seen[origin]);

        void Bring(long time)
        {
            var wire = world.Connect("eu", "us");
            world.Run(10);
            var entry = new ByteBuffer();
            EntryWriter.Write(new EntryParts("scores.curling", origin, 1, 1, time, "ann", VersionVector.Empty, null, null, Encoding.UTF8.GetBytes("{}")), 0, entry);
            var message = new ByteBuffer();
            LinkCodec.BeginEntries(message, VersionVector.Of(origin, 1));
            LinkCodec.Add(message, entry.WrittenSpan);
            eu.Links.Receive(wire.FromLink, LinkCodec.End(message), world.Now, eu.Output);
            eu.Obey();
        }
    }
}
