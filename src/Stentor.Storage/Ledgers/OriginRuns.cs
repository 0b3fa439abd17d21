using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>Records in a row that one origin made, with numbers in a row.</summary>
/// <param name="SeqFirst">The number of the first one.</param>
/// <param name="OrdinalFirst">Its ordinal: its place in the segment, from 0.</param>
/// <param name="Origin">Index of the origin in <see cref="OriginRuns.Origins"/>.</param>
internal readonly record struct OriginRun(long SeqFirst, int OrdinalFirst, int Origin);

/// <summary>
/// Which origin's which numbers a segment holds, in order: turns positions into version vectors and back. One thread adds, any thread reads
/// what it knows to be there: what is added is never changed, and arrays are replaced whole when they grow.
/// </summary>
/// <param name="start">The region's version vector before the segment.</param>
internal sealed class OriginRuns(VersionVector start)
{
    // A vector is kept for every 64th run, so that with many regions taking turns a look-up walks 64 runs and not all.
    private const int RunsPerMark = 64;

    private readonly Dictionary<OriginId, int> _known = [];
    private OriginId[] _origins = [];
    private OriginRun[] _runs = [];
    private long[][] _marks = [];
    private long[] _last = [];
    private volatile int _count;

    /// <summary>The region's version vector before the segment.</summary>
    public VersionVector Start { get; } = start;

    /// <summary>How many runs there are.</summary>
    public int Count => _count;

    /// <summary>The origins that occur.</summary>
    public IReadOnlyList<OriginId> Origins => _origins;

    /// <summary>A run.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public OriginRun this[int index] => _runs[index];

    /// <summary>Adds the next record.</summary>
    /// <param name="origin">Its origin.</param>
    /// <param name="seq">Its number.</param>
    /// <param name="ordinal">Its ordinal; ordinals that are lost may have been left out.</param>
    public void Add(OriginId origin, long seq, int ordinal)
    {
        var count = _count;
        if (count > 0)
        {
            var last = _runs[count - 1];
            if (last.SeqFirst + (ordinal - last.OrdinalFirst) == seq && _origins[last.Origin].Value == origin.Value)
            {
                return;
            }
        }

        AddRun(origin, seq, ordinal);
    }

    /// <summary>The region's version vector after the first <paramref name="ordinals"/> records.</summary>
    /// <param name="ordinals">How many records; all of them added.</param>
    public VersionVector SeenAfter(int ordinals)
    {
        var count = _count;
        var runs = _runs;
        var runLast = LastRunBefore(ordinals, runs, count);
        if (runLast < 0)
        {
            return Start;
        }

        // An origin that first occurs after the mark stood at the mark where it stood at the start.
        var mark = runLast / RunsPerMark;
        var known = _marks[mark];
        var origins = _origins;
        var seqs = new long[origins.Length];
        for (var i = 0; i < seqs.Length; i++)
        {
            seqs[i] = i < known.Length ? known[i] : Start[origins[i]];
        }

        for (var i = mark * RunsPerMark; i <= runLast; i++)
        {
            var end = i == runLast ? ordinals : runs[i + 1].OrdinalFirst;
            seqs[runs[i].Origin] = runs[i].SeqFirst + (end - runs[i].OrdinalFirst) - 1;
        }

        return Vector(origins, seqs);
    }

    /// <summary>How many records from the front a vector covers: the next one, if any, is the first that it does not.</summary>
    /// <param name="seen">What a reader has seen; covers <see cref="Start"/>.</param>
    /// <param name="ordinals">How many records there are.</param>
    public int CoveredBy(VersionVector seen, int ordinals)
    {
        var runs = _runs;
        var runLast = LastRunBefore(ordinals, runs, _count);
        if (runLast < 0)
        {
            return ordinals;
        }

        // Vectors grow along the ledger, so the last mark that is covered is found by halving.
        var origins = _origins;
        var marks = _marks;
        int low = 0, high = runLast / RunsPerMark;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (IsCovered(marks[middle], origins, seen))
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        for (var i = low * RunsPerMark; i <= runLast; i++)
        {
            var end = i == runLast ? ordinals : runs[i + 1].OrdinalFirst;
            var covered = seen[origins[runs[i].Origin]] - runs[i].SeqFirst + 1;
            if (covered < end - runs[i].OrdinalFirst)
            {
                return runs[i].OrdinalFirst + (int)Math.Max(covered, 0);
            }
        }

        return ordinals;
    }

    private static bool IsCovered(long[] seqs, OriginId[] origins, VersionVector seen)
    {
        for (var i = 0; i < seqs.Length; i++)
        {
            if (seen[origins[i]] < seqs[i])
            {
                return false;
            }
        }

        return true;
    }

    private static int LastRunBefore(int ordinals, OriginRun[] runs, int count)
    {
        int low = -1, high = count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (runs[middle].OrdinalFirst < ordinals)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    private void AddRun(OriginId origin, long seq, int ordinal)
    {
        if (!_known.TryGetValue(origin, out var index))
        {
            index = _origins.Length;
            _known.Add(origin, index);
            _origins = [.. _origins, origin];
            _last = [.. _last, Start[origin]];
        }

        var count = _count;
        if (count > 0)
        {
            var previous = _runs[count - 1];
            _last[previous.Origin] = previous.SeqFirst + (ordinal - previous.OrdinalFirst) - 1;
        }

        if (count == _runs.Length)
        {
            Array.Resize(ref _runs, Math.Max(4, count * 2));
        }

        if (count % RunsPerMark == 0)
        {
            _marks = [.. _marks, (long[])_last.Clone()];
        }

        _runs[count] = new OriginRun(seq, ordinal, index);
        _count = count + 1;
    }

    private VersionVector Vector(OriginId[] origins, long[] seqs)
    {
        var components = new Dictionary<OriginId, long>(Start);
        for (var i = 0; i < seqs.Length; i++)
        {
            components[origins[i]] = seqs[i];
        }

        return VersionVector.Of(components);
    }
}
