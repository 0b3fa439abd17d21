using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage.Tests;

public sealed class BackupTests : IDisposable
{
    private const string StateName = "state.db";
    private const string Plus = """{"effect":{"add":{"n":1}}}""";

    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("stentor-backup-").FullName;

    [Fact]
    public void A_backup_of_a_store_that_is_being_written_holds_what_was_committed_before_and_goes_on_under_a_new_origin()
    {
        var data = Path.Combine(_directory, "data");
        var backup = Path.Combine(_directory, "backup");
        var restored = Path.Combine(_directory, "restored");
        OriginId origin;
        long before;
        using (var disk = PhysicalDisk.Open(data))
        using (var store = Open(disk, data))
        {
            for (var i = 0; i < 500; i++)
            {
                store.Publish("scores.a", Plus);
            }

            store.Store.Checkpoint();
            store.Publish("scores.a", Plus);
            (origin, before) = (store.Store.Origin, store.Store.Position);
            Backups.Make(data, backup, StateName, progress: (_, _) => store.Publish("scores.a", Plus));
        }

        Backups.Restore(backup, restored);
        using var restoredDisk = PhysicalDisk.Open(restored);
        using (var again = Open(restoredDisk, restored))
        {
            Assert.InRange(again.Store.Position, before, before + 100);
            Assert.Equal($$"""{"n":{{again.Store.Position}}}""", again.State("scores.a"));
            Assert.Equal(origin, again.Store.OriginBefore);
            Assert.NotEqual(origin, again.Store.Origin);
            Assert.Equal(1, again.Publish("scores.a", Plus).Seq);
        }

        using var later = Open(restoredDisk, restored);
        Assert.Null(later.Store.OriginBefore);
        Assert.Equal(2, later.Publish("scores.a", Plus).Seq);
    }

    [Fact]
    public void A_store_that_is_opened_on_a_backup_itself_goes_on_under_a_new_origin()
    {
        var (data, backup, copy) = (Path.Combine(_directory, "data"), Path.Combine(_directory, "backup"), Path.Combine(_directory, "copy"));
        OriginId origin;
        using (var disk = PhysicalDisk.Open(data))
        using (var store = Open(disk, data))
        {
            origin = store.Publish("scores.a", Plus).Origin;
            Backups.Make(data, backup, StateName);
        }

        System.IO.Directory.CreateDirectory(copy);
        foreach (var file in System.IO.Directory.GetFiles(backup))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        foreach (var directory in (string[])[backup, copy])
        {
            using var disk = PhysicalDisk.Open(directory);
            using var store = Open(disk, directory);
            Assert.Equal(origin, store.Store.OriginBefore);
            Assert.NotEqual(origin, store.Store.Origin);
            Assert.Equal(1, store.Publish("scores.a", Plus).Seq);
        }
    }

    [Fact]
    public void A_segment_that_is_written_between_and_during_the_reads_of_a_backup_is_copied_without_a_hole()
    {
        for (var seed = 1; seed <= 40; seed++)
        {
            var options = TestStore.Options(segmentBytes: 1024 * 1024);
            var disk = new MemoryDisk();
            using var store = new TestStore(disk, options);
            var random = new Random(seed);
            store.Store.Checkpoint(); // It makes a spare, so that the next segment is written in a file that has its full size.
            Publish(store, 4);
            var before = store.Store.Position;
            var name = Assert.Single(disk.List(), n => SegmentHeader.TryParseName(n, out _, out _));

            var copy = new MemoryDisk();
            using (var from = new WrittenMeanwhile(disk.Open(name, DiskFileMode.Existing), () => Publish(store, random.Next(3) == 0 ? random.Next(40) : 0)))
            using (var to = copy.Open(name, DiskFileMode.New))
            {
                Backups.CopyWritten(from, to);
            }

            using var again = new TestStore(copy, options);
            Assert.InRange(again.Store.Position, before, store.Store.Position);
            Assert.Equal(store.ReadAll().Take((int)again.Store.Position), again.ReadAll());
            Assert.Empty(again.Store.Status.Damage);
        }
    }

    [Fact]
    public void A_directory_that_was_copied_by_hand_goes_on_under_a_new_origin_and_one_that_was_moved_does_not()
    {
        var (data, copy, moved) = (Path.Combine(_directory, "data"), Path.Combine(_directory, "copy"), Path.Combine(_directory, "moved"));
        OriginId origin;
        using (var disk = PhysicalDisk.Open(data))
        using (var store = Open(disk, data))
        {
            origin = store.Publish("scores.a", Plus).Origin;
        }

        System.IO.Directory.CreateDirectory(copy);
        foreach (var file in System.IO.Directory.GetFiles(data))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        System.IO.Directory.Move(data, moved);

        using (var disk = PhysicalDisk.Open(copy))
        using (var store = Open(disk, copy))
        {
            Assert.NotEqual(origin, store.Store.Origin);
        }

        using (var disk = PhysicalDisk.Open(moved))
        using (var store = Open(disk, moved))
        {
            Assert.Equal(origin, store.Store.Origin);
        }
    }

    [Fact]
    public void What_is_no_data_directory_is_not_backed_up_and_a_directory_with_something_in_it_is_not_written_to()
    {
        var data = Path.Combine(_directory, "data");
        Assert.Contains("no ledger", Assert.Throws<LedgerFaultException>(() => Backups.Make(data, Path.Combine(_directory, "b"), StateName)).Message, StringComparison.Ordinal);
        using (var disk = PhysicalDisk.Open(data))
        using (Open(disk, data))
        {
            // Made.
        }

        var full = System.IO.Directory.CreateDirectory(Path.Combine(_directory, "full")).FullName;
        File.WriteAllText(Path.Combine(full, "mine"), "x");

        Assert.Contains("not empty", Assert.Throws<LedgerFaultException>(() => Backups.Make(data, full, StateName)).Message, StringComparison.Ordinal);
        Assert.Contains("not empty", Assert.Throws<LedgerFaultException>(() => Backups.Restore(data, full)).Message, StringComparison.Ordinal);
        Assert.Contains("not a backup", Assert.Throws<LedgerFaultException>(() => Backups.Restore(full, Path.Combine(_directory, "r"))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => System.IO.Directory.Delete(_directory, recursive: true);

    private static TestStore Open(PhysicalDisk disk, string directory) => new(disk, TestStore.Options(statePath: Path.Combine(directory, StateName)));

    /// <summary>Publishes entries of 8 KB, as long as they fit in a segment of 1 MiB.</summary>
    private static void Publish(TestStore store, int count)
    {
        for (var i = 0; i < count && store.Store.Position < 110; i++)
        {
            store.Publish("scores.a", $$$"""{"activity":{"text":"{{{new string((char)('a' + (i % 26)), 8 * 1024)}}}"}}""");
        }
    }

    /// <summary>A file that others write to in the middle of a read, and after it.</summary>
    private sealed class WrittenMeanwhile(IDiskFile file, Action write) : IDiskFile
    {
        public long Length => file.Length;

        public int Read(Span<byte> destination, long offset)
        {
            var half = destination.Length / 2;
            var read = file.Read(destination[..half], offset);
            write();
            read += file.Read(destination[half..], offset + half);
            write();
            return read;
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset) => file.Write(bytes, offset);

        public void Sync() => file.Sync();

        public void Dispose() => file.Dispose();
    }
}
