using System.Text;
using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

public sealed class LinkCodecTests
{
    [Theory]
    [InlineData("p", 1, 0)]
    [InlineData("eu-0badf00d", 300, 10)]
    [InlineData("ein Prozess in Zürich", long.MaxValue, Dissemination.NoticeBodyBytesMax)]
    public void A_notice_is_read_as_it_was_written(string instance, long number, int bodyBytes)
    {
        var body = new byte[bodyBytes];
        new Random(1).NextBytes(body);

        var read = Assert.IsType<LinkMessage.Notice>(LinkCodec.Decode(LinkCodec.Encode(new LinkMessage.Notice(instance, number, body))));

        Assert.Equal((instance, number), (read.Instance, read.Number));
        Assert.Equal(body, read.Body.ToArray());
    }

    [Fact]
    public void A_notice_has_the_bytes_of_the_document()
    {
        var message = LinkCodec.Encode(new LinkMessage.Notice("eu-1", 300, "abc"u8.ToArray()));

        Assert.Equal([8, 4, .. "eu-1"u8, 0xAC, 0x02, .. "abc"u8], message[4..]);
        Assert.Equal(Checksum.Crc32C(message.AsSpan(4)), BitConverter.ToUInt32(message));
    }

    [Fact]
    public void A_damaged_or_cut_notice_is_refused_wherever_it_is_damaged()
    {
        var message = LinkCodec.Encode(new LinkMessage.Notice("eu-0badf00d", 300, Encoding.UTF8.GetBytes("""{"load":0.5}""")));

        for (var at = 0; at < message.Length; at++)
        {
            var cut = message[..at];
            Assert.Throws<FormatException>(() => LinkCodec.Decode(cut));
            for (var bit = 1; bit < 256; bit <<= 1)
            {
                var damaged = message.ToArray();
                damaged[at] ^= (byte)bit;
                Assert.Throws<FormatException>(() => LinkCodec.Decode(damaged));
            }
        }
    }

    [Theory]
    [InlineData("")] // No instance at all.
    [InlineData("00 01")] // An empty one.
    [InlineData("02 61")] // A cut one.
    [InlineData("01 61")] // No number.
    [InlineData("01 61 81")] // A cut one.
    [InlineData("01 61 FF FF FF FF FF FF FF FF FF 01")] // One that is too long.
    [InlineData("FF FF FF FF 7F 61 01")] // An instance of 32 GiB.
    public void A_notice_whose_fields_are_not_complete_is_refused_though_its_checksum_fits(string fields)
    {
        var message = Message(Convert.FromHexString(fields.Replace(" ", "", StringComparison.Ordinal)));

        Assert.Throws<FormatException>(() => LinkCodec.Decode(message));
    }

    [Fact]
    public void An_instance_that_is_too_long_is_refused()
    {
        LinkCodec.Decode(LinkCodec.Encode(new LinkMessage.Notice(new string('p', LinkCodec.InstanceBytesMax), 1, default)));
        var tooLong = LinkCodec.Encode(new LinkMessage.Notice(new string('p', LinkCodec.InstanceBytesMax + 1), 1, default));

        Assert.Throws<FormatException>(() => LinkCodec.Decode(tooLong));
    }

    private static byte[] Message(ReadOnlySpan<byte> fields)
    {
        var buffer = new ByteBuffer();
        buffer.Write([0, 0, 0, 0, 8]);
        buffer.Write(fields);
        return LinkCodec.End(buffer);
    }
}
