namespace Stentor.Storage;

/// <summary>Files in memory, for a node that keeps nothing. A sync does nothing: all of it goes with the process. Any thread may call.</summary>
public sealed class MemoryDisk : IDisk
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, MemoryFile> _files = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public long FreeBytes => GC.GetGCMemoryInfo() is var memory ? Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes) : 0;

    /// <inheritdoc/>
    public IDiskFile Open(string name, DiskFileMode mode)
    {
        lock (_gate)
        {
            var exists = _files.TryGetValue(name, out var file);
            if (exists == (mode == DiskFileMode.New) && mode != DiskFileMode.Any)
            {
                throw new DiskException(DiskFault.Name, exists ? $"The file {name} exists already." : $"There is no file {name}.");
            }

            return file ?? (_files[name] = new MemoryFile());
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List()
    {
        lock (_gate)
        {
            return [.. _files.Keys];
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            if (!_files.Remove(from, out var file))
            {
                throw new DiskException(DiskFault.Name, $"There is no file {from}.");
            }

            _files[to] = file;
        }
    }

    /// <inheritdoc/>
    public void Delete(string name)
    {
        lock (_gate)
        {
            _files.Remove(name);
        }
    }

    /// <inheritdoc/>
    public void SyncDirectory()
    {
        // Nothing here outlives the process.
    }

    /// <summary>Chunks that hold something; those that are all zeros, as pre-written files are, take no memory.</summary>
    private sealed class MemoryFile : IDiskFile
    {
        private const int ChunkBytes = 256 * 1024;

        private readonly Lock _gate = new();
        private readonly Dictionary<long, byte[]> _chunks = [];
        private long _length;

        public long Length
        {
            get
            {
                lock (_gate)
                {
                    return _length;
                }
            }
        }

        public int Read(Span<byte> destination, long offset)
        {
            lock (_gate)
            {
                var count = (int)Math.Clamp(_length - offset, 0, destination.Length);
                for (var done = 0; done < count;)
                {
                    var (index, start) = Math.DivRem(offset + done, ChunkBytes);
                    var part = destination.Slice(done, (int)Math.Min(count - done, ChunkBytes - start));
                    if (_chunks.TryGetValue(index, out var chunk))
                    {
                        chunk.AsSpan((int)start, part.Length).CopyTo(part);
                    }
                    else
                    {
                        part.Clear();
                    }

                    done += part.Length;
                }

                return count;
            }
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            lock (_gate)
            {
                _length = Math.Max(_length, offset + bytes.Length);
                while (!bytes.IsEmpty)
                {
                    var (index, start) = Math.DivRem(offset, ChunkBytes);
                    var part = bytes[..(int)Math.Min(bytes.Length, ChunkBytes - start)];
                    if (!_chunks.TryGetValue(index, out var chunk) && part.ContainsAnyExcept((byte)0))
                    {
                        chunk = _chunks[index] = new byte[ChunkBytes];
                    }

                    if (chunk is not null)
                    {
                        part.CopyTo(chunk.AsSpan((int)start));
                    }

                    bytes = bytes[part.Length..];
                    offset += part.Length;
                }
            }
        }

        public void Sync()
        {
            // See SyncDirectory.
        }

        public void Dispose()
        {
            // An open file is the file itself.
        }
    }
}
