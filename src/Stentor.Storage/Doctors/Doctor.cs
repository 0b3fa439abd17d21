using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// Examines a data directory that no node has open: checksums, chains, gaps, indexes, and whether the state is equal to a re-fold. It changes
/// nothing unless it is told to mend; then it makes again what can be made from the rest, and puts aside what is damaged.
/// </summary>
public static class Doctor
{
    // A repair may bring something else to light (a mended header lets its records be read): three rounds see to the bottom of it.
    private const int RoundsMax = 3;

    /// <summary>Examines, and mends when asked to.</summary>
    /// <param name="disk">Where the ledger is. A <see cref="PhysicalDisk"/> holds the directory's lock, so that no node has it open.</param>
    /// <param name="statePath">The state database; null to leave it out.</param>
    /// <param name="repair">Whether to mend.</param>
    /// <param name="progress">Told how far it is, on the calling thread; or null.</param>
    /// <param name="cancellationToken">Ends an examination. A repair that has begun with a finding is finished.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    /// <exception cref="LedgerFaultException">A newer program made what lies there.</exception>
    public static DoctorReport Run(IDisk disk, string? statePath, bool repair, Action<DoctorProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var findings = new List<DoctorFinding>();
        for (var round = 1; ; round++)
        {
            var (ledger, ailments) = Examine(disk, statePath, progress, cancellationToken, out var position);
            var found = ailments.ConvertAll(a => a.Finding);

            // What an earlier round found and this one does not is mended.
            for (var i = 0; i < findings.Count; i++)
            {
                findings[i] = findings[i] with { IsMended = !found.Contains(findings[i] with { IsMended = false }) };
            }

            findings.AddRange(found.Where(f => !findings.Exists(known => known with { IsMended = false } == f)));
            if (!repair || round > RoundsMax || !ailments.Exists(a => a.Mend is not null))
            {
                return new DoctorReport(findings, ledger.First, ledger.Last, position);
            }

            // The state once, however many differences there are.
            var done = new HashSet<Action>();
            foreach (var ailment in ailments)
            {
                if (ailment.Mend is { } mend && done.Add(mend))
                {
                    mend();
                }
            }
        }
    }

    private static (LedgerExamination Ledger, List<Ailment> Ailments) Examine(
        IDisk disk, string? statePath, Action<DoctorProgress>? progress, CancellationToken cancellationToken, out long position)
    {
        StateDatabase? state = null;
        string? missing = null;
        try
        {
            if (statePath is not null && File.Exists(statePath))
            {
                state = StateDatabase.OpenToRead(statePath);
            }
            else
            {
                missing = "there is no state database";
            }
        }
        catch (DiskException e) when (e.InnerException is StateDamagedException damaged)
        {
            missing = $"it is damaged: {damaged.Message}";
        }

        using (state)
        {
            position = state?.Mark?.Position ?? 0;
            var ledger = new LedgerExamination(disk, state?.Mark, progress, cancellationToken);
            ledger.Run();
            var ailments = new List<Ailment>(ledger.Ailments);
            if (statePath is not null)
            {
                var examination = new StateExamination(disk, statePath, ledger, progress, cancellationToken);
                if (state is null)
                {
                    examination.TellMissing(missing!); // Set wherever the state is not.
                }
                else
                {
                    examination.Run(state);
                }

                ailments.AddRange(examination.Ailments);
            }

            return (ledger, ailments);
        }
    }
}
