using System.Buffers;
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
        var exponent = 0;
        var mantissa = negative ? number[1..] : number;
        var mark = mantissa.IndexOfAny((byte)'e', (byte)'E');
        if (mark >= 0)
        {
            if (!int.TryParse(mantissa[(mark + 1)..], out exponent) || exponent is < -40 or > 40)
            {
                return false;
            }

            mantissa = mantissa[..mark];
        }

        Int128 digits = 0;
        var scale = exponent + Decimals;
        var fraction = false;
        var any = false;
        foreach (var b in mantissa)
        {
            if (b == (byte)'.' && !fraction)
            {
                fraction = true;
                continue;
            }

            if (b is < (byte)'0' or > (byte)'9' || digits > TermMax)
            {
                return false;
            }

            any = true;
            digits = (digits * 10) + (b - (byte)'0');
            scale -= fraction ? 1 : 0;
        }

        for (; scale > 0 && digits != 0; scale--)
        {
            digits *= 10;
            if (digits > TermMax)
            {
                return false;
            }
        }

        for (; scale < 0 && digits != 0; scale++)
        {
            if (digits % 10 != 0)
            {
                return false;
            }

            digits /= 10;
        }

        amount = new(negative ? -digits : digits);
        return any && digits <= TermMax;
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
