using System.Text;

namespace Stentor.Protocol;

/// <summary>A union of channels and patterns. Immutable.</summary>
public sealed class ChannelSet
{
    private readonly HashSet<string> _exact;
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _exactByChars;
    private readonly ChannelPattern[] _wild;

    /// <summary>Makes a set.</summary>
    /// <param name="patterns">What is in it; twice is once.</param>
    public ChannelSet(params IEnumerable<ChannelPattern> patterns)
    {
        Patterns = [.. patterns.Distinct()];
        _exact = [.. Patterns.Where(p => p.IsExact).Select(p => p.Text)];
        _exactByChars = _exact.GetAlternateLookup<ReadOnlySpan<char>>();
        _wild = [.. Patterns.Where(p => !p.IsExact)];
    }

    /// <summary>What is in it.</summary>
    public IReadOnlyList<ChannelPattern> Patterns { get; }

    /// <summary>Whether it names channels one by one, without wildcards.</summary>
    public bool IsExact => _wild.Length == 0;

    /// <summary>Whether <paramref name="channel"/> is in it.</summary>
    /// <param name="channel">A channel name in UTF-8.</param>
    public bool Contains(ReadOnlySpan<byte> channel)
    {
        if (_exact.Count > 0 && channel.Length <= ChannelName.LengthMax)
        {
            Span<char> chars = stackalloc char[ChannelName.LengthMax];
            if (_exactByChars.Contains(chars[..Encoding.ASCII.GetChars(channel, chars)]))
            {
                return true;
            }
        }

        foreach (var pattern in _wild)
        {
            if (pattern.Matches(channel))
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc cref="Contains(ReadOnlySpan{byte})"/>
    public bool Contains(string channel)
    {
        Span<byte> bytes = stackalloc byte[ChannelName.LengthMax];
        return Encoding.UTF8.TryGetBytes(channel, bytes, out var written) && Contains(bytes[..written]);
    }
}
