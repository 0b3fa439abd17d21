using System.Text;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Simulation;

/// <content>What clients ask of a region.</content>
internal sealed partial class RegionProcess
{
    private const long CoverWaitMicros = 5_000_000;
    private const long CopiesWaitMicros = 5_000_000;

    private readonly IStates _states;
    private readonly List<(VersionVector After, long Until, Action Covered, Action Late)> _waits = [];
    private readonly List<(PublishCall Call, Answer Answer, int Copies, long Until)> _copies = [];
    private readonly List<Reader> _readers = [];
    private readonly LedgerBatch _read = new();
    private readonly Dictionary<string, ChannelState> _last = [];

    /// <summary>Publishes; waits for what the author has seen elsewhere.</summary>
    public void Publish(Client client, string channel, PublishBody body, Action<Answer> answer)
    {
        if (_queue.Count >= QueueMax)
        {
            answer(new Answer(ErrorType.NotReady, Seen));
            return;
        }

        var given = _world.Planted switch
        {
            PlantedFault.ConditionIgnored => body with { Exists = null, Version = null },
            PlantedFault.PublishNotWaiting => body with { After = null },
            _ => body,
        };
        var call = new PublishCall(this, body, answer);
        WhenCovered(
            given.After ?? VersionVector.Empty,
            () =>
            {
                _queue.Enqueue(new Command.Publish(channel, client.Name, given, call));
                Wake();
            },
            () => answer(new Answer(ErrorType.Behind, Seen)));
    }

    /// <summary>The outcome of a publish is due.</summary>
    public void OnOutcome(PublishCall call, in Outcome outcome)
    {
        if (outcome.Refusal is { } refusal)
        {
            call.Answer(new Answer(refusal.Type, outcome.Seen));
            return;
        }

        var seen = _world.Planted == PlantedFault.TokenWithoutOwnWrite && !outcome.Duplicate ? outcome.SeenBefore : outcome.Seen;
        var answer = new Answer(null, seen)
        {
            Origin = outcome.Origin,
            Seq = outcome.Seq,
            IsDuplicate = outcome.Duplicate,
            State = outcome.State is null ? null : TextOf(outcome.State),
            Version = outcome.State?.Version ?? 0,
        };
        _world.Witness.OnAcknowledged(this, call.Body, answer);
        if (outcome.Command.Body.Copies > 1)
        {
            _copies.Add((call, answer, outcome.Command.Body.Copies, _schedule.Now + CopiesWaitMicros));
        }
        else
        {
            call.Answer(answer);
        }
    }

    /// <summary>Reads a channel's state, not older than what the client has seen.</summary>
    public void ReadState(string channel, VersionVector after, Action<Answer> answer) => WhenCovered(
        _world.Planted == PlantedFault.ReadNotWaiting ? VersionVector.Empty : after,
        () =>
        {
            var state = Store.Find(channel);
            answer(new Answer(null, Store.Mark.Seen) { State = state is null ? null : TextOf(state), Version = state?.Version ?? 0 });
        },
        () => answer(new Answer(ErrorType.Behind, Seen)));

    /// <summary>Begins a subscription, or resumes it after its token.</summary>
    public void Subscribe(Subscription subscription, int connection, VersionVector after, Action<Answer> answer) => WhenCovered(
        after,
        () =>
        {
            var from = _world.Planted == PlantedFault.ReaderResumedTooLate && after.Count > 0 ? Store.Position : Store.CoveredThrough(after);
            var reader = new Reader(this, subscription, connection, from, _world.Planted == PlantedFault.ReaderResumedTooEarly ? VersionVector.Empty : after);
            _readers.Add(reader);
            answer(new Answer(null, Seen));
            Wake(reader);
        },
        () => answer(new Answer(ErrorType.Behind, Seen)));

    /// <summary>Gives what comes after an inbox's cursor.</summary>
    public void FetchInbox(Client client, ChannelSet channels, VersionVector after, Action<Answer> answer) => WhenCovered(
        after,
        () =>
        {
            var cursor = CursorOf(client);
            var entries = new List<byte[]>();
            Store.Read(Store.CoveredThrough(cursor), channels, 2048, _read);
            var seen = cursor;
            foreach (var slice in _read.Entries)
            {
                EntryHeader.TryRead(_read.BytesOf(slice), out var header);
                var origin = new OriginId(Encoding.ASCII.GetString(header.Origin));
                if (cursor[origin] < header.Seq)
                {
                    entries.Add(_read.BytesOf(slice).ToArray());
                }
            }

            seen = Store.SeenAt(_read.Through).Merge(cursor);
            if (_world.Planted == PlantedFault.CursorMovedBeforeDelivery && entries.Count > 0)
            {
                MoveCursor(client, seen, after, _ => { });
            }

            answer(new Answer(null, seen) { Cursor = cursor, Entries = entries });
        },
        () => answer(new Answer(ErrorType.Behind, Seen)));

    /// <summary>Moves an inbox's cursor.</summary>
    public void MoveCursor(Client client, VersionVector seen, VersionVector after, Action<Answer> answer)
    {
        var body = PublishBody.Parse(Encoding.UTF8.GetBytes($"{{\"effect\":{{\"set\":{{\"seen\":\"{SeenToken.Encode(seen)}\"}}}},\"after\":\"{SeenToken.Encode(after)}\"}}"), Limits.Default);
        Publish(client, client.InboxChannel, body, answer);
    }

