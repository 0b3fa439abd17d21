namespace Stentor.Simulation;

/// <summary>What one region's ledger was seen to hold, in its order.</summary>
internal sealed class LedgerCopy
{
    private readonly Dictionary<string, long> _seen = [];
    private readonly Dictionary<string, long> _had = [];
    private readonly Dictionary<string, List<Fact>> _channels = [];
    private readonly Dictionary<(string Author, string Id), Fact> _firsts = [];

    /// <summary>The entries in the order of their positions, from position 1.</summary>
    public List<Fact> Facts { get; } = [];

    /// <summary>Which of them the region keeps as copies of a known activity.</summary>
    public List<bool> Repeats { get; } = [];

    /// <summary>Origin → how many of its entries.</summary>
    public IReadOnlyDictionary<string, long> Seen => _seen;

    /// <summary>The entries by channel.</summary>
    public IReadOnlyDictionary<string, List<Fact>> Channels => _channels;

    public long Position => Facts.Count;

    public long Of(string origin) => _seen.GetValueOrDefault(origin);

    public bool Has(string origin, long seq) => Of(origin) >= seq;

    /// <summary>Whether it has an entry, or had it on a disk that is gone.</summary>
    public bool Had(string origin, long seq) => _had.GetValueOrDefault(origin) >= seq;

    /// <summary>The first entry under a publish id; null when there is none.</summary>
    public Fact? FirstWith(string author, string id) => _firsts.GetValueOrDefault((author, id));

    /// <summary>How many activities, each once, its channel had before an entry.</summary>
    public long Before(Fact fact)
    {
        var count = 0;
        for (var i = 0; i < Facts.Count && Facts[i] != fact; i++)
        {
            count += Facts[i].Channel == fact.Channel && !Repeats[i] ? 1 : 0;
        }

        return count;
    }

    public void Add(Fact fact, bool isRepeat)
    {
        Facts.Add(fact);
        Repeats.Add(isRepeat);
        _seen[fact.Origin] = fact.Seq;
        _had[fact.Origin] = Math.Max(_had.GetValueOrDefault(fact.Origin), fact.Seq);
        if (fact.Id is not null)
        {
            _firsts.TryAdd((fact.Author, fact.Id), fact);
        }

        if (!_channels.TryGetValue(fact.Channel, out var facts))
        {
            _channels.Add(fact.Channel, facts = []);
        }

        facts.Add(fact);
    }

    public void Clear()
    {
        Facts.Clear();
        Repeats.Clear();
        _seen.Clear();
        _channels.Clear();
        _firsts.Clear();
    }
}
