using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Stentor.Storage;

/// <summary>A directory of the operating system. Holds it for itself: a second one on the same directory is refused, in this process and in others.</summary>
public sealed class PhysicalDisk : IDisk, IDisposable
{
    /// <summary>Name of the file whose lock says that the directory is in use; locked, never read.</summary>
    public const string LockName = "stentor.lock";

    /// <summary>Name of the file that holds the id of the process that has the lock. Apart from the lock itself, since a locked file cannot be read everywhere.</summary>
    public const string ProcessName = "stentor.pid";

    private readonly FileStream _lock;
    private readonly RecentWrites _recent = new();

    private PhysicalDisk(string directory, FileStream @lock)
    {
        Directory = directory;
        _lock = @lock;
    }

    /// <summary>The directory's full path.</summary>
    public string Directory { get; }

    /// <inheritdoc/>
    /// <remarks>The file's number and the moment of its birth, on Linux (statx(2), whose layout is alike on all processors); elsewhere null.</remarks>
    public string? IdentityOf(string name)
    {
        const int CurrentDirectory = -100;
        const uint NumberAndBirth = 0x100 | 0x800;
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        var found = new byte[256];
        var path = Encoding.UTF8.GetBytes(PathOf(name) + "\0");
        return Unix.StatX(CurrentDirectory, path, 0, NumberAndBirth, found) == 0
            && (BinaryPrimitives.ReadUInt32LittleEndian(found) & NumberAndBirth) == NumberAndBirth
            ? string.Create(CultureInfo.InvariantCulture, $"{BinaryPrimitives.ReadUInt64LittleEndian(found.AsSpan(32))} {BinaryPrimitives.ReadInt64LittleEndian(found.AsSpan(80))}.{BinaryPrimitives.ReadUInt32LittleEndian(found.AsSpan(88)):d9}")
            : null;
    }

    /// <inheritdoc/>
    public long FreeBytes => Try($"ask for the room on {Directory}", () =>
        new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(Directory)! : Directory).AvailableFreeSpace);

    /// <summary>Takes a directory, made (mode 700) when there is none.</summary>
    /// <param name="directory">Its path.</param>
    /// <exception cref="DiskException">It cannot be made or written, or another process has it; the message says which.</exception>
    public static PhysicalDisk Open(string directory)
    {
        var path = Path.GetFullPath(directory);
        Try($"make the directory {path}", () =>
        {
            if (OperatingSystem.IsWindows())
            {
                System.IO.Directory.CreateDirectory(path);
            }
            else if (!System.IO.Directory.Exists(path))
            {
                System.IO.Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            return 0;
        });

        FileStream taken;
        try
        {
            taken = new FileStream(Path.Combine(path, LockName), Options(FileMode.OpenOrCreate, FileShare.None));
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException or PathTooLongException))
        {
            throw new DiskException(
                DiskFault.Failed,
                $"The data directory {path} is in use by process {HolderOf(path)}. Stop that process, or give this one a directory of its own.",
                e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DiskException(DiskFault.Failed, $"The data directory {path} cannot be written: {e.Message}", e);
        }

        var disk = new PhysicalDisk(path, taken);
        try
        {
            disk.Delete(ProcessName);
            using var file = disk.Open(ProcessName, DiskFileMode.New);
            file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)), 0);
            return disk;
        }
        catch (DiskException)
        {
            disk.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IDiskFile Open(string name, DiskFileMode mode)
    {
        try
        {
            var stream = new FileStream(PathOf(name), Options(
                mode switch
                {
                    DiskFileMode.Existing => FileMode.Open,
                    DiskFileMode.New => FileMode.CreateNew,
                    _ => FileMode.OpenOrCreate,
                },
                FileShare.ReadWrite | FileShare.Delete));
            return new PhysicalFile(stream, PathOf(name), _recent);
        }
        catch (FileNotFoundException e)
        {
            throw new DiskException(DiskFault.Name, $"There is no file {PathOf(name)}.", e);
        }
        catch (IOException e) when (mode == DiskFileMode.New && File.Exists(PathOf(name)))
        {
            throw new DiskException(DiskFault.Name, $"There is a file {PathOf(name)} already.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure($"open {PathOf(name)}", e);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List() => Try($"list {Directory}", () =>
    {
        var names = System.IO.Directory.GetFiles(Directory).Select(p => Path.GetFileName(p)).ToList();
        names.Sort(string.CompareOrdinal);
        return names;
    });

    /// <inheritdoc/>
    public void Rename(string from, string to) => Try($"rename {PathOf(from)} to {to}", () =>
    {
        File.Move(PathOf(from), PathOf(to), overwrite: true);
        return 0;
    });

    /// <inheritdoc/>
    public void Delete(string name) => Try($"delete {PathOf(name)}", () =>
    {
        File.Delete(PathOf(name));
        return 0;
    });

    /// <inheritdoc/>
    public void SyncDirectory()
    {
        // Windows keeps names in its file system's journal and lets nobody sync a directory.
        if (!OperatingSystem.IsWindows())
        {
            Unix.SyncDirectory(Directory);
        }
    }

    /// <summary>Lets the directory go.</summary>
    public void Dispose() => _lock.Dispose();

    /// <summary>Opens a file for reading only, in a directory that another process may have.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="DiskException">There is none, or it cannot be read.</exception>
    internal static IDiskFile OpenToRead(string path) => Try("open " + path, () => new PhysicalFile(
        new FileStream(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 }),
        path,
        recent: null));

    internal static DiskException Failure(string what, Exception e)
    {
        // The numbers of "no space left" and "quota exceeded": Linux and macOS errno, then Windows.
        var full = e.HResult is 28 or 122 or 69 or unchecked((int)0x80070070) or unchecked((int)0x80070027);
        return full
            ? new DiskException(DiskFault.Full, $"The disk is full: could not {what}. Make room; nothing else is needed.", e)
            : new DiskException(DiskFault.Failed, $"The disk failed: could not {what}: {e.Message}", e);
    }

    internal static T Try<T>(string what, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (FileNotFoundException e)
        {
            throw new DiskException(DiskFault.Name, $"Could not {what}: there is no such file.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(what, e);
        }
    }

    private static FileStreamOptions Options(FileMode mode, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows() && mode != FileMode.Open)
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    private static string HolderOf(string directory)
    {
        try
        {
            return File.ReadAllText(Path.Combine(directory, ProcessName));
        }
        catch (IOException)
        {
            // Only to name it: who holds the lock may be between taking it and writing its id.
            return "(id not known)";
        }
    }

    private string PathOf(string name) => Path.Combine(Directory, name);
}
