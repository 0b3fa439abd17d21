using Stentor.Simulation;

namespace Stentor.Storage.Tests;

/// <summary>What every disk promises, real or simulated.</summary>
public abstract class DiskSpecification
{
    protected abstract IDisk Disk { get; }

    [Fact]
    public void What_was_written_is_read_back_as_far_as_the_file_goes()
    {
        using var file = Disk.Open("a.seg", DiskFileMode.New);
        file.Write([1, 2, 3, 4], 0);
        file.Write([9, 9], 2);
        file.Write([5], 10);
        file.Sync();

        var bytes = new byte[20];
        Assert.Equal(11, file.Length);
        Assert.Equal(11, file.Read(bytes, 0));
        Assert.Equal([1, 2, 9, 9, 0, 0, 0, 0, 0, 0, 5], bytes[..11]);
        Assert.Equal(1, file.Read(bytes, 10));
        Assert.Equal(0, file.Read(bytes, 11));
        Assert.Equal(0, file.Read(bytes, 1000));
        Assert.Equal(2, file.Read(bytes.AsSpan(0, 2), 2));
        Assert.Equal([9, 9], bytes[..2]);
    }

    [Fact]
    public void A_second_handle_sees_what_the_first_one_wrote()
    {
        using var first = Disk.Open("a.seg", DiskFileMode.Any);
        using var second = Disk.Open("a.seg", DiskFileMode.Existing);
        first.Write([7], 3);

        var bytes = new byte[1];
        Assert.Equal(1, second.Read(bytes, 3));
        Assert.Equal(7, bytes[0]);
    }

    [Fact]
    public void A_file_must_or_must_not_be_there_as_asked()
    {
        Assert.Equal(DiskFault.Name, Assert.Throws<DiskException>(() => Disk.Open("a.seg", DiskFileMode.Existing)).Fault);
        Disk.Open("a.seg", DiskFileMode.New).Dispose();
        Assert.Equal(DiskFault.Name, Assert.Throws<DiskException>(() => Disk.Open("a.seg", DiskFileMode.New)).Fault);
        Disk.Open("a.seg", DiskFileMode.Any).Dispose();
        Disk.Open("b.seg", DiskFileMode.Any).Dispose();
    }

    [Fact]
    public void Names_are_listed_in_ordinal_order_and_change_as_told()
    {
        foreach (var name in (string[])["b", "a", "C"])
        {
            using var file = Disk.Open(name, DiskFileMode.New);
            file.Write([(byte)name[0]], 0);
        }

        Disk.Rename("b", "a");
        Disk.Delete("C");
        Disk.Delete("none");
        Disk.SyncDirectory();

        Assert.Equal(["a"], Disk.List().Where(n => n.Length == 1));
        using var renamed = Disk.Open("a", DiskFileMode.Existing);
        var bytes = new byte[1];
        renamed.Read(bytes, 0);
        Assert.Equal((byte)'b', bytes[0]);
        Assert.Equal(DiskFault.Name, Assert.Throws<DiskException>(() => Disk.Rename("none", "other")).Fault);
    }

    [Fact]
    public void An_open_file_can_be_renamed_and_deleted()
    {
        using var file = Disk.Open("a", DiskFileMode.New);
        file.Write([1], 0);
        Disk.Rename("a", "b");
        file.Write([2], 1);
        Disk.Delete("b");

        var bytes = new byte[2];
        Assert.Equal(2, file.Read(bytes, 0));
        Assert.Equal([1, 2], bytes);
    }

    [Fact]
    public void What_is_appended_is_read_back_wherever_the_pieces_begin_and_end()
    {
        const int FileBytes = 256 * 1024;
        var random = new Random(7);
        using var file = Disk.Open("a.seg", DiskFileMode.New);
        file.Clear(0, FileBytes);
        var model = new byte[FileBytes];
        Write(0, 100);
        for (var end = 100; end < FileBytes - 20_000;)
        {
            var length = random.Next(4) == 0 ? random.Next(1, 20_000) : random.Next(1, 600);
            random.NextBytes(model.AsSpan(end, length));
            file.Append(model.AsSpan(end, length), end);
            end += length;
            if (random.Next(20) == 0)
            {
                Write(random.Next(end - 10), 10);
            }
            else if (random.Next(20) == 0)
            {
                end += random.Next(10_000); // A gap, as between a header and the first record.
            }

            var start = random.Next(end);
            Assert.Equal(model[start..end], Read(file, start, end));
            Assert.Equal(model[start..(end + 50)], Read(file, start, end + 50));
        }

        using var other = Disk.Open("a.seg", DiskFileMode.Existing);
        Assert.Equal(FileBytes, other.Length);
        Assert.Equal(model, Read(other, 0, FileBytes));

        void Write(int offset, int length)
        {
            random.NextBytes(model.AsSpan(offset, length));
            file.Write(model.AsSpan(offset, length), offset);
        }
    }

