using System.Diagnostics.Metrics;
using System.Net.WebSockets;
using System.Text;
using System.Threading.Channels;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Simulation;
using Stentor.Storage;

namespace Stentor.Node.Tests;

public sealed class LinkLoopTests
{
    private static readonly byte[] Secret = Encoding.UTF8.GetBytes("a secret of the whole cluster");

    [Fact]
    public async Task What_is_published_in_one_region_is_delivered_in_the_other()
    {
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us");
        using var link = new MemoryLink(eu, us);

        var outcome = await PublishAsync(eu, "scores.a", """{"effect":{"add":{"n":1}}}""");
        Assert.Null(await us.WaitForCoverageAsync(outcome.Seen, TestNode.Patience, CancellationToken.None));
        var answer = await PublishAsync(us, "scores.a", """{"effect":{"add":{"n":2}}}""");
        Assert.Null(await eu.WaitForCoverageAsync(answer.Seen, TestNode.Patience, CancellationToken.None));

        Assert.Equal("""{"n":3}""", StateOf(eu, "scores.a"));
        Assert.Equal("""{"n":3}""", StateOf(us, "scores.a"));
    }

    [Fact]
    public async Task A_publish_is_told_how_many_regions_have_it_on_disk()
    {
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us");
        var outcome = await PublishAsync(eu, "scores.a", """{"activity":{}}""");
        Assert.Equal(1, await eu.WaitForCopiesAsync(outcome.Origin, outcome.Seq, 1));

        var waiting = eu.WaitForCopiesAsync(outcome.Origin, outcome.Seq, 2);
        using var link = new MemoryLink(eu, us);

        Assert.Equal(2, await waiting.WaitAsync(TestNode.Patience));
    }

    [Fact]
    public async Task Copies_that_do_not_come_are_not_waited_for_forever()
    {
        await using var eu = await FoundAsync("eu", options => options with { CopiesWait = TimeSpan.FromMilliseconds(50) });
        var outcome = await PublishAsync(eu, "scores.a", """{"activity":{}}""");

        Assert.Equal(1, await eu.WaitForCopiesAsync(outcome.Origin, outcome.Seq, 2).WaitAsync(TestNode.Patience));
    }

