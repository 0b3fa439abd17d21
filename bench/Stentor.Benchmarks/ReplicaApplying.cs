using BenchmarkDotNet.Attributes;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Benchmarks;

/// <summary>Applying a publish, in batches of 100 over 10 channels, against writing its entry, which is the least that must be done.</summary>
public class ReplicaApplying
{
    private const int Batch = 100;
    private const long WallMicros = 1_771_063_200_000_000;

    private static readonly OriginId Origin = new("bench-7f3a");
    private readonly Outbox _outbox = new();
    private readonly Replica _replica = new(Origin, ReplicaMark.Start, new Nothing(), ReplicaOptions.Default);
    private readonly ByteBuffer _bytes = new(256 * 1024);
    private readonly Command[] _activities = new Command[Batch];
    private readonly Command[] _effects = new Command[Batch];
    private EntryParts _parts;

    [GlobalSetup]
    public void Setup()
    {
        var activity = PublishBody.Parse(Samples.Body(200), Limits.Default);
        var effect = PublishBody.Parse("""{"effect":{"add":{"gold":1,"points":9.25},"set":{"leader":"anna"}}}"""u8.ToArray(), Limits.Default);
        for (var i = 0; i < Batch; i++)
        {
            _activities[i] = new Command.Publish($"scores.game-{i % 10}", "anna", activity);
            _effects[i] = new Command.Publish($"medals.team-{i % 10}", "anna", effect);
        }

        _parts = new EntryParts("scores.game-1", Origin, 1_234_567, 1_234_599, WallMicros, "anna", VersionVector.Empty, null, null, activity.Activity);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Batch)]
    public ulong EntryOnly()
    {
        _bytes.Clear();
        var chain = 0UL;
        for (var i = 0; i < Batch; i++)
        {
            chain = Protocol.EntryWriter.Write(_parts, chain, _bytes);
        }

        return chain;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public int Activities() => Apply(_activities);

    [Benchmark(OperationsPerInvoke = Batch)]
    public int Effects() => Apply(_effects);

    private int Apply(Command[] commands)
    {
        foreach (var command in commands)
        {
            _replica.Apply(command, WallMicros, _outbox);
        }

        _replica.Commit();
        var length = _outbox.Bytes.Length;
        _outbox.Clear();
        return length;
    }

    /// <summary>A store in which nothing was ever committed.</summary>
    private sealed class Nothing : IStates
    {
        public ChannelState? Find(string channel) => null;

        public PublishedId? FindId(string author, string id) => null;

        public IEnumerable<ReadOnlyMemory<byte>> History(string channel) => [];
    }
}