    private static string TextOf(ChannelState state)
    {
        var text = new ByteBuffer(256);
        state.WriteState(text);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private VersionVector CursorOf(Client client)
    {
        var field = Store.Find(client.InboxChannel)?.Field("seen") ?? default;
        return field.Length > 2 ? SeenToken.Decode(Encoding.ASCII.GetString(field.Span[1..^1])) : VersionVector.Empty;
    }

    private void WhenCovered(VersionVector after, Action covered, Action late)
    {
        if (Seen.Covers(after))
        {
            covered();
        }
        else
        {
            _waits.Add((after, _schedule.Now + CoverWaitMicros, covered, late));
        }
    }

    private void AnswerWaits()
    {
        for (var i = 0; i < _waits.Count; i++)
        {
            var wait = _waits[i];
            if (Seen.Covers(wait.After))
            {
                _waits.RemoveAt(i--);
                wait.Covered();
            }
        }
    }

    private void GiveUpWaits()
    {
        if (_registrations.Exists(registration => registration.Until <= _schedule.Now))
        {
            AnswerRegistrations();
        }

        for (var i = 0; i < _waits.Count; i++)
        {
            var wait = _waits[i];
            if (wait.Until <= _schedule.Now)
            {
                _waits.RemoveAt(i--);
                wait.Late();
            }
        }
    }

    private void AnswerCopies()
    {
        for (var i = 0; i < _copies.Count; i++)
        {
            var (call, answer, copies, until) = _copies[i];
            var count = _links.CopiesOf(answer.Origin, answer.Seq);
            if (_world.Planted == PlantedFault.CopiesCountedWhenSent)
            {
                count = 1 + _world.Network.OpenLinksOf(this);
            }

            if (count >= copies || until <= _schedule.Now)
            {
                _copies.RemoveAt(i--);
                var told = answer with { Copies = Math.Min(count, copies) };
                _world.Witness.OnCopiesTold(this, told);
                call.Answer(told);
            }
        }
    }

    private void WakeReaders()
    {
        _readers.RemoveAll(reader => !reader.IsOpen || (_world.Planted == PlantedFault.ReaderForgotten && _random.Chance(0.02)));
        foreach (var reader in _readers)
        {
            Wake(reader);
        }
    }

    private void Wake(Reader reader)
    {
        if (!reader.IsBusy)
        {
            reader.IsBusy = true;
            Later(_random.Between(1, 500), () => Deliver(reader));
        }
    }

    private void Deliver(Reader reader)
    {
        reader.IsBusy = false;
        if (!reader.IsOpen)
        {
            return;
        }

        Store.Read(reader.Position, reader.Subscription.Channels, 2048, _read);
        foreach (var slice in _read.Entries)
        {
            if (slice.Repeat && _world.Planted != PlantedFault.RepeatDelivered)
            {
                continue;
            }

            var bytes = _read.BytesOf(slice);
            EntryHeader.TryRead(bytes, out var header);
            if (reader.Resume[new OriginId(Encoding.ASCII.GetString(header.Origin))] >= header.Seq)
            {
                continue;
            }

            var seen = _world.Planted == PlantedFault.ReaderTokenAhead ? Store.SeenAt(_read.Through) : Store.SeenAt(slice.Position);
            reader.Subscription.Send(reader, bytes.ToArray(), seen);
        }

        reader.Position = _read.Through;
        if (reader.Position < Store.Position)
        {
            Wake(reader);
        }
    }

    private void DeliverUncommitted()
    {
        foreach (var entry in _outbox.Entries.Where(entry => !entry.Repeat))
        {
            foreach (var reader in _readers.Where(reader => reader.IsOpen && reader.Position == Store.Position && reader.Subscription.Wants(entry.Channel)))
            {
                reader.Subscription.Send(reader, _outbox.Bytes.WrittenSpan.Slice(entry.Offset, entry.Length).ToArray(), _outbox.Mark.Seen);
            }
        }
    }

    /// <summary>Planted: the database says that it reflects all that was committed; what changed since the last check-point is not in it.</summary>
    public void WriteMarkWithoutStates(StateMemory states) => states.Database.Write(new StateGeneration(0, 0), Store.States.Current);

    /// <summary>Planted: notes the states that <see cref="WriteStatesWithoutMark"/> writes.</summary>
    private void KeepStates()
    {
        foreach (var (channel, state) in _outbox.Channels)
        {
            _last[channel] = state;
        }
    }

    /// <summary>Planted: the states as they are go into the database, without the position that they reflect.</summary>
    public void WriteStatesWithoutMark(StateMemory states)
    {
        if (states.Database.Mark is not { } mark)
        {
            return;
        }

        var generation = new StateGeneration(16, 16);
        foreach (var (channel, state) in _last)
        {
            generation.Channels[channel] = state;
        }

        states.Database.Write(generation, mark);
    }
}

/// <summary>A region's side of a subscription: a position in its ledger.</summary>
internal sealed class Reader(RegionProcess process, Subscription subscription, int connection, long position, VersionVector resume)
{
    public RegionProcess Process { get; } = process;

    public Subscription Subscription { get; } = subscription;

    public int Connection { get; } = connection;

    public long Position { get; set; } = position;

    /// <summary>What it had seen when it was resumed: not shown again.</summary>
    public VersionVector Resume { get; } = resume;

    public bool IsBusy { get; set; }

    /// <summary>Whether the client still takes what comes over this connection.</summary>
    public bool IsOpen => Process.IsAlive && Subscription.Connection == Connection;
}
