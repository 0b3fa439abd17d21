using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node.Tests;

public sealed class SequencerTests
{
    [Fact]
    public async Task A_publish_is_answered_with_what_became_of_it()
    {
        await using var test = new TestNode();

        var first = await test.PublishAsync("scores.curling", TestNode.Body("""{"effect":{"add":{"home":2}}}"""));
        var second = await test.PublishAsync("scores.curling", TestNode.Body("""{"effect":{"add":{"home":3}}}"""));

        Assert.Null(first.Refusal);
        Assert.Equal((1, 2), (first.Seq, second.Seq));
        Assert.Equal("5", System.Text.Encoding.UTF8.GetString(second.State!.Field("home").Span));
        Assert.Equal(second.Seen, test.Node.Seen);
    }

    [Fact]
    public async Task An_outcome_leaves_only_when_its_entry_is_on_disk()
    {
        var disk = new HeldDisk();
        await using var test = new TestNode(disk);
        disk.Hold();

        var publish = test.Node.PublishAsync("chat", "ann", TestNode.Numbered(1), CancellationToken.None).AsTask();
        await disk.SyncArrivesAsync();
        var before = (publish.IsCompleted, test.Node.Store.Position, test.Node.Seen.Count, test.Node.Store.Find("chat"));
        disk.LetGo();
        var outcome = await publish.WaitAsync(TestNode.Patience);

        Assert.Equal((false, 0, 0, null), before);
        Assert.Equal(1, outcome.Seq);
        Assert.Equal(1, test.Node.Store.Position);
    }

    [Fact]
    public async Task What_arrives_while_the_disk_syncs_is_the_next_batch()
    {
        var disk = new HeldDisk();
        await using var test = new TestNode(disk);
        var caller = new RecordingCaller();
        disk.Hold();
        Assert.True(test.Node.TryPublish([caller.Publish("chat", 0)]));
        await disk.SyncArrivesAsync();

        Assert.True(test.Node.TryPublish([caller.Publish("chat", 1), caller.Publish("chat", 2)]));
        Assert.True(test.Node.TryPublish([caller.Publish("chat", 3)]));
        disk.LetGo();
        await caller.ToldAsync(4);

        Assert.Equal([0, 1, 2, 3], caller.Refs);
        Assert.Equal([1, 3], caller.Commits);
    }

    [Fact]
    public async Task A_full_queue_takes_all_or_nothing_and_says_when_there_is_room()
    {
        var disk = new HeldDisk();
        await using var test = new TestNode(disk, new NodeOptions { QueueMax = 4 });
        var caller = new RecordingCaller();
        disk.Hold();
        Assert.True(test.Node.TryPublish([caller.Publish("chat", 0)]));
        await disk.SyncArrivesAsync();

        var filled = test.Node.TryPublish([caller.Publish("chat", 1), caller.Publish("chat", 2), caller.Publish("chat", 3)]);
        var over = test.Node.TryPublish([caller.Publish("chat", 8), caller.Publish("chat", 9)]);
        var last = test.Node.TryPublish([caller.Publish("chat", 4)]);
        var refused = await test.PublishAsync("chat", TestNode.Numbered(5));
        var room = test.Node.WaitForRoomAsync(CancellationToken.None).AsTask();
        var hadRoom = room.IsCompleted;
        disk.LetGo();
        await room.WaitAsync(TestNode.Patience);
        await caller.ToldAsync(5);

        Assert.Equal((true, false, true, false), (filled, over, last, hadRoom));
        Assert.Equal(ErrorType.NotReady, refused.Refusal?.Type);
        Assert.Equal([0, 1, 2, 3, 4], caller.Refs);
    }

    [Fact]
    public async Task A_disk_that_fails_refuses_publishes_and_is_tried_until_it_works_again()
    {
        var disk = new HeldDisk();
        await using var test = new TestNode(disk);
        await test.PublishAsync("chat", TestNode.Numbered(1));

        TestNode.AwaitSpare(disk);
        disk.Inner.SyncsToFail = 2;
        var refused = await test.PublishAsync("chat", TestNode.Numbered(2));
        var notReady = test.Node.NotReady;
        var accepted = refused;
        while (accepted.Refusal is not null)
        {
            accepted = await test.PublishAsync("chat", TestNode.Numbered(3));
        }

        Assert.Equal(ErrorType.NotReady, refused.Refusal?.Type);
        Assert.Contains("disk", notReady, StringComparison.Ordinal);
        Assert.Equal(2, accepted.Seq);
        Assert.Null(test.Node.NotReady);
    }

