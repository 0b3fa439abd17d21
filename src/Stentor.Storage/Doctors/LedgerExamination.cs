namespace Stentor.Storage;

/// <summary>A finding with the way to mend it.</summary>
/// <param name="Finding">The finding.</param>
/// <param name="Mend">Mends it; null when nothing does.</param>
internal sealed record Ailment(DoctorFinding Finding, Action? Mend);

/// <summary>Positions that are lost, and where in which file they should be.</summary>
/// <param name="Header">The segment.</param>
/// <param name="First">The first position.</param>
/// <param name="Count">How many.</param>
/// <param name="Offset">Where in the file they should be.</param>
/// <param name="Bytes">How many bytes there are; 0 for none.</param>
/// <param name="IsMarked">Whether an earlier repair marked them.</param>
internal sealed record LostPositions(SegmentHeader Header, long First, int Count, int Offset, int Bytes, bool IsMarked)
{
    public long Last => First + Count - 1;
}

/// <summary>Looks at every byte of the ledger and changes none.</summary>
/// <param name="disk">Where the ledger is.</param>
/// <param name="state">What the state database reflects; null when there is none, or none that can be read.</param>
/// <param name="progress">Told how far it is.</param>
/// <param name="cancellationToken">Ends it.</param>
internal sealed class LedgerExamination(IDisk disk, StateMark? state, Action<DoctorProgress>? progress, CancellationToken cancellationToken)
{
    // Enough to see what is going on; the counts are complete.
    private const int ChainFaultsTold = 20;

    private readonly LedgerRepair _repair = new(disk);
    private readonly ChainCheck _chains = new();
    private int _chainFaults;
    private bool _isReadable = true;

    /// <summary>What was found.</summary>
    public List<Ailment> Ailments { get; } = [];

    /// <summary>The segments, in order.</summary>
    public List<SegmentHeader> Headers { get; } = [];

    /// <summary>What is lost.</summary>
    public List<LostPositions> Lost { get; } = [];

    /// <summary>The last position.</summary>
    public long Last { get; private set; }

    /// <summary>The first position; 0 when there is no ledger.</summary>
    public long First => Headers.Count == 0 ? 0 : Headers[0].First;

    /// <summary>Whether the states can be folded from it.</summary>
    public bool IsWhole => Headers.Count > 0 && First == 1 && Lost.Count == 0 && _chainFaults == 0 && _isReadable;

    /// <summary>Looks at everything.</summary>
    public void Run()
    {
        var names = disk.List();
        var files = names.Where(n => SegmentHeader.TryParseName(n, out _, out _)).ToList();
        DropUnfinished(files);
        var total = files.Sum(LengthOf);
        var done = 0L;
        for (var i = 0; i < files.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Invoke(new DoctorProgress("reading the ledger", done, total));
            done += LengthOf(files[i]);
            var next = i + 1 < files.Count ? FirstOf(files[i + 1]) : (long?)null;
            if (ReadHeader(files[i]) is { } header)
            {
                Scan(header, next - 1 ?? long.MaxValue, names);
            }
        }

        progress?.Invoke(new DoctorProgress("reading the ledger", total, total));
        if (state is not null && Headers.Count > 0 && state.Position > Last)
        {
            Add(
                DoctorSeverity.Error,
                $"positions {Last + 1} to {state.Position}",
                $"the state database reflects position {state.Position}, but the ledger ends at {Last}: entries that were acknowledged are missing",
                "Restore the newest ledger-*.seg files. With --repair the positions are given up and the node goes on after them: the states know them, readers of the history do not.",
                () => _repair.GoOnAt(Headers[^1], state.Position + 1, state.Mark.Seen, Headers[^1].Self));
        }

        if (_chainFaults > ChainFaultsTold)
        {
            Add(DoctorSeverity.Error, "the ledger", $"{_chainFaults - ChainFaultsTold} more entries are out of order", "See the first ones.", null);
        }

        TellLost();
    }

