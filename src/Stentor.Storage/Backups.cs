using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// Copies of a data directory, made beside a running node and put back later. What is put back goes on under a new incarnation of its region: what
/// the region made after the copy may be held by others, and its numbers must not be used again.
/// </summary>
public static class Backups
{
    // One read of a segment. 256 KiB: large enough that its cost does not show, and soon read twice while the same bytes are being written.
    private const int ChunkBytes = 256 * 1024;

    /// <summary>Copies a data directory. Its node may run, and goes on as it is.</summary>
    /// <param name="source">The data directory.</param>
    /// <param name="target">An empty or new directory.</param>
    /// <param name="stateFileName">The state database's name in both.</param>
    /// <param name="progress">Told how many of how many segments are copied; or null.</param>
    /// <param name="cancellationToken">Ends it; what was copied so far is no backup.</param>
    /// <returns>How many segments and bytes were copied.</returns>
    /// <exception cref="DiskException">A directory cannot be read or written.</exception>
    /// <exception cref="LedgerFaultException">There is nothing to copy, or the target is not empty.</exception>
    public static BackupReport Make(string source, string target, string stateFileName, Action<int, int>? progress = null, CancellationToken cancellationToken = default)
    {
        if (SegmentsOf(source).Count == 0)
        {
            throw new LedgerFaultException($"{source} holds no ledger: it is not the data directory of a node that was ever started.");
        }

        PrepareTarget(target);
        using var disk = PhysicalDisk.Open(target);
        DirectoryMark.WriteForCopy(disk); // First: a node that is started on a backup, or on half of one, must not pass for the original.

        // The states first: they may reflect less than the ledger has, never more.
        var state = Path.Combine(source, stateFileName);
        if (File.Exists(state))
        {
            StateDatabase.Copy(state, Path.Combine(target, stateFileName));
        }

        var copied = new HashSet<string>(StringComparer.Ordinal);
        string? written = null;
        while (true)
        {
            // A segment that was the last when it was copied has grown since, if another one was begun meanwhile.
            var names = SegmentsOf(source);
            if (names[^1] == written)
            {
                break;
            }

            foreach (var name in names.Where(n => !copied.Contains(n) || n == written).ToList())
            {
                cancellationToken.ThrowIfCancellationRequested();
                CopySegment(source, disk, name);
                copied.Add(name);
                progress?.Invoke(copied.Count, names.Count);
            }

            written = names[^1];
        }

        // What retention took while it was copied may have been written over: it was the oldest.
        var held = SegmentsOf(source).ToHashSet(StringComparer.Ordinal);
        foreach (var name in copied.Where(n => !held.Contains(n)).ToList())
        {
            File.Delete(Path.Combine(target, name));
            copied.Remove(name);
        }

        disk.SyncDirectory();
        return new BackupReport(copied.Count, copied.Sum(n => new FileInfo(Path.Combine(target, n)).Length));
    }

    /// <summary>Puts a backup in place of a data directory.</summary>
    /// <param name="backup">The backup; it stays as it is.</param>
    /// <param name="target">An empty or new directory.</param>
    /// <param name="progress">Told how many of how many files are copied; or null.</param>
    /// <param name="cancellationToken">Ends it; what was copied so far must be deleted.</param>
    /// <exception cref="DiskException">A directory cannot be read or written.</exception>
    /// <exception cref="LedgerFaultException">There is no backup, or the target is not empty.</exception>
    public static BackupReport Restore(string backup, string target, Action<int, int>? progress = null, CancellationToken cancellationToken = default)
    {
        if (SegmentsOf(backup).Count == 0)
        {
            throw new LedgerFaultException($"{backup} holds no ledger: it is not a backup.");
        }

        PrepareTarget(target);
        using var disk = PhysicalDisk.Open(target);
        DirectoryMark.WriteForCopy(disk); // First: half a restore must not pass for the original either.
        var names = Directory.GetFiles(backup).Select(f => Path.GetFileName(f)).Where(n => n is not (DirectoryMark.FileName or PhysicalDisk.LockName or PhysicalDisk.ProcessName)).Order(StringComparer.Ordinal).ToList();
        for (var i = 0; i < names.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            CopyFile(backup, target, names[i]);
            progress?.Invoke(i + 1, names.Count);
        }

        disk.SyncDirectory();
        return new BackupReport(names.Count, names.Sum(n => new FileInfo(Path.Combine(target, n)).Length));
    }

