using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage.Tests;

/// <summary>What a store promises, on whatever disk.</summary>
public abstract class StoreSpecification
{
    private const string Plus = """{"effect":{"add":{"n":1}}}""";

    protected abstract IDisk Disk { get; }

    /// <summary>Where the state is; null for in memory.</summary>
    protected abstract string? StatePath { get; }

    [Fact]
    public void What_was_committed_is_there_again_after_a_restart()
    {
        using (var first = Open())
        {
            first.Publish("scores.a", """{"activity":{"type":"Goal"},"effect":{"add":{"n":2}}}""");
            first.Publish("scores.b", """{"effect":{"set":{"name":"Ann"}}}""");
        }

        using var second = Open();

        Assert.Equal(2, second.Store.Position);
        Assert.Equal("""{"n":2}""", second.State("scores.a"));
        Assert.Equal("""{"name":"Ann"}""", second.State("scores.b"));
        Assert.Null(second.State("scores.c"));
        Assert.Equal(2, second.ReadAll().Count);
        Assert.Contains("\"type\":\"Goal\"", second.Read("scores.a")[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_new_incarnation_stays_after_a_restart(bool publishesBeforeTheRestart)
    {
        var second = new OriginId("eu-second");
        using (var store = Open())
        {
            store.Publish("scores.a", Plus);
            store.Replica.Apply(new Command.TakeIncarnation(second), 0, store.Outbox);
            store.Commit();
            if (publishesBeforeTheRestart)
            {
                Assert.Equal((second, 1L), Stamp(store.Publish("scores.a", Plus)));
            }

            Assert.Equal(second, store.Store.Origin);
        }

        using var again = Open();

        Assert.Equal(second, again.Store.Origin);
        Assert.Equal((second, publishesBeforeTheRestart ? 2L : 1L), Stamp(again.Publish("scores.a", Plus)));
        Assert.Equal(publishesBeforeTheRestart ? """{"n":3}""" : """{"n":2}""", again.State("scores.a"));
    }

    [Fact]
    public void The_origin_stays_and_its_numbers_go_on_after_a_restart()
    {
        OriginId origin;
        using (var first = Open())
        {
            origin = first.Publish("a", Plus).Origin;
        }

        using var second = Open();
        var outcome = second.Publish("a", Plus);

        Assert.Equal(origin, outcome.Origin);
        Assert.Equal(2, outcome.Seq);
        Assert.Equal("""{"n":2}""", second.State("a"));
    }

    [Fact]
    public void A_publish_id_is_known_again_after_a_restart_and_after_a_check_point()
    {
        using (var first = Open())
        {
            first.Publish("a", """{"id":"one","effect":{"add":{"n":1}}}""");
            first.Store.Checkpoint();
            first.Publish("a", """{"id":"two","effect":{"add":{"n":1}}}""");
            Assert.NotNull(first.Store.FindId("ann", "one"));
        }

        using var second = Open();

        Assert.True(second.Publish("a", """{"id":"one","effect":{"add":{"n":1}}}""").Duplicate);
        Assert.True(second.Publish("a", """{"id":"two","effect":{"add":{"n":1}}}""").Duplicate);
        Assert.Null(second.Store.FindId("ann", "three"));
        Assert.Null(second.Store.FindId("bob", "one"));
        Assert.Equal("""{"n":2}""", second.State("a"));
    }

    [Fact]
    public void Readers_find_a_channel_by_name_or_pattern_over_many_segments()
    {
        using var store = Open(segmentBytes: 16 * 1024);
        for (var i = 0; i < 1000; i++)
        {
            store.Add(i % 100 == 7 ? "rare" : $"busy.c{i % 3}", Numbered(i));
            if (i % 10 == 9)
            {
                store.Commit();
            }
        }

        var rare = store.Read("rare");
        var busy = store.Read("busy.>");
        var one = store.Read("busy.c1");
        var all = store.Read(">");
        store.Store.Checkpoint();

        Assert.True(store.Store.Status.Segments > 5);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (i * 100) + 7), rare.Select(NumberOf));
        Assert.Equal(Enumerable.Range(0, 1000).Where(i => i % 100 != 7), busy.Select(NumberOf));
        Assert.Equal(Enumerable.Range(0, 1000).Where(i => i % 100 != 7 && i % 3 == 1), one.Select(NumberOf));
        Assert.Equal(Enumerable.Range(0, 1000), all.Select(NumberOf));
        Assert.Equal(rare, store.Read("rare"));
        Assert.Equal(busy, store.Read("busy.>"));
        Assert.Equal(one, store.Read("busy.c1"));
        Assert.Equal(all, store.Read(">"));
        Assert.Equal(rare.Concat(one).OrderBy(NumberOf), store.Read("rare,busy.c1"));
    }

    [Fact]
    public void The_newest_entries_come_in_the_order_of_their_positions_and_page_backwards()
    {
        using var store = Open(segmentBytes: 16 * 1024);
        for (var i = 0; i < 500; i++)
        {
            store.Publish(i % 2 == 0 ? "even" : "odd", Numbered(i));
        }

        var even = new ChannelSet(ChannelPattern.Parse("even"));
        var batch = new LedgerBatch();
        store.Store.ReadNewest(long.MaxValue, even, 10, int.MaxValue, batch);
        var newest = TestStore.Texts(batch).Select(NumberOf).ToList();
        store.Store.ReadNewest(batch.Through, even, 10, int.MaxValue, batch);
        var before = TestStore.Texts(batch).Select(NumberOf).ToList();
        var everything = new List<int>();
        for (var position = long.MaxValue; position > 1; position = batch.Through)
        {
            store.Store.ReadNewest(position, even, 7, 3000, batch);
            everything.InsertRange(0, TestStore.Texts(batch).Select(NumberOf));
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => 480 + (i * 2)), newest);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => 460 + (i * 2)), before);
        Assert.Equal(Enumerable.Range(0, 250).Select(i => i * 2), everything);
    }

    [Fact]
    public void A_read_gives_at_least_one_entry_unless_there_is_none_left()
    {
        using var store = Open(segmentBytes: 256 * 1024);
        for (var i = 0; i < 700; i++)
        {
            store.Add(i is 300 or 600 ? $"rare.c{i}" : "busy", Numbered(i));
        }

        store.Commit();
        var rare = new ChannelSet(ChannelPattern.Parse("rare.>"));
        var batch = new LedgerBatch();

        store.Store.Read(0, rare, 1, batch);
        Assert.Equal([300], TestStore.Texts(batch).Select(NumberOf));
        Assert.Equal(301, batch.Through);
        store.Store.Read(batch.Through, rare, 1, batch);
        Assert.Equal([600], TestStore.Texts(batch).Select(NumberOf));
        store.Store.Read(batch.Through, rare, 1, batch);
        Assert.Empty(batch.Entries);
        Assert.Equal(700, batch.Through);

        store.Store.ReadNewest(701, rare, 1, 1, batch);
        Assert.Equal([600], TestStore.Texts(batch).Select(NumberOf));
        store.Store.ReadNewest(batch.Through, rare, 1, 1, batch);
        Assert.Equal([300], TestStore.Texts(batch).Select(NumberOf));
        store.Store.ReadNewest(batch.Through, rare, 1, 1, batch);
        Assert.Empty(batch.Entries);
        Assert.Equal(1, batch.Through);

        store.Store.ReadNewest(701, new ChannelSet(ChannelPattern.Parse(">")), 3, int.MaxValue, batch);
        Assert.Equal([697, 698, 699], TestStore.Texts(batch).Select(NumberOf));
        Assert.Equal(698, batch.Through);
    }

    [Fact]
    public void Positions_and_version_vectors_turn_into_each_other()
    {
        using var store = Open(segmentBytes: 8 * 1024);
        for (var i = 0; i < 300; i++)
        {
            store.Publish("a", Plus);
        }

        for (var position = 0; position <= 300; position += 7)
        {
            var seen = store.Store.SeenAt(position);

            Assert.Equal(position, seen[store.Store.Origin]);
            Assert.Equal(position, store.Store.CoveredThrough(seen));
        }

        Assert.Equal(300, store.Store.CoveredThrough(VersionVector.Of(store.Store.Origin, 1_000_000)));
        Assert.Equal(0, store.Store.CoveredThrough(VersionVector.Of(new OriginId("asia-1"), 5)));
    }

    [Fact]
    public void Channels_are_listed_in_pages_whether_their_states_are_in_memory_or_in_the_database()
    {
        using var store = Open();
        for (var i = 0; i < 30; i++)
        {
            store.Publish($"scores.c{i:00}", Plus);
            store.Publish($"chat.c{i:00}", Plus);
            if (i == 15)
            {
                store.Store.Checkpoint();
            }
        }

        store.Publish("scores.c03", Plus);
        var pattern = ChannelPattern.Parse("scores.*");
        var names = new List<string>();
        for (var page = store.Store.List(pattern, "", 7); page.Count > 0; page = store.Store.List(pattern, page[^1].Key, 7))
        {
            Assert.True(page.Count <= 7);
            names.AddRange(page.Select(p => p.Key));
        }

        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"scores.c{i:00}"), names);
        Assert.Equal(2, store.Store.List(pattern, "scores.c02", 1)[0].Value.Version);
    }

    [Fact]
    public void Nothing_of_a_batch_is_visible_before_its_commit()
    {
        using var store = Open();
        store.Add("a", Plus);

        Assert.Null(store.State("a"));
        Assert.Equal(0, store.Store.Position);
        Assert.Equal(VersionVector.Empty, store.Store.Mark.Seen);

        store.Commit();

        Assert.Equal("""{"n":1}""", store.State("a"));
        Assert.Equal(1, store.Store.Mark.Seen[store.Store.Origin]);
    }

    [Fact]
    public void The_history_of_a_channel_is_all_its_entries_in_order()
    {
        using var store = Open(segmentBytes: 8 * 1024);
        for (var i = 0; i < 200; i++)
        {
            store.Publish(i % 5 == 0 ? "a" : "b", Numbered(i));
        }

        var history = store.Store.History("a").Select(e => NumberOf(System.Text.Encoding.UTF8.GetString(e.Span))).ToList();

        Assert.Equal(Enumerable.Range(0, 40).Select(i => i * 5), history);
    }

    [Fact]
    public void A_batch_larger_than_a_segment_is_committed_all_the_same()
    {
        using (var store = Open(segmentBytes: 8 * 1024))
        {
            for (var i = 0; i < 500; i++)
            {
                store.Add("a", Numbered(i));
            }

            store.Commit();
            store.Publish("a", Numbered(500));
            Assert.Equal(501, store.Read("a").Count);
        }

        using var again = Open(segmentBytes: 8 * 1024);
        Assert.Equal(Enumerable.Range(0, 501), again.ReadAll().Select(NumberOf));
    }

    [Fact]
    public void A_data_directory_belongs_to_one_region()
    {
        Open().Dispose();

        var e = Assert.Throws<Stentor.Replication.LedgerFaultException>(() => Store.Open(Disk, TestStore.Options(statePath: StatePath) with { Region = "us" }));

        Assert.Contains("belongs to the region 'eu'", e.Message, StringComparison.Ordinal);
    }

    private protected TestStore Open(int segmentBytes = 64 * 1024) => new(Disk, TestStore.Options(segmentBytes, StatePath));

    protected static string Numbered(int i) => "{\"activity\":{\"number\":" + i + "}}";

    protected static int NumberOf(string entry)
    {
        var start = entry.IndexOf("\"number\":", StringComparison.Ordinal) + 9;
        return int.Parse(entry.AsSpan(start, entry.IndexOf('}', start) - start), System.Globalization.CultureInfo.InvariantCulture);
    }

    private static (OriginId Origin, long Seq) Stamp(Outcome outcome) => (outcome.Origin, outcome.Seq);
}
