using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>An entry that waits for what it depends on.</summary>
/// <param name="Entry">The entry; its memory is its own.</param>
/// <param name="Link">The link that brought it.</param>
/// <param name="Since">When it came, microseconds since 1970 by this region's wall clock.</param>
internal sealed record WaitingEntry(Entry Entry, int Link, long Since);

/// <summary>One line of a waiting room, for people: an origin's first waiting entry, what it waits for and since when.</summary>
/// <param name="Origin">The waiting entry's origin.</param>
/// <param name="Seq">Its number.</param>
/// <param name="Behind">How many more of its origin wait behind it.</param>
/// <param name="Missing">What must be applied first.</param>
/// <param name="Since">Since when it has waited, microseconds since 1970.</param>
public sealed record WaitingLine(OriginId Origin, long Seq, long Behind, VersionVector Missing, long Since);

/// <summary>
/// Entries that were received before what they depend on. Of each origin they stand in a row, each continuing the one before. Bounded: what does
/// not fit is refused, and asked for again later. One owner.
/// </summary>
/// <param name="entriesMax">Most entries.</param>
/// <param name="bytesMax">Most bytes of their entries.</param>
internal sealed class WaitingRoom(int entriesMax, long bytesMax)
{
    private readonly Dictionary<string, Row> _rows = [];

    // Rows whose first entry may be ready since something was applied; in the order in which that happened, alike in every run.
    private readonly Queue<Row> _candidates = new();

    /// <summary>How many entries wait.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes of their entries.</summary>
    public long Bytes { get; private set; }

    /// <summary>The number of an origin's last waiting entry; 0 when none waits.</summary>
    /// <param name="origin">The origin.</param>
    public long LastOf(OriginId origin) => Count > 0 && _rows.TryGetValue(origin.Value, out var row) ? row.Entries.Last!.Value.Entry.Seq : 0;

    /// <summary>Whether an entry of this size fits.</summary>
    /// <param name="bytes">Its length.</param>
    public bool HasRoomFor(int bytes) => Count < entriesMax && Bytes + bytes <= bytesMax;

    /// <summary>Adds an entry that continues its origin's row, or begins it.</summary>
    /// <param name="waiting">The entry.</param>
    /// <param name="blockedOn">An origin that it waits for.</param>
    public void Add(WaitingEntry waiting, OriginId blockedOn)
    {
        var origin = waiting.Entry.Origin.Value;
        if (!_rows.TryGetValue(origin, out var row))
        {
            _rows.Add(origin, row = new Row { BlockedOn = blockedOn });
        }

        row.Entries.AddLast(waiting);
        Count++;
        Bytes += waiting.Entry.Bytes.Length;
    }

    /// <summary>Tells that an origin's next entry was applied.</summary>
    /// <param name="origin">The origin.</param>
    public void OnApplied(OriginId origin)
    {
        foreach (var (name, row) in _rows)
        {
            if (row.BlockedOn == origin || name == origin.Value)
            {
                _candidates.Enqueue(row);
            }
        }
    }

    /// <summary>Takes an entry that nothing holds back any more.</summary>
    /// <param name="origins">Where the replica stands.</param>
    /// <param name="ready">The entry.</param>
    public bool TryTakeReady(Origins origins, out WaitingEntry ready)
    {
        while (_candidates.TryDequeue(out var row))
        {
            if (row.Entries.First is not { } first)
            {
                continue; // Its last entry was taken since.
            }

            ready = first.Value;
            if (origins.FirstMissing(ready.Entry.Origin, ready.Entry.Seq, ready.Entry.After) is { } missing)
            {
                row.BlockedOn = missing;
                continue;
            }

            Remove(row, first);
            return true;
        }

        ready = null!; // As the pattern of Try methods has it: not read when false.
        return false;
    }

    /// <summary>Throws out the entries of an origin: they can never be applied, or must be asked for again.</summary>
    /// <param name="origin">The origin.</param>
    public void Drop(OriginId origin)
    {
        if (_rows.TryGetValue(origin.Value, out var row))
        {
            while (row.Entries.First is { } first)
            {
                Remove(row, first);
            }
        }
    }

    /// <summary>Throws out what a link brought, and what stands behind it.</summary>
    /// <param name="link">The link.</param>
    /// <returns>The first number thrown out of each origin.</returns>
    public List<(OriginId Origin, long Seq)> DropFrom(int link)
    {
        var dropped = new List<(OriginId, long)>();
        foreach (var (_, row) in _rows.ToArray())
        {
            var first = row.Entries.First;
            while (first is not null && first.Value.Link != link)
            {
                first = first.Next;
            }

            if (first is not null)
            {
                dropped.Add((first.Value.Entry.Origin, first.Value.Entry.Seq));
            }

            while (first is not null)
            {
                var next = first.Next;
                Remove(row, first);
                first = next;
            }
        }

        return dropped;
    }

    /// <summary>Throws out everything.</summary>
    public void Clear()
    {
        _rows.Clear();
        _candidates.Clear();
        (Count, Bytes) = (0, 0);
    }

    /// <summary>What waits, for people: a line for each origin, those that have waited longest first.</summary>
    /// <param name="origins">Where the replica stands.</param>
    /// <param name="linesMax">Most lines.</param>
    public WaitingLine[] Lines(Origins origins, int linesMax) =>
    [
        .. _rows.Values
            .OrderBy(row => row.Entries.First!.Value.Since)
            .ThenBy(row => row.Entries.First!.Value.Entry.Origin)
            .Take(linesMax)
            .Select(row =>
            {
                var (entry, _, since) = row.Entries.First!.Value;
                var missing = origins.Seen.MissingFrom(entry.After.Merge(VersionVector.Of(entry.Origin, entry.Seq - 1)));
                return new WaitingLine(entry.Origin, entry.Seq, row.Entries.Count - 1, missing, since);
            }),
    ];

    private void Remove(Row row, LinkedListNode<WaitingEntry> node)
    {
        row.Entries.Remove(node);
        Count--;
        Bytes -= node.Value.Entry.Bytes.Length;
        if (row.Entries.Count == 0)
        {
            _rows.Remove(node.Value.Entry.Origin.Value);
        }
    }

    private sealed class Row
    {
        public LinkedList<WaitingEntry> Entries { get; } = new();

        /// <summary>An origin that the first entry waits for.</summary>
        public OriginId BlockedOn { get; set; }
    }
}
