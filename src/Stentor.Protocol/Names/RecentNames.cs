using System.Text;

namespace Stentor.Protocol;

/// <summary>
/// The names that entries had last: whoever parses many in a row makes one string for a run of the same name. One owner.
/// </summary>
public sealed class RecentNames
{
    // A power of two. 256 channels in turns are more than most streams have at a time; others cost a string each.
    private const int Slots = 256;

    private readonly string[] _channels = [.. Enumerable.Repeat("", Slots)];
    private string _origin = "";
    private string _author = "";

    /// <summary>A channel's name.</summary>
    /// <param name="name">In UTF-8; ASCII by rule.</param>
    public string Channel(ReadOnlySpan<byte> name) => Same(name, ref _channels[Slot(name)]);

    /// <summary>An origin's name.</summary>
    /// <param name="name">In UTF-8; ASCII by rule.</param>
    public string Origin(ReadOnlySpan<byte> name) => Same(name, ref _origin);

    /// <summary>An author's name.</summary>
    /// <param name="name">In UTF-8; ASCII by rule.</param>
    public string Author(ReadOnlySpan<byte> name) => Same(name, ref _author);

    private static int Slot(ReadOnlySpan<byte> name) => name.IsEmpty ? 0 : ((name[^1] * 31) + (name[name.Length / 2] * 7) + name.Length) & (Slots - 1);

    private static string Same(ReadOnlySpan<byte> name, ref string last)
    {
        if (!Ascii.Equals(name, last))
        {
            last = Encoding.ASCII.GetString(name);
        }

        return last;
    }
}
