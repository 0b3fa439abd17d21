using Microsoft.Data.Sqlite;
using Stentor.Replication;
using Stentor.Simulation;

namespace Stentor.Storage.Tests;

public sealed class StatesTests : IDisposable
{
    private const string Plus = """{"effect":{"add":{"n":1}}}""";

    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-states-").FullName;
    private readonly SimulatedDisk _disk = new();

    private StoreOptions Options => TestStore.Options(statePath: Path.Combine(_directory, "state.db"));

    [Fact]
    public void Exactly_one_connection_writes_and_checkpoints_whatever_is_read_and_written()
    {
        using var store = new TestStore(_disk, Options);
        for (var round = 0; round < 5; round++)
        {
            for (var i = 0; i < 20; i++)
            {
                store.Publish($"c{i}", Plus);
            }

            store.Store.Checkpoint();
            Parallel.For(0, 64, i => Assert.NotNull(store.Store.States.Database.Read(reader => reader.Channel($"c{i % 20}"))));
            Assert.Equal(20, store.Store.List(Protocol.ChannelPattern.Parse("*"), "", 100).Count);
        }

        var opened = store.Store.States.Database.OpenedConnections.Select(c => new SqliteConnectionStringBuilder(c).Mode).ToList();
        Assert.Single(opened, SqliteOpenMode.ReadWriteCreate);
        Assert.True(opened.Count > 1);
        Assert.All(opened.Skip(1), mode => Assert.Equal(SqliteOpenMode.ReadOnly, mode));
        Assert.InRange(opened.Count, 2, 9);
    }

    [Fact]
    public void A_check_point_that_fails_loses_nothing_and_the_next_one_writes_it_all()
    {
        using var store = new TestStore(_disk, Options);
        store.Publish("a", Plus);
        using (var other = new SqliteConnection($"Data Source={Options.StatePath};Pooling=False"))
        {
            other.Open();
            using var transaction = other.BeginTransaction();
            Assert.Throws<DiskException>(store.Store.Checkpoint);
            store.Publish("a", """{"id":"x","effect":{"add":{"n":1}}}""");

            Assert.Equal("""{"n":2}""", store.State("a"));
            Assert.NotNull(store.Store.FindId("ann", "x"));
            Assert.Equal(0, store.Store.Status.CheckpointPosition);
            transaction.Rollback();
        }

        store.Store.Checkpoint();

        Assert.Equal(2, store.Store.Status.CheckpointPosition);
        Assert.Equal(0, store.Store.Status.Pending);
        Assert.Equal("""{"n":2}""", store.State("a"));
        store.Dispose();
        using var again = new TestStore(_disk, Options);
        Assert.Equal("""{"n":2}""", again.State("a"));
    }

    [Fact]
    public async Task A_reader_beside_the_writer_never_sees_a_channel_go_back()
    {
        using var store = new TestStore(_disk, Options);
        using var stopping = new CancellationTokenSource();
        using var reading = new CountdownEvent(3);
        var readers = Enumerable.Range(0, 3).Select(r => Task.Run(() =>
        {
            var seen = new long[50];
            var random = new Random(r);
            reading.Signal();
            while (!stopping.IsCancellationRequested)
            {
                var channel = random.Next(seen.Length);
                var version = store.Store.Find($"c{channel}")?.Version ?? 0;
                Assert.True(version >= seen[channel], $"c{channel} went from {seen[channel]} to {version}");
                seen[channel] = version;
            }
        })).ToList();
        var checkpointing = Task.Run(() =>
        {
            while (!stopping.IsCancellationRequested)
            {
                store.Store.Checkpoint();
            }
        });

        Assert.True(reading.Wait(TimeSpan.FromSeconds(20)));
        for (var i = 0; i < 3000; i++)
        {
            store.Publish($"c{i % 50}", Plus);
        }

        await stopping.CancelAsync();
        await Task.WhenAll([.. readers, checkpointing]).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.All(Enumerable.Range(0, 50), c => Assert.Equal(60, store.Store.Find($"c{c}")!.Version));
    }

    [Fact]
    public async Task A_reader_of_the_ledger_beside_the_writer_sees_every_entry_once_in_order()
    {
        using var store = new TestStore(_disk, TestStore.Options(segmentBytes: 16 * 1024));
        var done = false;
        List<string> ReadAlong(string channels)
        {
            var set = new Protocol.ChannelSet(Protocol.ChannelPattern.Parse(channels));
            var batch = new LedgerBatch();
            var entries = new List<string>();
            for (long after = 0; !Volatile.Read(ref done) || after < store.Store.Position; after = batch.Through)
            {
                store.Store.Read(after, set, 2000, batch);
                Assert.Empty(batch.Holes);
                entries.AddRange(TestStore.Texts(batch));
            }

            return entries;
        }

        var one = Task.Run(() => ReadAlong("c1"));
        var all = Task.Run(() => ReadAlong(">"));
        for (var i = 0; i < 3000; i++)
        {
            store.Publish($"c{i % 7}", Plus);
            if (i % 500 == 0)
            {
                store.Store.Checkpoint();
            }
        }

        Volatile.Write(ref done, true);
        var expected = store.ReadAll();
        Assert.Equal(expected, await all.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(expected.Where((_, i) => i % 7 == 1), await one.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void What_is_read_from_the_database_while_a_check_point_runs_is_not_kept()
    {
        var cache = new StateCache(1_000_000);
        var old = new ChannelState { Version = 1 };
        var current = new ChannelState { Version = 2 };
        var version = cache.Version;
        cache.Replace([("a", current, 10)]);

        cache.Add("a", old, 10, version);

        Assert.Same(current, cache.Find("a"));
    }

    [Fact]
    public void The_cache_drops_what_was_not_asked_for_and_stays_within_its_bound()
    {
        var cache = new StateCache(100_000);
        for (var i = 0; i < 10_000; i++)
        {
            cache.Add($"c{i}", new ChannelState { Version = i }, 100, cache.Version);
            cache.Find("c0");
        }

        Assert.NotNull(cache.Find("c0"));
        Assert.Null(cache.Find("c5"));
        Assert.NotNull(cache.Find("c9999"));
        Assert.InRange(Enumerable.Range(0, 10_000).Count(i => cache.Find($"c{i}") is not null), 1, 500);
    }

    [Fact]
    public void The_filter_never_forgets_and_seldom_raises_a_false_alarm()
    {
        var filter = new KnownFilter();
        static ulong Hash(int i) => IdKey.Of("ann", "id-" + i).Hash;
        for (var i = 0; i < 500_000; i++)
        {
            filter.Add(Hash(i));
        }

        Assert.All(Enumerable.Range(0, 500_000), i => Assert.True(filter.MayContain(Hash(i))));
        Assert.InRange(Enumerable.Range(500_000, 100_000).Count(i => filter.MayContain(Hash(i))), 0, 2000);
        var bytes = filter.Bytes;
        for (var i = 0; i < 2_000_000; i++)
        {
            filter.Add(Hash(i % 1000));
        }

        Assert.Equal(bytes, filter.Bytes);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