    [Fact]
    public async Task A_region_whose_disk_fails_takes_again_what_it_could_not_keep()
    {
        var disk = new SimulatedDisk();
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us", disk);
        using var link = new MemoryLink(eu, us);
        var first = await PublishAsync(eu, "scores.a", """{"activity":{}}""");
        Assert.Null(await us.WaitForCoverageAsync(first.Seen, TestNode.Patience, CancellationToken.None));

        TestNode.AwaitSpare(disk);
        disk.SyncsToFail = 2;
        var second = await PublishAsync(eu, "scores.a", """{"activity":{}}""");

        Assert.Null(await us.WaitForCoverageAsync(second.Seen, TestNode.Patience, CancellationToken.None));
        Assert.Equal(eu.Store.Position, us.Store.Position);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)] // The disk refuses the new incarnation at first: nothing may be numbered under the old one meanwhile.
    [InlineData(3)]
    public async Task A_region_whose_directory_is_an_old_copy_goes_on_under_another_origin_and_loses_nothing_that_others_have(int syncsToFail)
    {
        var old = new SimulatedDisk();
        await using var us = await FoundAsync("us");
        VersionVector all;
        OriginId origin;
        await using (var eu = Start("eu"))
        {
            using var link = new MemoryLink(eu, us);
            Assert.Null(await eu.WaitForCoverageAsync(us.Seen, TestNode.Patience, CancellationToken.None));
            await PublishAsync(eu, "scores.a", """{"effect":{"add":{"n":1}}}""");
            origin = eu.Store.Origin;
            all = (await PublishAsync(eu, "scores.a", """{"effect":{"add":{"n":2}}}""")).Seen;
            Assert.Null(await us.WaitForCoverageAsync(all, TestNode.Patience, CancellationToken.None));
        }

        // The same incarnation from an empty ledger: what a directory without its end looks like.
        await using var restored = Start("eu", old);
        Assert.Equal(origin, restored.Store.Origin);
        TestNode.AwaitSpare(old);
        old.SyncsToFail = syncsToFail;
        using (var first = new MemoryLink(restored, us))
        {
            Assert.Equal(LinkEndType.Renewed, (await first.Ended.WaitAsync(TestNode.Patience)).Type);
        }

        using var again = new MemoryLink(restored, us);
        Assert.Null(await restored.WaitForCoverageAsync(all, TestNode.Patience, CancellationToken.None));
        var next = await PublishAsync(restored, "scores.a", """{"effect":{"add":{"n":4}}}""");

        Assert.NotEqual(origin, next.Origin);
        Assert.Equal(1, next.Seq);
        Assert.Null(await us.WaitForCoverageAsync(next.Seen, TestNode.Patience, CancellationToken.None));
        Assert.Equal("""{"n":7}""", StateOf(us, "scores.a"));
    }

    [Fact]
    public async Task A_cursor_moved_in_two_regions_at_once_keeps_both()
    {
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us");
        var joining = new MemoryLink(eu, us);
        await eu.Inboxes.PutAsync("ada", "phone", [ChannelPattern.Parse("chat.>")], null, CancellationToken.None);
        Assert.Null(await us.WaitForCoverageAsync(eu.Seen, TestNode.Patience, CancellationToken.None));
        joining.Dispose();
        var inEu = (await PublishAsync(eu, "chat.a", """{"activity":{}}""")).Seen;
        var inUs = (await PublishAsync(us, "chat.b", """{"activity":{}}""")).Seen;

        Assert.Null(await eu.Inboxes.AckAsync("ada", "phone", inEu, CancellationToken.None));
        Assert.Null(await us.Inboxes.AckAsync("ada", "phone", inUs, CancellationToken.None));
        using var link = new MemoryLink(eu, us);
        Assert.Null(await eu.WaitForCoverageAsync(us.Seen, TestNode.Patience, CancellationToken.None));
        Assert.Null(await us.WaitForCoverageAsync(eu.Seen, TestNode.Patience, CancellationToken.None));

        Assert.True(eu.Inboxes.Find("ada", "phone")!.Seen.Covers(inEu.Merge(inUs)));
        Assert.Equal(eu.Inboxes.Find("ada", "phone")!.Seen, us.Inboxes.Find("ada", "phone")!.Seen);
    }

    [Fact]
    public async Task A_connection_that_is_gone_can_still_be_ended()
    {
        await using var eu = await FoundAsync("eu");
        using var socket = WebSocket.CreateFromStream(Stream.Null, isServer: true, subProtocol: null, Timeout.InfiniteTimeSpan);
        var link = new WebSocketLink(socket, eu.Links!, "nowhere", target: null, TimeProvider.System); // It has a secret.
        await link.RunAsync(isDialer: false, CancellationToken.None).WaitAsync(TestNode.Patience);

        link.End(new LinkEnd(1, LinkEndType.Silent, "Nothing was heard.", IsFault: false));

        Assert.Equal(LinkEndType.Silent, link.EndedBy?.Type);
    }

    [Fact]
    public async Task A_notice_reaches_every_other_node_in_order_and_once()
    {
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us");
        await using var asia = Start("asia");
        var (heardInEu, heardInUs, heardInAsia) = (new Ears(eu), new Ears(us), new Ears(asia));
        using var one = new MemoryLink(us, eu);
        await heardInUs.ChangeAsync();
        await heardInEu.ChangeAsync();
        using var other = new MemoryLink(asia, eu);
        await heardInAsia.ChangeAsync();
        await heardInEu.ChangeAsync();

        for (var i = 0; i < 3; i++)
        {
            us.Links!.SendNotice(Encoding.UTF8.GetBytes($"{i}")); // It has a secret.
        }

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal((us.Links!.Instance, $"{i}"), await heardInEu.NextAsync());
            Assert.Equal((us.Links!.Instance, $"{i}"), await heardInAsia.NextAsync());
        }

        asia.Links!.SendNotice("last"u8.ToArray()); // It has a secret.
        Assert.Equal((asia.Links.Instance, "last"), await heardInEu.NextAsync());
        Assert.Equal((asia.Links.Instance, "last"), await heardInUs.NextAsync());
    }

    [Fact]
    public async Task A_listener_hears_that_links_open_and_end_and_may_answer_at_once()
    {
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us");
        var inEu = new Ears(eu);
        us.Links!.Listen((_, _) => { }, () => us.Links.SendNotice("here I am"u8.ToArray())); // It has a secret.

        for (var i = 0; i < 2; i++)
        {
            using (var link = new MemoryLink(us, eu))
            {
                await inEu.ChangeAsync();
                Assert.Equal((us.Links.Instance, "here I am"), await inEu.NextAsync());
            }

            await inEu.ChangeAsync();
        }
    }

    [Fact]
    public async Task A_listener_that_comes_late_is_told_that_links_are_open_and_hears_what_is_told_from_then_on()
    {
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us");
        using var link = new MemoryLink(us, eu);
        Assert.Null(await us.WaitForCoverageAsync(eu.Seen, TestNode.Patience, CancellationToken.None));
        us.Links!.SendNotice("nobody listens"u8.ToArray()); // It has a secret.
        await us.Links.CatchUpAsync();
        await eu.Links!.CatchUpAsync(); // It has a secret, too.

        var inEu = new Ears(eu);
        await inEu.ChangeAsync();
        us.Links.SendNotice("somebody does"u8.ToArray());

        Assert.Equal((us.Links.Instance, "somebody does"), await inEu.NextAsync());
        Assert.Throws<InvalidOperationException>(() => new Ears(eu));
    }

    [Fact]
    public async Task A_notice_that_is_too_long_is_the_callers_mistake_and_the_links_go_on()
    {
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us");
        var inEu = new Ears(eu);
        using var link = new MemoryLink(us, eu);
        await inEu.ChangeAsync();

        Assert.ThrowsAny<ArgumentException>(() => us.Links!.SendNotice(new byte[Dissemination.NoticeBodyBytesMax + 1]));
        us.Links!.SendNotice(new byte[Dissemination.NoticeBodyBytesMax]); // It has a secret.

        Assert.Equal(Dissemination.NoticeBodyBytesMax, (await inEu.NextAsync()).Text.Length);
    }

    [Fact]
    public async Task Notices_that_are_sent_faster_than_the_links_take_them_are_dropped_and_counted()
    {
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        await using var eu = await FoundAsync("eu");
        await using var us = Start("us");
        var inEu = new Ears(eu);
        us.Links!.Listen((_, _) => { }, () => // It has a secret.
        {
            entered.Set();
            leave.Wait(TestNode.Patience);
        });
        long dropped = 0;
        using var meters = Listen(us, "stentor.links.notices.dropped", count => Interlocked.Add(ref dropped, count));
        using var link = new MemoryLink(us, eu);
        Assert.True(entered.Wait(TestNode.Patience));

        // 4 MiB may wait, and each costs 256 bytes besides its body.
        for (var i = 0; i < 8_192 + 100; i++)
        {
            us.Links.SendNotice(Encoding.UTF8.GetBytes($"{i}".PadRight(256)));
        }

        Assert.Equal(100, Interlocked.Read(ref dropped));
        leave.Set();
        for (var i = 0; i < 64; i++)
        {
            Assert.Equal($"{i}", (await inEu.NextAsync()).Text.TrimEnd());
        }
    }

    /// <summary>Reads a counter of one node.</summary>
    private static MeterListener Listen(StentorNode node, string name, Action<long> onCount)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Name == name && instrument.Meter.Scope == node)
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, count, _, _) => onCount(count));
        listener.Start();
        return listener;
    }

    private static async Task<StentorNode> FoundAsync(string region, Func<NodeOptions, NodeOptions>? with = null)
    {
        var node = Start(region, with: with);
        await PublishAsync(node, "_cluster", """{"effect":{"set":{"id":"c1"}}}""");
        return node;
    }

    private static StentorNode Start(string region, IDisk? disk = null, Func<NodeOptions, NodeOptions>? with = null)
    {
        var store = new StoreOptions { Region = region, Incarnation = 0x7f3a, SegmentBytes = 256 * 1024 };
        var options = new NodeOptions { Region = region, ClusterSecret = Secret };
        return StentorNode.Start(disk ?? new MemoryDisk(), store, with?.Invoke(options) ?? options, TimeProvider.System, FaultLogs.Instance);
    }

    private static async Task<Outcome> PublishAsync(StentorNode node, string channel, string json)
    {
        var outcome = await node.PublishAsync(channel, "ann", TestNode.Body(json), CancellationToken.None).AsTask().WaitAsync(TestNode.Patience);
        Assert.Null(outcome.Refusal);
        return outcome;
    }

    private static string StateOf(StentorNode node, string channel)
    {
        var buffer = new ByteBuffer();
        node.Store.Find(channel)!.WriteState(buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>What a node's listener was told.</summary>
    private sealed class Ears
    {
        private readonly Channel<(string Instance, string Text)> _notices = Channel.CreateUnbounded<(string, string)>();
        private readonly Channel<bool> _changed = Channel.CreateUnbounded<bool>();

        public Ears(StentorNode node) => node.Links!.Listen( // All have a secret.
            (instance, body) => _notices.Writer.TryWrite((instance, Encoding.UTF8.GetString(body.Span))),
            () => _changed.Writer.TryWrite(true));

        public Task ChangeAsync() => _changed.Reader.ReadAsync().AsTask().WaitAsync(TestNode.Patience);

        public Task<(string Instance, string Text)> NextAsync() => _notices.Reader.ReadAsync().AsTask().WaitAsync(TestNode.Patience);
    }
}
