namespace Stentor.Protocol;

/// <summary>A region's identity in entries: its name, a dash and a random incarnation made with its data directory (<c>eu-7f3a</c>).</summary>
/// <param name="Value">1 to 64 of <c>A-Z a-z 0-9 _ -</c>.</param>
public readonly record struct OriginId(string Value) : IComparable<OriginId>
{
    /// <summary>Longest identity, in characters.</summary>
    public const int LengthMax = 64;

    /// <summary>Whether <paramref name="text"/> can be an origin.</summary>
    /// <param name="text">Any bytes.</param>
    public static bool IsValid(ReadOnlySpan<byte> text) =>
        text.Length is > 0 and <= LengthMax && text.IndexOf((byte)'.') < 0 && ChannelName.IsValid(text);

    /// <summary>Ordinal order, alike in every process.</summary>
    /// <param name="other">What to compare with.</param>
    public int CompareTo(OriginId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}
