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
}
