using System.Buffers.Text;
using System.Text;

namespace Stentor.Load.Net;

/// <summary>
/// The activities of a measurement: all of one size, each with its number and the time it was due, at fixed width so that making
/// and reading one costs little.
/// </summary>
internal sealed class LoadActivity
{
    // 10 and 15 digits: both start with 1, since JSON knows no leading zeros, and a double holds both exactly.
    private const long NthBase = 1_000_000_000;
    private const long AtBase = 100_000_000_000_000;
    private const int NthDigits = 10;
    private const int AtDigits = 15;

    /// <summary>Due times are written in units of 100 ns.</summary>
    private const long AtUnit = 100;

    private readonly byte[] _bytes;
    private readonly int _nthStart;
    private readonly int _atStart;

    /// <summary>Makes the pattern.</summary>
    /// <param name="size">Bytes of every activity; at least 100.</param>
    public LoadActivity(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 100);
        var front = $$"""{"type":"Note","nth":{{NthBase}},"at":{{AtBase}},"content":""" + "\"";
        var text = front + new string('x', size - front.Length - 2) + "\"}";
        _bytes = Encoding.ASCII.GetBytes(text);
        _nthStart = front.IndexOf("\"nth\":", StringComparison.Ordinal) + 6;
        _atStart = front.IndexOf("\"at\":", StringComparison.Ordinal) + 5;
    }

    private static ReadOnlySpan<byte> NthKey => "nth\":"u8;

    private static ReadOnlySpan<byte> AtKey => ",\"at\":"u8;

    /// <summary>The activity with this number. Valid until the next one is made.</summary>
    /// <param name="nth">From 0.</param>
    /// <param name="due">When it is due (<see cref="Clock"/>).</param>
    public ReadOnlySpan<byte> Make(long nth, long due)
    {
        Utf8Formatter.TryFormat(NthBase + nth, _bytes.AsSpan(_nthStart), out _);
        Utf8Formatter.TryFormat(AtBase + (due / AtUnit), _bytes.AsSpan(_atStart), out _);
        return _bytes;
    }

    /// <summary>Finds number and due time in whatever a server delivered.</summary>
    public static bool TryRead(ReadOnlySpan<byte> record, out long nth, out long due)
    {
        due = 0;
        nth = 0;
        var start = record.IndexOf(NthKey) + NthKey.Length;
        if (start < NthKey.Length || record.Length < start + NthDigits + AtKey.Length + AtDigits)
        {
            return false;
        }

        var rest = record[start..];
        if (!Utf8Parser.TryParse(rest[..NthDigits], out nth, out _)
            || !Utf8Parser.TryParse(rest.Slice(NthDigits + AtKey.Length, AtDigits), out due, out _))
        {
            return false;
        }

        nth -= NthBase;
        due = (due - AtBase) * AtUnit;
        return true;
    }
}
