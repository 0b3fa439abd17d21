using System.Collections;

namespace Stentor.Protocol;

/// <summary>
/// Origin → highest <c>seq</c> seen, contiguous from 1. Immutable; origins in ordinal order; a missing origin is 0.
/// (Parker et al., "Detection of mutual inconsistency in distributed systems", 1983.)
/// </summary>
public sealed class VersionVector : IEquatable<VersionVector>, IReadOnlyCollection<KeyValuePair<OriginId, long>>
{
    private readonly KeyValuePair<OriginId, long>[] _components;

    private VersionVector(KeyValuePair<OriginId, long>[] components) => _components = components;

    /// <summary>Nothing seen.</summary>
    public static VersionVector Empty { get; } = new([]);

    /// <summary>How many origins have a component.</summary>
    public int Count => _components.Length;

    /// <summary>The components, in ordinal order of their origins.</summary>
    public ReadOnlySpan<KeyValuePair<OriginId, long>> Components => _components;

    /// <summary>The highest number seen of <paramref name="origin"/>; 0 when none.</summary>
    /// <param name="origin">Any origin.</param>
    public long this[OriginId origin]
    {
        get
        {
            var index = IndexOf(origin);
            return index < 0 ? 0 : _components[index].Value;
        }
    }

    /// <summary>Makes a vector.</summary>
    /// <param name="components">Each origin at most once; zeros are left out.</param>
    /// <exception cref="ArgumentException">An origin stands twice, or a number is negative.</exception>
    public static VersionVector Of(params IEnumerable<KeyValuePair<OriginId, long>> components)
    {
        KeyValuePair<OriginId, long>[] sorted = [.. components];
        if (Array.Exists(sorted, c => c.Value == 0))
        {
            sorted = Array.FindAll(sorted, c => c.Value != 0);
        }

        if (!IsAscending(sorted))
        {
            Array.Sort(sorted, (a, b) => a.Key.CompareTo(b.Key));
        }

        for (var i = 0; i < sorted.Length; i++)
        {
            if (sorted[i].Value < 0 || (i > 0 && sorted[i - 1].Key == sorted[i].Key))
            {
                throw new ArgumentException($"Component {sorted[i].Key} stands twice or is negative ({sorted[i].Value}).", nameof(components));
            }
        }

        return sorted.Length == 0 ? Empty : new VersionVector(sorted);
    }

    /// <summary>Makes a vector of what is in order already; it keeps the array.</summary>
    internal static VersionVector OfAscending(KeyValuePair<OriginId, long>[] components) => new(components);

    /// <summary>Makes a vector of one component.</summary>
    /// <param name="origin">The origin.</param>
    /// <param name="seq">Its highest number, not negative.</param>
    public static VersionVector Of(OriginId origin, long seq) => Empty.With(origin, seq);

    /// <summary>This vector with one component replaced.</summary>
    /// <param name="origin">The origin.</param>
    /// <param name="seq">Its new number; 0 takes the component out.</param>
    public VersionVector With(OriginId origin, long seq)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seq);
        var index = IndexOf(origin);
        if (index >= 0 && seq != 0)
        {
            var copy = _components.AsSpan().ToArray();
            copy[index] = new(origin, seq);
            return new VersionVector(copy);
        }

        return Of(_components.Where(c => c.Key != origin).Append(new(origin, seq)));
    }

    /// <summary>This vector without one component.</summary>
    /// <param name="origin">The origin.</param>
    public VersionVector Without(OriginId origin) => IndexOf(origin) < 0 ? this : With(origin, 0);

    /// <summary>The greater of both, component by component: the least vector that covers both.</summary>
    /// <param name="other">The other vector.</param>
    public VersionVector Merge(VersionVector other)
    {
        if (Covers(other))
        {
            return this;
        }

        if (other.Covers(this))
        {
            return other;
        }

        var merged = new List<KeyValuePair<OriginId, long>>(_components.Length + other._components.Length);
        var (ours, theirs) = (0, 0);
        while (ours < _components.Length && theirs < other._components.Length)
        {
            var (mine, its) = (_components[ours], other._components[theirs]);
            var order = mine.Key.CompareTo(its.Key);
            merged.Add(order < 0 || (order == 0 && mine.Value >= its.Value) ? mine : its);
            ours += order <= 0 ? 1 : 0;
            theirs += order >= 0 ? 1 : 0;
        }

        merged.AddRange(_components.AsSpan(ours));
        merged.AddRange(other._components.AsSpan(theirs));
        return new VersionVector([.. merged]);
    }

    /// <summary>Whether everything in <paramref name="other"/> is in this one.</summary>
    /// <param name="other">The other vector.</param>
    public bool Covers(VersionVector other)
    {
        var ours = 0;
        foreach (var (origin, seq) in other._components)
        {
            if (SeqOf(origin, ref ours) < seq)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What <paramref name="other"/> has and this one lacks: its components that are greater than ours.</summary>
    /// <param name="other">The other vector.</param>
    public VersionVector MissingFrom(VersionVector other)
    {
        var missing = new List<KeyValuePair<OriginId, long>>();
        var ours = 0;
        foreach (var component in other._components)
        {
            if (SeqOf(component.Key, ref ours) < component.Value)
            {
                missing.Add(component);
            }
        }

        return missing.Count == 0 ? Empty : new VersionVector([.. missing]);
    }

    /// <inheritdoc/>
    public bool Equals(VersionVector? other) => other is not null && _components.AsSpan().SequenceEqual(other._components);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as VersionVector);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var (origin, seq) in _components)
        {
            hash.Add(origin);
            hash.Add(seq);
        }

        return hash.ToHashCode();
    }

    /// <summary>For people: <c>{asia-1c: 4, eu-7f: 12}</c>.</summary>
    public override string ToString() => "{" + string.Join(", ", _components.Select(c => $"{c.Key}: {c.Value}")) + "}";

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<OriginId, long>> GetEnumerator() => _components.AsEnumerable().GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static bool IsAscending(KeyValuePair<OriginId, long>[] components)
    {
        for (var i = 1; i < components.Length; i++)
        {
            if (components[i - 1].Key.CompareTo(components[i].Key) >= 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The number seen of an origin, for a walk over origins in their order.</summary>
    /// <param name="origin">Greater than the one asked for before.</param>
    /// <param name="at">Where the walk is here; 0 at its beginning.</param>
    private long SeqOf(OriginId origin, ref int at)
    {
        for (; at < _components.Length; at++)
        {
            var order = _components[at].Key.CompareTo(origin);
            if (order >= 0)
            {
                return order == 0 ? _components[at].Value : 0;
            }
        }

        return 0;
    }

    private int IndexOf(OriginId origin)
    {
        // Regions are few: a scan beats a search below some dozens.
        for (var i = 0; i < _components.Length; i++)
        {
            if (string.Equals(_components[i].Key.Value, origin.Value, StringComparison.Ordinal))
            {
                return i;
            }
        }

        return -1;
    }
}
