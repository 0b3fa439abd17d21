using Stentor.Storage;

namespace Stentor.Testing;

/// <summary>
/// A disk in memory that keeps its promises and no more: at a power cut, what was not synced is there in part or not at all. It can also fill
/// up, fail syncs (and then really lose the data), fail reads and flip bits. The same seed does the same every time.
/// </summary>
public sealed class SimulatedDisk(ulong seed = 1) : IDisk
{
    private const int SectorBytes = 512;

    private readonly Lock _lock = new();
    private readonly Random _random = new((int)(seed ^ (seed >> 32)));
    private readonly List<NameChange> _unsyncedNames = [];
    private Dictionary<string, Content> _names = [];
    private Dictionary<string, Content> _durableNames = [];
    private long _bytes;
    private int _life;

    /// <summary>Most bytes in all files.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>How many syncs fail from now on. What a failed sync was asked to keep is lost at the next power cut, whatever is synced later.</summary>
    public int SyncsToFail { get; set; }

    /// <summary>How many writes fail from now on, half done.</summary>
    public int WritesToFail { get; set; }

    /// <summary>How many operations that change something were done.</summary>
    public int Steps { get; private set; }

    /// <summary>The power goes just before this step, counted from 1; the write that is under way is torn. 0 for never.</summary>
    public int PowerCutAtStep { get; set; }

    /// <summary>Parts of files that cannot be read.</summary>
    public List<(string Name, long Offset, long Length)> BadBlocks { get; } = [];

    /// <inheritdoc/>
    public long FreeBytes
    {
        get
        {
            lock (_lock)
            {
                return CapacityBytes - _bytes;
            }
        }
    }

