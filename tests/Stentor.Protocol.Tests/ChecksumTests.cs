using System.Text;
using Xunit;

namespace Stentor.Protocol.Tests;

public sealed class ChecksumTests
{
    [Theory]
    [InlineData("", 0xEF46DB3751D8E999UL)]
    [InlineData("a", 0xD24EC4F1A98C6E5BUL)]
    [InlineData("abc", 0x44BC2CF5AD770999UL)]
    public void Xxh64_is_the_one_of_its_specification(string text, ulong expected) =>
        Assert.Equal(expected, Checksum.Xxh64(Encoding.UTF8.GetBytes(text), 0));

    [Fact]
    public void Xxh64_of_the_reference_program_s_own_test_holds()
    {
        // xxHash's own self test (xsum_sanity_check.c): a generated buffer, a few lengths, without and with a seed.
        var buffer = new byte[2367];
        var generator = 2654435761UL;
        for (var i = 0; i < buffer.Length; i++)
        {
            buffer[i] = (byte)(generator >> 56);
            generator *= 11400714785074694797UL;
        }

        Assert.Equal(0xE934A84ADB052768UL, Checksum.Xxh64(buffer.AsSpan(0, 1), 0));
        Assert.Equal(0x5014607643A9B4C3UL, Checksum.Xxh64(buffer.AsSpan(0, 1), 2654435761UL));
        Assert.Equal(0x9136A0DCA57457EEUL, Checksum.Xxh64(buffer.AsSpan(0, 4), 0));
        Assert.Equal(0x8282DCC4994E35C8UL, Checksum.Xxh64(buffer.AsSpan(0, 14), 0));
        Assert.Equal(0xC3BD6BF63DEB6DF0UL, Checksum.Xxh64(buffer.AsSpan(0, 14), 2654435761UL));
        Assert.Equal(0xB641AE8CB691C174UL, Checksum.Xxh64(buffer.AsSpan(0, 222), 0));
        Assert.Equal(0x20CB8AB7AE10C14AUL, Checksum.Xxh64(buffer.AsSpan(0, 222), 2654435761UL));
    }

    [Fact]
    public void Crc32C_is_the_one_of_the_specification_and_goes_on_from_a_part()
    {
        var bytes = "123456789"u8;

        Assert.Equal(0xE3069283U, Checksum.Crc32C(bytes));
        Assert.Equal(0xE3069283U, Checksum.Crc32C(bytes[4..], Checksum.Crc32C(bytes[..4])));

        // RFC 3720, appendix B.4: 32 bytes of zeros, and of ones.
        Assert.Equal(0x8A9136AAU, Checksum.Crc32C(new byte[32]));
        Assert.Equal(0x62A8AB43U, Checksum.Crc32C(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
    }
}
