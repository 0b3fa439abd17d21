using System.Text;

namespace Stentor.Protocol;

/// <summary>What a subscription asks for: one channel, or many by <c>*</c> (one token) and a last <c>&gt;</c> (one or more tokens).</summary>
/// <remarks>A wildcard never stands for a reserved first token: <c>&gt;</c> does not show the node's own channels.</remarks>
public sealed class ChannelPattern : IEquatable<ChannelPattern>
{
    private readonly byte[] _bytes;

    private ChannelPattern(string text)
    {
        Text = text;
        _bytes = Encoding.UTF8.GetBytes(text);
        IsExact = !text.Contains('*', StringComparison.Ordinal) && !text.Contains('>', StringComparison.Ordinal);
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>Whether it names one channel.</summary>
    public bool IsExact { get; }

    /// <summary>Whether its first token is a reserved one.</summary>
    public bool IsReserved => ChannelName.IsReserved(Text);

    /// <summary>Reads a pattern.</summary>
    /// <param name="text">A channel name or pattern.</param>
    /// <exception cref="ProtocolException">It is neither.</exception>
    public static ChannelPattern Parse(string text) => ChannelName.IsValidPattern(text)
        ? new ChannelPattern(text)
        : throw new ProtocolException(ErrorType.Malformed, $"'{Printable.Cut(text)}' is not a channel or pattern: 1 to 16 tokens of A-Z a-z 0-9 _ - joined by dots, at most 255 characters; a token may be *, the last one >.");

    /// <summary>Whether <paramref name="channel"/> is meant.</summary>
    /// <param name="channel">A channel name in UTF-8.</param>
    public bool Matches(ReadOnlySpan<byte> channel)
    {
        if (IsExact)
        {
            return channel.SequenceEqual(_bytes);
        }

        ReadOnlySpan<byte> pattern = _bytes;
        if (ChannelName.IsReserved(channel) && !ChannelName.IsReserved(pattern))
        {
            return false;
        }

        while (true)
        {
            if (pattern.SequenceEqual(">"u8))
            {
                return true;
            }

            var patternDot = pattern.IndexOf((byte)'.');
            var channelDot = channel.IndexOf((byte)'.');
            var patternToken = patternDot < 0 ? pattern : pattern[..patternDot];
            var channelToken = channelDot < 0 ? channel : channel[..channelDot];
            if (!patternToken.SequenceEqual("*"u8) && !patternToken.SequenceEqual(channelToken))
            {
                return false;
            }

            if (patternDot < 0 || channelDot < 0)
            {
                return patternDot < 0 && channelDot < 0;
            }

            pattern = pattern[(patternDot + 1)..];
            channel = channel[(channelDot + 1)..];
        }
    }

    /// <inheritdoc cref="Matches(ReadOnlySpan{byte})"/>
    public bool Matches(string channel)
    {
        Span<byte> bytes = stackalloc byte[ChannelName.LengthMax];
        return Encoding.UTF8.TryGetBytes(channel, bytes, out var written) && Matches(bytes[..written]);
    }

    /// <inheritdoc/>
    public bool Equals(ChannelPattern? other) => other is not null && Text == other.Text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ChannelPattern);

    /// <inheritdoc/>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Text;
}
