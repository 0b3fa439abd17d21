using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// A region's one durable order of entries: segments, of which the last is written. One thread appends; any thread reads what was published.
/// </summary>
internal sealed partial class Ledger : IDisposable
{
    private readonly IDisk _disk;
    private readonly StoreOptions _options;
    private readonly SegmentSupply _supply;
    private readonly Lock _replacing = new();
    private volatile Segment[] _segments;
    private IDiskFile _file;
    private byte[] _buffer = GC.AllocateUninitializedArray<byte>(64 * 1024, pinned: true);
    private VersionVector _seen;
    private int _appended;
    private bool _isBroken;

    // A sync of a file that grows takes about twice as long as one of a pre-written file: such a segment ends as soon as a spare is ready.
    private bool _isGrowing;
    private long _position;

    private Ledger(IDisk disk, StoreOptions options, SegmentCache cache, DamageLog damage, Segment[] segments, IDiskFile file, VersionVector seen)
    {
        _disk = disk;
        _options = options;
        _segments = segments;
        _file = file;
        _seen = seen;
        segments[^1].File = file;
        Cache = cache;
        Damage = damage;
        StoreId = segments[^1].Header.StoreId;
        Self = segments[^1].Header.Self;
        _position = segments[^1].Last;
        _supply = new SegmentSupply(disk, options.SegmentBytes);
        _isGrowing = segments[^1].FileBytes < options.SegmentBytes;
        Housekeeper = new Housekeeper(this, _supply, options);
    }

    /// <summary>Which store it is; in the header of every segment.</summary>
    public ulong StoreId { get; }

    /// <summary>The origin under which the region numbers its own entries.</summary>
    public OriginId Self { get; private set; }

    /// <summary>The last position that readers may see.</summary>
    public long Position => Volatile.Read(ref _position);

    /// <summary>The first position that is held.</summary>
    public long FirstPosition => _segments[0].First;

    /// <summary>The segments, in order; the last is written. The array is never changed.</summary>
    public Segment[] Segments => _segments;

    /// <summary>Open files and loaded indexes.</summary>
    public SegmentCache Cache { get; }

    /// <summary>What was found damaged.</summary>
    public DamageLog Damage { get; }

    /// <summary>Makes spares, writes indexes, retires segments.</summary>
    public Housekeeper Housekeeper { get; }

    /// <summary>Makes a batch's entries durable, after the last ones. Readers see them after <see cref="Publish"/>.</summary>
    /// <param name="outbox">The batch.</param>
    /// <exception cref="DiskException">They are not durable. The next call begins a new segment: what a failed write or sync left in this one is never trusted.</exception>
    public void Append(Outbox outbox)
    {
        var bytes = SizeOf(outbox);
        var active = _segments[^1];
        if (outbox.Self is { } self && self != Self)
        {
            // A segment says under which origin it was written. What was made before in the same batch keeps the number that it has.
            active = Begin(active, self);
        }
        else if (_isBroken || !Fits(active, bytes) || (_isGrowing && _supply.HasSpare))
        {
            active = Begin(active, Self);
        }

        if (bytes == 0)
        {
            return;
        }

        var offset = active.Memory!.End;
        Encode(outbox, active, bytes);
        try
        {
            _file.Append(_buffer.AsSpan(0, bytes), offset);
        }
        catch (DiskException)
        {
            _isBroken = true;
            throw;
        }

        foreach (var entry in outbox.Entries)
        {
            active.Memory.Add(entry.Channel, entry.Origin, entry.Seq, RecordFormat.SizeOf(entry.Length));
        }

        _appended = outbox.Entries.Count;
        _seen = outbox.Mark.Seen;
        active.FileBytes = Math.Max(active.FileBytes, active.Memory.End);
    }

