using Stentor.Storage;

namespace Stentor.Simulation;

/// <content>Files: what they show, what is durable of them, and what is not yet.</content>
public sealed partial class SimulatedDisk
{
    private const int SectorBytes = 512;

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

    private sealed class Content(long number)
    {
        private readonly List<(int Offset, byte[] Bytes)> _unsynced = [];

        public long Number { get; } = number;

        public byte[] Bytes { get; private set; } = [];

        public byte[] Durable { get; private set; } = [];

        public int Length { get; private set; }

        private int DurableLength { get; set; }

        public Content Copy()
        {
            var copy = new Content(Number) { Bytes = (byte[])Bytes.Clone(), Durable = (byte[])Durable.Clone(), Length = Length, DurableLength = DurableLength };
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

        public void Settle(SeededRandom random, int? keepOfLastWrite)
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
                    var fate = random.Below(16);
                    Keep(offset + from, fate < 7 ? sector : fate < 9 ? sector[..random.Below(sector.Length)] : []);
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
                    if (disk.LengthsToFail > 0)
                    {
                        disk.LengthsToFail--;
                        throw new DiskException(DiskFault.Failed, $"The disk failed: could not find the length of {name}.");
                    }

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

                if (disk.SyncsToForget > 0)
                {
                    disk.SyncsToForget--;
                    return;
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
