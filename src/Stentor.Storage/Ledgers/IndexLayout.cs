using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>The bytes of an index file (<c>docs/ledger-format.md</c>, "Index"): a fixed front, a filter of channel names, and the body.</summary>
/// <param name="StoreId">Which store it belongs to.</param>
/// <param name="Number">The segment's number.</param>
/// <param name="First">The segment's first position.</param>
/// <param name="RecordCount">Records, lost ones included.</param>
/// <param name="FilterBytes">Size of the filter, a power of two.</param>
/// <param name="HeaderBytes">Size of the copy of the segment's header.</param>
/// <param name="RunCount">Origin runs.</param>
/// <param name="LostCount">Lost ranges.</param>
/// <param name="ChannelCount">Channels.</param>
/// <param name="OrdinalCount">Records that belong to a channel: all but lost ones.</param>
/// <param name="OriginCount">Origins.</param>
/// <param name="OriginsBytes">Size of the origins' names with their lengths.</param>
/// <param name="NamesBytes">Size of the channels' names.</param>
internal sealed record IndexLayout(
    ulong StoreId,
    long Number,
    long First,
    int RecordCount,
    int FilterBytes,
    int HeaderBytes,
    int RunCount,
    int LostCount,
    int ChannelCount,
    int OrdinalCount,
    int OriginCount,
    int OriginsBytes,
    int NamesBytes)
{
    /// <summary>The format that this program writes.</summary>
    public const int Format = 1;

    /// <summary>Size of the fixed front.</summary>
    public const int FixedBytes = 128;

    private const int FilterHashes = 4;
    private const int FilterBytesMin = 64;

    // 128 KiB: ten bits for each of 100,000 channels, which is about one false alarm in a hundred.
    private const int FilterBytesMax = 128 * 1024;

    private static ReadOnlySpan<byte> Magic => "STNTRIDX"u8;

    public int Body => FixedBytes + FilterBytes;

    public int Header => Body;

    public int Runs => Header + HeaderBytes;

    public int Offsets => Runs + (RunCount * 16);

    public int Lost => Offsets + ((RecordCount + 1) * 4);

    public int NameOffsets => Lost + (LostCount * 8);

    public int OrdinalStarts => NameOffsets + ((ChannelCount + 1) * 4);

    public int Ordinals => OrdinalStarts + ((ChannelCount + 1) * 4);

    public int Origins => Ordinals + (OrdinalCount * 4);

    public int Names => Origins + OriginsBytes;

    public int Total => Names + NamesBytes;

    /// <summary>Makes the index file of a segment.</summary>
    /// <param name="header">The segment's header.</param>
    /// <param name="index">Its index in memory, complete.</param>
    public static byte[] Encode(SegmentHeader header, ActiveIndex index)
    {
        var channels = index.Channels.ToArray();
        Array.Sort(channels, (a, b) => string.CompareOrdinal(a.Key, b.Key));
        var headerBytes = header.Encode();
        var layout = new IndexLayout(
            header.StoreId,
            header.Number,
            header.First,
            index.Count,
            (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(channels.Length * 10L / 8, FilterBytesMin, FilterBytesMax)),
            headerBytes.Length,
            index.Runs.Count,
            index.Lost.Count,
            channels.Length,
            channels.Sum(c => c.Value.Count),
            index.Runs.Origins.Count,
            index.Runs.Origins.Sum(o => 1 + o.Value.Length),
            channels.Sum(c => c.Key.Length));
        var bytes = new byte[layout.Total];
        layout.WriteBody(bytes, headerBytes, index, channels);
        layout.WriteFront(bytes);
        return bytes;
    }

    /// <summary>Reads the front and the filter, and checks both.</summary>
    /// <param name="bytes">At least the front and the filter.</param>
    /// <param name="name">Where they are from, for the message.</param>
    /// <returns>Null when they are damaged.</returns>
    /// <exception cref="LedgerFaultException">A newer program made it.</exception>
    public static IndexLayout? Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var filterBytes = FilterBytesOf(bytes);
        if (filterBytes == 0 || bytes.Length < FixedBytes + filterBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]) != FrontCheck(bytes, filterBytes))
        {
            return null;
        }

        var format = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (format != Format)
        {
            throw new LedgerFaultException($"{name} has index format {format}; this program reads format {Format}. Use the version of Stentor that wrote it, or delete the .idx files: they are made again.");
        }

        return new IndexLayout(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[48..]),
            filterBytes,
            BinaryPrimitives.ReadInt32LittleEndian(bytes[60..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[64..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[68..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[72..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[76..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[80..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[84..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[88..]));
    }

    /// <summary>The size of the filter according to the front, which is not checked yet; 0 when there is no front.</summary>
    /// <param name="bytes">The file's first bytes.</param>
    public static int FilterBytesOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedBytes || !bytes.StartsWith(Magic))
        {
            return 0;
        }

        var filterBytes = BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]);
        return filterBytes is >= FilterBytesMin and <= FilterBytesMax && BitOperations.IsPow2(filterBytes) ? filterBytes : 0;
    }

    /// <summary>Whether the body is what was written.</summary>
    /// <param name="bytes">The whole file.</param>
    public bool IsBodyGood(ReadOnlySpan<byte> bytes) =>
        bytes.Length == Total && BinaryPrimitives.ReadUInt32LittleEndian(bytes[56..]) == Checksum.Crc32C(bytes[Body..]);

    /// <summary>Whether a channel may have records in the segment.</summary>
    /// <param name="bytes">The front and the filter.</param>
    /// <param name="channel">The channel.</param>
    /// <returns>False only when it has none.</returns>
    public bool MayContain(ReadOnlySpan<byte> bytes, string channel)
    {
        Span<byte> name = stackalloc byte[ChannelName.LengthMax];
        var hash = Checksum.Xxh64(name[..Encoding.UTF8.GetBytes(channel, name)], 0);
        for (var i = 0; i < FilterHashes; i++)
        {
            var bit = FilterBit(hash, i);
            if ((bytes[FixedBytes + (bit >> 3)] & (1 << (bit & 7))) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static uint FrontCheck(ReadOnlySpan<byte> bytes, int filterBytes) =>
        Checksum.Crc32C(bytes[24..(FixedBytes + filterBytes)], Checksum.Crc32C(bytes[..20]));

    // Two halves of one hash make as many as are needed (Kirsch and Mitzenmacher, "Less hashing, same performance", 2006).
    private int FilterBit(ulong hash, int i) => (int)(((uint)hash + ((uint)i * (uint)((hash >> 32) | 1))) & (uint)((FilterBytes * 8) - 1));

    private void WriteFront(byte[] bytes)
    {
        Magic.CopyTo(bytes);
        Put(8, Format);
        Put(12, FixedBytes);
        Put(16, FilterBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), StoreId);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), Number);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), First);
        Put(48, RecordCount);
        Put(52, bytes.Length - Body);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(56), Checksum.Crc32C(bytes.AsSpan(Body)));
        Put(60, HeaderBytes);
        Put(64, RunCount);
        Put(68, LostCount);
        Put(72, ChannelCount);
        Put(76, OrdinalCount);
        Put(80, OriginCount);
        Put(84, OriginsBytes);
        Put(88, NamesBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), FrontCheck(bytes, FilterBytes));

        void Put(int offset, int value) => BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(offset), value);
    }

    private void WriteBody(byte[] bytes, byte[] headerBytes, ActiveIndex index, KeyValuePair<string, ChannelLinks>[] channels)
    {
        headerBytes.CopyTo(bytes, Header);
        var runs = MemoryMarshal.Cast<byte, OriginRun>(bytes.AsSpan(Runs, RunCount * 16));
        for (var i = 0; i < runs.Length; i++)
        {
            runs[i] = index.Runs[i];
        }

        index.Offsets.CopyTo(Ints(Offsets, RecordCount + 1));
        var lost = MemoryMarshal.Cast<byte, LostRange>(bytes.AsSpan(Lost, LostCount * 8));
        for (var i = 0; i < lost.Length; i++)
        {
            lost[i] = index.Lost[i];
        }

        var nameOffsets = Ints(NameOffsets, ChannelCount + 1);
        var starts = Ints(OrdinalStarts, ChannelCount + 1);
        var ordinals = Ints(Ordinals, OrdinalCount);
        for (var i = 0; i < channels.Length; i++)
        {
            var (name, links) = channels[i];
            nameOffsets[i + 1] = nameOffsets[i] + Encoding.ASCII.GetBytes(name, bytes.AsSpan(Names + nameOffsets[i]));
            starts[i + 1] = starts[i] + links.Count;
            var at = starts[i + 1];
            for (var ordinal = links.Last; ordinal >= 0; ordinal = index.Previous(ordinal))
            {
                ordinals[--at] = ordinal;
            }

            var hash = Checksum.Xxh64(bytes.AsSpan(Names + nameOffsets[i], name.Length), 0);
            for (var k = 0; k < FilterHashes; k++)
            {
                var bit = FilterBit(hash, k);
                bytes[FixedBytes + (bit >> 3)] |= (byte)(1 << (bit & 7));
            }
        }

        var target = bytes.AsSpan(Origins);
        foreach (var origin in index.Runs.Origins)
        {
            target[0] = (byte)Encoding.ASCII.GetBytes(origin.Value, target[1..]);
            target = target[(1 + target[0])..];
        }

        Span<int> Ints(int offset, int count) => MemoryMarshal.Cast<byte, int>(bytes.AsSpan(offset, count * 4));
    }
}
