using System.Text.Json;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node.Tests;

/// <summary>Readers of all speeds, that stop, crawl and run, fall out of small tails and come back: each sees every entry once, in order.</summary>
public sealed class SpeedsTests
{
    private static readonly string[] Channels = ["a", "b.x", "b.y", "c", "many.1", "many.7", "many.20"];
    private static readonly string[] Many = [.. Enumerable.Range(0, 30).Select(i => $"many.{i}")];

    [Theory]
    [InlineData(1, WireForm.Lines)]
    [InlineData(2, WireForm.Lines)]
    [InlineData(3, WireForm.Lines)]
    [InlineData(4, WireForm.Lines)]
    [InlineData(5, WireForm.Lines)]
    [InlineData(6, WireForm.Lines)]
    [InlineData(7, WireForm.Lines)]
    [InlineData(8, WireForm.Lines)]
    [InlineData(9, WireForm.ActivityStreamer)]
    [InlineData(10, WireForm.ActivityStreamer)]
    [InlineData(11, WireForm.ActivityStreamer)]
    [InlineData(12, WireForm.ActivityStreamer)]
    [InlineData(13, WireForm.ActivityStreamer)]
    [InlineData(14, WireForm.ActivityStreamer)]
    public async Task Readers_of_any_speed_see_every_entry_once_and_in_order(int seed, WireForm form)
    {
        var random = new Random(seed);
        await using var test = new TestNode(options: new NodeOptions { TailBytes = random.Next(1, 20) * 1024, TailsBytes = random.Next(8, 64) * 1024 });
        var published = new List<(string Channel, int Number)>();
        var readers = new List<(MemorySink Sink, Reader Reader, int From, Func<string, bool> Matches)>();

        for (var step = 0; step < 150; step++)
        {
            switch (random.Next(5))
            {
                case 0 when readers.Count < 12:
                    readers.Add(Open(test, random, published.Count, form));
                    break;
                case 1 or 2 when readers.Count > 0:
                    readers[random.Next(readers.Count)].Sink.SetRoom(random.Next(3) switch { 0 => 0, 1 => random.Next(2000), _ => random.Next(100_000) });
                    break;
                default:
                    await PublishAsync(test, random, published, withoutActivity: form == WireForm.ActivityStreamer);
                    break;
            }
        }

        foreach (var (sink, reader, from, matches) in readers)
        {
            sink.SetRoom(long.MaxValue);
            var expected = published.Skip(from).Where(p => matches(p.Channel)).Select(p => p.Number).ToList();
            await sink.ReceivesAsync(expected.Count);
            Assert.Equal(expected, sink.Numbers);
            reader.Dispose();
        }
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    [InlineData(15)]
    [InlineData(16)]
    public async Task Subscriptions_that_come_and_go_are_a_union_that_repeats_nothing(int seed)
    {
        var random = new Random(seed);
        await using var test = new TestNode(options: new NodeOptions { TailBytes = 8 * 1024, TailsBytes = 32 * 1024 });
        var published = new List<(string Channel, int Number)>();
        var sink = new MemorySink();
        using var reader = HubTests.Open(test, sink, VersionVector.Empty, "a");

        for (var step = 0; step < 60; step++)
        {
            switch (random.Next(6))
            {
                case 0:
                    reader.Subscribe([ChannelPattern.Parse(random.Next(3) switch { 0 => "b.*", 1 => "b.x", _ => ">" })], VersionVector.Empty, answer: null);
                    break;
                case 1:
                    reader.Subscribe([ChannelPattern.Parse("c")], TokenOf(test, random), answer: null);
                    break;
                case 2 when random.Next(2) == 0:
                    reader.Subscribe([.. Many.Select(ChannelPattern.Parse)], VersionVector.Empty, answer: null);
                    break;
                case 2:
                    sink.SetRoom(random.Next(20_000));
                    break;
                default:
                    await PublishAsync(test, random, published);
                    break;
            }
        }

        reader.Subscribe([ChannelPattern.Parse(">")], VersionVector.Empty, answer: null);
        sink.SetRoom(long.MaxValue);
        await sink.ReceivesAsync(published.Count);

        // All of it, each once; and each channel that was there from the start in its order.
        Assert.Equal(published.Select(p => p.Number), sink.Numbers.Order());
        var channelOf = published.ToDictionary(p => p.Number, p => p.Channel);
        Assert.Equal(published.Where(p => p.Channel == "a").Select(p => p.Number), sink.Numbers.Where(n => channelOf[n] == "a"));
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    [InlineData(24)]
    public async Task Readers_that_come_and_go_while_many_publish_see_what_the_ledger_holds(int seed)
    {
        await using var test = new TestNode(options: new NodeOptions { TailBytes = 32 * 1024, TailsBytes = 128 * 1024 });
        using var stop = new CancellationTokenSource();
        var next = 0;
        var publishers = Channels.Select(channel => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested && Volatile.Read(ref next) < 15_000)
            {
                await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
                    test.Node.PublishAsync(channel, "ann", TestNode.Numbered(Interlocked.Increment(ref next), 50), CancellationToken.None).AsTask()));
            }
        })).ToList();
        var readers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + i);
            var opened = new List<(MemorySink Sink, Reader Reader, int From, Func<string, bool> Matches)>();
            for (var step = 0; step < 30; step++)
            {
                var reader = Open(test, random, published: -1);
                reader.Sink.SetRoom(random.Next(3) == 0 ? random.Next(20_000) : long.MaxValue);
                var enough = random.Next(1, 20);
                await Task.WhenAny(reader.Sink.WaitAsync(s => s.IsBlocked || s.FrameCount >= enough), Task.WhenAll(publishers));
                if (random.Next(2) == 0)
                {
                    reader.Reader.Dispose();
                }
                else
                {
                    opened.Add(reader);
                }
            }

            return opened;
        })));
        await stop.CancelAsync();
        await Task.WhenAll(publishers).WaitAsync(TestNode.Patience);

        var ledger = Ledger(test);
        foreach (var (sink, reader, _, matches) in readers.SelectMany(r => r))
        {
            sink.SetRoom(long.MaxValue);
            await sink.WaitAsync(s => s.FrameCount > 0);
            var start = SeenToken.Decode(sink.Frames[0].GetProperty("seen").GetString()!)[test.Node.Store.Origin];
            var expected = ledger.Where(e => e.Seq > start && matches(e.Channel)).Select(e => e.Number).ToList();
            await sink.ReceivesAsync(expected.Count);
            Assert.Equal(expected, sink.Numbers);
            reader.Dispose();
        }
    }

    [Fact]
    public async Task A_reader_of_many_channels_misses_none_of_commits_that_go_to_all_of_them()
    {
        await using var test = new TestNode();
        var sinks = Enumerable.Range(0, 20).Select(_ => new MemorySink()).ToList();
        var readers = sinks.ConvertAll(sink => HubTests.Open(test, sink, Many));
        const int Rounds = 150;

        // Each commit is appended to all tails while the one before is still delivered from them.
        await Task.WhenAll(Enumerable.Range(0, 4).Select(p => Task.Run(async () =>
        {
            for (var i = 0; i < Rounds; i++)
            {
                await Task.WhenAll(Many.Select((channel, c) => test.PublishAsync(channel, TestNode.Numbered((((p * Rounds) + i) * Many.Length) + c))));
            }
        }))).WaitAsync(TestNode.Patience);

        var expected = Ledger(test).ConvertAll(e => e.Number);
        foreach (var sink in sinks)
        {
            await sink.ReceivesAsync(expected.Count);
            Assert.Equal(expected, sink.Numbers);
        }

        readers.ForEach(r => r.Dispose());
    }

    private static List<(string Channel, long Seq, int Number)> Ledger(TestNode test)
    {
        var entries = new List<(string, long, int)>();
        var batch = new LedgerBatch();
        for (long after = 0; after < test.Node.Store.Position; after = batch.Through)
        {
            test.Node.Store.ReadAll(after, 1024 * 1024, batch);
            foreach (var slice in batch.Entries)
            {
                var entry = JsonDocument.Parse(batch.Bytes.WrittenMemory.Slice(slice.Offset, slice.Length)).RootElement;
                entries.Add((entry.GetProperty("channel").GetString()!, entry.GetProperty("seq").GetInt64(), entry.GetProperty("activity").GetProperty("n").GetInt32())); // As canonical entries have them.
            }
        }

        return entries;
    }

    private static (MemorySink Sink, Reader Reader, int From, Func<string, bool> Matches) Open(
        TestNode test, Random random, int published, WireForm form = WireForm.Lines)
    {
        var sink = new MemorySink();
        sink.SetRoom(random.Next(4) switch { 0 => 0, 1 => random.Next(500), _ => random.Next(50_000) });
        string[][] choices = [["a"], ["b.*"], ["a", "b.x"], ["a", "b.*", "c"], [">"], [">", "a"], Many, [.. Many, "a", "b.*"]];
        var channels = choices[random.Next(choices.Length)];
        var isFromStart = random.Next(2) == 0;
        var reader = HubTests.Open(test, sink, form, isFromStart ? VersionVector.Empty : null, channels);
        var patterns = channels.Select(ChannelPattern.Parse).ToList();
        return (sink, reader, isFromStart ? 0 : published, channel => patterns.Exists(p => p.Matches(channel)));
    }

    private static VersionVector? TokenOf(TestNode test, Random random) => random.Next(2) == 0
        ? VersionVector.Empty
        : VersionVector.Of(test.Node.Store.Origin, random.Next((int)test.Node.Store.Position + 1));

    private static async Task PublishAsync(TestNode test, Random random, List<(string Channel, int Number)> published, bool withoutActivity = false)
    {
        var tasks = new List<Task>();
        var count = random.Next(1, 60);
        for (var i = 0; i < count; i++)
        {
            var channel = Channels[random.Next(Channels.Length)];
            if (withoutActivity && random.Next(3) == 0)
            {
                tasks.Add(test.Node.PublishAsync(channel, "ann", TestNode.Body("""{"effect":{"add":{"n":1}}}"""), CancellationToken.None).AsTask());
                continue;
            }

            published.Add((channel, published.Count));
            tasks.Add(test.Node.PublishAsync(channel, "ann", TestNode.Numbered(published.Count - 1, random.Next(400)), CancellationToken.None).AsTask());
        }

        await Task.WhenAll(tasks).WaitAsync(TestNode.Patience);
    }
}