    [Fact]
    public async Task A_node_without_publishes_finds_out_by_itself_that_its_disk_works_again()
    {
        var disk = new HeldDisk();
        await using var test = new TestNode(disk);

        TestNode.AwaitSpare(disk);
        disk.Inner.SyncsToFail = 1;
        await test.PublishAsync("chat", TestNode.Numbered(1));
        Assert.NotNull(test.Node.NotReady);

        // The probe runs every second; nothing else would clear it.
        Assert.True(SpinWait.SpinUntil(() => test.Node.NotReady is null, TestNode.Patience));
    }

    [Fact]
    public async Task Stopping_finishes_and_answers_what_was_accepted()
    {
        var disk = new HeldDisk();
        var test = new TestNode(disk);
        var caller = new RecordingCaller();
        disk.Hold();
        Assert.True(test.Node.TryPublish([caller.Publish("chat", 0)]));
        await disk.SyncArrivesAsync();
        Assert.True(test.Node.TryPublish([caller.Publish("chat", 1)]));

        var stop = test.DisposeAsync().AsTask();
        var late = await test.Node.PublishAsync("chat", "ann", TestNode.Numbered(2), CancellationToken.None);
        disk.LetGo();
        await stop.WaitAsync(TestNode.Patience);

        Assert.Equal([0, 1], caller.Refs);
        Assert.Equal(ErrorType.NotReady, late.Refusal?.Type);
        await using var again = new TestNode(disk);
        Assert.Equal(2, again.Node.Store.Position);
    }

    [Fact]
    public async Task A_wait_for_a_token_ends_when_the_region_covers_it()
    {
        await using var test = new TestNode();
        var origin = test.Node.Store.Origin;
        await test.PublishAsync("chat", TestNode.Numbered(1));

        var covered = await test.Node.WaitForCoverageAsync(VersionVector.Of(origin, 1), TimeSpan.Zero, CancellationToken.None);
        var missing = await test.Node.WaitForCoverageAsync(VersionVector.Of(origin, 2), TimeSpan.Zero, CancellationToken.None);
        var waiting = test.Node.WaitForCoverageAsync(VersionVector.Of(origin, 2), TestNode.Patience, CancellationToken.None).AsTask();
        await test.PublishAsync("chat", TestNode.Numbered(2));

        Assert.Null(covered);
        Assert.Equal(VersionVector.Of(origin, 2), missing);
        Assert.Null(await waiting.WaitAsync(TestNode.Patience));
    }

    [Fact]
    public async Task A_wait_for_an_entry_ends_with_the_next_one_that_matches()
    {
        await using var test = new TestNode();
        var channels = new ChannelSet(ChannelPattern.Parse("chat.*"));
        await test.PublishAsync("chat.a", TestNode.Numbered(1));

        var known = await test.Node.WaitForEntryAsync(channels, position: 0, TimeSpan.Zero, CancellationToken.None);
        var none = await test.Node.WaitForEntryAsync(channels, position: 1, TimeSpan.Zero, CancellationToken.None);
        var waiting = test.Node.WaitForEntryAsync(channels, position: 1, TestNode.Patience, CancellationToken.None).AsTask();
        await test.PublishAsync("other", TestNode.Numbered(2));
        var early = waiting.IsCompleted;
        await test.PublishAsync("chat.b", TestNode.Numbered(3));

        Assert.Equal((true, false, false), (known, none, early));
        Assert.True(await waiting.WaitAsync(TestNode.Patience));
    }

    /// <summary>Notes what it is told, in order.</summary>
    private sealed class RecordingCaller : IPublisher
    {
        private readonly SemaphoreSlim _told = new(0);
        private int _sinceCommit;

        public List<long> Refs { get; } = [];

        public List<int> Commits { get; } = [];

        public Command Publish(string channel, int number) => new Command.Publish(channel, "ann", TestNode.Numbered(number), this, number);

        public async Task ToldAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                Assert.True(await _told.WaitAsync(TestNode.Patience));
            }
        }

        public void OnOutcome(in Outcome outcome)
        {
            Refs.Add(outcome.Command.Ref);
            _sinceCommit++;
        }

        public void OnCommitEnd()
        {
            Commits.Add(_sinceCommit);
            _told.Release(_sinceCommit);
            _sinceCommit = 0;
        }
    }
}