    /// <summary>Goes on under another origin: a new segment says so. Durable when it returns.</summary>
    /// <param name="self">The origin.</param>
    /// <exception cref="DiskException">It is not durable.</exception>
    public void TakeIncarnation(OriginId self) => Begin(_segments[^1], self);

    /// <summary>Lets readers see what was appended last.</summary>
    public void Publish()
    {
        _segments[^1].Memory!.Publish();
        Volatile.Write(ref _position, _position + _appended);
        _appended = 0;
    }

    /// <summary>Takes segments out of the ledger that retention no longer holds.</summary>
    /// <param name="segments">The oldest ones.</param>
    public void Retire(IReadOnlyList<Segment> segments)
    {
        foreach (var segment in segments)
        {
            segment.IsRetired = true;
        }

        lock (_replacing)
        {
            _segments = [.. _segments.Where(s => !s.IsRetired)];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Housekeeper.Dispose();
        Cache.Dispose();
        _file.Dispose();
    }

    private static int SizeOf(Outbox outbox)
    {
        var bytes = 0;
        foreach (var entry in outbox.Entries)
        {
            bytes = checked(bytes + RecordFormat.SizeOf(entry.Length));
        }

        return bytes;
    }

    /// <summary>Whether a batch goes into a segment. An empty segment takes any: it grows beyond its usual size.</summary>
    private bool Fits(Segment segment, int bytes) =>
        segment.Count == 0 || segment.Memory!.End + (long)bytes <= Math.Max(_options.SegmentBytes, SegmentHeader.BlockBytes);

    private void Encode(Outbox outbox, Segment active, int bytes)
    {
        if (_buffer.Length < bytes || (_buffer.Length > BufferBytesKept && bytes <= BufferBytesKept))
        {
            _buffer = GC.AllocateUninitializedArray<byte>(Math.Max(bytes, Math.Min(_buffer.Length * 2, BufferBytesKept)), pinned: true);
        }

        var position = Position + 1;
        var source = outbox.Bytes.WrittenSpan;
        var salt = active.Header.Salt;
        var at = 0;
        for (var i = 0; i < outbox.Entries.Count; i++)
        {
            var entry = outbox.Entries[i];
            var size = RecordFormat.SizeOf(entry.Length);
            RecordFormat.Write(
                _buffer.AsSpan(at, size),
                source.Slice(entry.Offset, entry.Length),
                position + i,
                i,
                entry.Repeat ? RecordFlags.Repeat : RecordFlags.None,
                salt);
            at += size;
        }
    }

    /// <summary>Begins a new segment at the position after the last durable one; whatever more the one before holds is overridden by that.</summary>
    private Segment Begin(Segment before, OriginId self)
    {
        var header = new SegmentHeader(StoreId, before.Header.Number + 1, before.Last + 1, self, _seen);

        // Until it is in place: after a power cut its name may be there, with a good header, and override what the segment before got after this.
        _isBroken = true;
        var file = _supply.Begin(header);
        var segment = new Segment(header, Cache)
        {
            Memory = new ActiveIndex(header.Start, header.Length, before.Memory?.ChannelCount ?? 0),
            FileBytes = file.Length,
        };

        before.Seal(before.Memory!.Count);
        segment.File = file;
        var written = _file;
        (_file, Self) = (file, self);
        _isBroken = false;
        _isGrowing = segment.FileBytes < _options.SegmentBytes;
        lock (_replacing)
        {
            _segments = before.Count == 0 ? [.. _segments[..^1], segment] : [.. _segments, segment];
        }

        if (before.Count == 0)
        {
            // Nothing in it was ever acknowledged; without it the names stay in step with the positions.
            before.File = null;
            written.Dispose();
            _supply.Discard(before.Header.FileName);
        }
        else
        {
            Cache.Adopt(before);
        }

        Housekeeper.Signal();
        return segment;
    }

    // 16 MiB: more than 8,192 entries of a kilobyte and a half.
    private const int BufferBytesKept = 16 * 1024 * 1024;
}
