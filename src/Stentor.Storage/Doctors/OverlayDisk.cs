namespace Stentor.Storage;

/// <summary>A disk over another one that changes nothing on it: what is written, renamed or deleted is so in memory only. For an examination that opens what it examines.</summary>
/// <param name="below">The disk that is read.</param>
internal sealed class OverlayDisk(IDisk below) : IDisk
{
    private const int PageBytes = 4096;

    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Content> _files = new(
        below.List().ToDictionary(n => n, n => new Content(n)), StringComparer.Ordinal);

    /// <inheritdoc/>
    public long FreeBytes => 0; // Nothing may be prepared here: it would take memory.

    /// <inheritdoc/>
    public IDiskFile Open(string name, DiskFileMode mode)
    {
        lock (_lock)
        {
            if (!_files.TryGetValue(name, out var content))
            {
                if (mode == DiskFileMode.Existing)
                {
                    throw new DiskException(DiskFault.Name, $"There is no file {name}.");
                }

                _files[name] = content = new Content(null);
            }
            else if (mode == DiskFileMode.New)
            {
                throw new DiskException(DiskFault.Name, $"There is a file {name} already.");
            }

            return new OverlayFile(content, content.Below is null ? null : below.Open(content.Below, DiskFileMode.Existing));
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List()
    {
        lock (_lock)
        {
            return [.. _files.Keys];
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            if (!_files.Remove(from, out var content))
            {
                throw new DiskException(DiskFault.Name, $"There is no file {from}.");
            }

            _files[to] = content;
        }
    }

    /// <inheritdoc/>
    public void Delete(string name)
    {
        lock (_lock)
        {
            _files.Remove(name);
        }
    }

    /// <inheritdoc/>
    public void SyncDirectory()
    {
        // Nothing here outlives the process.
    }

    private sealed class Content(string? below)
    {
        public string? Below { get; } = below;

        public Dictionary<long, byte[]> Pages { get; } = [];

        public long? Length { get; set; }
    }

    private sealed class OverlayFile(Content content, IDiskFile? file) : IDiskFile
    {
        public long Length => content.Length ?? file?.Length ?? 0;

        public int Read(Span<byte> destination, long offset)
        {
            lock (content)
            {
                var count = (int)Math.Clamp(Length - offset, 0, destination.Length);
                var target = destination[..count];
                var fromBelow = file is null ? 0 : file.Read(target, offset);
                target[fromBelow..].Clear();
                foreach (var (page, bytes) in content.Pages)
                {
                    var start = Math.Max(offset, page * PageBytes);
                    var end = Math.Min(offset + count, (page + 1) * PageBytes);
                    if (start < end)
                    {
                        bytes.AsSpan((int)(start - (page * PageBytes)), (int)(end - start)).CopyTo(target[(int)(start - offset)..]);
                    }
                }

                return count;
            }
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            lock (content)
            {
                while (!bytes.IsEmpty)
                {
                    var page = offset / PageBytes;
                    var at = (int)(offset - (page * PageBytes));
                    var part = bytes[..Math.Min(bytes.Length, PageBytes - at)];
                    if (!content.Pages.TryGetValue(page, out var target))
                    {
                        target = new byte[PageBytes];
                        Read(target, page * PageBytes);
                        content.Pages.Add(page, target);
                    }

                    part.CopyTo(target.AsSpan(at));
                    bytes = bytes[part.Length..];
                    offset += part.Length;
                    content.Length = Math.Max(Length, offset);
                }
            }
        }

        public void Sync()
        {
            // Nothing here outlives the process.
        }

        public void Dispose() => file?.Dispose();
    }
}
