using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Simulation;

/// <summary>Planted: the state of a channel as it was one commit ago.</summary>
internal sealed class StaleStates(Store store) : IStates
{
    private readonly Dictionary<string, ChannelState?> _before = [];

    /// <summary>Notes what is about to become old.</summary>
    public void Keep(Outbox outbox)
    {
        _before.Clear();
        foreach (var channel in outbox.Channels.Keys)
        {
            _before[channel] = store.Find(channel);
        }
    }

    public ChannelState? Find(string channel) => _before.TryGetValue(channel, out var before) && before is not null ? before : store.Find(channel);

    public PublishedId? FindId(string author, string id) => store.FindId(author, id);

    public IEnumerable<ReadOnlyMemory<byte>> History(string channel) => store.History(channel);
}

/// <summary>Planted: publish ids that were known before this process started, or that came from other regions, are not known.</summary>
internal sealed class ForgetfulStates(Store store, bool isForeignOnly) : IStates
{
    private readonly long _timeFirst = isForeignOnly ? long.MinValue : store.Mark.Time;

    public ChannelState? Find(string channel) => store.Find(channel);

    public PublishedId? FindId(string author, string id) =>
        store.FindId(author, id) is { } known && known.Time > _timeFirst && (!isForeignOnly || known.Origin == store.Origin) ? known : null;

    public IEnumerable<ReadOnlyMemory<byte>> History(string channel) => store.History(channel);
}
