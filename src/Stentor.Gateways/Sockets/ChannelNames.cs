using System.Text;

namespace Stentor.Gateways;

/// <summary>The last few channels that a connection published to, so that their names are not made anew with every publish. One owner.</summary>
internal sealed class ChannelNames
{
    // A publisher mostly stays with one channel, or goes round a few.
    private readonly string?[] _names = new string?[4];
    private int _next;

    /// <summary>The name as a string.</summary>
    /// <param name="name">A valid channel.</param>
    public string Get(ReadOnlySpan<byte> name)
    {
        foreach (var known in _names)
        {
            if (known is not null && Ascii.Equals(name, known))
            {
                return known;
            }
        }

        var made = Encoding.ASCII.GetString(name);
        _names[_next] = made;
        _next = (_next + 1) % _names.Length;
        return made;
    }
}
