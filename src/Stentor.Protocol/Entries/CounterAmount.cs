using System.Buffers;
using System.Globalization;
using System.Text;

namespace Stentor.Protocol;

/// <summary>
/// A number that is added to a counter, and a counter's sum: exact, in billionths. Floating point would make a sum depend on the order
/// of its terms, and regions apply concurrent terms in different orders.
/// </summary>
/// <param name="Billionths">The amount times 10⁹.</param>
public readonly record struct CounterAmount(Int128 Billionths)
{
    private const int Decimals = 9;
    private const int DigitsMax = 25; // Of 10¹⁵ in billionths.
    private static readonly Int128 Unit = 1_000_000_000;
    private static readonly Int128 TermMax = (Int128)1_000_000_000_000_000 * Unit;

    /// <summary>What the rule for a term says, for messages.</summary>
    public const string Rule = "a number from -1e15 to 1e15 with at most 9 decimals";

    /// <summary>The sum of two amounts.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static CounterAmount operator +(CounterAmount left, CounterAmount right) => new(left.Billionths + right.Billionths);

    /// <summary>Reads a term: a JSON number from -10¹⁵ to 10¹⁵ with at most 9 decimals, also in exponent form.</summary>
    /// <param name="number">The number as it stands in JSON.</param>
    /// <param name="amount">The amount.</param>
    /// <returns>False when it is larger, finer or no number.</returns>
    public static bool TryParse(ReadOnlySpan<byte> number, out CounterAmount amount)
    {
        amount = default;
        var negative = number.Length > 0 && number[0] == (byte)'-';
        var mantissa = negative ? number[1..] : number;
        long power = Decimals;
        if (mantissa.IndexOfAny((byte)'e', (byte)'E') is var mark and >= 0)
        {
            if (!int.TryParse(mantissa[(mark + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var exponent))
            {
                return false;
            }

            power += exponent;
            mantissa = mantissa[..mark];
        }

        // Digits without the zeros before and after them; those after them only move the power.
        Int128 digits = 0;
        var count = 0;
        var zeros = 0;
        var isFraction = false;
        foreach (var b in mantissa)
        {
            if (b == (byte)'.' && !isFraction)
            {
                isFraction = true;
                continue;
            }

            if (b is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            power -= isFraction ? 1 : 0;
            if (b == (byte)'0')
            {
                zeros += count > 0 ? 1 : 0;
                continue;
            }

            count += zeros + 1;
            if (count > DigitsMax)
            {
                return false;
            }

            for (; zeros > 0; zeros--)
            {
                digits *= 10;
            }

            digits = (digits * 10) + (b - (byte)'0');
        }

        if (count == 0)
        {
            return mantissa.Length > (isFraction ? 1 : 0);
        }

        power += zeros;
        if (power < 0 || count + power > DigitsMax)
        {
            return false;
        }

        for (; power > 0; power--)
        {
            digits *= 10;
        }

        if (digits > TermMax)
        {
            return false;
        }

        amount = new(negative ? -digits : digits);
        return true;
    }

    /// <summary>Writes the amount as a JSON number: no exponent, no trailing zeros, no sign on zero.</summary>
    /// <param name="writer">Where it goes.</param>
    public void Write(IBufferWriter<byte> writer)
    {
        Span<byte> text = writer.GetSpan(64);
        var length = Encoding.ASCII.GetBytes(ToString(), text);
        writer.Advance(length);
    }

    /// <summary>The amount as a JSON number.</summary>
    public override string ToString()
    {
        var whole = Int128.Abs(Billionths) / Unit;
        var rest = (long)(Int128.Abs(Billionths) % Unit);
        var sign = Billionths < 0 ? "-" : "";
        return rest == 0 ? $"{sign}{whole}" : $"{sign}{whole}.{rest:D9}".TrimEnd('0');
    }
}