    [Fact]
    public void A_file_grows_by_what_is_appended_and_no_more()
    {
        using var file = Disk.Open("a.seg", DiskFileMode.New);
        file.Append([1, 2, 3], 0);
        file.Append([4], 3);

        Assert.Equal(4, file.Length);
        Assert.Equal([1, 2, 3, 4], Read(file, 0, 4));

        file.Clear(0, 5_000);
        file.Append([5], 4_998);
        Assert.Equal(5_000, file.Length);
        Assert.Equal([0, 5, 0], Read(file, 4_997, 5_000));
    }

    [Theory]
    [InlineData(0, 8192)]
    [InlineData(4096, 4096)]
    [InlineData(100, 5000)]
    [InlineData(8192, 700_000)]
    public void What_is_cleared_is_zeros(int offset, int length)
    {
        using var file = Disk.Open("a.seg", DiskFileMode.New);
        var model = Enumerable.Repeat((byte)1, 10_000).ToArray();
        file.Write(model, 0);
        file.Clear(offset, length);

        Array.Resize(ref model, Math.Max(model.Length, offset + length));
        model.AsSpan(offset, length).Clear();
        Assert.Equal(model.Length, file.Length);
        Assert.Equal(model, Read(file, 0, model.Length));
    }

    [Fact]
    public void There_is_room()
    {
        Assert.True(Disk.FreeBytes > 1024 * 1024);
    }

    protected static byte[] Read(IDiskFile file, int start, int end)
    {
        var bytes = new byte[end - start];
        Assert.Equal(bytes.Length, file.Read(bytes, start));
        return bytes;
    }
}

