namespace Stentor.Storage;

/// <summary>How much a finding matters.</summary>
public enum DoctorSeverity
{
    /// <summary>Nothing is wrong; worth knowing.</summary>
    Note,

    /// <summary>Something is missing or wrong, and the node runs all the same.</summary>
    Warning,

    /// <summary>The node does not start, or what it would serve is not what was published.</summary>
    Error,
}

/// <summary>Something that the doctor found.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Where">The file, and the place in it or the positions.</param>
/// <param name="What">What was found and what was expected.</param>
/// <param name="Advice">What to do.</param>
/// <param name="CanMend">Whether <c>--repair</c> mends it.</param>
/// <param name="IsMended">Whether it was there before the repair and is no longer.</param>
public sealed record DoctorFinding(DoctorSeverity Severity, string Where, string What, string Advice, bool CanMend, bool IsMended = false);

/// <summary>How far an examination is.</summary>
/// <param name="Step">What is being done, for people.</param>
/// <param name="Done">How much of it is done.</param>
/// <param name="Total">How much there is to do, in the same unit.</param>
public readonly record struct DoctorProgress(string Step, long Done, long Total);

/// <summary>What the doctor found, before a repair and after it.</summary>
/// <param name="Findings">The findings; what was mended says so.</param>
/// <param name="FirstPosition">The first position that is held; 0 when there is no ledger.</param>
/// <param name="LastPosition">The last position.</param>
/// <param name="StatePosition">The position that the state database reflects; 0 when there is none.</param>
public sealed record DoctorReport(IReadOnlyList<DoctorFinding> Findings, long FirstPosition, long LastPosition, long StatePosition)
{
    /// <summary>Whether nothing is wrong (any more): notes do not count.</summary>
    public bool IsClean => Findings.All(f => f.IsMended || f.Severity == DoctorSeverity.Note);
}
