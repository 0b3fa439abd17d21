using Stentor.Protocol;

namespace Stentor.Replication;

/// <content>What goes out.</content>
public sealed partial class Dissemination
{
    // What is remembered of a link so that nothing is told twice: some megabytes at most, whatever holders a neighbour names.
    private const int FactsToldMax = 65_536;

    private void OnGraft(Link link, LinkMessage.Graft graft)
    {
        CheckRoom(graft.From.Count);
        var wanted = _seen;
        foreach (var (named, seq) in graft.From)
        {
            var origin = Of(named).Id;
            var outward = link.Out(origin);
            (outward.Has, outward.IsPruned, outward.IsStuck) = (seq, false, false);
            if (_seen[origin] > seq)
            {
                wanted = wanted.With(origin, Math.Max(seq, 0));
            }
        }

        if (!ReferenceEquals(wanted, _seen) && link.Cursor != long.MaxValue)
        {
            link.Cursor = Math.Min(link.Cursor, _log.CoveredThrough(wanted));
        }
    }

    /// <summary>Whether there is something to tell that can wait a little.</summary>
    private bool HasNews(Link link) => !ReferenceEquals(link.Told, _seen) && !link.Told.Covers(_seen);

    /// <summary>Sends what there is to send on every link: what was asked for first, then entries, then what was learned.</summary>
    private void Flush(long now, LinkOutput output)
    {
        foreach (var link in _links.Values)
        {
            if (link.IsOpen)
            {
                Ask(link, now, output);
            }
        }

        // In turns, so that no link waits for all that another one lacks.
        for (var isMore = true; isMore;)
        {
            isMore = false;
            foreach (var link in _links.Values)
            {
                isMore |= link.IsOpen && TryPush(link, now, output);
            }
        }

        foreach (var link in _links.Values)
        {
            if (link.IsOpen && link.OwesAnswer)
            {
                Announce(link, now, output);
            }
        }
    }

    private void Ask(Link link, long now, LinkOutput output)
    {
        if (link.ToPrune.Count > 0)
        {
            Send(link, LinkCodec.Encode(new LinkMessage.Prune([.. link.ToPrune])), 0, now, output);
            link.ToPrune.Clear();
        }

        if (link.ToGraft.Count > 0)
        {
            var from = link.ToGraft.Distinct().Select(o => new KeyValuePair<OriginId, long>(o, Of(o).Received)).ToArray();
            Send(link, LinkCodec.Encode(new LinkMessage.Graft(from)), 0, now, output);
            link.ToGraft.Clear();
        }
    }

    private void Announce(Link link, long now, LinkOutput output)
    {
        link.OwesAnswer = false;
        link.CreditTold = link.Consumed + _options.WindowBytes;
        var changed = TakeUntold(link);
        Send(link, LinkCodec.Encode(new LinkMessage.Announce(changed, link.CreditTold, TakeFacts(link))), 0, now, output);
    }

    private VersionVector TakeUntold(Link link)
    {
        var changed = link.Told.MissingFrom(_seen);
        link.Told = _seen;
        return changed;
    }

    private List<CopyFact> TakeFacts(Link link)
    {
        if (link.FactsTold.Count > FactsToldMax)
        {
            link.FactsTold.Clear(); // Then some are told again.
        }

        var facts = new List<CopyFact>();
        foreach (var origin in link.FactsToTell.Order())
        {
            foreach (var fact in _copies.Of(origin))
            {
                if (fact.Holder != link.Other.Origin && fact.Holder != _self.Origin
                    && link.FactsTold.GetValueOrDefault((origin, fact.Holder)) < fact.Seq)
                {
                    link.FactsTold[(origin, fact.Holder)] = fact.Seq;
                    facts.Add(fact);
                }
            }
        }

        link.FactsToTell.Clear();
        return facts;
    }

    /// <summary>Sends one message of entries, if there is something that the other side wants and allows.</summary>
    /// <returns>Whether there may be more.</returns>
    private bool TryPush(Link link, long now, LinkOutput output)
    {
        if (link.Cursor >= _position || link.Sent >= link.Granted)
        {
            return false;
        }

        if (HasAll(link))
        {
            link.Cursor = _position; // Mostly what it brought itself: not worth reading again.
            return false;
        }

        // The last message may go over the credit by an entry, not by a whole message: a small window would end the link for it.
        var most = Math.Min(_options.MessageBytes, link.Granted - link.Sent);
        var isBegun = false;
        var count = 0;
        long bytes = 0;
        while (link.Cursor < _position && !isBegun)
        {
            _log.ReadAll(link.Cursor, _options.MessageBytes, _batch);
            var before = link.Cursor;
            var isFull = false;
            foreach (var slice in _batch.Entries)
            {
                isFull = bytes >= most;
                if (slice.Position > _position || isFull)
                {
                    break;
                }

                link.Cursor = slice.Position;
                var entry = _batch.BytesOf(slice);
                if (!IsWanted(link, entry, output))
                {
                    continue;
                }

                if (!isBegun)
                {
                    isBegun = true;
                    LinkCodec.BeginEntries(_message, TakeUntold(link));
                }

                LinkCodec.Add(_message, entry);
                bytes += entry.Length;
                count++;
            }

            if (!isFull && _batch.Holes.Count > 0 && link.Cursor < Math.Min(_batch.Through, _position))
            {
                link.Cursor = Math.Min(_batch.Through, _position); // Positions that are not held: whoever needs them sees the gap.
            }

            if (link.Cursor == before)
            {
                break;
            }
        }

        if (!isBegun)
        {
            return false;
        }

        link.Sent += bytes;
        link.SentEntries += count;
        Send(link, LinkCodec.End(_message), count, now, output);
        _message.Clear(2 * _options.MessageBytes); // An entry may be much longer than a message usually is.
        return true;
    }

    /// <summary>Whether the other side has, or does not want, every entry that is here: what <see cref="IsWanted"/> would say of each of them.</summary>
    private bool HasAll(Link link)
    {
        foreach (var (origin, seq) in _seen.Components)
        {
            var outward = link.Out(origin);
            if (outward.Has < seq && !outward.IsPruned && origin != link.Other.Origin)
            {
                return false;
            }
        }

        return true;
    }

    private bool IsWanted(Link link, ReadOnlySpan<byte> bytes, LinkOutput output)
    {
        if (!EntryHeader.TryReadStamp(bytes, out var name, out var seq))
        {
            throw new LedgerFaultException("An entry in the ledger is not in canonical form.");
        }

        var origin = Of(name).Id;
        var outward = link.Out(origin);
        if (seq <= outward.Has || outward.IsPruned || outward.IsStuck)
        {
            return false;
        }

        if (origin == link.Other.Origin)
        {
            // Its own. Had it lost them, it would go on under another incarnation, and ask for these.
            outward.Has = seq;
            return false;
        }

        if (seq > outward.Has + 1)
        {
            outward.IsStuck = true;
            output.Events.Add(new LinkEvent(link.Number, LinkEventKind.HistoryGone, origin, $"{link.Other.Region} lacks entries of {origin} from {outward.Has + 1} on, and this region holds them only from {seq} on: retention took them, or they are damaged."));
            return false;
        }

        outward.Has = seq;
        return true;
    }
}
