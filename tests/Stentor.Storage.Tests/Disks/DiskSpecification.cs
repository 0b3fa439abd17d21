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
    public void There_is_room()
    {
        Assert.True(Disk.FreeBytes > 1024 * 1024);
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