    /// <summary>
    /// Copies a segment that may be written meanwhile, so that the copy is one that a power cut could have left: all that was durable when the copy began, and
    /// after it nothing but a torn tail.
    /// </summary>
    /// <param name="from">The segment.</param>
    /// <param name="to">An empty file.</param>
    /// <exception cref="DiskException">One cannot be read, or the other not be written.</exception>
    internal static void CopyWritten(IDiskFile from, IDiskFile to)
    {
        var length = from.Length;
        var (chunk, second) = (new byte[ChunkBytes], new byte[ChunkBytes]);

        // Back to front: a segment is written front to back, so whatever a chunk shows, the chunks before it, read later, show all that came before that.
        // The other way round a chunk could lack what a later one has the continuation of: damage, to a recovery.
        for (var offset = (length - 1) / ChunkBytes * ChunkBytes; offset >= 0; offset -= ChunkBytes)
        {
            var wanted = (int)Math.Min(ChunkBytes, length - offset);
            var read = from.Read(chunk.AsSpan(0, wanted), offset);
            while (true)
            {
                // A read that takes a while has the same fault within itself. Two that bring the same show the chunk as it was between them. This comes to
                // an end: each try that fails saw the chunk fill up some more.
                var again = from.Read(second.AsSpan(0, wanted), offset);
                if (chunk.AsSpan(0, read).SequenceEqual(second.AsSpan(0, again)))
                {
                    break;
                }

                (chunk, second, read) = (second, chunk, again);
            }

            to.Write(chunk.AsSpan(0, read), offset);
        }

        to.Sync();
    }

    private static List<string> SegmentsOf(string directory) => Try(directory, "read", () =>
        Directory.Exists(directory)
            ? Directory.GetFiles(directory).Select(f => Path.GetFileName(f)).Where(n => SegmentHeader.TryParseName(n, out _, out _)).Order(StringComparer.Ordinal).ToList()
            : []);

    private static void PrepareTarget(string target)
    {
        using (PhysicalDisk.Open(target))
        {
            // Made, readable by its owner only, where there was none; refused where a node has it.
        }

        if (Directory.EnumerateFileSystemEntries(target).Any(f => Path.GetFileName(f) is not (PhysicalDisk.LockName or PhysicalDisk.ProcessName)))
        {
            throw new LedgerFaultException($"{target} is not empty. Name a new directory.");
        }
    }

    private static void CopySegment(string source, PhysicalDisk target, string name)
    {
        IDiskFile from;
        try
        {
            from = PhysicalDisk.OpenToRead(Path.Combine(source, name));
        }
        catch (DiskException e) when (e.Fault == DiskFault.Name)
        {
            return; // Retention took it just now.
        }

        using (from)
        {
            target.Delete(name);
            using var to = target.Open(name, DiskFileMode.New);
            CopyWritten(from, to);
        }
    }

    private static void CopyFile(string source, string target, string name) => Try(Path.Combine(target, name), "copy to", () =>
    {
        using var from = new FileStream(Path.Combine(source, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var to = new FileStream(Path.Combine(target, name), FileMode.Create, FileAccess.Write);
        from.CopyTo(to);
        to.Flush(flushToDisk: true);
        return 0;
    });

    private static T Try<T>(string path, string what, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiskException(DiskFault.Failed, $"Could not {what} {path}: {e.Message}", e);
        }
    }
}

/// <summary>What was copied.</summary>
/// <param name="Files">How many files.</param>
/// <param name="Bytes">How many bytes they have.</param>
public readonly record struct BackupReport(int Files, long Bytes);
