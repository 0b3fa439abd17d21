using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication.Tests;

/// <summary>A region without disk and network: a replica over states in memory, with a clock that the test sets.</summary>
internal sealed class Region
{
    private readonly ReplicaOptions _options;

    public Region(string origin, ReplicaOptions? options = null)
    {
        _options = options ?? ReplicaOptions.Default;
        Origin = new OriginId(origin);
        Replica = new Replica(Origin, ReplicaMark.Start, States, _options);
    }

    public OriginId Origin { get; }

    public MemoryStates States { get; } = new();

    public Outbox Outbox { get; } = new();

    public Replica Replica { get; }

    /// <summary>Everything committed, in the region's order.</summary>
    public List<(byte[] Bytes, bool Repeat)> Ledger { get; } = [];

    /// <summary>Microseconds since 1970.</summary>
    public long Wall { get; set; } = 1_700_000_000_000_000;

    public VersionVector Seen => Replica.Mark.Seen;

    /// <summary>Publishes and commits.</summary>
    public Outcome Publish(string body, string channel = "scores.curling", string author = "ann")
    {
        var outcome = Try(body, channel, author);
        Commit();
        return outcome;
    }

    /// <summary>Publishes without a commit.</summary>
    public Outcome Try(string body, string channel = "scores.curling", string author = "ann")
    {
        var parsed = PublishBody.Parse(Encoding.UTF8.GetBytes(body), _options.Limits);
        Replica.Apply(new Command.Publish(channel, author, parsed), Wall, Outbox);
        return Outbox.Outcomes[^1];
    }

    /// <summary>Takes an entry of another region and commits.</summary>
    /// <returns>What became of it.</returns>
    public ReceiveReport Receive(ReadOnlyMemory<byte> entry, int link = 0)
    {
        Replica.Apply(new Command.Receive(Entry.Parse(entry), link), Wall, Outbox);
        var report = Outbox.Received[^1];
        Commit();
        return report;
    }

    /// <summary>Takes everything that another region has and this one lacks.</summary>
    /// <returns>What became of the last entry.</returns>
    public ReceiveReport ReceiveAll(Region other)
    {
        ReceiveReport last = default;
        foreach (var (bytes, _) in other.Ledger)
        {
            last = Receive(bytes);
        }

        return last;
    }

    public void Commit()
    {
        foreach (var recorded in Outbox.Entries)
        {
            Ledger.Add((Outbox.Bytes.WrittenSpan.Slice(recorded.Offset, recorded.Length).ToArray(), recorded.Repeat));
        }

        States.Commit(Outbox);
        Replica.Commit();
        Outbox.Clear();
    }

    public ChannelState? State(string channel = "scores.curling") => States.Find(channel);

    public string StateText(string channel = "scores.curling") => Texts.Of(States.Find(channel)!.WriteState);

    public string ConflictsText(string channel = "scores.curling") => Texts.Of(States.Find(channel)!.WriteConflicts);

}

internal static class Texts
{
    public static string Of(Action<System.Buffers.IBufferWriter<byte>> write)
    {
        var buffer = new ByteBuffer();
        write(buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static byte[] Bytes(this ChannelState state)
    {
        var buffer = new ByteBuffer();
        state.Serialize(buffer);
        return buffer.WrittenSpan.ToArray();
    }
}
