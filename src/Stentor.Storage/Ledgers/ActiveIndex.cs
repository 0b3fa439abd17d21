using System.Collections.Concurrent;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>The index of a segment that is being written, in memory: offsets, and for each record the one before it in its channel.</summary>
/// <param name="start">The region's version vector before the segment.</param>
/// <param name="offset">Where the first record will start.</param>
/// <param name="channels">How many channels to have room for at once: growing copies every node, on the thread that commits.</param>
internal sealed class ActiveIndex(VersionVector start, int offset, int channels = 0) : SegmentIndex
{
    private readonly ConcurrentDictionary<string, ChannelLinks> _channels = new(concurrencyLevel: 1, Math.Max(channels, 1024));
    private int[] _offsets = StartAt(offset);
    private int[] _previous = new int[1023];
    private LostRange[] _lost = [];
    private int _added;
    private volatile int _count;
    private string? _lastChannel;
    private ChannelLinks? _lastLinks;

    /// <inheritdoc/>
    public override int Count => _count;

    /// <inheritdoc/>
    public override ReadOnlySpan<int> Offsets
    {
        get
        {
            // The count first: an array that is read after it holds at least that many.
            var count = _count;
            return _offsets.AsSpan(0, count + 1);
        }
    }

    /// <inheritdoc/>
    public override OriginRuns Runs { get; } = new(start);

    /// <inheritdoc/>
    public override IReadOnlyList<LostRange> Lost => _lost;

    /// <summary>Where the next record will start.</summary>
    public int End => _offsets[_added];

    /// <summary>How many channels there are.</summary>
    public int ChannelCount { get; private set; }

    /// <summary>The channels, in no order.</summary>
    public IEnumerable<KeyValuePair<string, ChannelLinks>> Channels => _channels;

    /// <summary>Adds a record; readers see it after <see cref="Publish"/>.</summary>
    /// <param name="channel">Its channel.</param>
    /// <param name="origin">Its origin.</param>
    /// <param name="seq">Its number.</param>
    /// <param name="bytes">How long it is with header and padding.</param>
    public void Add(string channel, OriginId origin, long seq, int bytes)
    {
        var ordinal = Grow(bytes);
        if (!ReferenceEquals(channel, _lastChannel))
        {
            if (!_channels.TryGetValue(channel, out _lastLinks))
            {
                _lastLinks = AddChannel(channel);
            }

            _lastChannel = channel;
        }

        Link(_lastLinks!, ordinal);
        Runs.Add(origin, seq, ordinal);
    }

    /// <summary>Adds a record from its bytes, as recovery reads them.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="bytes">How long the record is with header and padding.</param>
    /// <returns>False when the entry is not in canonical form; then nothing was added.</returns>
    public bool TryAdd(ReadOnlySpan<byte> entry, int bytes)
    {
        if (!EntryHeader.TryRead(entry, out var header))
        {
            return false;
        }

        Span<char> chars = stackalloc char[ChannelName.LengthMax];
        var name = chars[..Encoding.ASCII.GetChars(header.Channel, chars)];
        var lookup = _channels.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!lookup.TryGetValue(name, out var links))
        {
            links = AddChannel(new string(name));
        }

        var ordinal = Grow(bytes);
        Link(links, ordinal);
        Runs.Add(OriginOf(header.Origin), header.Seq, ordinal);
        return true;
    }

    /// <summary>Adds records that are lost.</summary>
    /// <param name="count">How many.</param>
    /// <param name="bytes">How many bytes lie there; given to the last one of them.</param>
    public void AddLost(int count, int bytes)
    {
        _lost = [.. _lost, new LostRange(_added, count)];
        for (var i = 0; i < count; i++)
        {
            _previous[Grow(i == count - 1 ? bytes : 0)] = -1;
        }
    }

    /// <summary>Lets readers see all that was added.</summary>
    public void Publish() => _count = _added;

    /// <inheritdoc/>
    public override int Select(ChannelSet channels, int from, int to, int countMax, bool newest, List<int> ordinals)
    {
        ordinals.Clear();
        if (!channels.IsExact)
        {
            return -1; // To match every channel's name costs as much as to look at the records.
        }

        var total = 0L;
        foreach (var pattern in channels.Patterns)
        {
            if (_channels.TryGetValue(pattern.Text, out var links))
            {
                total += links.Count;
            }
        }

        if (total * ScanShare >= _count && total > countMax)
        {
            return -1;
        }

        foreach (var pattern in channels.Patterns)
        {
            if (!_channels.TryGetValue(pattern.Text, out var links))
            {
                continue;
            }

            // The last record first, then the array: it then holds that record's link, even when the writer has just gone beyond `to`.
            var ordinal = links.Last;
            var previous = _previous;
            var found = 0;
            for (; ordinal >= from && (!newest || found <= countMax); ordinal = previous[ordinal])
            {
                if (ordinal < to)
                {
                    ordinals.Add(ordinal);
                    found++;
                }
            }
        }

        ordinals.Sort();
        return Cut(ordinals, from, to, countMax, newest);
    }

    /// <summary>The ordinal before in the same channel; -1 when there is none.</summary>
    /// <param name="ordinal">An ordinal.</param>
    public int Previous(int ordinal) => _previous[ordinal];

    private static int[] StartAt(int offset)
    {
        var offsets = new int[1024];
        offsets[0] = offset;
        return offsets;
    }

    private OriginId OriginOf(ReadOnlySpan<byte> origin)
    {
        foreach (var known in Runs.Origins)
        {
            if (Ascii.Equals(origin, known.Value))
            {
                return known;
            }
        }

        return new OriginId(Encoding.ASCII.GetString(origin));
    }

    private ChannelLinks AddChannel(string channel)
    {
        var links = new ChannelLinks();
        _channels.TryAdd(channel, links);
        ChannelCount++;
        return links;
    }

    private int Grow(int bytes)
    {
        var ordinal = _added;
        if (ordinal + 1 == _offsets.Length)
        {
            Array.Resize(ref _previous, (_offsets.Length * 2) - 1);
            Array.Resize(ref _offsets, _offsets.Length * 2);
        }

        _offsets[ordinal + 1] = checked(_offsets[ordinal] + bytes);
        _added = ordinal + 1;
        return ordinal;
    }

    private void Link(ChannelLinks links, int ordinal)
    {
        _previous[ordinal] = links.Last;
        links.Count++;
        links.Last = ordinal;
    }
}

/// <summary>A channel's records in a segment: the last one, from which links lead back, and how many there are.</summary>
internal sealed class ChannelLinks
{
    private volatile int _last = -1;
    private volatile int _count;

    public int Last
    {
        get => _last;
        set => _last = value;
    }

    public int Count
    {
        get => _count;
        set => _count = value;
    }
}
