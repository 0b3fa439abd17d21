using System.Buffers;

namespace Stentor.Protocol;

/// <summary>The rule for channel names: 1 to 16 tokens of <c>A-Z a-z 0-9 _ -</c>, joined by dots, at most 255 characters.</summary>
public static class ChannelName
{
    /// <summary>Longest name, in characters.</summary>
    public const int LengthMax = 255;

    /// <summary>Most tokens.</summary>
    public const int TokensMax = 16;

    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"u8);

    /// <summary>Whether <paramref name="name"/> is a channel name, reserved or not.</summary>
    /// <param name="name">The name in UTF-8.</param>
    public static bool IsValid(ReadOnlySpan<byte> name) => Check(name, wildcards: false);

    /// <inheritdoc cref="IsValid(ReadOnlySpan{byte})"/>
    public static bool IsValid(string name) => WithBytes(name, IsValid);

    /// <summary>Whether the first token starts with <c>_</c>: such channels are the node's own.</summary>
    /// <param name="name">A channel name or pattern in UTF-8.</param>
    public static bool IsReserved(ReadOnlySpan<byte> name) => name.Length > 0 && name[0] == (byte)'_';

    /// <inheritdoc cref="IsReserved(ReadOnlySpan{byte})"/>
    public static bool IsReserved(string name) => name.Length > 0 && name[0] == '_';

    /// <summary>Whether <paramref name="name"/> may stand in a subscription: a channel name in which a token may be <c>*</c> and the last one <c>&gt;</c>.</summary>
    /// <param name="name">The name in UTF-8.</param>
    public static bool IsValidPattern(ReadOnlySpan<byte> name) => Check(name, wildcards: true);

    /// <inheritdoc cref="IsValidPattern(ReadOnlySpan{byte})"/>
    public static bool IsValidPattern(string name) => WithBytes(name, IsValidPattern);

    private static bool Check(ReadOnlySpan<byte> name, bool wildcards)
    {
        if (name.Length is 0 or > LengthMax)
        {
            return false;
        }

        for (var tokens = 1; tokens <= TokensMax; tokens++)
        {
            var dot = name.IndexOf((byte)'.');
            var token = dot < 0 ? name : name[..dot];
            var isWord = token.Length > 0 && !token.ContainsAnyExcept(TokenBytes);
            var isWildcard = wildcards && (token.SequenceEqual("*"u8) || (dot < 0 && token.SequenceEqual(">"u8)));
            if (!isWord && !isWildcard)
            {
                return false;
            }

            if (dot < 0)
            {
                return true;
            }

            name = name[(dot + 1)..];
        }

        return false;
    }

    private delegate bool Rule(ReadOnlySpan<byte> name);

    private static bool WithBytes(string name, Rule rule)
    {
        // A longer name is refused by every rule, so the buffer need not hold it.
        Span<byte> bytes = stackalloc byte[LengthMax + 1];
        return System.Text.Encoding.UTF8.TryGetBytes(name, bytes, out var written) && rule(bytes[..written]);
    }
}
