using Stentor.Replication;

namespace Stentor.Simulation;

/// <summary>Judges memory: invariant 10 (bounded).</summary>
/// <param name="world">The world.</param>
internal sealed class BoundsChecker(World world)
{
    // A link's window, and what it says beside entries.
    private const long BytesUnderWayMax = 4 * 1024 * 1024;

    /// <summary>A batch was applied.</summary>
    public void OnApplied(RegionProcess process, Replica replica)
    {
        if (replica.WaitingCount > world.Plan.WaitingEntriesMax || replica.WaitingBytes > world.Plan.Replica.WaitingBytesMax)
        {
            throw new InvariantException(Invariant.Bounded, $"{replica.WaitingCount} entries with {replica.WaitingBytes} bytes wait in {process.Region.Name}; at most {world.Plan.WaitingEntriesMax} may.");
        }
    }

    /// <summary>The run is over.</summary>
    public void AtEnd()
    {
        if (world.Network.BytesUnderWayMost > BytesUnderWayMax)
        {
            throw new InvariantException(Invariant.Bounded, $"{world.Network.BytesUnderWayMost} bytes were under way on one connection; at most {BytesUnderWayMax} may be.");
        }
    }
}
