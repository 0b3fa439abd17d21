using System.Globalization;
using System.Numerics;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Stentor.Protocol.Tests;

public sealed class CounterAmountTests
{
    private static Gen<string> Numbers { get; } =
        from sign in Gen.Elements("", "-")
        from whole in Gen.Elements("0", "1", "7", "10", "999999999999999", "1000000000000000", "1000000000000001", "123456789", "100000000000000000000000000000")
        from fraction in Gen.Elements("", ".0", ".5", ".000000001", ".0000000001", ".100000000", ".50000000000000000000000000000000000", ".000000000000000000000000000000001")
        from exponent in Gen.Elements("", "e0", "E5", "e-5", "e+15", "e-9", "e-20", "e16", "e-33", "e30", "e2147483647", "e-2147483648")
        select sign + whole + fraction + exponent;

    [Fact]
    public void A_term_is_read_exactly_or_refused() => Property.Holds(Numbers, text =>
    {
        var expected = Oracle(text);

        var isRead = CounterAmount.TryParse(Encoding.ASCII.GetBytes(text), out var amount);

        Assert.Equal(expected is not null, isRead);
        Assert.Equal(expected ?? 0, (BigInteger)amount.Billionths);
    }, runs: 3_000);

    [Fact]
    public void A_sum_is_written_as_a_plain_number_that_means_the_same() => Property.Holds(Terms(), terms =>
    {
        var sum = terms.Aggregate(default(CounterAmount), (a, b) => a + b);
        var expected = terms.Aggregate(0m, (a, b) => a + ((decimal)b.Billionths / 1_000_000_000m));

        Assert.Equal(expected.ToString("0.#########", CultureInfo.InvariantCulture), sum.ToString());
        var buffer = new ByteBuffer();
        sum.Write(buffer);
        Assert.Equal(sum.ToString(), Encoding.ASCII.GetString(buffer.WrittenSpan));
        Assert.Equal(sum, terms.Reverse().Aggregate(default(CounterAmount), (a, b) => a + b));
    });

    [Theory]
    [InlineData("100", "100")]
    [InlineData("-0", "0")]
    [InlineData("0.10", "0.1")]
    [InlineData("-1.50", "-1.5")]
    [InlineData("1e15", "1000000000000000")]
    [InlineData("1e-9", "0.000000001")]
    [InlineData("-0.000000001", "-0.000000001")]
    [InlineData("0e99", "0")]
    public void A_number_comes_back_without_needless_zeros(string number, string expected)
    {
        Assert.True(CounterAmount.TryParse(Encoding.ASCII.GetBytes(number), out var amount));
        Assert.Equal(expected, amount.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData(".")]
    [InlineData("e5")]
    [InlineData("1e")]
    [InlineData("1e 5")]
    [InlineData("1.2.3")]
    [InlineData("1e15.5")]
    [InlineData("NaN")]
    [InlineData("1e99999999999")]
    public void What_is_no_number_is_refused(string text) => Assert.False(CounterAmount.TryParse(Encoding.ASCII.GetBytes(text), out _));

    private static Gen<CounterAmount[]> Terms() =>
        (from whole in Gen.Choose(-1_000_000_000, 1_000_000_000)
         from part in Gen.Choose(0, 999_999_999)
         from scale in Gen.Elements(0L, 1, 1_000_000)
         select new CounterAmount(((Int128)whole * scale) + part)).ArrayOf();

    private static BigInteger? Oracle(string text)
    {
        var mark = text.IndexOfAny(['e', 'E']);
        var exponent = mark < 0 ? 0 : int.Parse(text[(mark + 1)..], CultureInfo.InvariantCulture);
        var mantissa = mark < 0 ? text : text[..mark];
        var dot = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = BigInteger.Parse(mantissa.Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        var power = (long)exponent + 9 - (dot < 0 ? 0 : mantissa.Length - dot - 1);
        if (digits.IsZero)
        {
            return 0;
        }

        if (Math.Abs(power) > 1_000)
        {
            return null; // Far beyond either bound, and too long to write out.
        }

        var scaled = power >= 0 ? digits * BigInteger.Pow(10, (int)power) : digits;
        if (power < 0)
        {
            scaled = BigInteger.DivRem(digits, BigInteger.Pow(10, (int)-power), out var rest);
            if (!rest.IsZero)
            {
                return null;
            }
        }

        return BigInteger.Abs(scaled) <= BigInteger.Pow(10, 24) ? scaled : null;
    }
}
