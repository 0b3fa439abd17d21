using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>
/// What a reader of some channels was given, and so what it is not given again. Every region shows an origin's entries in the order of their numbers, so
/// the highest number received of each origin says it all: no list of single entries is kept.
/// </summary>
internal sealed class RepeatFilter
{
    // An activity that was sent into two regions is shown once by each. Only a reader that moves between them meets both, and soon after it moved.
    private const int IdsMax = 1_024;

    private Dictionary<ulong, OriginId>? _ids;
    private Queue<ulong>? _idsInOrder;
    private string? _lastToken;

    /// <summary>Everything of the reader's channels that this covers was given, or lies before its start. Null while the start is "now" and no server said what that is.</summary>
    public VersionVector? Seen { get; private set; }

    /// <summary>Starts after a vector.</summary>
    public void StartAfter(VersionVector seen) => Seen = (Seen ?? VersionVector.Empty).Merge(seen);

    /// <summary>Takes an entry in.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="token">The seen token that came with it, or null.</param>
    /// <returns>False when it, or the same activity as another region recorded it, was given before.</returns>
    /// <exception cref="ProtocolException">The token is none.</exception>
    public bool TryTake(Entry entry, string? token)
    {
        var seen = Seen ?? VersionVector.Empty;
        var isNew = seen[entry.Origin] < entry.Seq;
        if (isNew)
        {
            seen = seen.With(entry.Origin, entry.Seq);
            isNew = entry.Id is null || IsFirst(entry);
        }

        // A server sends the same token many times when little happens elsewhere.
        if (token is not null && token != _lastToken)
        {
            seen = seen.Merge(SeenToken.Decode(token));
            _lastToken = token;
        }

        Seen = seen;
        return isNew;
    }

    private bool IsFirst(Entry entry)
    {
        if (!EntryHeader.TryRead(entry.Bytes.Span, out var header) || !EntryBody.TryRead(entry.Bytes.Span, header, out var body))
        {
            return true;
        }

        // The rule of the regions: the same author's same id, said of the same channel in the same words.
        var key = Checksum.Xxh64(body.Content, Checksum.Xxh64(header.Channel, Checksum.Xxh64(body.Id, Checksum.Xxh64(header.Author, 0))));
        _ids ??= [];
        _idsInOrder ??= new Queue<ulong>();
        if (_ids.TryGetValue(key, out var origin))
        {
            return origin == entry.Origin;
        }

        if (_ids.Count == IdsMax)
        {
            _ids.Remove(_idsInOrder.Dequeue());
        }

        _ids.Add(key, entry.Origin);
        _idsInOrder.Enqueue(key);
        return true;
    }
}