    /// <inheritdoc/>
    public IDiskFile Open(string name, DiskFileMode mode)
    {
        lock (_lock)
        {
            CheckPower();
            if (_names.TryGetValue(name, out var content))
            {
                return mode == DiskFileMode.New
                    ? throw new DiskException(DiskFault.Name, $"There is a file {name} already.")
                    : new SimulatedFile(this, name, content, _life);
            }

            if (mode == DiskFileMode.Existing)
            {
                throw new DiskException(DiskFault.Name, $"There is no file {name}.");
            }

            Step();
            content = new Content();
            Change(new NameChange(null, name, content));
            return new SimulatedFile(this, name, content, _life);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List()
    {
        lock (_lock)
        {
            CheckPower();
            return [.. _names.Keys.Order(StringComparer.Ordinal)];
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Step();
            if (!_names.TryGetValue(from, out var content))
            {
                throw new DiskException(DiskFault.Name, $"There is no file {from}.");
            }

            Change(new NameChange(from, to, content));
        }
    }

    /// <inheritdoc/>
    public void Delete(string name)
    {
        lock (_lock)
        {
            CheckPower();
            if (_names.ContainsKey(name))
            {
                Step();
                Change(new NameChange(name, null, null));
            }
        }
    }

    /// <inheritdoc/>
    public void SyncDirectory()
    {
        lock (_lock)
        {
            Step();
            _durableNames = new Dictionary<string, Content>(_names);
            _unsyncedNames.Clear();
        }
    }

    /// <summary>The power goes and comes back: files that were open are of no more use, and what was not synced is there in part or not at all.</summary>
    /// <param name="keepOfLastWrite">How many bytes of the newest write that was not synced are there, all before it being there; null to let chance decide about each sector of each.</param>
    public void CutPower(int? keepOfLastWrite = null)
    {
        lock (_lock)
        {
            _life++;
            PowerCutAtStep = 0;
            foreach (var content in _names.Values.Concat(_durableNames.Values).Distinct().ToList())
            {
                content.Settle(_random, keepOfLastWrite);
            }

            // A directory is a journal: changes become durable in their order.
            var names = _durableNames;
            var kept = keepOfLastWrite is null ? _random.Next(_unsyncedNames.Count + 1) : _unsyncedNames.Count;
            foreach (var change in _unsyncedNames.Take(kept))
            {
                change.Apply(names);
            }

            _unsyncedNames.Clear();
            _names = new Dictionary<string, Content>(names);
            _bytes = _names.Values.Sum(c => (long)c.Length);
        }
    }

    /// <summary>The process ends, the power stays: everything written is there.</summary>
    public void EndProcess()
    {
        lock (_lock)
        {
            _life++;
        }
    }

    /// <summary>A copy of what is durable and what is not, with a seed of its own.</summary>
    /// <param name="newSeed">The copy's seed.</param>
    public SimulatedDisk Copy(ulong newSeed)
    {
        lock (_lock)
        {
            var copies = _names.Values.Concat(_durableNames.Values).Concat(_unsyncedNames.Select(c => c.Content).OfType<Content>()).Distinct().ToDictionary(c => c, c => c.Copy());
            var copy = new SimulatedDisk(newSeed)
            {
                _names = _names.ToDictionary(n => n.Key, n => copies[n.Value]),
                _durableNames = _durableNames.ToDictionary(n => n.Key, n => copies[n.Value]),
                _bytes = _bytes,
            };
            copy._unsyncedNames.AddRange(_unsyncedNames.Select(c => c with { Content = c.Content is null ? null : copies[c.Content] }));
            return copy;
        }
    }

    /// <summary>The bytes of a file as they are now.</summary>
    /// <param name="name">The file.</param>
    public byte[] BytesOf(string name)
    {
        lock (_lock)
        {
            return _names[name].Bytes.AsSpan(0, _names[name].Length).ToArray();
        }
    }

    /// <summary>Changes bytes behind everyone's back, for good.</summary>
    /// <param name="name">The file.</param>
    /// <param name="offset">Where.</param>
    /// <param name="change">Is given the byte and says what it is from now on.</param>
    public void Damage(string name, long offset, Func<byte, byte> change)
    {
        lock (_lock)
        {
            var content = _names[name];
            content.Bytes[offset] = change(content.Bytes[offset]);
            content.Durable[offset] = change(content.Durable[offset]);
        }
    }

    /// <summary>Flips a bit behind everyone's back, for good.</summary>
    /// <param name="name">The file.</param>
    /// <param name="offset">Which byte.</param>
    /// <param name="bit">0 to 7.</param>
    public void FlipBit(string name, long offset, int bit) => Damage(name, offset, b => (byte)(b ^ (1 << bit)));

    /// <summary>Says that the power is gone, where that was asked for.</summary>
    private void Step()
    {
        CheckPower();
        if (++Steps == PowerCutAtStep)
        {
            _life++;
            throw new PowerCutException();
        }
    }

    private void CheckPower()
    {
        if (PowerCutAtStep > 0 && Steps >= PowerCutAtStep)
        {
            throw new PowerCutException();
        }
    }

    private void Change(NameChange change)
    {
        if (change.To is not null && change.From is not null && _names.TryGetValue(change.To, out var replaced))
        {
            _bytes -= replaced.Length;
        }

        if (change.To is null)
        {
            _bytes -= _names[change.From!].Length; // A deletion names what it deletes.
        }

        change.Apply(_names);
        _unsyncedNames.Add(change);
    }

    private sealed record NameChange(string? From, string? To, Content? Content)
    {
        public void Apply(Dictionary<string, Content> names)
        {
            if (From is not null)
            {
                names.Remove(From);
            }

            if (To is not null)
            {
                names[To] = Content!; // Whatever gets a name has content.
            }
        }
    }

    private sealed class Content
    {
        private readonly List<(int Offset, byte[] Bytes)> _unsynced = [];

        public byte[] Bytes { get; private set; } = [];

        public byte[] Durable { get; private set; } = [];

        public int Length { get; private set; }

        private int DurableLength { get; set; }

        public Content Copy()
        {
            var copy = new Content { Bytes = (byte[])Bytes.Clone(), Durable = (byte[])Durable.Clone(), Length = Length, DurableLength = DurableLength };
            copy._unsynced.AddRange(_unsynced);
            return copy;
        }

        public void Write(ReadOnlySpan<byte> bytes, int offset)
        {
            var end = offset + bytes.Length;
            if (end > Bytes.Length)
            {
                var size = Math.Max(end, Bytes.Length * 2);
                Bytes = Grown(Bytes, size);
                Durable = Grown(Durable, size);
            }

            bytes.CopyTo(Bytes.AsSpan(offset));
            Length = Math.Max(Length, end);
            _unsynced.Add((offset, bytes.ToArray()));
        }

        public void Sync()
        {
            foreach (var (offset, bytes) in _unsynced)
            {
                bytes.CopyTo(Durable.AsSpan(offset));
            }

            DurableLength = Length;
            _unsynced.Clear();
        }

        public void Lose() => _unsynced.Clear();

        public void Settle(Random random, int? keepOfLastWrite)
        {
            for (var i = 0; i < _unsynced.Count; i++)
            {
                var (offset, bytes) = _unsynced[i];
                if (keepOfLastWrite is { } keep)
                {
                    Keep(offset, bytes.AsSpan(0, i == _unsynced.Count - 1 ? Math.Min(keep, bytes.Length) : bytes.Length));
                    continue;
                }

                for (var from = 0; from < bytes.Length;)
                {
                    // Whole sectors or, one time in eight, a part of one.
                    var sector = bytes.AsSpan(from, Math.Min(bytes.Length - from, SectorBytes - ((offset + from) % SectorBytes)));
                    var fate = random.Next(16);
                    Keep(offset + from, fate < 7 ? sector : fate < 9 ? sector[..random.Next(sector.Length)] : []);
                    from += sector.Length;
                }
            }

            _unsynced.Clear();
            Durable.CopyTo(Bytes, 0);
            Length = DurableLength;
        }

        private static byte[] Grown(byte[] bytes, int size)
        {
            Array.Resize(ref bytes, size);
            return bytes;
        }

        private void Keep(int offset, ReadOnlySpan<byte> bytes)
        {
            if (!bytes.IsEmpty)
            {
                bytes.CopyTo(Durable.AsSpan(offset));
                DurableLength = Math.Max(DurableLength, offset + bytes.Length);
            }
        }
    }

    private sealed class SimulatedFile(SimulatedDisk disk, string name, Content content, int life) : IDiskFile
    {
        private bool _isDisposed;

        public long Length
        {
            get
            {
                lock (disk._lock)
                {
                    Check();
                    return content.Length;
                }
            }
        }

        public int Read(Span<byte> destination, long offset)
        {
            lock (disk._lock)
            {
                Check();
                var count = (int)Math.Clamp(content.Length - offset, 0, destination.Length);
                foreach (var bad in disk.BadBlocks)
                {
                    if (bad.Name == name && offset < bad.Offset + bad.Length && bad.Offset < offset + count)
                    {
                        throw new DiskException(DiskFault.Failed, $"Could not read {count} bytes of {name} at {offset}.");
                    }
                }

                content.Bytes.AsSpan((int)Math.Min(offset, content.Length), count).CopyTo(destination);
                return count;
            }
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            lock (disk._lock)
            {
                Check();
                try
                {
                    disk.Step();
                }
                catch (PowerCutException)
                {
                    content.Write(bytes, (int)offset); // Under way: what of it arrives, chance decides.
                    throw;
                }

                var growth = Math.Max(0, offset + bytes.Length - content.Length);
                var room = disk.CapacityBytes - disk._bytes;
                if (growth > room)
                {
                    content.Write(bytes[..(int)Math.Max(0, bytes.Length - (growth - Math.Max(0, room)))], (int)offset);
                    disk._bytes += Math.Max(0, room);
                    throw new DiskException(DiskFault.Full, $"The disk is full: could not write {bytes.Length} bytes of {name} at {offset}.");
                }

                if (disk.WritesToFail > 0)
                {
                    disk.WritesToFail--;
                    var half = bytes[..(bytes.Length / 2)];
                    disk._bytes += Math.Max(0, offset + half.Length - content.Length);
                    content.Write(half, (int)offset);
                    throw new DiskException(DiskFault.Failed, $"The disk failed: could not write {bytes.Length} bytes of {name} at {offset}.");
                }

                content.Write(bytes, (int)offset);
                disk._bytes += growth;
            }
        }

        public void Sync()
        {
            lock (disk._lock)
            {
                Check();
                disk.Step();
                if (disk.SyncsToFail > 0)
                {
                    disk.SyncsToFail--;
                    content.Lose();
                    throw new DiskException(DiskFault.Failed, $"The disk failed: could not sync {name}.");
                }

                content.Sync();
            }
        }

        public void Dispose() => _isDisposed = true;

        private void Check()
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (life != disk._life)
            {
                throw new PowerCutException();
            }
        }
    }
}

/// <summary>The simulated power went: whatever was running is gone with it. Not a fault that a program could handle.</summary>
public sealed class PowerCutException() : Exception("The simulated power went.");
