using System.Text;

namespace Stentor.Storage;

/// <summary>
/// A file that knows whether it is where it was made: it holds what tells it from its copies. In a directory that was copied, with whatever tool, it
/// holds what is true of another file. Where a file system cannot tell, no copy is noticed here, only when a neighbour knows more.
/// </summary>
public static class DirectoryMark
{
    /// <summary>The file.</summary>
    public const string FileName = "directory.mark";

    private const string Copy = "copy";

    /// <summary>Whether the directory is a copy. A directory without a mark gets one: it is new, or older than marks are.</summary>
    /// <param name="disk">The directory.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    public static bool IsOfCopy(IDisk disk)
    {
        if (!disk.List().Contains(FileName))
        {
            Write(disk);
            return false;
        }

        using var file = disk.Open(FileName, DiskFileMode.Existing);
        var held = new byte[Math.Min(file.Length, 1024)];
        var length = file.Read(held, 0);

        var text = Encoding.ASCII.GetString(held, 0, length);
        return text == Copy || (disk.IdentityOf(FileName) is { } identity && text != identity);
    }

    /// <summary>Marks the directory as the original.</summary>
    /// <param name="disk">The directory.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    public static void Write(IDisk disk)
    {
        disk.Delete(FileName);
        using var file = disk.Open(FileName, DiskFileMode.New);
        file.Write(Encoding.ASCII.GetBytes(disk.IdentityOf(FileName) ?? "unknown"), 0);
        file.Sync();
        disk.SyncDirectory();
    }

    /// <summary>Marks the directory as a copy, whatever the file system can tell.</summary>
    /// <param name="disk">The directory.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    public static void WriteForCopy(IDisk disk)
    {
        disk.Delete(FileName);
        using var file = disk.Open(FileName, DiskFileMode.New);
        file.Write(Encoding.ASCII.GetBytes(Copy), 0);
        file.Sync();
        disk.SyncDirectory();
    }
}
