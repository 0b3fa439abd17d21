using System.Collections.Immutable;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>Where a replica stands: enough, together with the states, to go on from there.</summary>
/// <param name="Seen">What it has applied.</param>
/// <param name="Lamport">The greatest Lamport clock it has seen.</param>
/// <param name="Time">The greatest time that drives its hybrid clock, microseconds since 1970.</param>
/// <param name="Chains">The chain of each origin's last applied entry.</param>
public sealed record ReplicaMark(VersionVector Seen, long Lamport, long Time, ImmutableSortedDictionary<OriginId, ulong> Chains)
{
    /// <summary>Before the first entry.</summary>
    public static ReplicaMark Start { get; } = new(VersionVector.Empty, 0, 0, ImmutableSortedDictionary<OriginId, ulong>.Empty);

    /// <summary>Origins whose newest times do not drive the clock, since they lie too far ahead of it. Usually empty.</summary>
    public ImmutableSortedDictionary<OriginId, AheadOfClock> Ahead { get; init; } = ImmutableSortedDictionary<OriginId, AheadOfClock>.Empty;
}

/// <summary>Entries of one origin whose times lie ahead of the clock by more than the allowed skew.</summary>
/// <param name="SeqFirst">The first such entry's number.</param>
/// <param name="Time">The last such entry's time, microseconds since 1970.</param>
public readonly record struct AheadOfClock(long SeqFirst, long Time);