    private static long FirstOf(string name)
    {
        _ = SegmentHeader.TryParseName(name, out _, out var first);
        return first;
    }

    private long LengthOf(string name)
    {
        using var file = disk.Open(name, DiskFileMode.Existing);
        return file.Length;
    }

    private void DropUnfinished(List<string> files)
    {
        var storeId = files.Select(f => Ledger.ReadHeader(disk, f)).FirstOrDefault(h => h is not null)?.StoreId ?? state?.StoreId;
        foreach (var name in files.Where(f => Ledger.ReadHeader(disk, f) is null && !Ledger.HoldsRecords(disk, f, storeId)).ToList())
        {
            Add(DoctorSeverity.Note, name, "it was being begun when the process ended or the disk failed, and holds nothing", "Nothing: the next start clears it away.", null);
            files.Remove(name);
        }
    }

    private SegmentHeader? ReadHeader(string name)
    {
        _ = SegmentHeader.TryParseName(name, out var number, out var first);
        SegmentHeader? header;
        using (var file = disk.Open(name, DiskFileMode.Existing))
        {
            header = SegmentHeader.Read(file, name);
        }

        var storeId = Headers.Count > 0 ? Headers[^1].StoreId : state?.StoreId;
        if (header is not null && header.Number == number && header.First == first)
        {
            if (storeId is not null && header.StoreId != storeId)
            {
                _isReadable = false;
                Add(DoctorSeverity.Error, name, "it belongs to another store than the files beside it", "Move what does not belong here out of the data directory.", null);
                return null;
            }

            return header;
        }

        _isReadable = false;

        // Its copy in the index; or what the segments before it add up to.
        header = Ledger.ReadCopy(disk, SegmentHeader.IndexNameOf(name));
        if (header is null && storeId is not null && Headers.Count > 0 && Lost.Count == 0 && _chainFaults == 0 && Last == first - 1)
        {
            header = new SegmentHeader(storeId.Value, number, first, Headers[^1].Self, _chains.Seen);
        }

        Add(
            DoctorSeverity.Error,
            name,
            "its header is damaged",
            header is null ? "Restore this file from a backup: what its header should say cannot be told from the other files." : "With --repair it is written again.",
            header is null ? null : () => _repair.WriteHeader(header));
        return header;
    }

    private void Scan(SegmentHeader header, long positionLast, IReadOnlyList<string> names)
    {
        if (header.First > positionLast)
        {
            Add(DoctorSeverity.Note, header.FileName, "it is empty, and the next segment overrides it", "Nothing: the next start clears it away.", null);
            return;
        }

        if (Headers.Count == 0)
        {
            _chains.StartAt(header.Start);
            Last = header.First - 1;
        }
        else if (!header.Start.Equals(_chains.Seen) && Lost.Count == 0 && _chainFaults == 0)
        {
            _isReadable = false;
            Add(DoctorSeverity.Error, header.FileName, $"it starts at version vector {header.Start}, but the segments before it add up to {_chains.Seen}", "Restore this file and the one before it from a backup.", null);
        }

        Headers.Add(header);
        using var file = disk.Open(header.FileName, DiskFileMode.Existing);
        var keepLast = positionLast;
        var isActive = positionLast == long.MaxValue;
        if (isActive)
        {
            var first = SegmentScanner.Scan(file, header, positionLast);
            var keep = first.WholeCount((int)Math.Clamp((state?.Position ?? 0) + 1 - header.First, 0, int.MaxValue));
            if (keep < first.Index.Count)
            {
                Add(DoctorSeverity.Note, $"{header.FileName} from position {header.First + keep}", "the last batch is torn: it was never acknowledged", "Nothing: the next start cuts it.", null);
                keepLast = header.First + keep - 1;
            }
        }

        var scan = SegmentScanner.Scan(file, header, keepLast, new Visitor(this, header));
        Last = header.First + scan.Index.Count - 1;
        if (!isActive)
        {
            CompareIndex(header, scan.Index, names);
        }
    }