public sealed class PhysicalDiskTests : DiskSpecification, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-disk-").FullName;
    private readonly PhysicalDisk _disk;

    public PhysicalDiskTests() => _disk = PhysicalDisk.Open(Path.Combine(_directory, "data"));

    protected override IDisk Disk => _disk;

    [Fact]
    public void A_directory_is_held_until_it_is_let_go()
    {
        var e = Assert.Throws<DiskException>(() => PhysicalDisk.Open(_disk.Directory));
        Assert.Contains($"process {Environment.ProcessId}", e.Message, StringComparison.Ordinal);

        _disk.Dispose();
        PhysicalDisk.Open(_disk.Directory).Dispose();
    }

    [Fact]
    public void Files_and_directories_belong_to_their_owner_only()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Windows inherits the rights of the directory above.
        }

        using var file = _disk.Open("a.seg", DiskFileMode.New);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_disk.Directory, "a.seg")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_disk.Directory));
    }

    /// <summary>With and without what the node uses where the system has it: writes around the cache, and readers that find them in memory.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Readers_find_what_was_appended_while_more_is(bool isDirect)
    {
        const int FileBytes = 40 * 1024 * 1024;
        var path = Path.Combine(_directory, "a.seg");
        using var file = new PhysicalFile(new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite), path, isDirect ? new RecentWrites() : null);
        file.Clear(0, FileBytes);
        var end = 0;
        using var reading = new CountdownEvent(2);
        var readers = Enumerable.Range(0, 2).Select(seed => Task.Run(() => ReadAll(new Random(seed)))).ToArray();
        Assert.True(reading.Wait(TimeSpan.FromMinutes(1)));

        var random = new Random(3);
        var bytes = new byte[5 * 1024 * 1024];
        while (end < FileBytes)
        {
            // Among the many small ones, one that is longer than what is written at once.
            var length = Math.Min(FileBytes - end, random.Next(40) == 0 ? bytes.Length : random.Next(1, 200_000));
            Fill(bytes.AsSpan(0, length), end);
            file.Append(bytes.AsSpan(0, length), end);
            Volatile.Write(ref end, end + length);
        }

        await Task.WhenAll(readers).WaitAsync(TimeSpan.FromMinutes(1));

        void ReadAll(Random order)
        {
            reading.Signal();
            var found = new byte[64 * 1024];
            var wanted = new byte[found.Length];
            for (var known = 0; known < FileBytes;)
            {
                known = Volatile.Read(ref end);
                var length = Math.Min(known, order.Next(1, found.Length));

                // Near the end mostly; everywhere at times, and where the oldest of what is in memory goes.
                var back = order.Next(4) switch { 0 => order.Next(known + 1), 1 => (8 * 1024 * 1024) + order.Next(-300_000, 300_000), _ => order.Next(100_000) };
                var offset = Math.Clamp(known - length - back, 0, known - length);
                Assert.Equal(length, file.Read(found.AsSpan(0, length), offset));
                Fill(wanted.AsSpan(0, length), offset);
                Assert.True(wanted.AsSpan(0, length).SequenceEqual(found.AsSpan(0, length)), $"{length} bytes at {offset} of {known} are not as they were written.");
            }
        }

        static void Fill(Span<byte> target, long offset)
        {
            for (var i = 0; i < target.Length; i++)
            {
                target[i] = (byte)(((offset + i) * 0x9E3779B1L) >> 24);
            }
        }
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_a_clear_error()
    {
        var file = Path.Combine(_directory, "file");
        File.WriteAllText(file, "");

        Assert.Contains(file, Assert.Throws<DiskException>(() => PhysicalDisk.Open(Path.Combine(file, "data"))).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _disk.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}

public sealed class MemoryDiskTests : DiskSpecification
{
    protected override IDisk Disk { get; } = new MemoryDisk();
}

public sealed class OverlayDiskTests : DiskSpecification
{
    protected override IDisk Disk { get; } = new RoomyOverlay(new OverlayDisk(new SimulatedDisk()));

    /// <summary>An overlay has no room on purpose; all else it promises as others do.</summary>
    private sealed class RoomyOverlay(OverlayDisk overlay) : IDisk
    {
        public long FreeBytes => long.MaxValue;

        public IDiskFile Open(string name, DiskFileMode mode) => overlay.Open(name, mode);

        public IReadOnlyList<string> List() => overlay.List();

        public void Rename(string from, string to) => overlay.Rename(from, to);

        public void Delete(string name) => overlay.Delete(name);

        public void SyncDirectory() => overlay.SyncDirectory();
    }
}

public sealed class SimulatedDiskTests : DiskSpecification
{
    private readonly SimulatedDisk _disk = new();

    protected override IDisk Disk => _disk;

    [Fact]
    public void A_power_cut_keeps_what_was_synced_and_makes_open_files_useless()
    {
        var file = _disk.Open("a", DiskFileMode.New);
        file.Write([1, 2, 3], 0);
        file.Sync();
        _disk.SyncDirectory();
        file.Write([9, 9, 9], 0);
        _disk.CutPower(keepOfLastWrite: 1);

        Assert.Equal([9, 2, 3], _disk.BytesOf("a"));
        Assert.Throws<PowerCutException>(() => file.Write([1], 0));
    }

    [Fact]
    public void A_name_that_was_not_synced_may_be_lost_at_a_power_cut()
    {
        var lost = 0;
        for (ulong seed = 0; seed < 20; seed++)
        {
            var disk = new SimulatedDisk(seed);
            disk.Open("a", DiskFileMode.New).Sync();
            disk.CutPower();
            lost += disk.List().Count == 0 ? 1 : 0;
        }

        Assert.InRange(lost, 1, 19);
    }

    [Fact]
    public void A_failed_sync_really_loses_the_data()
    {
        var file = _disk.Open("a", DiskFileMode.New);
        file.Write([1], 0);
        file.Sync();
        _disk.SyncDirectory();
        file.Write([2], 0);
        _disk.SyncsToFail = 1;
        Assert.Equal(DiskFault.Failed, Assert.Throws<DiskException>(file.Sync).Fault);
        file.Sync();
        _disk.CutPower();

        Assert.Equal([1], _disk.BytesOf("a"));
    }

    [Fact]
    public void A_full_disk_takes_what_fits_and_says_so()
    {
        _disk.CapacityBytes = 10;
        using var file = _disk.Open("a", DiskFileMode.New);
        file.Write(new byte[8], 0);

        Assert.Equal(DiskFault.Full, Assert.Throws<DiskException>(() => file.Write(new byte[8], 8)).Fault);
        file.Write(new byte[8], 0);
        Assert.Equal(10, file.Length);
        _disk.Delete("a");
        Assert.Equal(10, _disk.FreeBytes);
    }

    [Fact]
    public void The_same_seed_does_the_same()
    {
        byte[] Run(ulong seed)
        {
            var disk = new SimulatedDisk(seed);
            var file = disk.Open("a", DiskFileMode.New);
            disk.SyncDirectory();
            for (var i = 0; i < 50; i++)
            {
                file.Write(Enumerable.Repeat((byte)(i + 1), 700).ToArray(), i * 500);
            }

            disk.CutPower();
            return disk.BytesOf("a");
        }

        Assert.Equal(Run(5), Run(5));
        Assert.NotEqual(Run(5), Run(6));
    }
}
