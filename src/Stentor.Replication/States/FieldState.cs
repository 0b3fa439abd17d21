using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>What a client sees of a field.</summary>
internal enum FieldShows
{
    /// <summary>Nothing.</summary>
    Nothing,

    /// <summary>A value that was set.</summary>
    Plain,

    /// <summary>A sum.</summary>
    Counter,
}

/// <summary>
/// What a field's changes add up to, kept so that the next change, old or new, can be folded in without the ones before it. Immutable.
/// </summary>
/// <param name="Register">The set or remove with the greatest stamp; null when there was none. It is always one that no later set or remove knew.</param>
/// <param name="Siblings">The other sets and removes that no later set or remove knew; at most one an origin, in the order of their stamps. Usually none.</param>
/// <param name="Adders">The last add of each origin, unless a set or remove knew it; in the order of their origins. Every add that counts stands at or before one of these.</param>
/// <param name="Sum">The sum of the adds whose stamps are greater than that of <paramref name="Register"/>.</param>
internal sealed record FieldState(FieldChange? Register, FieldChange[] Siblings, FieldChange[] Adders, CounterAmount Sum)
{
    /// <summary>A field that nobody changed.</summary>
    public static FieldState Untouched { get; } = new(null, [], [], default);

    /// <summary>What a client sees.</summary>
    public FieldShows Shows => Register is { Kind: FieldChangeKind.Set } ? FieldShows.Plain
        : HasAddAfter(Register) ? FieldShows.Counter
        : FieldShows.Nothing;

    /// <summary>The bytes that a field's name counts for.</summary>
    /// <param name="name">The name.</param>
    public static long NameBytes(string name) => Encoding.UTF8.GetByteCount(name);

    /// <summary>The bytes of the values kept.</summary>
    public long ValueBytes
    {
        get
        {
            long bytes = Register?.Value.Length ?? 0;
            foreach (var sibling in Siblings)
            {
                bytes += sibling.Value.Length;
            }

            return bytes;
        }
    }

    /// <summary>Whether some add comes later in the order than a set or remove.</summary>
    /// <param name="register">A set or remove; null for before everything.</param>
    public bool HasAddAfter(FieldChange? register)
    {
        foreach (var add in Adders)
        {
            if (register is null || add.Stamp.IsAfter(register.Stamp))
            {
                return true;
            }
        }

        return false;
    }
}
