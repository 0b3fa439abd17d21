using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Node.Tests;

public sealed class HubTests
{
    [Fact]
    public async Task A_reader_gets_what_is_published_to_its_channel_in_order_and_nothing_else()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = Open(test, sink, "chat");

        await test.PublishAsync("chat", 0, 50);
        await test.PublishAsync("other", 1000, 10);
        await test.PublishAsync("chat", 50, 50);
        await sink.ReceivesAsync(100);

        Assert.Equal(Enumerable.Range(0, 100), sink.Numbers);
    }

    [Fact]
    public async Task Nothing_is_delivered_before_it_is_on_disk()
    {
        var disk = new HeldDisk();
        await using var test = new TestNode(disk);
        var sink = new MemorySink();
        using var reader = Open(test, sink, "chat");
        await sink.WaitAsync(s => s.Frames.Count == 1);

        disk.Hold();
        var publish = test.Node.PublishAsync("chat", "ann", TestNode.Numbered(7), CancellationToken.None).AsTask();
        await disk.SyncArrivesAsync();
        var before = sink.Numbers.Count;
        disk.LetGo();
        await publish.WaitAsync(TestNode.Patience);
        await sink.ReceivesAsync(1);

        Assert.Equal(0, before);
        Assert.Equal([7], sink.Numbers);
    }

    [Fact]
    public async Task Nothing_of_a_batch_that_failed_is_delivered()
    {
        var disk = new HeldDisk();
        await using var test = new TestNode(disk);
        var sink = new MemorySink();
        using var reader = Open(test, sink, "chat");

        TestNode.AwaitSpare(disk);
        disk.Inner.SyncsToFail = 1;
        var refused = await test.PublishAsync("chat", TestNode.Numbered(1));
        await test.PublishAsync("chat", 2, 1);
        await sink.ReceivesAsync(1);

        Assert.NotNull(refused.Refusal);
        Assert.Equal([2], sink.Numbers);
    }

    [Fact]
    public async Task The_answer_to_a_subscription_comes_before_its_first_entry_and_says_after_what_it_starts()
    {
        await using var test = new TestNode();
        await test.PublishAsync("chat", 0, 5);
        var seen = test.Node.Seen;
        await test.PublishAsync("chat", 5, 5);
        var sink = new MemorySink();

        using var reader = Open(test, sink, seen, "chat");
        await sink.ReceivesAsync(5);

        Assert.Equal("ok", sink.Frames[0].GetProperty("op").GetString());
        Assert.Equal(SeenToken.Encode(seen), sink.Frames[0].GetProperty("seen").GetString());
        Assert.Equal(Enumerable.Range(5, 5), sink.Numbers);
    }

    [Fact]
    public async Task What_is_written_after_a_subscription_comes_behind_its_answer()
    {
        await using var test = new TestNode();
        for (var n = 0; n < 100; n++)
        {
            var sink = new MemorySink();
            using var reader = test.Node.Hub.Open(WireForm.Lines, sink);

            reader.Subscribe([ChannelPattern.Parse("chat")], after: null, _ =>
            {
                reader.Write("{\"op\":\"meanwhile\"}\n"u8);
                reader.Flush();
                return "{\"op\":\"1\"}\n"u8.ToArray();
            });
            reader.Write("{\"op\":\"2\"}\n"u8); // At once, mostly before the answer is made.
            reader.Unsubscribe([ChannelPattern.Parse("chat")]);
            reader.Write("{\"op\":\"3\"}\n"u8);
            reader.Flush();
            await sink.WaitAsync(s => s.FrameCount == 4);

            var frames = sink.Frames.Select(f => f.GetProperty("op").GetString()!).ToList(); // Each has one.
            Assert.NotEqual("meanwhile", frames[0]);
            Assert.Equal(["1", "2", "3"], frames.Where(f => f != "meanwhile"));
        }
    }

    [Fact]
    public async Task A_reader_has_caught_up_when_its_sink_has_taken_what_is_durable()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = Open(test, sink, "chat");
        await sink.WaitAsync(s => s.FrameCount == 1);

        await test.PublishAsync("chat", 0, 50);
        await reader.CatchUpAsync(CancellationToken.None).WaitAsync(TestNode.Patience);
        var live = sink.Numbers.Count;
        sink.SetRoom(0);
        await test.PublishAsync("chat", 50, 50);
        var whileFull = reader.CatchUpAsync(CancellationToken.None);
        await sink.WaitAsync(s => s.IsBlocked);
        var isEarly = whileFull.IsCompleted;
        sink.SetRoom(long.MaxValue);
        await whileFull.WaitAsync(TestNode.Patience);

        Assert.Equal(50, live);
        Assert.False(isEarly);
        Assert.Equal(100, sink.Numbers.Count);
        sink.IsClosed = true;
        await test.PublishAsync("chat", 100, 1);
        await reader.CatchUpAsync(CancellationToken.None).WaitAsync(TestNode.Patience); // There is nobody any more to be kept waiting for.
    }

    [Fact]
    public async Task A_subscription_from_the_start_reads_the_ledger_and_then_goes_on_live()
    {
        await using var test = new TestNode();
        await test.PublishAsync("chat", 0, 3000, padding: 200);
        var sink = new MemorySink();

        using var reader = Open(test, sink, VersionVector.Empty, "chat");
        await sink.ReceivesAsync(3000);
        await test.PublishAsync("chat", 3000, 100);
        await sink.ReceivesAsync(3100);

        Assert.Equal(Enumerable.Range(0, 3100), sink.Numbers);
    }

    [Fact]
    public async Task Wildcards_match_whole_tokens_and_never_the_nodes_own_channels()
    {
        await using var test = new TestNode();
        var (one, rest, all) = (new MemorySink(), new MemorySink(), new MemorySink());
        using var oneReader = Open(test, one, "scores.*");
        using var restReader = Open(test, rest, "scores.>");
        using var allReader = Open(test, all, ">");

        await test.PublishAsync("_grants", TestNode.Numbered(1), Accounts.Operator);
        await test.PublishAsync("scores", 2, 1);
        await test.PublishAsync("scores.curling", 3, 1);
        await test.PublishAsync("scores.curling.final", 4, 1);
        await test.PublishAsync("end", 5, 1);
        await all.ReceivesAsync(4);

        Assert.Equal([3], one.Numbers);
        Assert.Equal([3, 4], rest.Numbers);
        Assert.Equal([2, 3, 4, 5], all.Numbers);
    }

    [Fact]
    public async Task An_entry_that_matches_several_subscriptions_is_sent_once_in_the_order_of_the_region()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = Open(test, sink, "a.one", "a.*", "b", ">");

        for (var i = 0; i < 30; i++)
        {
            await test.PublishAsync(i % 3 == 0 ? "a.one" : i % 3 == 1 ? "b" : "c", i, 1);
        }

        await sink.ReceivesAsync(30);
        Assert.Equal(Enumerable.Range(0, 30), sink.Numbers);
    }

    [Fact]
    public async Task What_is_subscribed_later_from_the_start_comes_once_and_before_what_is_new()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        await test.PublishAsync("a", 0, 10);
        using var reader = Open(test, sink, "a");
        await sink.WaitAsync(s => s.Frames.Count == 1);
        await test.PublishAsync("a", 10, 10);
        await test.PublishAsync("b", 20, 10);
        await sink.ReceivesAsync(10);

        reader.Subscribe([ChannelPattern.Parse(">")], VersionVector.Empty, answer: null);
        await test.PublishAsync("b", 30, 5);
        await sink.ReceivesAsync(35);

        // 10 to 19 came by the first subscription; then what is older, then what is new.
        Assert.Equal([.. Enumerable.Range(10, 10), .. Enumerable.Range(0, 10), .. Enumerable.Range(20, 15)], sink.Numbers);
    }

    [Fact]
    public async Task A_channel_that_is_subscribed_again_from_an_earlier_start_brings_what_came_before_it_and_repeats_nothing()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        await test.PublishAsync("a", 0, 10);
        using var reader = Open(test, sink, "a", "b");
        await test.PublishAsync("a", 10, 10);
        await sink.ReceivesAsync(10);

        reader.Subscribe([ChannelPattern.Parse("a")], VersionVector.Empty, answer: null);
        await sink.ReceivesAsync(20);
        Assert.True(sink.Frames[^1].TryGetProperty("seen", out _), "What came before ends with a token.");
        reader.Subscribe([ChannelPattern.Parse("a")], VersionVector.Empty, answer: null);
        reader.Subscribe([ChannelPattern.Parse("a")], after: null, answer: null);
        await test.PublishAsync("a", 20, 5);
        await sink.ReceivesAsync(25);
        reader.Unsubscribe([ChannelPattern.Parse("a")]);
        Assert.True(SpinWait.SpinUntil(() => reader.Subscriptions == 1, TestNode.Patience));
        await test.PublishAsync("a", 25, 5);
        await test.PublishAsync("b", 30, 1);
        await sink.ReceivesAsync(26);

        Assert.Equal([.. Enumerable.Range(10, 10), .. Enumerable.Range(0, 10), .. Enumerable.Range(20, 5), 30], sink.Numbers);
    }

    [Fact]
    public async Task Now_means_now_also_for_a_reader_that_is_catching_up()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        await test.PublishAsync("a", 0, 500, padding: 300);
        await test.PublishAsync("b", 1000, 10);
        sink.SetRoom(5000);
        using var reader = Open(test, sink, VersionVector.Empty, "a");
        await sink.WaitAsync(s => s.IsBlocked);

        var joined = new TaskCompletionSource();
        reader.Subscribe([ChannelPattern.Parse("b")], after: null, _ =>
        {
            joined.SetResult();
            return default;
        });
        await joined.Task.WaitAsync(TestNode.Patience);
        await test.PublishAsync("b", 2000, 10);
        sink.SetRoom(long.MaxValue);
        await sink.ReceivesAsync(510);

        Assert.Equal([.. Enumerable.Range(0, 500), .. Enumerable.Range(2000, 10)], sink.Numbers);
    }

    [Fact]
    public async Task After_unsubscribing_nothing_more_comes()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = Open(test, sink, "a", "b");
        await test.PublishAsync("a", 0, 1);
        await sink.ReceivesAsync(1);

        reader.Unsubscribe([ChannelPattern.Parse("a")]);
        Assert.True(SpinWait.SpinUntil(() => reader.Subscriptions == 1, TestNode.Patience));
        await test.PublishAsync("a", 1, 1);
        await test.PublishAsync("b", 2, 1);
        await sink.ReceivesAsync(2);

        Assert.Equal([0, 2], sink.Numbers);
    }

    [Fact]
    public async Task A_stalled_reader_costs_one_entry_and_disturbs_nobody()
    {
        await using var test = new TestNode(options: new NodeOptions { TailBytes = 64 * 1024, TailsBytes = 256 * 1024 });
        var (stalled, other) = (new MemorySink(), new MemorySink());
        using var stalledReader = Open(test, stalled, "chat");
        using var otherReader = Open(test, other, "chat");
        await stalled.WaitAsync(s => s.Frames.Count == 1);
        stalled.SetRoom(700);

        for (var i = 0; i < 20_000; i += 1000)
        {
            await test.PublishAsync("chat", i, 1000, padding: 100);
            await other.ReceivesAsync(i + 1000);
        }

        var rest = stalled.LargestRest;
        stalled.SetRoom(long.MaxValue);
        await stalled.ReceivesAsync(20_000);

        Assert.InRange(rest, 1, 600);
        Assert.True(test.Node.Hub.TailBytes <= 256 * 1024, $"{test.Node.Hub.TailBytes} bytes of tails");
        Assert.Equal(Enumerable.Range(0, 20_000), stalled.Numbers);
        Assert.Equal(Enumerable.Range(0, 20_000), other.Numbers);
    }

    [Fact]
    public async Task Whoever_resumes_from_any_token_misses_nothing()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = Open(test, sink, "a", "b.*");
        for (var i = 0; i < 40; i++)
        {
            await test.PublishAsync((i % 3) switch { 0 => "a", 1 => "b.x", _ => "c" }, i * 5, 5);
        }

        var expected = Enumerable.Range(0, 200).Where(n => n / 5 % 3 != 2).ToList();
        await sink.ReceivesAsync(expected.Count);
        var frames = sink.Frames;
        for (var i = 0; i < frames.Count; i++)
        {
            if (frames[i].TryGetProperty("seen", out var token) && i > 0)
            {
                var resumed = new MemorySink();
                using var again = Open(test, resumed, SeenToken.Decode(token.GetString()!), "a", "b.*");
                await resumed.ReceivesAsync(expected.Count - i);
                Assert.Equal(expected[i..], resumed.Numbers);
            }
        }
    }

    [Fact]
    public async Task Each_channels_last_entry_of_a_commit_carries_a_token()
    {
        var disk = new HeldDisk();
        await using var test = new TestNode(disk);
        var sink = new MemorySink();
        using var reader = Open(test, sink, ">");
        disk.Hold();
        var first = test.PublishAsync("first", TestNode.Numbered(0));
        await disk.SyncArrivesAsync();

        var batch = new[] { "a", "b", "a", "b", "a" }.Select((channel, i) => test.Node.PublishAsync(channel, "ann", TestNode.Numbered(i + 1), CancellationToken.None).AsTask()).ToArray();
        disk.LetGo();
        await Task.WhenAll(batch).WaitAsync(TestNode.Patience);
        await first;
        await sink.ReceivesAsync(6);

        var tokens = sink.Frames.Skip(1).Select(f => f.TryGetProperty("seen", out var seen) ? SeenToken.Decode(seen.GetString()!)[test.Node.Store.Origin] : 0);
        Assert.Equal([1, 0, 0, 0, 5, 6], tokens);
    }

    [Fact]
    public async Task Every_event_of_a_stream_carries_a_token()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        await test.PublishAsync("chat", 0, 20);
        using var reader = test.Node.Hub.Open(WireForm.ServerSentEvents, sink);
        reader.Subscribe([ChannelPattern.Parse("chat")], VersionVector.Empty, answer: null);
        await sink.WaitAsync(s => s.Text.Split("\n\n").Length > 20);
        await test.PublishAsync("chat", 20, 20);
        await sink.WaitAsync(s => s.Text.Split("\n\n").Length > 40);

        var events = sink.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < events.Length; i++)
        {
            var lines = events[i].Split('\n');
            Assert.Equal(i + 1, SeenToken.Decode(lines[0]["id: ".Length..])[test.Node.Store.Origin]);
            Assert.Equal("event: activity", lines[1]);
            Assert.Equal(i, JsonDocument.Parse(lines[2]["data: ".Length..]).RootElement.GetProperty("activity").GetProperty("n").GetInt32());
        }
    }

    [Fact]
    public async Task WebSocket_readers_get_one_text_message_an_entry_whatever_its_length()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = test.Node.Hub.Open(WireForm.WebSocket, sink);
        reader.Subscribe([ChannelPattern.Parse("chat")], after: null, answer: null);
        Assert.True(SpinWait.SpinUntil(() => test.Node.Hub.TailsInUse == 1, TestNode.Patience));

        await test.PublishAsync("chat", 1, 1);
        await test.PublishAsync("chat", 2, 1, padding: 60_000);
        await test.PublishAsync("chat", 3, 1, padding: 65_500);
        await sink.WaitAsync(s => s.Text.Length > 126_000);

        var bytes = sink.Bytes;
        foreach (var (number, headerLength) in new[] { (1, 4), (2, 4), (3, 10) })
        {
            Assert.Equal(0x81, bytes[0]);
            var length = headerLength == 4 ? (bytes[2] << 8) | bytes[3] : (int)System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(2));
            Assert.Equal(number, MemorySink.NumberOf(JsonDocument.Parse(bytes.AsMemory(headerLength, length)).RootElement));
            bytes = bytes[(headerLength + length)..];
        }

        Assert.Empty(bytes);
    }

    [Fact]
    public async Task A_hole_in_the_ledger_is_told_before_what_comes_after_it()
    {
        await using var test = new TestNode(segmentBytes: 64 * 1024, retainBytes: 128 * 1024);
        for (var i = 0; i < 3000; i += 500)
        {
            await test.PublishAsync("chat", i, 500, padding: 100);
            test.Node.Store.Checkpoint();
        }

        Assert.True(SpinWait.SpinUntil(() => test.Node.Store.FirstPosition > 1, TestNode.Patience));
        var first = test.Node.Store.FirstPosition;
        var sink = new MemorySink();
        using var reader = Open(test, sink, VersionVector.Empty, "chat");
        await sink.WaitAsync(s => s.Numbers is [.., 2999]);
        var had = VersionVector.Of(test.Node.Store.Origin, 7);
        var later = new MemorySink();
        using var laterReader = Open(test, later, had, "chat");
        await later.WaitAsync(s => s.Numbers is [.., 2999]);

        Assert.Equal("gap", sink.Frames[1].GetProperty("op").GetString());
        Assert.Equal(VersionVector.Empty, SeenToken.Decode(sink.Frames[1].GetProperty("from").GetString()!));
        Assert.Equal(had, SeenToken.Decode(later.Frames[1].GetProperty("from").GetString()!));

        // Retention may take more while it is read: every jump has its gap. The number of an activity is one less than its seq.
        long next = 0;
        foreach (var frame in sink.Frames.Skip(1))
        {
            if (frame.GetProperty("op").GetString() == "gap")
            {
                Assert.Equal(["chat"], frame.GetProperty("channels").EnumerateArray().Select(c => c.GetString()));
                Assert.NotEmpty(frame.GetProperty("reason").GetString()!);
                next = SeenToken.Decode(frame.GetProperty("to").GetString()!)[test.Node.Store.Origin];
                Assert.True(next >= first - 1);
            }
            else
            {
                Assert.Equal(next++, MemorySink.NumberOf(frame));
            }
        }

        var events = new MemorySink();
        using var eventReader = test.Node.Hub.Open(WireForm.ServerSentEvents, events);
        eventReader.Subscribe([ChannelPattern.Parse("chat")], VersionVector.Empty, answer: null);
        await events.WaitAsync(s => s.Text.Contains("event: activity", StringComparison.Ordinal));
        var lines = events.Text.Split('\n');
        var hole = JsonDocument.Parse(lines[2]["data: ".Length..]).RootElement;
        Assert.Equal($"id: {hole.GetProperty("to").GetString()}", lines[0]);
        Assert.Equal(("event: gap", "gap"), (lines[1], hole.GetProperty("op").GetString()));
    }

    [Fact]
    public async Task Tokens_say_where_a_reader_is_while_retention_takes_what_it_reads()
    {
        await using var test = new TestNode(segmentBytes: 64 * 1024, retainBytes: 128 * 1024);
        await test.PublishAsync("chat", 0, 2_000, padding: 100);
        var publishing = Task.Run(async () =>
        {
            for (var i = 2_000; i < 30_000; i += 200)
            {
                await test.PublishAsync("chat", i, 200, padding: 100);
                test.Node.Store.Checkpoint();
            }
        });
        var read = new List<MemorySink>();
        do
        {
            var sink = new MemorySink();
            using var reader = Open(test, sink, VersionVector.Empty, "chat");
            var reached = test.Node.Store.Position - 1;
            await sink.WaitAsync(s => s.Numbers.Any(number => number >= reached));
            read.Add(sink);
        }
        while (!publishing.IsCompleted);
        await publishing;

        foreach (var frame in read.SelectMany(sink => sink.Frames))
        {
            // The number of an activity is one less than its seq.
            if (frame.GetProperty("op").GetString() == "activity" && frame.TryGetProperty("seen", out var seen))
            {
                Assert.Equal(MemorySink.NumberOf(frame) + 1, SeenToken.Decode(seen.GetString()!)[test.Node.Store.Origin]);
            }
        }
    }

    [Fact]
    public async Task What_is_written_leaves_before_entries_not_yet_begun_and_can_be_waited_for()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        using var reader = Open(test, sink, "chat");
        await sink.WaitAsync(s => s.Frames.Count == 1);
        sink.SetRoom(10);
        await test.PublishAsync("chat", 0, 100);
        await sink.WaitAsync(s => s.IsBlocked);

        Assert.True(reader.Write("{\"op\":\"ping\"}\n"u8));
        reader.Flush();
        var drained = reader.DrainAsync(CancellationToken.None).AsTask();
        var early = drained.IsCompleted;
        sink.SetRoom(long.MaxValue);
        await drained.WaitAsync(TestNode.Patience);
        await sink.ReceivesAsync(100);

        Assert.False(early);
        Assert.Equal(["ok", "activity", "ping", "activity"], sink.Frames.Take(4).Select(f => f.GetProperty("op").GetString()));
        Assert.Equal(Enumerable.Range(0, 100), sink.Numbers);
    }

    [Fact]
    public async Task Nobody_waits_for_what_a_closed_sink_will_never_take()
    {
        await using var test = new TestNode();
        var sink = new MemorySink { IsClosed = true };
        using var reader = test.Node.Hub.Open(WireForm.Lines, sink);

        reader.Write("{\"op\":\"ping\"}\n"u8);
        reader.Flush();
        await reader.DrainAsync(CancellationToken.None).AsTask().WaitAsync(TestNode.Patience);

        Assert.Empty(sink.Frames);
    }

    [Fact]
    public async Task A_writer_is_told_when_too_much_waits_unsent()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        sink.SetRoom(0);
        using var reader = test.Node.Hub.Open(WireForm.Lines, sink);

        var chunk = new byte[64 * 1024];
        var answers = Enumerable.Range(0, 5).Select(_ => reader.Write(chunk)).ToList();

        Assert.Equal([true, true, true, true, false], answers);
    }

    [Fact]
    public async Task A_tail_goes_with_its_last_reader()
    {
        await using var test = new TestNode();
        var sink = new MemorySink();
        var readers = Enumerable.Range(0, 10).Select(i => Open(test, sink, "chat", $"other.{i}", "chat.*")).ToList();
        Assert.True(SpinWait.SpinUntil(() => test.Node.Hub.TailsInUse == 12, TestNode.Patience));
        await test.PublishAsync("chat", 0, 100);

        readers.ForEach(r => r.Dispose());
        Assert.True(SpinWait.SpinUntil(() => test.Node.Hub.TailsInUse == 0, TestNode.Patience));

        Assert.Equal(0, test.Node.Hub.Readers);
        Assert.Equal(0, test.Node.Hub.TailBytes);
    }

    [Fact]
    public async Task A_closed_sink_takes_nothing_more_and_disturbs_nobody()
    {
        await using var test = new TestNode();
        var (closed, open) = (new MemorySink(), new MemorySink());
        using var closedReader = Open(test, closed, "chat");
        using var openReader = Open(test, open, "chat");
        await closed.WaitAsync(s => s.Frames.Count == 1);
        closed.IsClosed = true;

        await test.PublishAsync("chat", 0, 10);
        await open.ReceivesAsync(10);

        Assert.Empty(closed.Numbers);
    }

    internal static Reader Open(TestNode test, MemorySink sink, params string[] channels) => Open(test, sink, after: null, channels);

    internal static Reader Open(TestNode test, MemorySink sink, VersionVector? after, params string[] channels) => Open(test, sink, WireForm.Lines, after, channels);

    internal static Reader Open(TestNode test, MemorySink sink, WireForm form, VersionVector? after, params string[] channels)
    {
        var reader = test.Node.Hub.Open(form, sink);
        using var joined = new ManualResetEventSlim();
        reader.Subscribe([.. channels.Select(ChannelPattern.Parse)], after, seen =>
        {
            joined.Set();
            return form == WireForm.Lines ? Encoding.UTF8.GetBytes($$"""{"op":"ok","seen":"{{SeenToken.Encode(seen)}}"}""" + "\n") : default;
        });
        Assert.True(joined.Wait(TestNode.Patience));
        return reader;
    }
}
