using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>Where an activity stands in the one order in which every region folds: by time, then origin, then number.</summary>
/// <param name="Time">Microseconds since 1970.</param>
/// <param name="Origin">The entry's origin.</param>
/// <param name="Seq">The entry's number.</param>
internal readonly record struct Stamp(long Time, OriginId Origin, long Seq) : IComparable<Stamp>
{
    /// <inheritdoc/>
    public int CompareTo(Stamp other)
    {
        if (Time != other.Time)
        {
            return Time < other.Time ? -1 : 1;
        }

        var byOrigin = Origin.CompareTo(other.Origin);
        return byOrigin != 0 ? byOrigin : Seq.CompareTo(other.Seq);
    }

    /// <summary>Whether this one comes later.</summary>
    /// <param name="other">The other one.</param>
    public bool IsAfter(in Stamp other) => CompareTo(other) > 0;
}
