namespace Stentor.Simulation;

/// <summary>The invariants of the design, by their numbers there.</summary>
public enum Invariant
{
    /// <summary>None of the ten: the core itself said that something cannot be, where nothing was damaged.</summary>
    Sound = 0,

    /// <summary>An acknowledged entry is in its region's ledger after any crash; with copies, in as many regions.</summary>
    Durable = 1,

    /// <summary>Every replica applies each origin's entries 1, 2, 3, … once each.</summary>
    Contiguous = 2,

    /// <summary>Nothing is applied or shown before what it depends on; stamps grow along every dependency.</summary>
    Causal = 3,

    /// <summary>Replicas that have applied the same entries hold the same state.</summary>
    Convergent = 4,

    /// <summary>A client sees its own writes and never goes back.</summary>
    Session = 5,

    /// <summary>A resumed subscription sees every entry after its token once, in an order that all its predecessors allow.</summary>
    Delivery = 6,

    /// <summary>At most one owner for a claimed name, everywhere, for ever.</summary>
    Unique = 7,

    /// <summary>A publish id changes state once.</summary>
    ExactlyOnce = 8,

    /// <summary>When faults stop, every replica reaches every entry, in bounded time.</summary>
    Live = 9,

    /// <summary>Memory stays within the configured bounds.</summary>
    Bounded = 10,
}

/// <summary>A checker saw an invariant broken.</summary>
/// <param name="invariant">Which.</param>
/// <param name="detail">What was seen and what should have been.</param>
public sealed class InvariantException(Invariant invariant, string detail) : Exception(detail)
{
    /// <summary>Which one.</summary>
    public Invariant Invariant { get; } = invariant;
}
