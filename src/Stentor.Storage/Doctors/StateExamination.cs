using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>Folds the whole ledger again, into a database of its own, and compares: the state must be equal.</summary>
/// <param name="disk">Where the ledger is.</param>
/// <param name="path">The state database.</param>
/// <param name="ledger">What was found in the ledger.</param>
/// <param name="progress">Told how far it is.</param>
/// <param name="cancellationToken">Ends it.</param>
internal sealed class StateExamination(
    IDisk disk, string path, LedgerExamination ledger, Action<DoctorProgress>? progress, CancellationToken cancellationToken)
{
    // Enough to see what is going on.
    private const int DifferencesTold = 20;

    private static readonly string[] Suffixes = ["", "-wal", "-shm"];

    /// <summary>What was found.</summary>
    public List<Ailment> Ailments { get; } = [];

    private string RebuiltPath => path + ".rebuilt";

    /// <summary>Says that there is no state database that can be read.</summary>
    /// <param name="what">What there is instead.</param>
    public void TellMissing(string what)
    {
        if (ledger.Headers.Count == 0)
        {
            return;
        }

        Add(
            ledger.IsWhole ? DoctorSeverity.Warning : DoctorSeverity.Error,
            what,
            ledger.IsWhole ? "With --repair, or at the next start, it is folded again from the ledger." : "Restore it from a backup: the ledger is not whole, so it cannot be folded again.",
            ledger.IsWhole ? Rebuild : null);
    }

    /// <summary>Looks at the database and compares it.</summary>
    /// <param name="state">The database.</param>
    public void Run(StateDatabase state)
    {
        var faults = state.Faults();
        if (faults.Count > 0)
        {
            TellMissing($"it is damaged: {string.Join("; ", faults)}");
            return;
        }

        if (state.Mark is not { } mark)
        {
            return; // Nothing was ever written to it; the next start folds all of the ledger.
        }

        if (!ledger.IsWhole || mark.Position > ledger.Last)
        {
            Add(DoctorSeverity.Note, "it was not compared with the ledger, which is not whole", "Nothing.", null);
            return;
        }

        var differences = new List<string>();
        try
        {
            using var folded = Fold(mark.Position);
            Compare(state, folded.States.Database, differences);
            var serialized = new ByteBuffer();
            mark.Mark.Serialize(serialized);
            var expected = new ByteBuffer();
            folded.Mark.Serialize(expected);
            if (!mark.Mark.Seen.Equals(folded.Mark.Seen) || mark.Mark.Lamport != folded.Mark.Lamport || !mark.Mark.Chains.SequenceEqual(folded.Mark.Chains))
            {
                differences.Add($"it stands at {mark.Mark.Seen}, lamport {mark.Mark.Lamport}; the ledger gives {folded.Mark.Seen}, lamport {folded.Mark.Lamport}");
            }
        }
        catch (DiskException e) when (e.InnerException is StateDamagedException damaged)
        {
            TellMissing($"it is damaged: {damaged.Message}");
        }
        catch (LedgerFaultException e)
        {
            Add(DoctorSeverity.Error, $"the ledger cannot be folded: {e.Message}", "Restore the ledger from a backup.", null);
        }
        finally
        {
            Delete(RebuiltPath);
        }

        foreach (var difference in differences.Take(DifferencesTold))
        {
            Add(DoctorSeverity.Error, difference, "With --repair the state is folded again from the ledger.", Rebuild);
        }

        if (differences.Count > DifferencesTold)
        {
            Add(DoctorSeverity.Error, $"{differences.Count - DifferencesTold} more differences", "See the first ones.", Rebuild);
        }
    }

    private static void Compare(StateDatabase found, StateDatabase expected, List<string> differences)
    {
        found.Read(foundReader => expected.Read(expectedReader =>
        {
            using var left = foundReader.Channels("", "").GetEnumerator();
            using var right = expectedReader.Channels("", "").GetEnumerator();
            var hasLeft = left.MoveNext();
            var hasRight = right.MoveNext();
            while (hasLeft || hasRight)
            {
                var order = !hasLeft ? 1 : !hasRight ? -1 : string.CompareOrdinal(left.Current.Key, right.Current.Key);
                if (order < 0)
                {
                    differences.Add($"it has the channel {left.Current.Key}, to which the ledger has no entry");
                }
                else if (order > 0)
                {
                    differences.Add($"it lacks the channel {right.Current.Key}");
                }
                else if (!BytesOf(left.Current.Value).AsSpan().SequenceEqual(BytesOf(right.Current.Value)))
                {
                    differences.Add($"the state of {left.Current.Key} (version {left.Current.Value.Version}) is not what the ledger folds to (version {right.Current.Value.Version})");
                }

                hasLeft = order <= 0 ? left.MoveNext() : hasLeft;
                hasRight = order >= 0 ? right.MoveNext() : hasRight;
            }

            var (foundCount, foundSum) = SumOf(foundReader.Ids());
            var (expectedCount, expectedSum) = SumOf(expectedReader.Ids());
            if (foundCount != expectedCount || foundSum != expectedSum)
            {
                differences.Add($"its {foundCount} publish ids are not the {expectedCount} that are in the ledger");
            }

            return 0;
        }));
    }

    private static byte[] BytesOf(ChannelState state)
    {
        var bytes = new ByteBuffer();
        state.Serialize(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>A sum that does not depend on the order of the rows: that is by hash within a check-point, and check-points fall differently.</summary>
    private static (long Count, ulong Sum) SumOf(IEnumerable<PublishedId> ids)
    {
        var count = 0L;
        var sum = 0UL;
        foreach (var id in ids)
        {
            count++;
            sum += Checksum.Xxh64(System.Text.Encoding.UTF8.GetBytes(id.ToString()), 0);
        }

        return (count, sum);
    }

    private Store Fold(long last)
    {
        Delete(RebuiltPath);
        var self = ledger.Headers[^1].Self.Value;
        var store = Store.OpenUnfolded(new OverlayDisk(disk), new StoreOptions
        {
            Region = self[..self.LastIndexOf('-')],
            Incarnation = 0,
            StatePath = RebuiltPath,
            IsHousekeepingInBackground = false,
        });
        try
        {
            store.FoldTo(last, position =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Invoke(new DoctorProgress("folding the states again", position, last));
            });
            store.States.Checkpoint();
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    private void Rebuild()
    {
        Fold(ledger.Last).Dispose();
        foreach (var suffix in Suffixes)
        {
            if (File.Exists(path + suffix))
            {
                File.Move(path + suffix, path + ".replaced" + suffix, overwrite: true);
            }
        }

        File.Move(RebuiltPath, path);
    }

    private static void Delete(string file)
    {
        foreach (var suffix in Suffixes)
        {
            File.Delete(file + suffix);
        }
    }

    private void Add(DoctorSeverity severity, string what, string advice, Action? mend) =>
        Ailments.Add(new Ailment(new DoctorFinding(severity, path, what, advice, mend is not null), mend));
}
