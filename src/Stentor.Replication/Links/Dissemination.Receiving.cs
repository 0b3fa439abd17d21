using Stentor.Protocol;

namespace Stentor.Replication;

/// <content>What comes in.</content>
public sealed partial class Dissemination
{
    // 8 s: rare enough to cost nothing where nobody has what is missing, soon enough for whoever waits.
    private const long GraftMsMax = 8_000;

    // A link that is busy with other entries is given so many times the usual wait before an origin's entries are asked for again on it.
    private const int BusyFactor = 8;

    /// <summary>A message came.</summary>
    /// <param name="link">On which link.</param>
    /// <param name="message">Its bytes; entries and notices keep them.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Receive(int link, ReadOnlyMemory<byte> message, long now, LinkOutput output)
    {
        if (!_links.TryGetValue(link, out var from) || from.Phase == LinkPhase.Ended)
        {
            return; // What was under way when the link ended.
        }

        from.HeardAt = now;
        try
        {
            if (message.Length > _options.MessageBytesMax)
            {
                throw new FormatException($"A message has {message.Length} bytes; the most is {_options.MessageBytesMax}.");
            }

            Handle(from, message, now, output);
        }
        catch (Exception e) when (e is FormatException or ProtocolException)
        {
            End(from, LinkEndType.BadMessage, e.Message, isFault: true, output);
        }

        if (from.Phase == LinkPhase.Ended)
        {
            Orphan(now);
        }

        Flush(now, output);
    }

    private void Handle(Link link, ReadOnlyMemory<byte> message, long now, LinkOutput output)
    {
        switch (LinkCodec.Decode(message))
        {
            case LinkMessage.Hello hello:
                OnHello(link, hello, message, now, output);
                break;
            case LinkMessage.Bye bye:
                // The other side's words about itself; not a fault of ours to punish.
                link.Phase = LinkPhase.Ended;
                output.Ends.Add(new LinkEnd(link.Number, Printable.Cut(bye.Type, 32), $"The other side: {Printable.Cut(bye.Detail, 400)}", IsFault: bye.Type is not (LinkEndType.Stopping or LinkEndType.Renewed or LinkEndType.Silent)));
                break;
            case LinkMessage.Proof proof:
                OnProof(link, proof, now, output);
                break;
            case var _ when !link.IsOpen:
                End(link, LinkEndType.BadMessage, "A message before the proof.", isFault: true, output);
                break;
            case LinkMessage.Announce announce:
                OnAnnounce(link, announce, now, output);
                break;
            case LinkMessage.Entries entries:
                OnEntries(link, entries, now, output);
                break;
            case LinkMessage.Prune prune:
                CheckRoom(prune.Origins.Count);
                foreach (var origin in prune.Origins)
                {
                    link.Out(Of(origin).Id).IsPruned = true;
                }

                break;
            case LinkMessage.Graft graft:
                OnGraft(link, graft);
                break;
            case LinkMessage.Notice notice:
                OnNotice(link, notice, message, now, output);
                break;
            case var other:
                throw new System.Diagnostics.UnreachableException($"{other}");
        }
    }

    private void OnAnnounce(Link link, LinkMessage.Announce announce, long now, LinkOutput output)
    {
        OnPeerSeen(link, announce.Seen, now, output);

        // More than this side would allow is not used at once, whatever is offered: what is under way stays bounded.
        link.Granted = Math.Max(link.Granted, Math.Min(announce.Credit, link.Sent + (2 * _options.WindowBytes)));
        foreach (var fact in announce.Copies)
        {
            CheckRoom(0);
            Note(fact with { Origin = Of(fact.Origin).Id }, link);
        }

        if (link.Cursor == long.MaxValue)
        {
            IsCompared = true;
            FirstNeighbourSeen ??= announce.Seen;
            link.Cursor = _log.CoveredThrough(link.PeerSeen);
        }

        if (link.PeerSeen.Covers(_seen))
        {
            link.LaggingSince = -1;
        }
    }

    /// <summary>Refuses to hear of so many origins that this region would run out of memory, or of time.</summary>
    /// <param name="count">How many a message may bring that are new.</param>
    private void CheckRoom(int count)
    {
        if (count > _options.OriginsMax || _origins.Count > 2 * _options.OriginsMax)
        {
            throw new FormatException($"The other side names {count} origins, and {_origins.Count} are known here; {_options.OriginsMax} are the most in a message, and twice as many in all.");
        }
    }