    private void CompareIndex(SegmentHeader header, ActiveIndex index, IReadOnlyList<string> names)
    {
        var expected = IndexLayout.Encode(header, index);
        if (!names.Contains(header.IndexName))
        {
            Add(DoctorSeverity.Note, header.IndexName, "the index is missing, as after a crash", "Nothing: the next start makes it, and so does --repair.", () => _repair.WriteIndex(header, expected));
            return;
        }

        var found = new byte[LengthOf(header.IndexName)];
        using (var file = disk.Open(header.IndexName, DiskFileMode.Existing))
        {
            file.Read(found, 0);
        }

        // The index of a damaged segment knows better than the segment what stood there.
        var isReadable = IndexLayout.Decode(found, header.IndexName)?.IsBodyGood(found) == true;
        if (!(isReadable && Lost.Exists(l => l.Header == header && !l.IsMarked)) && !found.AsSpan().SequenceEqual(expected))
        {
            Add(
                isReadable ? DoctorSeverity.Error : DoctorSeverity.Warning,
                header.IndexName,
                isReadable ? "the index says something else than the segment" : "the index is damaged",
                "With --repair it is made again.",
                () => _repair.WriteIndex(header, expected));
        }
    }

    private void TellLost()
    {
        // What the states know need not be folded again: it is marked. From the first position after that on, nothing can be folded.
        var cut = state is null ? null : Lost.Find(l => !l.IsMarked && l.Last > state.Position);
        foreach (var lost in Lost)
        {
            var where = $"{lost.Header.FileName} at {lost.Offset}, positions {lost.First} to {lost.Last}";
            if (lost.IsMarked || (lost.Bytes < RecordFormat.HeaderBytes + 8 && (state is null || lost.Last <= state.Position)))
            {
                Add(DoctorSeverity.Warning, where, lost.IsMarked ? "lost; put aside by an earlier repair" : "missing", "Nothing mends this here. Readers are told of the hole.", null);
            }
            else if (state is null)
            {
                Add(DoctorSeverity.Error, where, "damaged, and there is no state database that knows what stood there", "Restore this file or the state database from a backup: without either nothing after the damage can be folded.", null);
            }
            else if (lost.Last <= state.Position)
            {
                Add(DoctorSeverity.Error, where, "damaged", "Restore this file from a backup. With --repair the damaged bytes are put aside in a quarantine-* file and the positions marked as lost; the states know them.", () => _repair.PutAside(lost));
            }
            else if (lost == cut)
            {
                Add(
                    DoctorSeverity.Error,
                    where,
                    $"damaged, and the state database reflects only position {state.Position}: nothing from here on can be folded",
                    $"Restore this file from a backup. With --repair the ledger ends at position {Math.Max(lost.First - 1, state.Position)}; all {Last - Math.Max(lost.First - 1, state.Position)} positions after it are put aside in quarantine-* files, though they were acknowledged, and the region goes on under a new incarnation.",
                    () => _repair.CutAt(Headers, lost, state));
            }
        }
    }

    private void Add(DoctorSeverity severity, string where, string what, string advice, Action? mend) =>
        Ailments.Add(new Ailment(new DoctorFinding(severity, where, what, advice, mend is not null), mend));

    private sealed class Visitor(LedgerExamination examination, SegmentHeader header) : IScanVisitor
    {
        public void OnRecord(long position, ReadOnlyMemory<byte> entry)
        {
            if (examination._chains.Check(entry.Span) is not { } fault)
            {
                return;
            }

            if (++examination._chainFaults <= ChainFaultsTold)
            {
                examination.Add(
                    DoctorSeverity.Error,
                    $"{header.FileName}, position {position}",
                    $"the entry passes its checksum, but {fault}",
                    "Restore this file from a backup: this is no damage of the disk.",
                    null);
            }
        }

        public void OnLost(long first, int count, int offset, int bytes, bool isMarked)
        {
            examination._chains.SkipHole();
            examination.Lost.Add(new LostPositions(header, first, count, offset, bytes, isMarked));
        }
    }
}
