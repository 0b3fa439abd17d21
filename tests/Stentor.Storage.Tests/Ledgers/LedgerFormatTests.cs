using System.Buffers.Binary;
using System.Text;
using Stentor.Protocol;
using Stentor.Simulation;
using Stentor.Testing;

namespace Stentor.Storage.Tests;

/// <summary>Reads what a store writes by <c>docs/ledger-format.md</c> alone: numbers and offsets here are those of the page, not those of the code.</summary>
public sealed class LedgerFormatTests
{
    private const string First = "ledger-00000001-0000000000000001";

    [Fact]
    public void The_example_of_the_page_is_what_a_store_writes()
    {
        var disk = new SimulatedDisk();
        using (var store = new TestStore(disk, TestStore.Options()))
        {
            store.Add("scores.curling", """{"activity":{"type":"Goal"},"effect":{"add":{"SWE":2}}}""");
            store.Add("chat", """{"activity":{"type":"Note"}}""");
            store.Commit();
        }

        var bytes = disk.BytesOf(First + ".seg");

        Assert.Equal(Dump(bytes.AsSpan(0, 64), 0), Block("hex header"));
        Assert.Equal(Dump(bytes.AsSpan(4096), 4096), Block("hex records"));
    }

    [Fact]
    public void A_segment_can_be_read_by_the_page()
    {
        var (disk, entries) = Sealed();
        var bytes = disk.BytesOf(First + ".seg");

        Assert.Equal("STNTRSEG", Encoding.ASCII.GetString(bytes, 0, 8));
        Assert.Equal(1, Int(bytes, 8));
        Assert.Equal(4096, Int(bytes, 12));
        var used = Int(bytes, 16);
        Assert.Equal((uint)Int(bytes, 20), Crc(bytes[24..used], Crc(bytes[..20], 0)));
        var store = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(24));
        Assert.Equal(Checksum.Xxh64("eu"u8, 0x7f3a), store);
        Assert.Equal(1, Long(bytes, 32));
        Assert.Equal(1, Long(bytes, 40));
        Assert.Equal("eu-00007f3a", Encoding.ASCII.GetString(bytes, 49, bytes[48]));
        Assert.Equal(0, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(60)));
        Assert.Equal(62, used);
        Assert.False(bytes.AsSpan(used, 4096 - used).ContainsAnyExcept((byte)0));

        var salt = (uint)Checksum.Xxh64([1, 0, 0, 0, 0, 0, 0, 0], store);
        var offset = 4096;
        var found = new List<string>();
        while (offset + 24 <= bytes.Length && Int(bytes, offset + 4) > 0)
        {
            var length = Int(bytes, offset + 4);
            Assert.Equal((uint)Int(bytes, offset), Crc(bytes[(offset + 4)..(offset + 24 + length)], salt));
            Assert.Equal(found.Count + 1, Long(bytes, offset + 8));
            Assert.Equal(found.Count % 2, Int(bytes, offset + 16));
            Assert.Equal(0, Int(bytes, offset + 20));
            found.Add(Encoding.UTF8.GetString(bytes, offset + 24, length));
            offset = (offset + 24 + length + 7) / 8 * 8;
        }

        Assert.Equal(entries.Take(found.Count), found);
        Assert.True(found.Count > 10);
    }

    [Fact]
    public void An_index_can_be_read_by_the_page()
    {
        var (disk, entries) = Sealed();
        var segment = disk.BytesOf(First + ".seg");
        var bytes = disk.BytesOf(First + ".idx");

        Assert.Equal("STNTRIDX", Encoding.ASCII.GetString(bytes, 0, 8));
        Assert.Equal((1, 128), (Int(bytes, 8), Int(bytes, 12)));
        var filter = Int(bytes, 16);
        Assert.Equal((uint)Int(bytes, 20), Crc(bytes[24..(128 + filter)], Crc(bytes[..20], 0)));
        Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian(segment.AsSpan(24)), BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(24)));
        Assert.Equal((1, 1), (Long(bytes, 32), Long(bytes, 40)));
        var body = bytes[(128 + filter)..];
        Assert.Equal(body.Length, Int(bytes, 52));
        Assert.Equal((uint)Int(bytes, 56), Crc(body, 0));
        var (records, header, runs, lost) = (Int(bytes, 48), Int(bytes, 60), Int(bytes, 64), Int(bytes, 68));
        var (channels, ordinals, origins, originsLength) = (Int(bytes, 72), Int(bytes, 76), Int(bytes, 80), Int(bytes, 84));
        Assert.False(bytes.AsSpan(92, 36).ContainsAnyExcept((byte)0));
        Assert.Equal((1, 0, 2, records, 1, 12), (runs, lost, channels, ordinals, origins, originsLength));

        Assert.Equal(segment[..header], body[..header]);
        var at = header;
        Assert.Equal((1, 0, 0), (Long(body, at), Int(body, at + 8), Int(body, at + 12)));
        at += 16 * runs;
        var offsets = Ints(body, at, records + 1);
        Assert.Equal(entries.Take(records), Enumerable.Range(0, records).Select(i => Encoding.UTF8.GetString(segment, offsets[i] + 24, Int(segment, offsets[i] + 4))));
        at += (4 * (records + 1)) + (8 * lost);
        var nameOffsets = Ints(body, at, channels + 1);
        at += 4 * (channels + 1);
        var starts = Ints(body, at, channels + 1);
        at += 4 * (channels + 1);
        var all = Ints(body, at, ordinals);
        at += 4 * ordinals;
        Assert.Equal("eu-00007f3a", Encoding.ASCII.GetString(body, at + 1, body[at]));
        at += originsLength;
        Assert.Equal(body.Length, at + nameOffsets[channels]);
        for (var channel = 0; channel < channels; channel++)
        {
            var name = Encoding.ASCII.GetString(body, at + nameOffsets[channel], nameOffsets[channel + 1] - nameOffsets[channel]);
            Assert.Equal($"c{channel}", name);
            Assert.Equal(Enumerable.Range(0, records).Where(i => entries[i].StartsWith("{\"channel\":\"" + name, StringComparison.Ordinal)), all[starts[channel]..starts[channel + 1]]);
            var hash = Checksum.Xxh64(Encoding.ASCII.GetBytes(name), 0);
            for (uint i = 0; i < 4; i++)
            {
                var bit = unchecked((uint)hash + (i * ((uint)(hash >> 32) | 1))) % (uint)(filter * 8);
                Assert.NotEqual(0, bytes[128 + (bit / 8)] & (1 << (int)(bit % 8)));
            }
        }
    }

    private static (SimulatedDisk Disk, List<string> Entries) Sealed()
    {
        var disk = new SimulatedDisk();
        using var store = new TestStore(disk, TestStore.Options(segmentBytes: 8 * 1024));
        for (var i = 0; i < 40; i++)
        {
            store.Add($"c{i % 2}", "{\"activity\":{\"number\":" + i + "}}");
            if (i % 2 == 1)
            {
                store.Commit();
            }
        }

        store.Store.Checkpoint();
        return (disk, store.ReadAll());
    }

    private static int Int(byte[] bytes, int offset) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(offset));

    private static long Long(byte[] bytes, int offset) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(offset));

    private static int[] Ints(byte[] bytes, int offset, int count) => [.. Enumerable.Range(0, count).Select(i => Int(bytes, offset + (4 * i)))];

    /// <summary>CRC32C bit by bit, as the RFC defines it.</summary>
    private static uint Crc(byte[] bytes, uint seed)
    {
        var crc = ~seed;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        return ~crc;
    }

    private static string Dump(ReadOnlySpan<byte> bytes, int from)
    {
        var text = new StringBuilder();
        for (var i = 0; i < bytes.Length; i += 16)
        {
            var row = bytes[i..Math.Min(i + 16, bytes.Length)];
            text.Append((from + i).ToString("x6", System.Globalization.CultureInfo.InvariantCulture)).Append("  ");
            for (var j = 0; j < 16; j++)
            {
                text.Append(j < row.Length ? row[j].ToString("x2", System.Globalization.CultureInfo.InvariantCulture) : "  ").Append(j == 7 ? "  " : " ");
            }

            text.Append(' ');
            foreach (var b in row)
            {
                text.Append(b is >= 32 and < 127 ? (char)b : '.');
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    private static string Block(string info)
    {
        var page = Repository.Read("docs/ledger-format.md");
        var start = page.IndexOf("```" + info + "\n", StringComparison.Ordinal) + info.Length + 4;
        return page[start..page.IndexOf("```", start, StringComparison.Ordinal)];
    }
}