    private void OnPeerSeen(Link link, VersionVector changed, long now, LinkOutput output)
    {
        CheckRoom(changed.Count);
        link.OnPeerSeen(changed);
        foreach (var (origin, seq) in changed.Components)
        {
            if (origin == _self.Origin && seq > _seen[origin])
            {
                output.IsOwnOriginBehind = true; // What is missing comes when this is just another origin.
                continue;
            }

            Note(new CopyFact(origin, link.Other.Origin, seq), link);
            var inward = Of(origin);
            if (seq > inward.Received && inward.BehindSince < 0)
            {
                inward.BehindSince = now;
                _behind.Add(origin);
            }
        }
    }

    /// <summary>Keeps a fact about copies, and tells it on towards the entries' origin when it comes from further away.</summary>
    private void Note(CopyFact fact, Link from)
    {
        if (!_copies.Add(fact) || fact.Origin == _self.Origin || from.Out(fact.Origin).IsPruned)
        {
            return; // Whoever does not take this origin from here is not behind us on its way.
        }

        var origin = Of(fact.Origin);
        if (_links.GetValueOrDefault(origin.Parent) is { IsOpen: true } parent)
        {
            if (parent != from)
            {
                TellFacts(parent, fact.Origin);
            }

            return;
        }

        if (origin.Received < fact.Seq)
        {
            return; // Whoever brings the rest is told then.
        }

        // Nobody has brought entries of it since this process, or that link, began: all are asked to tell it on.
        foreach (var link in _links.Values)
        {
            if (link.IsOpen && link != from)
            {
                TellFacts(link, fact.Origin);
            }
        }
    }

    private static void TellFacts(Link link, OriginId origin)
    {
        link.FactsToTell.Add(origin);
        link.OwesAnswer = true;
    }

    /// <summary>From now on a link brings an origin: who has its entries is told that way.</summary>
    private void BringOver(Link link, Inward origin)
    {
        if (origin.Parent != link.Number)
        {
            origin.Parent = link.Number;
            if (_copies.Of(origin.Id).Any(fact => fact.Holder != link.Other.Origin))
            {
                TellFacts(link, origin.Id);
            }
        }
    }

    private void OnEntries(Link link, LinkMessage.Entries entries, long now, LinkOutput output)
    {
        OnPeerSeen(link, entries.Seen, now, output);
        Inward? repeated = null;
        ReadOnlyMemory<byte> repeatedLast = default;
        foreach (var bytes in entries.Items)
        {
            link.Received += bytes.Length;
            link.ReceivedEntries++;
            var repeats = link.RepeatedEntries;
            if (!TryTake(link, bytes, ref repeated, now, output))
            {
                link.Consumed += bytes.Length;
            }

            repeatedLast = link.RepeatedEntries > repeats ? bytes : repeatedLast;

            if (!link.IsOpen)
            {
                return;
            }
        }

        if (repeated is not null)
        {
            // A chain is that of all that came before it, so one comparison a message finds an origin that has two pasts.
            if (ForkOf(repeatedLast.Span) is { } fork)
            {
                StopOrigin(link, fork.Origin, fork.Detail, output);
                return;
            }

            PruneIfRedundant(link, repeated, output);
        }

        if (link.Received - link.Consumed > 2 * _options.WindowBytes)
        {
            End(link, LinkEndType.BadMessage, $"The other side sends more than it was allowed ({link.Received - link.Consumed} bytes are under way; the window is {_options.WindowBytes}).", isFault: true, output);
        }
    }

    /// <summary>Takes an entry if it is the next of its origin.</summary>
    /// <param name="link">Where it comes from.</param>
    /// <param name="bytes">The entry.</param>
    /// <param name="repeated">Receives its origin when it is here already.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="output">Receives what is to be done.</param>
    /// <returns>Whether it goes into the ledger.</returns>
    private bool TryTake(Link link, ReadOnlyMemory<byte> bytes, ref Inward? repeated, long now, LinkOutput output)
    {
        if (!EntryHeader.TryReadStamp(bytes.Span, out var name, out var seq))
        {
            End(link, LinkEndType.BadEntry, $"An entry of {bytes.Length} bytes is not in canonical form.", isFault: true, output);
            return false;
        }

        CheckRoom(0);
        var inward = Of(name);
        var outward = link.Out(inward.Id);
        outward.Has = Math.Max(outward.Has, seq);
        if (seq <= inward.Received)
        {
            link.RepeatedEntries++;
            repeated ??= inward;
            return false;
        }

        if (inward.Id == _self.Origin)
        {
            output.IsOwnOriginBehind = true;
            return false;
        }

        if (seq != inward.Received + 1 || IsStopped(link, inward.Id))
        {
            // Something before it was dropped here, or this origin is not taken from there. It is asked for again in time.
            inward.IsLost = true;
            NoteBehind(inward, now);
            return false;
        }

        var entry = Entry.Parse(bytes, _names);
        if ((!_options.IgnoreDependencies && !link.PeerSeen.Covers(entry.After)) || link.PeerSeen[entry.Origin] < entry.Seq)
        {
            End(link, LinkEndType.BadEntry, $"Entry {entry.Seq} of {entry.Origin} depends on {link.PeerSeen.MissingFrom(entry.After.Merge(VersionVector.Of(entry.Origin, entry.Seq)))}, which the other side does not say to have.", isFault: true, output);
            return false;
        }

        inward.Received = seq;
        BringOver(link, inward);
        (inward.Attempts, inward.IsLost) = (0, false);
        inward.ProgressAt = now;
        link.FreshAt = now;
        link.Silenced.Remove(inward.Id);
        link.Repeats.Remove(inward.Id);
        NoteProgress(inward, now);
        output.Commands.Add(new Command.Receive(entry, link.Number));
        return true;
    }

