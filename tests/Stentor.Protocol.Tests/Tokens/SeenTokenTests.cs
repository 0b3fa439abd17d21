using System.Buffers.Text;
using FsCheck.Fluent;
using Xunit;

namespace Stentor.Protocol.Tests;

public sealed class SeenTokenTests
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    [Fact]
    public void A_vector_comes_back_from_its_token() => Property.Holds(VersionVectorTests.Vectors, seen =>
    {
        var token = SeenToken.Encode(seen);

        Assert.All(token, c => Assert.Contains(c, Alphabet));
        Assert.True(token.Length <= SeenToken.EncodedLengthMax(seen));
        Assert.Equal(seen, SeenToken.Decode(token));
    });

    [Fact]
    public void A_token_with_one_component_replaced_is_that_of_the_vector() => Property.Holds(VersionVectorTests.Vectors, seen =>
    {
        foreach (var name in VersionVectorTests.Names)
        {
            var bytes = new byte[SeenToken.EncodedLengthMax(seen)];
            var length = SeenToken.Encode(seen, new OriginId(name), 77, bytes);

            Assert.Equal(SeenToken.Encode(seen.With(new(name), 77)), System.Text.Encoding.ASCII.GetString(bytes, 0, length));
        }
    });

    [Fact]
    public void An_altered_token_is_refused_but_for_the_one_in_65536_that_two_check_bytes_miss()
    {
        int altered = 0, missed = 0;
        Property.Holds(VersionVectorTests.Vectors, seen =>
        {
            var token = SeenToken.Encode(seen);
            for (var at = 0; at < token.Length; at++)
            {
                foreach (var other in Alphabet.Where(c => c != token[at]))
                {
                    altered++;
                    missed += SeenToken.TryDecode($"{token[..at]}{other}{token[(at + 1)..]}", out _) ? 1 : 0;
                }
            }

            for (var length = 0; length < token.Length; length++)
            {
                altered++;
                missed += SeenToken.TryDecode(token.AsSpan(0, length), out _) ? 1 : 0;
            }
        }, runs: 200);

        Assert.True(missed * 10_000L < altered, $"{missed} of {altered} were taken for tokens");
    }

    [Fact]
    public void Anything_else_is_refused_without_a_fault()
    {
        Property.Holds(ArbMap.Default.GeneratorFor<string>().Select(s => s ?? ""), text => Assert.False(SeenToken.TryDecode(text, out _)));
        Property.Holds(ArbMap.Default.GeneratorFor<byte[]>(), body =>
        {
            // Sound check bytes, whatever they stand behind.
            byte[] raw = [1, .. body];
            var check = Checksum.Crc32C(raw);
            var token = Base64Url.EncodeToString([.. raw, (byte)check, (byte)(check >> 8)]);

            Assert.True(!SeenToken.TryDecode(token, out var seen) || SeenToken.Encode(seen) == token);
        });
        Assert.False(SeenToken.TryDecode(new string('A', SeenToken.LengthMax + 1), out _));
        var refusal = Assert.Throws<ProtocolException>(() => SeenToken.Decode("nonsense\u0001"));
        Assert.Equal(ErrorType.Malformed, refusal.Type);
        Assert.Contains("'nonsense?'", refusal.Message, StringComparison.Ordinal);
    }
}
