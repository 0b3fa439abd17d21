using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>The first block of a segment (<c>docs/ledger-format.md</c>, "Segment header").</summary>
/// <param name="StoreId">Which store it belongs to.</param>
/// <param name="Number">Its place in the order in which segments were begun, from 1.</param>
/// <param name="First">The position of its first record.</param>
/// <param name="Self">The origin under which the region numbers its own entries.</param>
/// <param name="Start">The region's version vector before the first record.</param>
internal sealed record SegmentHeader(ulong StoreId, long Number, long First, OriginId Self, VersionVector Start)
{
    /// <summary>Records start at a multiple of this, so that a header never shares a page with them.</summary>
    public const int BlockBytes = 4096;

    /// <summary>The format that this program writes.</summary>
    public const int Format = 1;

    private const int FixedBytes = 48;

    private static ReadOnlySpan<byte> Magic => "STNTRSEG"u8;

    /// <summary>Where the records start.</summary>
    public int Length => (UsedLength + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>The seed of the records' checksums: what another segment left in a recycled file does not pass them.</summary>
    public uint Salt => SaltOf(StoreId, Number);

    /// <summary>The segment's file: number, then first position, so that names sort in the order of the ledger.</summary>
    public string FileName => $"ledger-{Number:x8}-{First:x16}.seg";

    /// <summary>The file of its index.</summary>
    public string IndexName => IndexNameOf(FileName);

    private int UsedLength => FixedBytes + 1 + Self.Value.Length + 2 + Start.Components.ToArray().Sum(c => 1 + c.Key.Value.Length + 8);

    /// <summary>The salt of a segment.</summary>
    /// <param name="storeId">The store.</param>
    /// <param name="number">The segment's number.</param>
    public static uint SaltOf(ulong storeId, long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return (uint)Checksum.Xxh64(bytes, storeId);
    }

    /// <summary>The index's file of a segment's file.</summary>
    /// <param name="fileName">The segment's file.</param>
    public static string IndexNameOf(string fileName) => Path.ChangeExtension(fileName, ".idx");

    /// <summary>Reads a segment's file name.</summary>
    /// <param name="name">Any file name.</param>
    /// <param name="number">The segment's number.</param>
    /// <param name="first">Its first position.</param>
    public static bool TryParseName(string name, out long number, out long first)
    {
        number = 0;
        first = 0;
        var parts = name.Split('-', '.');
        return parts.Length == 4 && parts[0] == "ledger" && parts[3] == "seg" && parts[2].Length == 16
            && long.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            && long.TryParse(parts[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out first)
            && number > 0 && first > 0;
    }

    /// <summary>The header's bytes, zeros to its end included.</summary>
    public byte[] Encode()
    {
        var bytes = new byte[Length];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Format);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), UsedLength);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), StoreId);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), Number);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), First);
        var at = PutName(Self, bytes, FixedBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), checked((ushort)Start.Count));
        at += 2;
        foreach (var (origin, seq) in Start.Components)
        {
            at = PutName(origin, bytes, at);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), seq);
            at += 8;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), CheckOf(bytes, at));
        return bytes;
    }

    /// <summary>Reads the header of a segment's file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">Its name.</param>
    /// <returns>Null when it is damaged or was never finished.</returns>
    /// <exception cref="LedgerFaultException">A newer program made it.</exception>
    public static SegmentHeader? Read(IDiskFile file, string name)
    {
        var bytes = new byte[BlockBytes];
        if (file.Read(bytes, 0) < BlockBytes || !bytes.AsSpan().StartsWith(Magic))
        {
            return null;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12));
        if (length is <= 0 or > 1024 * BlockBytes || length % BlockBytes != 0)
        {
            return null;
        }

        if (length > BlockBytes)
        {
            bytes = new byte[length];
            if (file.Read(bytes, 0) < length)
            {
                return null;
            }
        }

        return Decode(bytes, name);
    }

    /// <summary>Reads a header's bytes.</summary>
    /// <param name="bytes">All of them.</param>
    /// <param name="name">Where they are from, for the message.</param>
    /// <returns>Null when they are damaged.</returns>
    /// <exception cref="LedgerFaultException">A newer program made it.</exception>
    public static SegmentHeader? Decode(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < BlockBytes || !bytes.StartsWith(Magic))
        {
            return null;
        }

        var used = BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]);
        if (used < FixedBytes || used > bytes.Length || BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]) != CheckOf(bytes, used))
        {
            return null;
        }

        // The version, the lengths and the checksum keep their places in every format, so that this message is no guess.
        var format = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (format != Format)
        {
            throw new LedgerFaultException($"{name} has ledger format {format}; this program reads format {Format}. Use the version of Stentor that wrote it, or a newer one.");
        }

        var at = FixedBytes;
        var self = TakeName(bytes, ref at);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
        at += 2;
        var components = new List<KeyValuePair<OriginId, long>>(count);
        for (var i = 0; i < count; i++)
        {
            var origin = TakeName(bytes, ref at);
            components.Add(new(origin, BinaryPrimitives.ReadInt64LittleEndian(bytes[at..])));
            at += 8;
        }

        return new SegmentHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            self,
            VersionVector.Of(components));
    }

    private static uint CheckOf(ReadOnlySpan<byte> bytes, int used) => Checksum.Crc32C(bytes[24..used], Checksum.Crc32C(bytes[..20]));

    private static int PutName(OriginId origin, byte[] bytes, int at)
    {
        bytes[at] = (byte)origin.Value.Length;
        return at + 1 + Encoding.ASCII.GetBytes(origin.Value, bytes.AsSpan(at + 1));
    }

    private static OriginId TakeName(ReadOnlySpan<byte> bytes, ref int at)
    {
        var name = bytes.Slice(at + 1, bytes[at]);
        at += 1 + name.Length;
        return new OriginId(Encoding.ASCII.GetString(name));
    }
}
