using System.Text;
using Stentor.Protocol;

namespace Stentor.Storage;

/// <summary>Follows every origin's order through the ledger: numbers without a gap, chains that fit, stamps that grow, nothing before what it depends on.</summary>
internal sealed class ChainCheck
{
    private readonly Dictionary<OriginId, Link> _links = [];
    private bool _isAfterHole;

    /// <summary>The region's version vector so far.</summary>
    public VersionVector Seen => VersionVector.Of(_links.Where(l => l.Value.Seq > 0).Select(l => KeyValuePair.Create(l.Key, l.Value.Seq)));

    /// <summary>Starts in the middle: chains and stamps of what came before are not known.</summary>
    /// <param name="start">The version vector there.</param>
    public void StartAt(VersionVector start)
    {
        foreach (var (origin, seq) in start.Components)
        {
            _links[origin] = new Link(seq, null, 0, 0);
        }
    }

    /// <summary>Entries are missing here: each origin may go on with a later number, and its chain is taken as it comes.</summary>
    public void SkipHole()
    {
        _isAfterHole = true;
        foreach (var origin in _links.Keys.ToList())
        {
            _links[origin] = _links[origin] with { Chain = null };
        }
    }

    /// <summary>Checks the next entry.</summary>
    /// <param name="entry">Its bytes.</param>
    /// <returns>What is wrong with it; null when all is well.</returns>
    public string? Check(ReadOnlySpan<byte> entry)
    {
        if (!EntryHeader.TryRead(entry, out var header) || !EntryBody.TryRead(entry, header, out var body) || !EntryBody.TryReadAfter(body.After, out var after))
        {
            return "it is not in canonical form";
        }

        var origin = new OriginId(Encoding.ASCII.GetString(header.Origin));
        var known = _links.TryGetValue(origin, out var before);
        before ??= new Link(0, _isAfterHole ? null : 0, 0, 0);
        var next = new Link(header.Seq, header.Chain, header.Lamport, header.Time);
        _links[origin] = next;
        if (header.Seq != before.Seq + 1 && !(before.Chain is null && header.Seq > before.Seq && (_isAfterHole || !known)))
        {
            return header.Seq <= before.Seq
                ? $"it has number {header.Seq} of {origin}, which was used before (the last is {before.Seq}): a number is used twice, or the origin is forked"
                : $"it has number {header.Seq} of {origin}, and {before.Seq + 1} was due: entries are missing";
        }

        if (before.Chain is { } chain && EntryHeader.ChainOf(entry, chain) is var computed && computed != header.Chain)
        {
            return $"number {header.Seq} of {origin} says chain {header.Chain:x16}, but after {chain:x16} its bytes give {computed:x16}: it was altered, or the origin is forked";
        }

        if (header.Lamport <= before.Lamport || header.Time <= before.Time)
        {
            return $"number {header.Seq} of {origin} has lamport {header.Lamport} and time {EntryTime.ToText(header.Time)}, which are not greater than those of the entry before it";
        }

        foreach (var (dependency, seq) in after.Components)
        {
            if ((!_links.TryGetValue(dependency, out var link) || link.Seq < seq) && !_isAfterHole)
            {
                return $"number {header.Seq} of {origin} stands before number {seq} of {dependency}, on which it depends";
            }
        }

        return null;
    }

    private sealed record Link(long Seq, ulong? Chain, long Lamport, long Time);
}
