using Stentor.Protocol;

namespace Stentor.Replication;

/// <content>What other regions made.</content>
public sealed partial class Replica
{
    private void OnReceive(Entry entry, int link, long wallMicros, Outbox outbox)
    {
        if (Refuse(entry) is { } fault)
        {
            Report(ReceiveResult.Fault, entry, link, outbox, fault);
            return;
        }

        if (entry.Time - wallMicros > _aheadMicrosMax)
        {
            Report(ReceiveResult.Refused, entry, link, outbox, $"Entry {entry.Seq} of {entry.Origin} has the time {EntryTime.ToText(entry.Time)}, which lies further ahead of this region's clock than {_options.AheadMax.TotalDays:0} days. One of the two clocks is wrong.");
            return;
        }

        var length = entry.Bytes.Length;
        var progress = _origins.Of(entry.Origin);
        var last = Math.Max(progress.Seq, _waiting.LastOf(entry.Origin));
        if (entry.Seq <= last)
        {
            outbox.AddTaken(link, length); // Redundant links bring an entry more than once.
            return;
        }

        if (entry.Seq > last + 1)
        {
            Report(ReceiveResult.Dropped, entry, link, outbox, detail: null);
            return;
        }

        if (!_options.IgnoreDependencies && _origins.FirstMissing(entry.Origin, entry.Seq, entry.After) is { } missing)
        {
            // A full room drops the entry. Nothing is lost: the next comparison of version vectors shows the gap, and the link asks for it again.
            if (!_waiting.HasRoomFor(length))
            {
                Report(ReceiveResult.Dropped, entry, link, outbox, detail: null);
                return;
            }

            // What waits has memory of its own: that of a whole message would stay for its sake.
            _waiting.Add(new WaitingEntry(Entry.Parse(entry.Bytes.ToArray()), link, wallMicros), missing);
            outbox.AddTaken(link, length);
            return;
        }

        outbox.AddTaken(link, length);
        Take(entry, link, wallMicros, outbox);
        while (_waiting.Count > 0 && _waiting.TryTakeReady(_origins, out var freed))
        {
            Take(freed.Entry, freed.Link, wallMicros, outbox);
        }
    }

    private void OnForget(int link, Outbox outbox)
    {
        foreach (var (origin, seq) in _waiting.DropFrom(link))
        {
            outbox.Received.Add(new ReceiveReport(link, ReceiveResult.Dropped, 0, origin, seq, Detail: null));
        }
    }

    /// <summary>What makes an entry impossible, whatever comes before it; null when nothing does.</summary>
    private string? Refuse(Entry entry)
    {
        var progress = _origins.Of(entry.Origin);
        if (entry.Seq == progress.Seq && entry.Chain != progress.Chain)
        {
            // Only the last one can be compared without the ledger.
            return $"Entry {entry.Seq} of {entry.Origin} came with chain {entry.Chain:x16}, but was applied with {progress.Chain:x16}: the origin is forked.";
        }

        if (progress == _origins.Self && entry.Seq > progress.Seq)
        {
            return $"Entry {entry.Seq} of {entry.Origin} came from another region, but this region, whose origin that is, has made only {progress.Seq}.";
        }

        return entry.After[entry.Origin] >= entry.Seq ? $"Entry {entry.Seq} of {entry.Origin} says that it depends on itself." : null;
    }

    private static void Report(ReceiveResult result, Entry entry, int link, Outbox outbox, string? detail) =>
        outbox.Received.Add(new ReceiveReport(link, result, entry.Bytes.Length, entry.Origin, entry.Seq, detail));

