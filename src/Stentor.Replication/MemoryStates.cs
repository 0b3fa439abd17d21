namespace Stentor.Replication;

/// <summary>States in memory: what a store is to a replica, without a disk. For tests, for a second fold of a ledger, and for simulated worlds. One owner.</summary>
/// <param name="history">Where the entries of a channel are; null to keep those of committed outboxes here.</param>
public sealed class MemoryStates(Func<string, IEnumerable<ReadOnlyMemory<byte>>>? history = null) : IStates
{
    private readonly Dictionary<string, ChannelState> _channels = [];
    private readonly Dictionary<(string Author, string Id), PublishedId> _ids = [];
    private readonly Dictionary<string, List<ReadOnlyMemory<byte>>> _entries = [];

    /// <summary>Where a replica goes on.</summary>
    public ReplicaMark Mark { get; private set; } = ReplicaMark.Start;

    /// <summary>The states of all channels, in no particular order.</summary>
    public IReadOnlyDictionary<string, ChannelState> Channels => _channels;

    /// <summary>All publish ids, in no particular order.</summary>
    public IReadOnlyCollection<PublishedId> Ids => _ids.Values;

    /// <summary>Takes over what a batch brought about. The outbox stays as it is.</summary>
    /// <param name="outbox">The batch.</param>
    public void Commit(Outbox outbox)
    {
        foreach (var (channel, state) in outbox.Channels)
        {
            _channels[channel] = state;
        }

        foreach (var id in outbox.Ids)
        {
            _ids.Add((id.Author, id.Id), id);
        }

        if (history is null)
        {
            foreach (var recorded in outbox.Entries)
            {
                if (!_entries.TryGetValue(recorded.Channel, out var entries))
                {
                    _entries.Add(recorded.Channel, entries = []);
                }

                entries.Add(outbox.Bytes.WrittenSpan.Slice(recorded.Offset, recorded.Length).ToArray());
            }
        }

        Mark = outbox.Mark;
    }

    /// <inheritdoc/>
    public ChannelState? Find(string channel) => _channels.GetValueOrDefault(channel);

    /// <inheritdoc/>
    public PublishedId? FindId(string author, string id) => _ids.GetValueOrDefault((author, id));

    /// <inheritdoc/>
    public IEnumerable<ReadOnlyMemory<byte>> History(string channel) =>
        history is not null ? history(channel) : _entries.GetValueOrDefault(channel, []);
}
