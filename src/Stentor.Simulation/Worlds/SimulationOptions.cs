namespace Stentor.Simulation;

/// <summary>What a run is made from. The same options give the same run.</summary>
public sealed record SimulationOptions
{
    /// <summary>What everything that chance decides follows from.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Fewest regions. Default 2.</summary>
    public int RegionsMin { get; init; } = 2;

    /// <summary>Most regions. Default 50; few seeds have as many, since each costs as much as all the small ones together.</summary>
    public int RegionsMax { get; init; } = 50;

    /// <summary>How many entries are recorded before the faults stop. Default 2,000.</summary>
    public int Entries { get; init; } = 2_000;

    /// <summary>A mistake that is built in on purpose.</summary>
    public PlantedFault Planted { get; init; }

    /// <summary>Whether the story is kept.</summary>
    public bool IsTold { get; init; }
}

/// <summary>How a run ended.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="Violation">What was found; null when all is well.</param>
/// <param name="Regions">How many regions it had.</param>
/// <param name="Entries">How many entries were recorded.</param>
/// <param name="VirtualTime">How much time went by in it.</param>
/// <param name="Steps">How many events happened.</param>
/// <param name="Messages">How many messages were sent between regions.</param>
/// <param name="Faults">How often something was made to go wrong.</param>
/// <param name="Crashes">How often a process ended without a word.</param>
/// <param name="Shown">How many entries readers were shown.</param>
/// <param name="Decided">How many names and voter sets were decided.</param>
/// <param name="Digest">Everything that happened, as one number.</param>
/// <param name="Story">What happened, when it was kept.</param>
public sealed record SimulationResult(
    ulong Seed,
    Violation? Violation,
    int Regions,
    int Entries,
    TimeSpan VirtualTime,
    long Steps,
    long Messages,
    int Faults,
    int Crashes,
    long Shown,
    int Decided,
    ulong Digest,
    Story? Story);

/// <summary>A broken invariant.</summary>
/// <param name="Invariant">Which one.</param>
/// <param name="Detail">What was seen and what should have been.</param>
/// <param name="At">When, in virtual time.</param>
public sealed record Violation(Invariant Invariant, string Detail, TimeSpan At);