    private Inward Of(ReadOnlySpan<byte> origin)
    {
        // Most entries are of the origin of the one before.
        if (System.Text.Ascii.Equals(origin, _last.Id.Value))
        {
            return _last;
        }

        Span<char> chars = stackalloc char[OriginId.LengthMax];
        var name = chars[..System.Text.Encoding.ASCII.GetChars(origin, chars)];
        return _last = _byName.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var inward) ? inward : Of(new OriginId(name.ToString()));
    }

    /// <summary>
    /// A link whose messages bring an origin's entries later than another link, several times in a row, need not bring them any more. At the first time
    /// already, two neighbours that hear of the same entries from each other at the same moment would both turn away from whoever told them.
    /// </summary>
    private void PruneIfRedundant(Link link, Inward inward, LinkOutput output)
    {
        if (inward.Parent == link.Number || link.Silenced.Contains(inward.Id) || _links.GetValueOrDefault(inward.Parent) is not { IsOpen: true })
        {
            return;
        }

        var repeats = link.Repeats.GetValueOrDefault(inward.Id) + 1;
        link.Repeats[inward.Id] = repeats;
        if (repeats >= _options.RepeatsMax)
        {
            link.Repeats.Remove(inward.Id);
            link.Silenced.Add(inward.Id);
            link.ToPrune.Add(inward.Id);
            output.Events.Add(new LinkEvent(link.Number, LinkEventKind.Pruned, inward.Id, $"{inward.Id} comes by another link."));
        }
    }

    private void OnReport(in ReceiveReport report, long now, LinkOutput output)
    {
        var link = _links.GetValueOrDefault(report.Link);
        if (link is not null)
        {
            link.Consumed += report.Bytes;
            link.OwesAnswer = true;
        }

        if (report.Result == ReceiveResult.Taken)
        {
            return;
        }

        Rewind(Of(report.Origin), report.Seq - 1, now);
        if (link is not { IsOpen: true } || report.Detail is null)
        {
            return;
        }

        switch (report.Result)
        {
            case ReceiveResult.Fault:
                StopOrigin(link, report.Origin, report.Detail, output);
                break;
            case ReceiveResult.Refused:
                End(link, LinkEndType.BadEntry, report.Detail, isFault: true, output);
                break;
            default:
                output.Events.Add(new LinkEvent(link.Number, LinkEventKind.HistoryGone, report.Origin, report.Detail));
                break;
        }
    }

    private bool IsStopped(Link link, OriginId origin) => _stopped.Count > 0 && _stopped.Contains((link.Other.Instance, origin));

    private void StopOrigin(Link link, OriginId origin, string detail, LinkOutput output)
    {
        if (_stopped.Add((link.Other.Instance, origin)))
        {
            output.Events.Add(new LinkEvent(link.Number, LinkEventKind.OriginStopped, origin, $"{origin} is no longer taken from {link.Other.Region}: {detail}"));
        }

        End(link, LinkEndType.BadEntry, detail, isFault: true, output);
    }

    /// <summary>
    /// Whether an entry that came again is another one than that which is on disk under its number. What is only received is no measure: it may itself turn out
    /// to be false, and whoever brings the true one must not be accused for it.
    /// </summary>
    /// <returns>Null when it is the same, or none is on disk.</returns>
    private (OriginId Origin, string Detail)? ForkOf(ReadOnlySpan<byte> repeated)
    {
        if (!EntryHeader.TryRead(repeated, out var header))
        {
            return null; // Its stamp was read, the rest is of no use to anybody.
        }

        var origin = Of(header.Origin).Id;
        var chain = ChainHeld(origin, header.Seq);
        return chain is null || chain == header.Chain
            ? null
            : (origin, $"Entry {header.Seq} of {origin} came with chain {header.Chain:x16}, but is here with {chain:x16}: the origin is forked.");
    }

    /// <summary>The chain of an entry on disk; null when it is not there, or no longer held.</summary>
    private ulong? ChainHeld(OriginId origin, long seq)
    {
        if (seq > _seen[origin])
        {
            return null;
        }

        _log.ReadAll(_log.CoveredThrough(_seen.With(origin, seq - 1)), bytesMax: 1, _batch);
        return _batch.Entries.Count > 0 && EntryHeader.TryRead(_batch.BytesOf(_batch.Entries[0]), out var held) && held.Seq == seq && Of(held.Origin).Id == origin
            ? held.Chain
            : null;
    }

    /// <summary>What was received after a number is gone: it is asked for again.</summary>
    private void Rewind(Inward origin, long seq, long now)
    {
        // Not below what is durable: a report may come after more was applied by another way.
        seq = Math.Max(seq, _seen[origin.Id]);
        if (seq < origin.Received)
        {
            (origin.Received, origin.IsLost) = (seq, true);
            NoteBehind(origin, now);
        }
    }

    private void NoteBehind(Inward origin, long now)
    {
        if (origin.BehindSince < 0)
        {
            origin.BehindSince = now;
            _behind.Add(origin.Id);
        }
    }

    private static void NoteProgress(Inward origin, long now)
    {
        if (origin.BehindSince >= 0)
        {
            origin.BehindSince = now;
        }
    }

    /// <summary>Asks for what does not come though a neighbour has it.</summary>
    private void LookBehind(long now, LinkOutput output)
    {
        if (_behind.Count == 0)
        {
            return;
        }

        foreach (var id in _behind.Order().ToArray())
        {
            var origin = Of(id);
            var candidates = _links.Values.Where(l => l.IsOpen && l.PeerSeen[id] > origin.Received && !IsStopped(l, id)).ToArray();
            if (candidates.Length == 0)
            {
                origin.BehindSince = -1;
                _behind.Remove(id);
                continue;
            }

            var wait = Math.Min(_options.GraftMs << Math.Min(origin.Attempts, 16), GraftMsMax);

            // A link that pushes it and is busy with what stands before it will come to it; unless it was sent, and dropped here.
            var isComing = !origin.IsLost && candidates.Any(l => !l.Silenced.Contains(id) && now - l.FreshAt < wait);
            if (now - origin.BehindSince < (isComing ? wait * BusyFactor : wait))
            {
                continue;
            }

            // First those that were asked not to push it; whoever pushes it and yet does not bring it comes last.
            var ordered = candidates.OrderBy(l => l.Silenced.Contains(id) ? 0 : 1).ThenBy(l => l.Number).ToArray();
            Graft(ordered[origin.Attempts % ordered.Length], origin, now, output);
            Accuse(origin, candidates, now, output);
        }
    }

    private void Graft(Link link, Inward origin, long now, LinkOutput output)
    {
        origin.BehindSince = now;
        origin.Attempts++;
        BringOver(link, origin);
        link.Silenced.Remove(origin.Id);
        link.ToGraft.Add(origin.Id);
        output.Events.Add(new LinkEvent(link.Number, LinkEventKind.Grafted, origin.Id, $"{origin.Id} is asked for from {origin.Received + 1} on."));
    }

    /// <summary>Ends links whose other side says that it has what others wait for, was asked for it again and again, and sends nothing.</summary>
    private void Accuse(Inward origin, Link[] candidates, long now, LinkOutput output)
    {
        foreach (var link in candidates)
        {
            if (origin.Attempts > candidates.Length && now - Math.Max(origin.ProgressAt, Math.Max(link.FreshAt, link.OpenedAt)) >= _options.WithheldMs)
            {
                output.Commands.Add(new Command.Forget(link.Number));
                End(link, LinkEndType.Withheld, $"The other side says that it has entries of {origin.Id} up to {link.PeerSeen[origin.Id]}, and has not sent {origin.Received + 1} for {_options.WithheldMs / 1000} s.", isFault: true, output);
            }
        }
    }

    /// <summary>Where the link that brought an origin is gone, another one that was asked not to is asked to bring it: at once, not when this region has fallen behind.</summary>
    private void Orphan(long now)
    {
        foreach (var origin in _origins.Values)
        {
            if (origin.Parent == 0 || _links.GetValueOrDefault(origin.Parent) is { IsOpen: true })
            {
                continue;
            }

            origin.Parent = 0;
            foreach (var link in _links.Values)
            {
                if (link.IsOpen && link.Silenced.Remove(origin.Id))
                {
                    BringOver(link, origin);
                    origin.ProgressAt = now;
                    link.ToGraft.Add(origin.Id);
                    break;
                }
            }
        }
    }
}
