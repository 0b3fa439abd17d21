using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>What an activity does to one field.</summary>
internal enum FieldChangeKind : byte
{
    /// <summary>Writes a value.</summary>
    Set = 1,

    /// <summary>Takes the field away; kept as a tombstone, so that an older write that comes later stays without effect.</summary>
    Remove = 2,

    /// <summary>Adds to a counter.</summary>
    Add = 3,
}

/// <summary>One activity's change of one field. Immutable.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Stamp">Where it stands in the order.</param>
/// <param name="Author">Who published it.</param>
/// <param name="Value">For <see cref="FieldChangeKind.Set"/>: the value, compact JSON.</param>
/// <param name="Amount">For <see cref="FieldChangeKind.Add"/>: how much.</param>
internal sealed record FieldChange(FieldChangeKind Kind, Stamp Stamp, string Author, ReadOnlyMemory<byte> Value, CounterAmount Amount)
{
    /// <summary>Whether nothing is lost when this change gives way to the other one or the other to this: both do the same.</summary>
    /// <param name="other">A set or remove of the same field.</param>
    public bool DoesTheSameAs(FieldChange other) => Kind == other.Kind && Value.Span.SequenceEqual(other.Value.Span);
}

/// <summary>What an entry's author had seen when it was made.</summary>
/// <param name="Origin">The entry's origin.</param>
/// <param name="Seq">The entry's number.</param>
/// <param name="After">Its dependencies, without the own component.</param>
internal readonly record struct Knowledge(OriginId Origin, long Seq, VersionVector After)
{
    /// <summary>Whether the author knew an entry: by the dependencies, or by the own origin's order.</summary>
    /// <param name="stamp">The entry's stamp.</param>
    public bool Covers(in Stamp stamp) => stamp.Origin == Origin ? stamp.Seq < Seq : After[stamp.Origin] >= stamp.Seq;
}
