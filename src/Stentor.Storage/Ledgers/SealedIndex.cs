using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>The index of a sealed segment: the bytes of its file, used where they stand (<c>docs/ledger-format.md</c>, "Index").</summary>
internal sealed class SealedIndex : SegmentIndex
{
    private readonly byte[] _bytes;
    private readonly IndexLayout _layout;
    private readonly LostRange[] _lost;

    // Which of this segment's channels a set asks for, worked out once a set and not once a read.
    private readonly ConditionalWeakTable<ChannelSet, Selection> _selections = [];

    /// <summary>Takes an index whose checksums were found good.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="layout">Where what is.</param>
    /// <param name="header">The segment's header, from the index's own copy.</param>
    public SealedIndex(byte[] bytes, IndexLayout layout, SegmentHeader header)
    {
        _bytes = bytes;
        _layout = layout;
        Header = header;
        _lost = MemoryMarshal.Cast<byte, LostRange>(bytes.AsSpan(layout.Lost, layout.LostCount * 8)).ToArray();
        Runs = new OriginRuns(header.Start);
        var origins = ReadOrigins(bytes.AsSpan(layout.Origins), layout.OriginCount);
        foreach (var run in MemoryMarshal.Cast<byte, OriginRun>(bytes.AsSpan(layout.Runs, layout.RunCount * 16)))
        {
            Runs.Add(origins[run.Origin], run.SeqFirst, run.OrdinalFirst);
        }
    }

    /// <summary>The segment's header.</summary>
    public SegmentHeader Header { get; }

    /// <summary>Bytes of memory that it takes.</summary>
    public int Bytes => _bytes.Length;

    /// <inheritdoc/>
    public override int Count => _layout.RecordCount;

    /// <inheritdoc/>
    public override ReadOnlySpan<int> Offsets => Ints(_layout.Offsets, _layout.RecordCount + 1);

    /// <inheritdoc/>
    public override OriginRuns Runs { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<LostRange> Lost => _lost;

    /// <summary>How many channels it has.</summary>
    public int ChannelCount => _layout.ChannelCount;

    /// <summary>A channel's name, in the order of the names' bytes.</summary>
    /// <param name="channel">0 to <see cref="ChannelCount"/> - 1.</param>
    public ReadOnlySpan<byte> NameOf(int channel)
    {
        var ends = Ints(_layout.NameOffsets, _layout.ChannelCount + 1);
        return _bytes.AsSpan(_layout.Names + ends[channel], ends[channel + 1] - ends[channel]);
    }

    /// <summary>The ordinals of a channel's records, ascending.</summary>
    /// <param name="channel">0 to <see cref="ChannelCount"/> - 1.</param>
    public ReadOnlySpan<int> OrdinalsOf(int channel)
    {
        var starts = Ints(_layout.OrdinalStarts, _layout.ChannelCount + 1);
        return Ints(_layout.Ordinals, _layout.OrdinalCount)[starts[channel]..starts[channel + 1]];
    }

    /// <inheritdoc/>
    public override int Select(ChannelSet channels, int from, int to, int countMax, bool newest, List<int> ordinals)
    {
        ordinals.Clear();
        var selection = _selections.GetValue(channels, Choose);
        if (selection.Total * ScanShare >= Count && selection.Total > countMax)
        {
            return -1;
        }

        foreach (var channel in selection.Channels)
        {
            var all = OrdinalsOf(channel);
            var low = LowerBound(all, from);
            var high = LowerBound(all, to);
            // One more than asked for, so that a cut shows.
            var part = newest ? all[Math.Max(low, high - countMax - 1)..high] : all[low..Math.Min(high, low + countMax + 1)];
            ordinals.AddRange(part);
        }

        if (selection.Channels.Length > 1)
        {
            ordinals.Sort();
        }

        return Cut(ordinals, from, to, countMax, newest);
    }

    private static int LowerBound(ReadOnlySpan<int> sorted, int value)
    {
        var index = sorted.BinarySearch(value);
        return index < 0 ? ~index : index;
    }

    private static OriginId[] ReadOrigins(ReadOnlySpan<byte> bytes, int count)
    {
        var origins = new OriginId[count];
        for (var i = 0; i < count; i++)
        {
            origins[i] = new OriginId(Encoding.ASCII.GetString(bytes.Slice(1, bytes[0])));
            bytes = bytes[(1 + bytes[0])..];
        }

        return origins;
    }

    private Selection Choose(ChannelSet channels)
    {
        var chosen = new List<int>();
        if (channels.IsExact)
        {
            foreach (var pattern in channels.Patterns)
            {
                var index = Find(pattern.Text);
                if (index >= 0)
                {
                    chosen.Add(index);
                }
            }
        }
        else
        {
            for (var i = 0; i < ChannelCount; i++)
            {
                if (channels.Contains(NameOf(i)))
                {
                    chosen.Add(i);
                }
            }
        }

        var total = 0L;
        foreach (var channel in chosen)
        {
            total += OrdinalsOf(channel).Length;
        }

        return new Selection([.. chosen], total);
    }

    private int Find(string name)
    {
        Span<byte> wanted = stackalloc byte[ChannelName.LengthMax];
        wanted = wanted[..Encoding.UTF8.GetBytes(name, wanted)];
        int low = 0, high = ChannelCount - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = NameOf(middle).SequenceCompareTo(wanted);
            if (order == 0)
            {
                return middle;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return -1;
    }

    private ReadOnlySpan<int> Ints(int offset, int count) => MemoryMarshal.Cast<byte, int>(_bytes.AsSpan(offset, count * 4));

    private sealed record Selection(int[] Channels, long Total);
}
