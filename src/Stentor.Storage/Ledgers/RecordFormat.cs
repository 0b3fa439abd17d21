using System.Buffers.Binary;
using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>The front of a record.</summary>
/// <param name="Length">Bytes of the entry.</param>
/// <param name="Position">The entry's position.</param>
/// <param name="BatchIndex">How many records of the same commit stand before it.</param>
/// <param name="Flags">See <see cref="RecordFlags"/>.</param>
internal readonly record struct RecordHeader(int Length, long Position, int BatchIndex, RecordFlags Flags);

/// <summary>What a record is besides its entry.</summary>
[Flags]
internal enum RecordFlags : uint
{
    None = 0,

    /// <summary>The entry is a copy of an activity known by its publish id: not for readers.</summary>
    Repeat = 1,

    /// <summary>Not an entry: <c>stentor doctor</c> put it where damaged records stood. Its 8 bytes say how many positions are lost.</summary>
    Lost = 2,
}

/// <summary>A record of a segment, byte by byte (<c>docs/ledger-format.md</c>, "Record").</summary>
internal static class RecordFormat
{
    public const int HeaderBytes = 24;
    public const int Alignment = 8;

    public static int SizeOf(int entryLength) => checked((HeaderBytes + entryLength + Alignment - 1) & ~(Alignment - 1));

    /// <summary>Writes a record and its padding.</summary>
    /// <param name="target">Exactly <see cref="SizeOf"/> bytes.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="position">Its position.</param>
    /// <param name="batchIndex">How many records of the same commit stand before it.</param>
    /// <param name="flags">What it is besides.</param>
    /// <param name="salt">The segment's.</param>
    public static void Write(Span<byte> target, ReadOnlySpan<byte> entry, long position, int batchIndex, RecordFlags flags, uint salt)
    {
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], entry.Length);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], position);
        BinaryPrimitives.WriteInt32LittleEndian(target[16..], batchIndex);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], (uint)flags);
        entry.CopyTo(target[HeaderBytes..]);
        target[(HeaderBytes + entry.Length)..].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, Checksum.Crc32C(target[4..(HeaderBytes + entry.Length)], salt));
    }

    /// <summary>Reads the fields without the checksum: whether a record could stand here at all.</summary>
    /// <param name="bytes">At least <see cref="HeaderBytes"/>.</param>
    public static RecordHeader Peek(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]),
        (RecordFlags)BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]));

    /// <summary>Reads and checks a record.</summary>
    /// <param name="bytes">Starts with the record; may hold more.</param>
    /// <param name="salt">The segment's: a record of another segment, left in a recycled file, does not pass.</param>
    /// <param name="header">What was read.</param>
    /// <returns>False when it is damaged or none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, uint salt, out RecordHeader header)
    {
        header = default;
        if (bytes.Length < HeaderBytes)
        {
            return false;
        }

        header = Peek(bytes);
        return header.Length > 0 && header.Length <= bytes.Length - HeaderBytes
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Checksum.Crc32C(bytes[4..(HeaderBytes + header.Length)], salt);
    }
}
