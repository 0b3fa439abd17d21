using Stentor.Protocol;

namespace Stentor.Replication;

/// <content>What other regions made.</content>
public sealed partial class Replica
{
    private void OnReceive(Entry entry, long wallMicros, Outbox outbox)
    {
        var bytes = entry.Bytes.Span;
        var progress = _origins.Of(entry.Origin);
        if (entry.Seq <= progress.Seq)
        {
            // Redundant links bring an entry more than once; only the last one can be compared without the ledger.
            if (entry.Seq == progress.Seq && entry.Chain != progress.Chain)
            {
                throw new LedgerFaultException($"Entry {entry.Seq} of {entry.Origin} came with chain {entry.Chain:x16}, but was applied with {progress.Chain:x16}: the origin is forked.");
            }

            return;
        }

        if (progress == _origins.Self)
        {
            throw new LedgerFaultException($"Entry {entry.Seq} of {entry.Origin} came from another region, but this region, whose origin that is, has made only {progress.Seq}.");
        }

        if (entry.Seq != progress.Seq + 1 || !_origins.Cover(entry.After))
        {
            throw new EarlyEntryException(_origins.Seen.MissingFrom(entry.After.Merge(VersionVector.Of(entry.Origin, entry.Seq - 1))));
        }

        if (!EntryHeader.TryRead(bytes, out var header))
        {
            throw new LedgerFaultException($"Entry {entry.Seq} of {entry.Origin} is not in canonical form.");
        }

        CheckLink(progress, header, bytes);
        var repeat = FoldForeign(entry, entry.After, outbox, entry.Bytes);
        var offset = outbox.Bytes.Length;
        outbox.Bytes.Write(bytes);
        outbox.Entries.Add(new Recorded(entry.Channel, entry.Origin, entry.Seq, offset, bytes.Length, repeat));
        _origins.Advance(progress, entry.Chain, entry.Lamport, entry.Time);
        _lamport = Math.Max(_lamport, entry.Lamport);
        _mark = null;
        if (entry.Time <= wallMicros + _skewMicrosMax)
        {
            Drive(entry.Time);
        }
        else if (entry.Time > _time)
        {
            _origins.KeepAhead(progress);
        }
    }

    /// <summary>Checks that an entry continues its origin's order.</summary>
    private static void CheckLink(OriginProgress progress, in EntryHeader header, ReadOnlySpan<byte> entry)
    {
        var chain = EntryHeader.ChainOf(entry, progress.Chain);
        if (chain != header.Chain)
        {
            throw new LedgerFaultException(
                $"Entry {header.Seq} of {progress.Id} says chain {header.Chain:x16}, but after {progress.Chain:x16} its bytes give {chain:x16}: it is damaged, or the origin is forked.");
        }

        if (header.Time <= progress.Time || header.Lamport <= progress.Lamport || header.Time > TimeMax || header.Lamport > LamportMax)
        {
            throw new LedgerFaultException(
                $"Entry {header.Seq} of {progress.Id} has lamport {header.Lamport} and time {EntryTime.ToText(header.Time)}: they must be greater than those of the entry before it ({progress.Lamport}, {EntryTime.ToText(progress.Time)}), and leave room.");
        }
    }

    /// <summary>Folds an entry that has its stamps already.</summary>
    /// <returns>Whether it is a copy of an activity that is known already by its publish id.</returns>
    private bool FoldForeign(Entry entry, VersionVector after, Outbox outbox, ReadOnlyMemory<byte> bytes)
    {
        Stamp? firstCopy = null;
        PublishedId? first = null;
        if (entry.Id is not null)
        {
            var content = ContentOf(bytes.Span);
            var key = entry.Author;
            var known = FindId(key, entry.Id);
            if (known is not null && known.Content != content)
            {
                // Another activity under the same id. Neither is the other's repeat, so both are kept in mind.
                key = IdKeyOf(entry.Author, content);
                known = FindId(key, entry.Id);
            }

            if (known is not null)
            {
                firstCopy = new Stamp(known.Time, known.Origin, known.Seq);
            }
            else
            {
                first = new PublishedId(key, entry.Id, entry.Channel, entry.Origin, entry.Seq, entry.Lamport, entry.Time, content);
            }
        }

        var stamp = new Stamp(entry.Time, entry.Origin, entry.Seq);
        outbox.Channels[entry.Channel] = Fold.Next(
            State(entry.Channel, outbox),
            new Folded(stamp, entry.Lamport, entry.Author, after, entry.Effect, firstCopy),
            _options.Limits.ConflictsMax,
            Sums(entry.Channel, outbox, entry));
        if (first is not null)
        {
            Remember(first, outbox);
        }

        return firstCopy is not null;
    }

    /// <summary>Made apart, so that only entries with an effect pay for it.</summary>
    private SumOfAdds Sums(string channel, Outbox outbox, Entry? current) => (field, register) => SumOfAdds(channel, field, register, outbox, current);

    /// <summary>Sums a field's adds after a register, from the entries: those committed, those of the batch, and the one that is being folded.</summary>
    private CounterAmount SumOfAdds(string channel, string field, Stamp? register, Outbox outbox, Entry? current)
    {
        CounterAmount sum = default;
        var counted = new HashSet<(string, string, ulong)>();
        void Count(Entry entry)
        {
            if (entry.Effect is null || Array.FindIndex(entry.Effect.Add, a => a.Field == field) is var index && index < 0
                || (register is not null && !new Stamp(entry.Time, entry.Origin, entry.Seq).IsAfter(register.Value))
                || (entry.Id is not null && !counted.Add((entry.Author, entry.Id, ContentOf(entry.Bytes.Span)))))
            {
                return;
            }

            sum += entry.Effect.Add[index].Amount;
        }

        foreach (var bytes in _states.History(channel))
        {
            // While the ledger is replayed, it holds more than was applied.
            if (EntryHeader.TryRead(bytes.Span, out var header) && header.Seq <= _origins.Of(header.Origin).Seq)
            {
                Count(Parse(bytes));
            }
        }

        foreach (var recorded in outbox.Entries)
        {
            if (recorded.Channel == channel)
            {
                Count(Parse(outbox.Bytes.WrittenMemory.Slice(recorded.Offset, recorded.Length)));
            }
        }

        if (current is not null)
        {
            Count(current);
        }

        return sum;
    }

    /// <summary>Under what a second, different activity with a known publish id is remembered: no username has a slash.</summary>
    private static string IdKeyOf(string author, ulong content) => $"{author}/{content:x16}";
}
