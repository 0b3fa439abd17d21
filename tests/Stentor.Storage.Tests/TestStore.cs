using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage.Tests;

/// <summary>A store with the replica that fills it, and a clock that goes a microsecond an activity.</summary>
internal sealed class TestStore : IDisposable
{
    private readonly ReplicaOptions _options;
    private long _wall = 1_700_000_000_000_000;

    public TestStore(IDisk disk, StoreOptions options)
    {
        Store = Store.Open(disk, options);
        _options = options.Replica;
        Replica = new Replica(Store.Origin, Store.Mark, Store, _options);
    }

    public Store Store { get; }

    public Replica Replica { get; private set; }

    public Outbox Outbox { get; } = new();

    public static StoreOptions Options(int segmentBytes = 64 * 1024, string? statePath = null, long retainBytes = 0) => new()
    {
        Region = "eu",
        Incarnation = 0x7f3a,
        StatePath = statePath,
        SegmentBytes = segmentBytes,
        RetainBytes = retainBytes,
        IsHousekeepingInBackground = false,
    };

    public static string TextOf(Action<System.Buffers.IBufferWriter<byte>> write)
    {
        var buffer = new ByteBuffer();
        write(buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public Outcome Add(string channel, string body, string author = "ann")
    {
        Replica.Apply(new Command.Publish(channel, author, PublishBody.Parse(Encoding.UTF8.GetBytes(body), _options.Limits)), _wall++, Outbox);
        return Outbox.Outcomes[^1];
    }

    /// <summary>Commits what was added; when the disk refuses, nothing of it remains.</summary>
    public void Commit()
    {
        try
        {
            Store.Commit(Outbox);
            Replica.Commit();
        }
        catch
        {
            Replica.Rollback();
            throw;
        }
        finally
        {
            Outbox.Clear();
        }
    }

    public Outcome Publish(string channel, string body, string author = "ann")
    {
        var outcome = Add(channel, body, author);
        Commit();
        return outcome;
    }

    /// <summary>Everything from a position on, one text an entry.</summary>
    public List<string> ReadAll(long after = 0)
    {
        var texts = new List<string>();
        var batch = new LedgerBatch();
        for (; after < Store.Position; after = batch.Through)
        {
            Store.ReadAll(after, 4096, batch);
            Assert.Empty(batch.Holes);
            texts.AddRange(Texts(batch));
        }

        return texts;
    }

    public List<string> Read(string channels, long after = 0, int bytesMax = 4096)
    {
        var set = new ChannelSet(channels.Split(',').Select(ChannelPattern.Parse));
        var texts = new List<string>();
        var batch = new LedgerBatch();
        for (; after < Store.Position; after = batch.Through)
        {
            Store.Read(after, set, bytesMax, batch);
            Assert.Empty(batch.Holes);
            texts.AddRange(Texts(batch));
        }

        return texts;
    }

    public static IEnumerable<string> Texts(LedgerBatch batch) => batch.Entries.Select(e => Encoding.UTF8.GetString(batch.BytesOf(e))).ToList();

    public string? State(string channel) => Store.Find(channel) is { } state ? TextOf(state.WriteState) : null;

    public void Dispose() => Store.Dispose();
}