    /// <summary>Applies an entry whose past is applied, unless it is damaged.</summary>
    private void Take(Entry entry, int link, long wallMicros, Outbox outbox)
    {
        try
        {
            Record(entry, wallMicros, outbox);
            if (_waiting.Count > 0)
            {
                _waiting.OnApplied(entry.Origin);
            }
        }
        catch (HistoryFaultException e)
        {
            // Not the entry's fault, nor that of whoever brought it.
            outbox.Received.Add(new ReceiveReport(link, ReceiveResult.Dropped, 0, entry.Origin, entry.Seq, e.Message));
            _waiting.Drop(entry.Origin);
        }
        catch (LedgerFaultException e)
        {
            // What stands behind it in its origin's row continues what cannot be.
            outbox.Received.Add(new ReceiveReport(link, ReceiveResult.Fault, 0, entry.Origin, entry.Seq, e.Message));
            _waiting.Drop(entry.Origin);
        }
    }

    private void Record(Entry entry, long wallMicros, Outbox outbox)
    {
        var bytes = entry.Bytes.Span;
        var progress = _origins.Of(entry.Origin);
        if (_options.Fault != ReplicaFault.ChainNotChecked)
        {
            CheckLink(progress, entry.Seq, entry.Lamport, entry.Time, entry.Chain, bytes);
        }

        var repeat = FoldForeign(entry, entry.After, outbox, entry.Bytes, out var folded);
        var offset = outbox.Bytes.Length;
        outbox.Bytes.Write(bytes);
        outbox.Entries.Add(new Recorded(entry.Channel, entry.Origin, entry.Seq, offset, bytes.Length, repeat, folded));
        _origins.Advance(progress, entry.Chain, entry.Lamport, entry.Time);
        _lamport = _options.Fault == ReplicaFault.LamportNotMerged ? _lamport : Math.Max(_lamport, entry.Lamport);
        _mark = null;
        if (_options.Fault != ReplicaFault.TimeNotMerged)
        {
            Merge(entry.Time, wallMicros, progress);
        }

        if (ChannelName.IsReserved(entry.Channel))
        {
            OnReserved(entry.Channel, wallMicros, outbox);
        }
    }

    /// <summary>An entry's time drives the own clock, unless it lies too far ahead of the wall clock.</summary>
    private void Merge(long time, long wallMicros, OriginProgress progress)
    {
        if (time <= wallMicros + _skewMicrosMax)
        {
            Drive(time);
        }
        else if (time > _time)
        {
            _origins.KeepAhead(progress);
        }
    }

    /// <summary>Checks that an entry continues its origin's order.</summary>
    private static void CheckLink(OriginProgress progress, long seq, long lamport, long time, ulong saidChain, ReadOnlySpan<byte> entry)
    {
        var chain = EntryHeader.ChainOf(entry, progress.Chain);
        if (chain != saidChain)
        {
            throw new LedgerFaultException(
                $"Entry {seq} of {progress.Id} says chain {saidChain:x16}, but after {progress.Chain:x16} its bytes give {chain:x16}: it is damaged, or the origin is forked.");
        }

        if (time <= progress.Time || lamport <= progress.Lamport || time > TimeMax || lamport > LamportMax)
        {
            throw new LedgerFaultException(
                $"Entry {seq} of {progress.Id} has lamport {lamport} and time {EntryTime.ToText(time)}: they must be greater than those of the entry before it ({progress.Lamport}, {EntryTime.ToText(progress.Time)}), and leave room.");
        }
    }

    /// <summary>Folds an entry that has its stamps already.</summary>
    /// <returns>Whether it is a copy of an activity that is known already by its publish id.</returns>
    private bool FoldForeign(Entry entry, VersionVector after, Outbox outbox, ReadOnlyMemory<byte> bytes, out ChannelState folded)
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
        if (_options.Fault == ReplicaFault.FoldedInArrivalOrder && State(entry.Channel, outbox) is { } newest && entry.Time <= newest.LastTime)
        {
            stamp = stamp with { Time = newest.LastTime + 1 };
        }

        folded = Fold.Next(
            State(entry.Channel, outbox),
            new Folded(stamp, entry.Lamport, entry.Author, after, entry.Effect, _options.Fault == ReplicaFault.CopyFoldedTwice ? null : firstCopy),
            _options.Limits.ConflictsMax,
            entry.Effect is null ? NoSum : Sums(entry.Channel, outbox, entry));
        outbox.Channels[entry.Channel] = folded;
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
