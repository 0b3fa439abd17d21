using Stentor.Protocol;

namespace Stentor.Node.Tests;

/// <summary>Readers in the form of the Activity Streamer protocol, live and from the ledger.</summary>
public sealed class BroadcastTests
{
    private static PublishBody Effect { get; } = TestNode.Body("""{"effect":{"add":{"n":1}}}""");

    [Fact]
    public async Task A_reader_gets_one_line_an_activity_the_same_live_and_from_the_ledger()
    {
        await using var test = new TestNode();
        var (live, later) = (new MemorySink(), new MemorySink());
        using var liveReader = Open(test, live, after: null, "chat");

        await test.PublishAsync("chat", TestNode.Body("""{"activity": {"n": 1}}"""));
        await test.PublishAsync("chat", TestNode.Body("""{"activity": {"n": 2, "authenticated_user": "bob"}, "effect": {"set": {"a": {}}}}"""), "anonymous");
        await test.PublishAsync("other", TestNode.Numbered(3));
        await test.PublishAsync("chat", TestNode.Body("""{"activity": {"authenticated_user": "bob", "n": 4}}"""), Accounts.ForeignServer);
        await live.ReceivesAsync(3);
        using var laterReader = Open(test, later, VersionVector.Empty, "chat");
        await later.ReceivesAsync(3);

        Assert.Equal(
            """
            {"command":"ACTIVITY_BROADCAST","activity":{"n":1,"authenticated_user":"ann"}}
            {"command":"ACTIVITY_BROADCAST","activity":{"n":2,"authenticated_user":"anonymous"}}
            {"command":"ACTIVITY_BROADCAST","activity":{"authenticated_user":"bob","n":4}}

            """,
            live.Text);
        Assert.Equal(live.Text, later.Text);
    }

    [Fact]
    public async Task Entries_without_an_activity_are_passed_over_and_readers_of_other_forms_get_them()
    {
        await using var test = new TestNode();
        var (sink, frames) = (new MemorySink(), new MemorySink());
        using var reader = Open(test, sink, after: null, "chat");
        using var framesReader = test.Node.Hub.Open(WireForm.WebSocket, frames);
        framesReader.Subscribe([ChannelPattern.Parse("chat")], after: null, answer: null);
        Assert.True(SpinWait.SpinUntil(() => test.Node.Hub.TailsInUse == 2, TestNode.Patience));

        await test.PublishAsync("chat", Effect);
        await test.PublishAsync("chat", TestNode.Numbered(1));
        await test.PublishAsync("chat", Effect);
        await test.PublishAsync("chat", TestNode.Numbered(2));
        await sink.ReceivesAsync(2);
        await frames.WaitAsync(s => s.Text.Split("\"op\":\"activity\"").Length == 5);

        Assert.Equal([1, 2], sink.Numbers);
    }

    [Fact]
    public async Task A_reader_that_catches_up_over_entries_without_an_activity_reaches_the_end_and_goes_on_live()
    {
        await using var test = new TestNode();
        await Task.WhenAll(Enumerable.Range(0, 3_000).Select(_ => test.PublishAsync("chat", Effect)));
        var sink = new MemorySink();

        using var reader = Open(test, sink, VersionVector.Empty, "chat");
        Assert.True(SpinWait.SpinUntil(() => reader.Delivered.Covers(test.Node.Seen), TestNode.Patience));
        var before = sink.Text;
        await test.PublishAsync("chat", 0, 10);
        await sink.ReceivesAsync(10);

        Assert.Empty(before);
        Assert.Equal(Enumerable.Range(0, 10), sink.Numbers);
    }

    [Fact]
    public async Task An_activity_that_matches_several_subscriptions_is_sent_once_in_the_order_of_the_region()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = Open(test, sink, after: null, "a.one", "a.*", "b", ">");

        for (var i = 0; i < 30; i++)
        {
            var channel = i % 3 == 0 ? "a.one" : i % 3 == 1 ? "b" : "c";
            await test.PublishAsync(channel, Effect);
            await test.PublishAsync(channel, i, 1);
        }

        await sink.ReceivesAsync(30);
        Assert.Equal(Enumerable.Range(0, 30), sink.Numbers);
    }

    [Fact]
    public async Task A_slow_reader_gets_every_line_whole()
    {
        await using var test = new TestNode(options: new NodeOptions { TailBytes = 64 * 1024, TailsBytes = 256 * 1024 });
        var (stalled, other) = (new MemorySink(), new MemorySink());
        using var stalledReader = Open(test, stalled, after: null, "chat");
        using var otherReader = Open(test, other, after: null, "chat");
        stalled.SetRoom(700);

        for (var i = 0; i < 10_000; i += 1000)
        {
            await test.PublishAsync("chat", i, 1000, padding: 100);
            await test.PublishAsync("chat", Effect);
            await other.ReceivesAsync(i + 1000);
        }

        stalled.SetRoom(long.MaxValue);
        await stalled.ReceivesAsync(10_000);

        Assert.InRange(stalled.LargestRest, 1, 300);
        Assert.Equal(other.Text, stalled.Text);
        Assert.Equal(Enumerable.Range(0, 10_000), stalled.Numbers);
    }

    [Fact]
    public async Task Lines_far_shorter_than_their_entries_fill_blocks_and_are_all_there()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = Open(test, sink, after: null, "chat");
        var shortest = TestNode.Body("""{"activity":{"n":7}}""");

        await Task.WhenAll(Enumerable.Range(0, 5_000).Select(_ => test.PublishAsync("chat", shortest, Accounts.ForeignServer)));
        await sink.ReceivesAsync(5_000);

        Assert.Equal(Enumerable.Repeat(7, 5_000), sink.Numbers);
    }

    [Fact]
    public async Task A_hole_in_the_ledger_is_not_told()
    {
        await using var test = new TestNode(segmentBytes: 64 * 1024, retainBytes: 128 * 1024);
        for (var i = 0; i < 3000; i += 500)
        {
            await test.PublishAsync("chat", i, 500, padding: 100);
            test.Node.Store.Checkpoint();
        }

        Assert.True(SpinWait.SpinUntil(() => test.Node.Store.FirstPosition > 1, TestNode.Patience));
        var sink = new MemorySink();
        using var reader = Open(test, sink, VersionVector.Empty, "chat");
        await sink.WaitAsync(s => s.Numbers is [.., 2999]);

        // Retention may take more while it is read.
        Assert.True(sink.Numbers[0] > 0);
        Assert.Equal(sink.Numbers.Order().Distinct(), sink.Numbers);
        Assert.Equal(sink.FrameCount, sink.Numbers.Count);
    }

    private static Reader Open(TestNode test, MemorySink sink, VersionVector? after, params string[] channels) =>
        HubTests.Open(test, sink, WireForm.ActivityStreamer, after, channels);
}
