using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Simulation;

/// <summary>
/// A region for counting messages: the shipped replica and links over memory, without a store, so that a thousand of them fit. What it is given it commits at once.
/// </summary>
internal sealed class ScalingRegion : IEntryLog
{
    private readonly ScalingWorld _world;
    private readonly MemoryStates _states = new(_ => []);
    private readonly List<(byte[] Bytes, OriginId Origin, long Seq)> _entries = [];
    private readonly Outbox _outbox = new();
    private readonly LinkOutput _output = new();
    private readonly Replica _replica;

    public ScalingRegion(ScalingWorld world, int number, LinkOptions options)
    {
        _world = world;
        Number = number;
        Origin = new OriginId($"r{number}-1");
        _replica = new Replica(Origin, ReplicaMark.Start, _states, ReplicaOptions.Default);
        Links = new Dissemination(new LinkIdentity($"r{number}", Origin, $"p{number}", "c", ScalingWorld.Secret), this, VersionVector.Empty, options);
    }

    public int Number { get; }

    public OriginId Origin { get; }

    public Dissemination Links { get; }

    public LinkOutput Output => _output;

    public VersionVector Seen => _replica.Mark.Seen;

    /// <inheritdoc/>
    public long Position => _entries.Count;

    /// <inheritdoc/>
    public long CoveredThrough(VersionVector seen)
    {
        // Whoever is behind is behind by little here: looked for from the end.
        var position = _entries.Count;
        for (var i = _entries.Count - 1; i >= 0 && _entries.Count - i < 4_096; i--)
        {
            if (seen[_entries[i].Origin] < _entries[i].Seq)
            {
                position = i;
            }
        }

        return position;
    }

    /// <inheritdoc/>
    public void ReadAll(long after, int bytesMax, LedgerBatch batch)
    {
        batch.Clear();
        for (; after < Position && batch.Bytes.Length < bytesMax; after++)
        {
            var bytes = _entries[(int)after].Bytes;
            batch.Entries.Add(new LedgerSlice(after + 1, batch.Bytes.Length, bytes.Length, Repeat: false));
            batch.Bytes.Write(bytes);
        }

        batch.Through = after;
    }

    /// <summary>Applies a command of this region's own.</summary>
    public Outcome Apply(Command command)
    {
        _replica.Apply(command, _world.Micros, _outbox);
        var outcome = _outbox.Outcomes[^1];
        Commit();
        return outcome;
    }

    /// <summary>The state of a channel.</summary>
    public ChannelState? Find(string channel) => _states.Find(channel);

    /// <summary>Does what the last step of its links asked for.</summary>
    public void Obey()
    {
        if (_output.Sends.Count == 0 && _output.Commands.Count == 0 && _output.Ends.Count == 0)
        {
            _output.Clear();
            return;
        }

        _world.Carry(_output);
        var commands = _output.Commands.ToArray();
        _output.Clear();
        if (commands.Length == 0)
        {
            return;
        }

        foreach (var command in commands)
        {
            _replica.Apply(command, _world.Micros, _outbox);
        }

        Commit();
    }

    private void Commit()
    {
        foreach (var entry in _outbox.Entries)
        {
            _entries.Add((_outbox.Bytes.WrittenSpan.Slice(entry.Offset, entry.Length).ToArray(), entry.Origin, entry.Seq));
            _world.OnApplied(this, entry.Origin, entry.Seq);
        }

        _states.Commit(_outbox);
        _replica.Commit();
        Links.OnCommitted(Seen, Position, [.. _outbox.Received], _world.NowMs, _output);
        _outbox.Clear();
        Obey();
    }
}
