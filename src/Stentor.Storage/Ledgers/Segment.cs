using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>A file of the ledger. Any thread reads it; it ends where the next segment begins.</summary>
/// <param name="header">Its header.</param>
/// <param name="cache">Open files and loaded indexes.</param>
internal sealed class Segment(SegmentHeader header, SegmentCache cache)
{
    private volatile ActiveIndex? _memory;
    private volatile bool _retired;
    private volatile IDiskFile? _file;
    private volatile SealedIndex? _loaded;
    private int _count = -1;

    /// <summary>Its header.</summary>
    public SegmentHeader Header { get; } = header;

    /// <summary>The position of its first record.</summary>
    public long First => Header.First;

    /// <summary>The position of its last record; one less than <see cref="First"/> when it is empty.</summary>
    public long Last => First + Count - 1;

    /// <summary>How many records it holds.</summary>
    public int Count => _count >= 0 ? _count : _memory!.Count;

    /// <summary>Whether the next segment has begun.</summary>
    public bool IsSealed => _count >= 0;

    /// <summary>Size of its file, in bytes.</summary>
    public long FileBytes { get; set; }

    /// <summary>Whether retention took it: its file may hold something else by now.</summary>
    public bool IsRetired
    {
        get => _retired;
        set => _retired = value;
    }

    /// <summary>Its index while that is in memory only: until it is sealed and its index file is written.</summary>
    public ActiveIndex? Memory
    {
        get => _memory;
        set => _memory = value;
    }

    /// <summary>Its file, when it is open: the one that is written, until the segment is sealed; then see <see cref="SegmentCache"/>.</summary>
    internal IDiskFile? File
    {
        get => _file;
        set => _file = value;
    }

    /// <summary>Its index file, when it is loaded; see <see cref="SegmentCache"/>.</summary>
    internal SealedIndex? Loaded
    {
        get => _loaded;
        set => _loaded = value;
    }

    /// <summary>Set by readers, so that what is used stays in the cache.</summary>
    internal bool IsUsed { get; set; }

    /// <summary>Its index.</summary>
    /// <exception cref="DiskException">It must be read and cannot be.</exception>
    public SegmentIndex Index
    {
        get
        {
            IsUsed = true;
            return (SegmentIndex?)_memory ?? _loaded ?? cache.LoadIndex(this);
        }
    }

    /// <summary>Says where it ends: the next segment has begun.</summary>
    /// <param name="count">How many records it holds.</param>
    public void Seal(int count) => _count = count;

    /// <summary>Whether any of some channels may have records here: spares a reader of rare channels the whole index.</summary>
    /// <param name="channels">Which channels.</param>
    public bool MayContain(ChannelSet channels) =>
        _memory is not null || _loaded is not null || !channels.IsExact || cache.MayContain(this, channels);

    /// <summary>Reads at an offset.</summary>
    /// <param name="destination">Filled as far as the file goes.</param>
    /// <param name="offset">Where to start.</param>
    /// <returns>How many bytes were read.</returns>
    /// <exception cref="DiskException">They cannot be read.</exception>
    public int Read(Span<byte> destination, long offset)
    {
        while (true)
        {
            try
            {
                return (_file ?? cache.OpenFile(this)).Read(destination, offset);
            }
            catch (ObjectDisposedException) when (!cache.IsDisposed)
            {
                // The cache closed the file between the look and the read: open it again.
            }
        }
    }
}
