using System.Runtime.InteropServices;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <content>Brings entries to the sink, from the tails where they hold what is next, else from the ledger.</content>
public sealed partial class Reader
{
    // Bytes put together for one send when several tails are merged.
    private const int MergeBytes = 256 * 1024;

    // Bytes read from the ledger at once: little for a reader that takes little, much for one that takes all.
    private const int ReadBytesMin = 16 * 1024;
    private const int ReadBytesMax = 512 * 1024;

    // A reader that is catching up is given a token at least this often, so that little comes again when it has to resume.
    private const int TokenBytes = 32 * 1024;

    private int _readBytes = ReadBytesMin;

    /// <summary>Whether what comes next must be read from the ledger whatever the tails hold: some of it is not for this reader, or older than its position.</summary>
    private bool IsLate => _late is not null || (_position < _conditionalThrough && _subscriptions.Length > 0);

    /// <summary>Whether a tail no longer holds what comes next.</summary>
    private bool IsBehind
    {
        get
        {
            foreach (var subscription in _subscriptions)
            {
                if (_position < subscription.Tail.After)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private Next SendFromTails(DeliveryContext context)
    {
        while (true)
        {
            // Read first: whatever stands up to here was in its tail, and marked, before.
            var through = _hub.Position;
            var grown = context.Grown;
            CollectGrown(grown);
            if (grown.Count == 0)
            {
                Volatile.Write(ref _position, Math.Max(_position, _subscriptions.Length == 0 ? 0 : through));
                return Next.Rest;
            }

            // With one tail all of it may go. With several, only what all of them are sure to hold.
            var next = _subscriptions.Length == 1 || (grown.Count == 1 && grown[0].Tail.Last <= through)
                ? SendTail(grown[0].Tail, _subscriptions.Length == 1 ? long.MaxValue : through, context)
                : SendMerged(grown, through, context);
            MarkUnsent(grown);
            if (next is { } known)
            {
                return known;
            }
        }
    }

    /// <summary>Finds the subscriptions whose tails hold something new: of a few by looking at each, of many by their marks.</summary>
    private void CollectGrown(List<Subscription> grown)
    {
        grown.Clear();
        if (_marks is null)
        {
            foreach (var subscription in _subscriptions)
            {
                if (subscription.Tail.Last > _position)
                {
                    grown.Add(subscription);
                }
            }

            return;
        }

        lock (_gate)
        {
            foreach (var subscription in _marks)
            {
                subscription.IsMarked = false;
                if (subscription.Tail.Last > _position)
                {
                    grown.Add(subscription);
                }
            }

            _marks.Clear();
        }
    }

    /// <summary>Marks again what was not sent to its end.</summary>
    private void MarkUnsent(List<Subscription> grown)
    {
        if (_marks is null)
        {
            return;
        }

        foreach (var subscription in grown)
        {
            if (subscription.Tail.Last > _position)
            {
                Mark(subscription);
            }
        }
    }

    /// <summary>Sends everything after the position, up to another, from one block of a tail, in one call.</summary>
    /// <returns>Null to look again.</returns>
    private Next? SendTail(Tail tail, long through, DeliveryContext context)
    {
        if (!tail.TryFind(_position, out var block))
        {
            return Next.Read;
        }

        if (block is null)
        {
            return null;
        }

        try
        {
            // A commit that is being delivered right now may stand in this tail already and in the reader's others not yet.
            var end = block.IndexAfter(through, block.Count);
            var first = block.IndexAfter(_position, end);
            var bytes = block.Bytes(first, end);
            var sent = _sink.Send(bytes);
            if (sent == bytes.Length)
            {
                context.OnSent(end - first, sent);
                Volatile.Write(ref _position, block.PositionOf(end - 1));
                return null;
            }

            if (sent < 0)
            {
                OnSinkClosed();
                return Next.Rest;
            }

            // The frame that was cut counts as handed over; the rest of it is all that is copied.
            var cut = block.IndexAt(first, end, sent);
            context.OnSent(cut + 1 - first, sent);
            Volatile.Write(ref _position, block.PositionOf(cut));
            Block(bytes[sent..block.Distance(first, cut + 1)].ToArray());
            return Next.Rest;
        }
        finally
        {
            block.Release();
        }
    }

    /// <summary>Sends entries of several tails in the order of their positions, each once.</summary>
    /// <returns>Null to look again.</returns>
    private Next? SendMerged(List<Subscription> grown, long through, DeliveryContext context)
    {
        context.Clear();
        var isHeld = true;
        foreach (var subscription in grown)
        {
            isHeld &= subscription.Tail.TryCollect(_position, through, context.Merge);
        }

        var isCut = isHeld && !MergeFrames(context);
        foreach (var item in CollectionsMarshal.AsSpan(context.Merge))
        {
            item.Block.Release();
        }

        if (!isHeld)
        {
            return Next.Read;
        }

        if (!SendFrames(context))
        {
            return Next.Rest;
        }

        if (isCut)
        {
            return Next.Again;
        }

        // What all of them held up to here was sent. Whatever came since makes the reader ready once more.
        // Never backwards: the ledger, from which the reader may come, is ahead of the hub for as long as a commit is being delivered.
        Volatile.Write(ref _position, Math.Max(_position, through));
        return _hub.Position > through ? null : Next.Rest;
    }

    /// <summary>Puts collected entries together in order, each once; false when there were too many for one send.</summary>
    private static bool MergeFrames(DeliveryContext context)
    {
        context.Merge.Sort();
        foreach (ref readonly var item in CollectionsMarshal.AsSpan(context.Merge))
        {
            if (context.Ends.Count > 0 && context.Ends[^1].Position == item.Position)
            {
                continue; // It matches several subscriptions.
            }

            if (context.Frames.Length > MergeBytes)
            {
                return false;
            }

            context.Frames.Write(item.Block.Bytes(item.Index, item.Index + 1));
            context.EndFrame(item.Position);
        }

        return true;
    }

    private Next SendFromLedger(DeliveryContext context)
    {
        var group = _late?[0];
        var from = group?.Position ?? _position;
        var batch = context.Batch!; // Only threads that read come here.
        var first = _hub.Store.FirstPosition;
        _hub.Store.Read(from, group?.Channels ?? (_channels ??= new ChannelSet(_subscriptions.Select(s => s.Pattern))), _readBytes, batch);
        context.OnRead();
        context.Clear();
        WriteFrames(batch, group, context);
        if (_hub.Store.FirstPosition != first)
        {
            // Retention went on meanwhile. The vectors of what it took are gone: tokens may be those of a later position, and would skip what is not sent yet.
            return Next.Read;
        }

        // A hole, channels of others, or what the form does not carry, may stand at the end: nothing to send, and the position moves on all the same.
        var through = Math.Min(batch.Through, group?.Through ?? long.MaxValue);
        if (context.Ends.Count == 0 || SendFrames(context, group))
        {
            Reach(through, group);
            _readBytes = Math.Min(_readBytes * 2, ReadBytesMax);
        }

        if (_isClosed || _isBlocked)
        {
            return Next.Rest; // A step was noted down when it can go on.
        }

        return IsLate || IsBehind ? Next.Read : Next.Again;
    }

    private void WriteFrames(LedgerBatch batch, LateGroup? group, DeliveryContext context)
    {
        var end = group?.Through ?? long.MaxValue;
        var isConditional = group is not null || _position < _conditionalThrough;
        var holes = CollectionsMarshal.AsSpan(batch.Holes);
        var sinceToken = 0;
        Span<byte> token = stackalloc byte[SeenToken.EncodedLengthMax(_hub.Seen)];
        var entries = CollectionsMarshal.AsSpan(batch.Entries);

        // The last one that is sent carries a token, whatever is passed over behind it.
        var last = entries.Length - 1;
        while (last >= 0 && (entries[last].Position > end || !IsSent(entries[last], batch, isConditional, group)))
        {
            last--;
        }

        for (var i = 0; i < entries.Length; i++)
        {
            ref readonly var slice = ref entries[i];
            if (slice.Position > end)
            {
                break;
            }

            while (holes.Length > 0 && holes[0].First < slice.Position)
            {
                WriteGap(holes[0], group, context);
                holes = holes[1..];
            }

            if (!IsSent(slice, batch, isConditional, group))
            {
                continue;
            }

            var entry = batch.BytesOf(slice);
            sinceToken += slice.Length;
            var tokenLength = 0;
            if (WireForms.HasToken(_form, i == last || sinceToken >= TokenBytes))
            {
                tokenLength = SeenToken.Encode(_hub.Store.SeenAt(slice.Position), token);
                sinceToken = 0;
            }

            var span = context.Frames.GetSpan(WireForms.EntryLengthMax(slice.Length, tokenLength));
            context.Frames.Advance(WireForms.WriteEntry(_form, entry, token[..tokenLength], span));
            context.EndFrame(slice.Position);
        }

        foreach (var hole in holes)
        {
            if (hole.First <= end)
            {
                WriteGap(hole, group, context);
            }
        }
    }

    private void WriteGap(in LedgerHole hole, LateGroup? group, DeliveryContext context)
    {
        var channels = group?.Channels ?? _channels!; // Set before the ledger was read.
        var store = _hub.Store;

        // What stood before the first position that is held is not known any more: the hole then starts where the subscription does.
        var start = (group?.Subscriptions ?? _subscriptions)[0].After ?? VersionVector.Empty;
        var from = hole.First > store.FirstPosition ? store.SeenAt(hole.First - 1) : start;
        if (WireForms.WriteGap(_form, channels, from, store.SeenAt(hole.Last), hole.Reason, context.Frames))
        {
            context.EndFrame(hole.Last);
        }
    }

    private bool IsSent(in LedgerSlice slice, LedgerBatch batch, bool isConditional, LateGroup? group) =>
        !slice.Repeat && WireForms.Carries(_form, batch.BytesOf(slice)) && (!isConditional || IsTaken(slice.Position, batch.BytesOf(slice), group));

    private bool IsTaken(long position, ReadOnlySpan<byte> entry, LateGroup? group)
    {
        var channel = EntryHeader.ChannelOf(entry);
        if (group is null)
        {
            foreach (var subscription in _subscriptions)
            {
                if (subscription.Takes(position, entry, channel))
                {
                    return true;
                }
            }

            return false;
        }

        // What a subscription that was there before has brought already is not brought again.
        foreach (var subscription in _subscriptions)
        {
            if (!_late!.Exists(late => Array.IndexOf(late.Subscriptions, subscription) >= 0) && subscription.Takes(position, entry, channel))
            {
                return false;
            }
        }

        foreach (var subscription in group.Subscriptions)
        {
            if (subscription.Takes(position, entry, channel))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Sends the frames put together, in one call; moves the position as far as the sink took them.</summary>
    /// <returns>False when it did not take all.</returns>
    private bool SendFrames(DeliveryContext context, LateGroup? group = null)
    {
        var bytes = context.Frames.WrittenSpan;
        var sent = bytes.IsEmpty ? 0 : _sink.Send(bytes);
        if (sent == bytes.Length)
        {
            context.OnSent(context.Ends.Count, sent);
            if (context.Ends.Count > 0)
            {
                Reach(context.Ends[^1].Position, group);
            }

            return true;
        }

        if (sent < 0)
        {
            OnSinkClosed();
            return false;
        }

        var cut = context.FrameAt(sent);
        context.OnSent(cut + 1, sent);
        Reach(context.Ends[cut].Position, group);
        _readBytes = Math.Clamp(sent, ReadBytesMin, ReadBytesMax);
        Block(bytes[sent..context.Ends[cut].Offset].ToArray());
        return false;
    }

    private void Reach(long position, LateGroup? group)
    {
        if (group is null)
        {
            Volatile.Write(ref _position, Math.Max(_position, position));
            return;
        }

        group.Position = position;
        if (position >= group.Through && _late is not null)
        {
            _late.Remove(group);
            _late = _late.Count > 0 ? _late : null;
        }
    }
}
