namespace Stentor.Simulation;

/// <summary>Every entry that was ever durable anywhere: what there is to be known in a world.</summary>
internal sealed class FactStore
{
    private readonly Dictionary<string, List<Fact?>> _origins = [];
    private readonly Dictionary<string, List<Fact>> _channels = [];
    private readonly Dictionary<(string Author, string Id, string Content), List<Fact>> _activities = [];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The origins that made them, in the order of their first appearance.</summary>
    public IReadOnlyCollection<string> Origins => _origins.Keys;

    /// <summary>All entries of a channel, in the order in which they first became durable somewhere.</summary>
    public IReadOnlyList<Fact> OfChannel(string channel) => _channels.GetValueOrDefault(channel, []);

    /// <summary>An entry; null when there is none.</summary>
    public Fact? Find(string origin, long seq) =>
        _origins.TryGetValue(origin, out var facts) && seq <= facts.Count && seq > 0 ? facts[(int)seq - 1] : null;

    /// <summary>The greatest number of an origin.</summary>
    public long LastOf(string origin) => _origins.TryGetValue(origin, out var facts) ? facts.Count : 0;

    /// <summary>All entries that carry the same activity under the same publish id, this one included.</summary>
    public IReadOnlyList<Fact> CopiesOf(Fact fact) => fact.Id is null ? [fact] : _activities[(fact.Author, fact.Id, fact.Content)];

    public void Add(Fact fact)
    {
        if (!_origins.TryGetValue(fact.Origin, out var facts))
        {
            _origins.Add(fact.Origin, facts = []);
        }

        while (facts.Count < fact.Seq)
        {
            facts.Add(null);
        }

        facts[(int)fact.Seq - 1] = fact;
        Count++;
        if (!_channels.TryGetValue(fact.Channel, out var channel))
        {
            _channels.Add(fact.Channel, channel = []);
        }

        channel.Add(fact);
        if (fact.Id is not null)
        {
            if (!_activities.TryGetValue((fact.Author, fact.Id, fact.Content), out var copies))
            {
                _activities.Add((fact.Author, fact.Id, fact.Content), copies = []);
            }

            copies.Add(fact);
        }
    }
}
