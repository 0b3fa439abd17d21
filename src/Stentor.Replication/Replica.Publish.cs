using Stentor.Protocol;

namespace Stentor.Replication;

/// <content>What is published in this region.</content>
public sealed partial class Replica
{
    private void OnPublish(Command.Publish publish, long wallMicros, Outbox outbox)
    {
        var body = publish.Body;
        if (body.Id is not null && FindId(publish.Author, body.Id) is { } known)
        {
            var current = body.Effect is null ? null : State(known.Channel, outbox);
            outbox.Outcomes.Add(new Outcome(publish, Refusal: null, Duplicate: true, known.Channel, known.Origin, known.Seq, known.Lamport, known.Time, current, _origins.Seen));
            return;
        }

        var state = State(publish.Channel, outbox);
        if (Refuse(body, publish.Channel, state) is { } refusal)
        {
            outbox.Outcomes.Add(Outcome.Refused(publish, refusal, _origins.Seen));
            return;
        }

        outbox.Outcomes.Add(Record(publish, state, wallMicros, outbox));
        if (ChannelName.IsReserved(publish.Channel))
        {
            OnReserved(publish.Channel, wallMicros, outbox);
        }
    }

    /// <summary>Makes the entry of a publish that nothing speaks against.</summary>
    private Outcome Record(Command.Publish publish, ChannelState? state, long wallMicros, Outbox outbox)
    {
        var body = publish.Body;

        // The own component goes without saying: the origin's own order implies it.
        var after = body.After is null ? _origins.Others : body.After.Without(_self);
        var time = Math.Max(wallMicros, _time + 1);
        if (_origins.AheadCount > 0)
        {
            time = Math.Max(time, _origins.AheadTimeIn(after) + 1);
        }

        var own = _origins.Self;
        var seenBefore = _origins.SeenAtLeast;
        var stamp = new Stamp(time, _self, own.Seq + 1);
        var lamport = _lamport + 1;
        var folded = Fold.Next(
            state,
            new Folded(stamp, lamport, publish.Author, after, body.Effect, FirstCopy: null),
            _options.Limits.ConflictsMax,
            body.Effect is null ? NoSum : Sums(publish.Channel, outbox, current: null));

        var offset = outbox.Bytes.Length;
        var chain = EntryWriter.Write(
            new EntryParts(publish.Channel, _self, stamp.Seq, lamport, time, publish.Author, after, body.Id, body.Effect, body.Activity),
            own.Chain,
            outbox.Bytes);
        outbox.Entries.Add(new Recorded(publish.Channel, _self, stamp.Seq, offset, outbox.Bytes.Length - offset, Repeat: false, folded));
        outbox.Channels[publish.Channel] = folded;
        if (body.Id is not null)
        {
            var content = ContentOf(outbox.Bytes.WrittenSpan[offset..]);
            Remember(new PublishedId(publish.Author, body.Id, publish.Channel, _self, stamp.Seq, lamport, time, content), outbox);
        }

        _origins.Advance(own, chain, lamport, time);
        (_lamport, _time, _mark) = (lamport, time, null);
        return new Outcome(
            publish, Refusal: null, Duplicate: false, publish.Channel, _self, stamp.Seq, lamport, time, body.Effect is null ? null : folded, seenBefore);
    }

    private Refusal? Refuse(PublishBody body, string channel, ChannelState? state)
    {
        if (body.After is not null && !_origins.Cover(body.After))
        {
            var missing = _origins.Seen.MissingFrom(body.After);
            return new Refusal(ErrorType.Behind, $"This region has not seen {missing} yet, which `after` covers. Send it again later.", missing);
        }

        if (body.Exists is { } exists && exists != state is not null)
        {
            return new Refusal(ErrorType.ConditionNotMet, exists
                ? $"`if.exists` is true, but nothing was ever published to {channel}."
                : $"`if.exists` is false, but {channel} exists with version {state!.Version}."); // Not null, since the condition failed.
        }

        if (body.Version is { } version && version != (state?.Version ?? 0))
        {
            return new Refusal(ErrorType.ConditionNotMet, $"`if.version` is {version}, but {channel} has version {state?.Version ?? 0}.");
        }

        return body.Effect is null ? null : RefuseEffect(body.Effect, channel, state);
    }

    private Refusal? RefuseEffect(Effect effect, string channel, ChannelState? state)
    {
        var limits = _options.Limits;
        var fields = state?.Fields ?? ChannelState.NoFields;
        var count = fields.Count;
        var bytes = state?.FieldBytes ?? 0;
        foreach (var (field, value) in effect.Set)
        {
            bytes += value.Length;
            if (!fields.TryGetValue(field, out var found))
            {
                count++;
                bytes += FieldState.NameBytes(field);
            }
            else if (found.Shows == FieldShows.Counter)
            {
                return new Refusal(ErrorType.MixedField, $"The field '{Printable.Cut(field)}' of {channel} is a counter, so `set` does not apply. Use `add`, or `remove` it first.");
            }
            else
            {
                bytes -= found.ValueBytes;
            }
        }

        foreach (var (field, _) in effect.Add)
        {
            if (!fields.TryGetValue(field, out var found))
            {
                count++;
                bytes += FieldState.NameBytes(field);
            }
            else if (found.Shows == FieldShows.Plain)
            {
                return new Refusal(ErrorType.MixedField, $"The field '{Printable.Cut(field)}' of {channel} has a value that was set, so `add` does not apply. Use `set`, or `remove` it first.");
            }
        }

        foreach (var field in effect.Remove)
        {
            if (fields.TryGetValue(field, out var found))
            {
                bytes -= found.ValueBytes;
            }
            else
            {
                count++;
                bytes += FieldState.NameBytes(field);
            }
        }

        // What other regions bring is folded whatever it comes to; only making it more is refused.
        if (count > limits.StateFieldsMax && count > fields.Count)
        {
            return new Refusal(ErrorType.TooLarge, $"The state of {channel} would have {count} fields, removed ones included; the most is {limits.StateFieldsMax} (limit state-fields-max).");
        }

        return bytes > limits.StateBytesMax && bytes > (state?.FieldBytes ?? 0)
            ? new Refusal(ErrorType.TooLarge, $"The state of {channel} would have {bytes} bytes; the most is {limits.StateBytesMax} (limit state-bytes-max).")
            : null;
    }
}
