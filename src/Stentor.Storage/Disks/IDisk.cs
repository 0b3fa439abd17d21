namespace Stentor.Storage;

/// <summary>
/// The one seam to files: a flat directory. The real one is <c>PhysicalDisk</c>; tests and the simulator use one that loses what was not
/// synced, tears writes, flips bits, fills up and fails syncs. All methods throw <see cref="DiskException"/>.
/// </summary>
public interface IDisk
{
    /// <summary>About how many more bytes can be written.</summary>
    long FreeBytes { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="name">A plain file name.</param>
    /// <param name="mode">Whether it must exist, must not, or may.</param>
    IDiskFile Open(string name, DiskFileMode mode);

    /// <summary>The names of all files, in ordinal order.</summary>
    IReadOnlyList<string> List();

    /// <summary>Gives a file another name, replacing what had it. Durable once <see cref="SyncDirectory"/> returned.</summary>
    /// <param name="from">The old name.</param>
    /// <param name="to">The new name.</param>
    void Rename(string from, string to);

    /// <summary>Deletes a file; nothing happens when there is none.</summary>
    /// <param name="name">The file.</param>
    void Delete(string name);

    /// <summary>Makes names (creations, renames, deletions) durable.</summary>
    void SyncDirectory();

    /// <summary>
    /// What tells a file from a copy of it, however exact: it stays when the file is written, renamed or moved within its file system. Null, the default, where
    /// nothing does.
    /// </summary>
    /// <param name="name">The file.</param>
    string? IdentityOf(string name) => null;
}

/// <summary>Whether a file must exist.</summary>
public enum DiskFileMode
{
    /// <summary>It must.</summary>
    Existing,

    /// <summary>It must not; it is created, readable and writable by its owner only.</summary>
    New,

    /// <summary>It is created when there is none.</summary>
    Any,
}

/// <summary>A file on an <see cref="IDisk"/>. Reads may run on any thread beside each other and beside one writer.</summary>
public interface IDiskFile : IDisposable
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    /// <summary>Its length, in bytes.</summary>
    long Length { get; }

    /// <summary>Reads at an offset.</summary>
    /// <param name="destination">Filled as far as the file goes.</param>
    /// <param name="offset">Where to start.</param>
    /// <returns>How many bytes were read: fewer only at the end of the file.</returns>
    int Read(Span<byte> destination, long offset);

    /// <summary>Writes at an offset, growing the file when needed. Durable once <see cref="Sync"/> returned.</summary>
    /// <param name="bytes">What to write.</param>
    /// <param name="offset">Where to start.</param>
    void Write(ReadOnlySpan<byte> bytes, long offset);

    /// <summary>
    /// Writes at an offset and makes it durable, in one go where the disk can. For files that are written from front to back: what stood behind it, up to the end of
    /// a block of 4,096 bytes, may be zeros afterwards. One thread appends to the files of a disk. After it failed, nothing is known of what stands there.
    /// </summary>
    /// <param name="bytes">What to write.</param>
    /// <param name="offset">Where to start.</param>
    void Append(ReadOnlySpan<byte> bytes, long offset)
    {
        Write(bytes, offset);
        Sync();
    }

    /// <summary>Writes zeros and waits until they have gone to the device, as far as the disk can: a <see cref="Sync"/> then finds that done. Not durable before one.</summary>
    /// <param name="offset">Where to start.</param>
    /// <param name="length">How many.</param>
    void Clear(long offset, int length)
    {
        for (var done = 0; done < length; done += Zeros.Length)
        {
            Write(Zeros.AsSpan(0, Math.Min(Zeros.Length, length - done)), offset + done);
        }
    }

    /// <summary>Makes everything written durable. After it failed once, nothing more that this file holds may be trusted to become durable.</summary>
    void Sync();
}

/// <summary>A disk did not do what was asked.</summary>
/// <param name="fault">What kind of fault it is.</param>
/// <param name="message">Which file, what was tried, what to do.</param>
/// <param name="inner">The operating system's own words.</param>
public sealed class DiskException(DiskFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What kind of fault it is.</summary>
    public DiskFault Fault { get; } = fault;
}

/// <summary>Kinds of disk fault.</summary>
public enum DiskFault
{
    /// <summary>There is no room left.</summary>
    Full,

    /// <summary>A read, write or sync failed.</summary>
    Failed,

    /// <summary>The file is missing, or exists where it must not.</summary>
    Name,
}
