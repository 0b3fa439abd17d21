using System.Text;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Simulation;

namespace Stentor.Storage.Tests;

public sealed class DamageTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-damage-").FullName;

    [Fact]
    public void A_bit_that_flips_anywhere_is_never_served_as_good()
    {
        var (original, options, entries, mark) = ThreeSegments();
        var holes = 0;
        foreach (var file in original.List())
        {
            var length = original.BytesOf(file).Length;
            for (var offset = 0; offset < length; offset += 7)
            {
                var disk = original.Copy(1);
                disk.FlipBit(file, offset, offset % 8);
                try
                {
                    using var ledger = Ledger.Open(disk, options, mark);
                    holes += CheckServed(ledger, entries);
                }
                catch (LedgerFaultException e)
                {
                    Assert.Contains("header", e.Message, StringComparison.Ordinal);
                    Assert.True(offset < SegmentHeader.BlockBytes);
                }
            }
        }

        Assert.True(holes > 400);
    }

    [Fact]
    public void A_sector_that_is_overwritten_anywhere_is_never_served_as_good()
    {
        var (original, options, entries, mark) = ThreeSegments();
        foreach (var file in original.List().Where(f => f.EndsWith(".seg", StringComparison.Ordinal) && f.StartsWith("ledger", StringComparison.Ordinal)))
        {
            var length = original.BytesOf(file).Length;
            for (var sector = SegmentHeader.BlockBytes; sector + 512 <= length; sector += 512)
            {
                foreach (var fill in (byte[])[0, 0xA5])
                {
                    var disk = original.Copy(1);
                    for (var i = 0; i < 512; i++)
                    {
                        disk.Damage(file, sector + i, _ => fill);
                    }

                    using var ledger = Ledger.Open(disk, options, mark);
                    CheckServed(ledger, entries);
                }
            }
        }
    }

    [Fact]
    public void Damage_is_a_hole_for_every_reader_that_crosses_it_and_is_reported_once()
    {
        var (disk, options, entries, mark) = ThreeSegments();
        var file = disk.List().First(f => f.EndsWith(".seg", StringComparison.Ordinal));
        disk.FlipBit(file, SegmentHeader.BlockBytes + 40, 3);
        using var ledger = Ledger.Open(disk, options, mark);
        var found = new List<LedgerHole>();
        ledger.Damage.Found += found.Add;
        var batch = new LedgerBatch();

        ledger.Read(0, channels: null, 1_000_000, batch);
        ledger.Read(0, new ChannelSet(ChannelPattern.Parse(">")), 1_000_000, batch);

        Assert.Equal([new LedgerHole(1, 1, "damaged in " + file)], batch.Holes);
        Assert.Equal(entries.Count - 1, batch.Entries.Count);
        Assert.Equal([new LedgerHole(1, 1, "damaged in " + file)], found);
        Assert.Equal(1, ledger.Damage.Positions);
    }

    [Fact]
    public void A_block_that_cannot_be_read_is_a_hole_and_its_neighbours_are_served()
    {
        var (disk, options, entries, mark) = ThreeSegments();
        var file = disk.List().First(f => f.EndsWith(".seg", StringComparison.Ordinal));
        disk.BadBlocks.Add((file, SegmentHeader.BlockBytes + 4096, 512));
        using var ledger = Ledger.Open(disk, options, mark);
        var batch = new LedgerBatch();

        ledger.Read(0, channels: null, 1_000_000, batch);

        Assert.InRange(batch.Entries.Count, entries.Count - 6, entries.Count - 1);
        Assert.Equal(entries.Count, batch.Entries.Count + batch.Holes.Sum(h => h.Last - h.First + 1));
    }

    [Fact]
    public void A_missing_or_damaged_index_is_made_again()
    {
        var (disk, options, entries, mark) = ThreeSegments();
        var indexes = disk.List().Where(f => f.EndsWith(".idx", StringComparison.Ordinal)).ToList();
        var before = indexes.ToDictionary(i => i, disk.BytesOf);
        disk.Delete(indexes[0]);
        disk.FlipBit(indexes[1], 3000, 1);
        using var ledger = Ledger.Open(disk, options, mark);

        CheckServed(ledger, entries);

        Assert.Equal(2, ledger.Cache.Rebuilt);
        Assert.Equal(before[indexes[0]], disk.BytesOf(indexes[0]));
        Assert.Equal(before[indexes[1]], disk.BytesOf(indexes[1]));
    }

    [Fact]
    public void A_segment_that_is_missing_is_a_hole_of_all_its_positions()
    {
        var (disk, options, entries, mark) = ThreeSegments();
        var segments = disk.List().Where(f => f.EndsWith(".seg", StringComparison.Ordinal) && f.StartsWith("ledger", StringComparison.Ordinal)).ToList();
        disk.Delete(segments[1]);
        using var ledger = Ledger.Open(disk, options, mark);

        var holes = CheckServed(ledger, entries);

        _ = SegmentHeader.TryParseName(segments[1], out _, out var first);
        _ = SegmentHeader.TryParseName(segments[2], out _, out var next);
        Assert.Equal(next - first, holes);
        Assert.Equal(next - first, ledger.Damage.Positions);
    }

    [Fact]
    public void Damage_before_the_check_point_leaves_the_node_able_to_go_on()
    {
        var path = Path.Combine(_directory, "state.db");
        var disk = new SimulatedDisk();
        var options = TestStore.Options(statePath: path);
        using (var store = new TestStore(disk, options))
        {
            for (var i = 0; i < 20; i++)
            {
                store.Publish("a", """{"effect":{"add":{"n":1}}}""");
            }

            store.Store.Checkpoint();
        }

        disk.FlipBit(SegmentFile(disk), SegmentHeader.BlockBytes + 1000, 1);
        using (var store = new TestStore(disk, options))
        {
            Assert.Equal(1, store.Store.Status.DamagedPositions);
            store.Publish("a", """{"effect":{"add":{"n":1}}}""");
            Assert.Equal("""{"n":21}""", store.State("a"));
            Assert.Throws<HistoryFaultException>(() => store.Store.History("a").Count());
        }

        using var again = new TestStore(disk, options);
        Assert.Equal(21, again.Store.Position);
        Assert.Equal("""{"n":21}""", again.State("a"));
        again.Store.ReadAll(0, 1_000_000, new LedgerBatch());
        Assert.Equal(1, again.Store.Status.DamagedPositions);
    }

    [Fact]
    public void Damage_after_the_check_point_is_refused_with_what_to_do()
    {
        var path = Path.Combine(_directory, "state.db");
        var disk = new SimulatedDisk();
        var options = TestStore.Options(statePath: path);
        using (var store = new TestStore(disk, options))
        {
            store.Publish("a", """{"effect":{"add":{"n":1}}}""");
            store.Store.Checkpoint();
            for (var i = 0; i < 20; i++)
            {
                store.Publish("a", """{"effect":{"add":{"n":1}}}""");
            }
        }

        disk.FlipBit(disk.List().Last(f => f.EndsWith(".seg", StringComparison.Ordinal) && f.StartsWith("ledger", StringComparison.Ordinal)), SegmentHeader.BlockBytes + 1000, 1);
        var e = Assert.Throws<LedgerFaultException>(() => Store.Open(disk, options));

        Assert.Contains("stentor doctor --repair", e.Message, StringComparison.Ordinal);
        Assert.Contains("reflects only position 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_or_damaged_state_is_folded_again_from_a_whole_ledger()
    {
        var path = Path.Combine(_directory, "state.db");
        var disk = new SimulatedDisk();
        var options = TestStore.Options(segmentBytes: 16 * 1024, statePath: path);
        using (var store = new TestStore(disk, options))
        {
            for (var i = 0; i < 100; i++)
            {
                store.Publish("a", "{\"id\":\"" + i + "\",\"effect\":{\"add\":{\"n\":1}}}");
            }

            store.Store.Checkpoint();
        }

        var bytes = File.ReadAllBytes(path);
        bytes.AsSpan(0, 4096).Fill(0x55);
        File.WriteAllBytes(path, bytes);
        using (var store = new TestStore(disk, options))
        {
            Assert.Equal("""{"n":100}""", store.State("a"));
            Assert.True(File.Exists(path + ".damaged"));
        }

        File.Delete(path);
        using var again = new TestStore(disk, options);
        Assert.Equal("""{"n":100}""", again.State("a"));
        Assert.True(again.Publish("a", """{"id":"7","effect":{"add":{"n":1}}}""").Duplicate);
    }

    [Fact]
    public void A_ledger_or_state_of_a_newer_format_is_refused()
    {
        var path = Path.Combine(_directory, "state.db");
        var disk = new SimulatedDisk();
        var options = TestStore.Options(statePath: path);
        new TestStore(disk, options).Dispose();

        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={path};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 99";
            command.ExecuteNonQuery();
        }

        Assert.Contains("state format 99", Assert.Throws<LedgerFaultException>(() => Store.Open(disk, options)).Message, StringComparison.Ordinal);

        var newer = new SegmentHeader(1, 1, 1, new OriginId("eu-1"), VersionVector.Empty).Encode();
        newer[8] = 2;
        var check = Checksum.Crc32C(newer.AsSpan(24, BitConverter.ToInt32(newer, 16) - 24), Checksum.Crc32C(newer.AsSpan(0, 20)));
        BitConverter.TryWriteBytes(newer.AsSpan(20), check);
        using (var file = disk.Open(SegmentFile(disk), DiskFileMode.Existing))
        {
            file.Write(newer, 0);
        }

        Assert.Contains("ledger format 2", Assert.Throws<LedgerFaultException>(() => Store.Open(disk, options with { StatePath = null })).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static string SegmentFile(SimulatedDisk disk) =>
        disk.List().First(f => f.StartsWith("ledger", StringComparison.Ordinal) && f.EndsWith(".seg", StringComparison.Ordinal));

    /// <summary>A small ledger of three segments with their indexes, whose state database knows all of it.</summary>
    private static (SimulatedDisk Disk, StoreOptions Options, List<string> Entries, StateMark Mark) ThreeSegments()
    {
        var disk = new SimulatedDisk();
        var options = TestStore.Options(segmentBytes: 12 * 1024);
        using var store = new TestStore(disk, options);
        for (var i = 0; store.Store.Status.Segments < 3 || i % 20 != 0; i++)
        {
            store.Add($"c{i % 3}", "{\"activity\":{\"number\":" + i + "}}");
            if (i % 4 == 3)
            {
                store.Commit();
            }
        }

        store.Store.Checkpoint();
        var entries = store.ReadAll();
        using var ledger = Ledger.Open(disk.Copy(1), options, null);
        return (disk, options, entries, new StateMark(ledger.StoreId, store.Store.Position, store.Store.Mark));
    }

    /// <summary>Checks that what is served is what was written, and that the rest is in holes.</summary>
    /// <returns>How many positions are in holes.</returns>
    private static int CheckServed(Ledger ledger, List<string> entries)
    {
        var holes = 0L;
        var batch = new LedgerBatch();
        var next = 1L;
        for (var after = 0L; after < ledger.Position; after = batch.Through)
        {
            ledger.Read(after, channels: null, 4096, batch);
            foreach (var slice in batch.Entries)
            {
                Assert.Equal(entries[(int)slice.Position - 1], Encoding.UTF8.GetString(batch.BytesOf(slice)));
            }

            holes += batch.Holes.Sum(h => h.Last - h.First + 1);
            next += batch.Entries.Count + batch.Holes.Sum(h => h.Last - h.First + 1);
            Assert.Equal(next, batch.Through + 1);
        }

        // A channel's reader is served the same, or told of a hole.
        var channel = new ChannelSet(ChannelPattern.Parse("c1"));
        var expected = Enumerable.Range(0, entries.Count).Where(i => i % 3 == 1).ToList();
        var served = new HashSet<long>();
        for (var after = 0L; after < ledger.Position; after = batch.Through)
        {
            ledger.Read(after, channel, 4096, batch);
            foreach (var slice in batch.Entries)
            {
                Assert.Equal(entries[(int)slice.Position - 1], Encoding.UTF8.GetString(batch.BytesOf(slice)));
                served.Add(slice.Position);
            }

            foreach (var hole in batch.Holes)
            {
                for (var position = hole.First; position <= hole.Last; position++)
                {
                    served.Add(position);
                }
            }
        }

        Assert.All(expected.Where(i => i < ledger.Position), i => Assert.Contains(i + 1L, served));
        return (int)holes;
    }
}
