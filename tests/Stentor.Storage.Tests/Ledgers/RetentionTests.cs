using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Simulation;

namespace Stentor.Storage.Tests;

public sealed class RetentionTests : IDisposable
{
    private const int SegmentBytes = 12 * 1024;

    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-retention-").FullName;
    private readonly SimulatedDisk _disk = new();

    private StoreOptions Options => TestStore.Options(SegmentBytes, Path.Combine(_directory, "state.db"), retainBytes: 2 * SegmentBytes);

    [Fact]
    public void Old_segments_go_and_readers_are_told_of_the_hole()
    {
        using var store = new TestStore(_disk, Options);
        Fill(store, 200);
        store.Store.Checkpoint();

        Assert.InRange(store.Store.FirstPosition, 2, 200);
        Assert.Equal(3, store.Store.Status.Segments);
        var batch = new LedgerBatch();
        store.Store.ReadAll(0, 1_000_000, batch);
        Assert.Equal([new LedgerHole(1, store.Store.FirstPosition - 1, "no longer held (retention)")], batch.Holes);
        Assert.Equal(200 - store.Store.FirstPosition + 1, batch.Entries.Count);
        Assert.Empty(store.Store.Status.Damage);
        store.Store.ReadNewest(long.MaxValue, new ChannelSet(ChannelPattern.Parse("c0")), 1000, int.MaxValue, batch);
        Assert.Equal(new LedgerHole(1, store.Store.FirstPosition - 1, "no longer held (retention)"), Assert.Single(batch.Holes));
        Assert.Equal(0, store.Store.CoveredThrough(VersionVector.Of(store.Store.Origin, 1)));
        Assert.Equal(199, store.Store.CoveredThrough(VersionVector.Of(store.Store.Origin, 199)));
    }

    [Fact]
    public void Nothing_goes_before_the_state_database_has_it()
    {
        using var store = new TestStore(_disk, Options);
        Fill(store, 100);

        store.Store.Checkpoint();
        var first = store.Store.FirstPosition;
        Fill(store, 100);

        Assert.Equal(first, store.Store.FirstPosition);
        Assert.True(store.Store.Status.Segments > 4);
        store.Store.Checkpoint();
        Assert.True(store.Store.FirstPosition > first);
    }

    [Fact]
    public void A_recycled_segment_shows_nothing_of_what_it_held_before()
    {
        using (var store = new TestStore(_disk, Options))
        {
            for (var round = 0; round < 12; round++)
            {
                Fill(store, 50);
                store.Store.Checkpoint();
            }
        }

        // The newest segment is a recycled file: behind its few records stand old ones, whole and with other positions.
        for (var step = 0; step < 20; step++)
        {
            var disk = _disk.Copy((ulong)step);
            File.Copy(Path.Combine(_directory, "state.db"), Path.Combine(_directory, $"{step}.db"));
            var options = Options with { StatePath = Path.Combine(_directory, $"{step}.db") };
            long position;
            using (var store = new TestStore(disk, options))
            {
                Fill(store, step);
                position = store.Store.Position;
                store.Add("c0", """{"activity":{"torn":true}}""");
                disk.PowerCutAtStep = disk.Steps + 1;
                Assert.Throws<PowerCutException>(store.Commit);
            }

            disk.CutPower();
            using var again = new TestStore(disk, options);
            Assert.InRange(again.Store.Position, position, position + 1);
            Assert.Empty(again.Store.Status.Damage);
            var entries = again.ReadAll(again.Store.FirstPosition - 1);
            Assert.Equal(again.Store.Position - again.Store.FirstPosition + 1, entries.Count);
        }

        Assert.Contains(_disk.List(), n => n == SegmentSupply.SpareName);
    }

    [Fact]
    public void A_reader_whose_segment_is_retired_under_it_is_told_and_sees_nothing_wrong()
    {
        using var store = new TestStore(_disk, Options);
        Fill(store, 60);
        var segment = Assert.IsType<Ledger>(LedgerOf(store)).Segments[0];
        var buffer = new byte[100];
        segment.Read(buffer, SegmentHeader.BlockBytes);
        Fill(store, 200);
        store.Store.Checkpoint();

        Assert.True(segment.IsRetired);
        Assert.DoesNotContain(LedgerOf(store).Segments, s => s == segment);
        Assert.Empty(store.Store.Status.Damage);
    }

    [Fact]
    public async Task What_a_reader_has_seen_is_found_when_its_segment_is_retired_under_the_look_up()
    {
        using var store = new TestStore(_disk, TestStore.Options(SegmentBytes));
        Fill(store, 300);
        store.Store.Checkpoint();
        var origin = store.Store.Origin;
        Assert.True(store.Store.Status.Segments > 3);

        var seen = await WhileTheFirstIsRetired(LedgerOf(store), () => store.Store.SeenAt(1));
        Assert.Equal(VersionVector.Of(origin, store.Store.FirstPosition - 1), seen);

        var one = VersionVector.Of(origin, store.Store.FirstPosition);
        Assert.Equal(0, await WhileTheFirstIsRetired(LedgerOf(store), () => store.Store.CoveredThrough(one)));
        Assert.Empty(store.Store.Status.Damage);
    }

    [Fact]
    public void With_a_spare_at_hand_a_new_segment_grows_no_file()
    {
        var disk = new SimulatedDisk();
        using var store = new TestStore(disk, TestStore.Options(SegmentBytes));
        store.Store.Checkpoint();
        Fill(store, 10);
        store.Store.Checkpoint();
        Assert.Contains(disk.List(), n => n == SegmentSupply.SpareName);
        var before = disk.FreeBytes;

        Fill(store, 60);

        Assert.True(store.Store.Status.Segments > 1);
        Assert.True(before - disk.FreeBytes < SegmentBytes * 2);
    }

    [Fact]
    public void Without_room_for_a_spare_the_ledger_goes_on_and_the_status_says_so()
    {
        var disk = new SimulatedDisk { CapacityBytes = 20 * 1024 };
        using var store = new TestStore(disk, TestStore.Options(SegmentBytes));
        store.Store.Checkpoint();
        Fill(store, 20);
        store.Store.Checkpoint();

        Assert.Contains("no room for a spare", store.Store.Status.HousekeepingFault, StringComparison.Ordinal);
        Assert.Equal(20, store.ReadAll().Count);

        disk.CapacityBytes = long.MaxValue;
        Fill(store, 1);
        store.Store.Checkpoint();

        Assert.Null(store.Store.Status.HousekeepingFault);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>Retires the first segment once a look-up has chosen it: using a segment's index is the last thing a look-up does.</summary>
    private static async Task<T> WhileTheFirstIsRetired<T>(Ledger ledger, Func<T> lookUp)
    {
        var segment = ledger.Segments[0];
        segment.IsRetired = true; // As retiring does, before it takes the segment out of the list.
        ledger.Cache.Forget(segment);
        segment.IsUsed = false;

        var found = Task.Run(lookUp);
        SpinWait.SpinUntil(() => segment.IsUsed);
        ledger.Retire([segment]);
        return await found;
    }

    private static Ledger LedgerOf(TestStore store) => store.Store.Ledger;

    private static void Fill(TestStore store, int count)
    {
        for (var i = 0; i < count; i++)
        {
            store.Publish($"c{i % 3}", """{"activity":{"text":"0123456789012345678901234567890123456789"},"effect":{"add":{"n":1}}}""");
        }
    }
}
