using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stentor.EndToEnd.Regions;

/// <summary>Everything that a region has, in its order, and what must hold of it.</summary>
/// <param name="region">The region's name.</param>
/// <param name="entries">Its entries, those of reserved channels and repeats among them, in its order.</param>
internal sealed class RegionLog(string region, IReadOnlyList<LoggedEntry> entries)
{
    // More than all of a test's entries: a peer that only reads takes everything at once.
    private const long Credit = 1L << 40;

    private readonly Dictionary<(string Origin, long Seq), LoggedEntry> _byNumber = entries.ToDictionary(entry => (entry.Origin, entry.Seq));

    /// <summary>The entries, in the region's order.</summary>
    public IReadOnlyList<LoggedEntry> Entries => entries;

    /// <summary>What readers may see, in the region's order: of the copies of an activity, the first.</summary>
    public IEnumerable<LoggedEntry> Visible => entries.Where(entry => !entry.IsReserved).DistinctBy(entry => entry.Activity);

    /// <summary>How many entries are further copies of an activity.</summary>
    public int Copies => entries.Count(entry => !entry.IsReserved) - Visible.Count();

    /// <summary>Reads a region as a neighbour that has nothing yet: only a link shows everything in the region's order.</summary>
    /// <param name="region">The region.</param>
    /// <param name="secret">The cluster's secret.</param>
    /// <param name="vector">What the region has.</param>
    public static async Task<RegionLog> ReadAsync(RegionProcess region, string secret, IReadOnlyDictionary<string, long> vector)
    {
        var missing = vector.Values.Sum();
        var entries = new List<LoggedEntry>();
        await using var peer = await LinkPeer.OpenAsync(region.Node, PeerIdentity.Of($"reader-{Guid.NewGuid():n}"[..20], secret));
        await peer.AnnounceAsync(Credit);
        while (entries.Count < missing)
        {
            var message = await peer.ReceiveAsync() ?? throw new EndOfStreamException($"{region.Name} closed the link after {entries.Count} of {missing} entries:\n{region.ErrorText}");
            var reader = new LinkReader(message);
            if (reader.Kind == LinkBytes.Entries)
            {
                reader.Vector();
                while (!reader.IsAtEnd)
                {
                    entries.Add(LoggedEntry.Parse(reader.Text()));
                }

                await peer.AnnounceAsync(Credit);
            }

            Assert.True(reader.Kind != LinkBytes.Bye, reader.Kind == LinkBytes.Bye ? $"{region.Name}: {reader.Text()} {reader.Text()}" : "");
        }

        return new RegionLog(region.Name, entries);
    }

    /// <summary>Finds an entry by its number.</summary>
    /// <param name="origin">Its origin.</param>
    /// <param name="seq">Its number.</param>
    public LoggedEntry? Find(string origin, long seq) => _byNumber.GetValueOrDefault((origin, seq));

    /// <summary>Each origin's entries stand here as 1, 2, 3, …, as many as the region says.</summary>
    /// <param name="vector">What the region says to have.</param>
    public void CheckNumbers(IReadOnlyDictionary<string, long> vector)
    {
        var last = new Dictionary<string, long>();
        foreach (var entry in entries)
        {
            Assert.True(entry.Seq == last.GetValueOrDefault(entry.Origin) + 1, $"{region}: {entry.Origin}:{entry.Seq} stands after {last.GetValueOrDefault(entry.Origin)}.");
            last[entry.Origin] = entry.Seq;
        }

        Assert.Equal(vector.OrderBy(part => part.Key, StringComparer.Ordinal), last.OrderBy(part => part.Key, StringComparer.Ordinal));
    }

    /// <summary>Each entry stands after everything it depends on, with greater stamps.</summary>
    public void CheckCausality()
    {
        var applied = new Dictionary<string, LoggedEntry>();
        foreach (var entry in entries)
        {
            var previous = applied.GetValueOrDefault(entry.Origin);
            foreach (var (origin, seq) in previous is null ? entry.After : [.. entry.After, (entry.Origin, entry.Seq - 1)])
            {
                Assert.True(applied.TryGetValue(origin, out var known) && known.Seq >= seq, $"{region}: {entry.Origin}:{entry.Seq} stands before {origin}:{seq}, on which it depends.");
                var dependency = _byNumber[(origin, seq)];
                Assert.True(
                    dependency.Lamport < entry.Lamport && string.CompareOrdinal(dependency.Time, entry.Time) < 0,
                    $"{region}: {entry.Text}\ndepends on {dependency.Text}\nand its stamps are not greater.");
            }

            applied[entry.Origin] = entry;
        }
    }

    /// <summary>What the channels' states must be: every activity once, in the order of its stamps, at the place of its latest copy.</summary>
    /// <returns>The state of each channel by its name.</returns>
    public Dictionary<string, JsonObject> Fold()
    {
        var states = new Dictionary<string, JsonObject>();
        var activities = entries.Where(entry => !entry.IsReserved).GroupBy(entry => entry.Activity).Select(copies => InOrder(copies).Last());
        foreach (var entry in InOrder(activities))
        {
            if (!states.TryGetValue(entry.Channel, out var state))
            {
                states.Add(entry.Channel, state = []);
            }

            foreach (var (field, value) in entry.Effect?["set"]?.AsObject() ?? [])
            {
                state[field] = value?.DeepClone();
            }

            foreach (var (field, amount) in entry.Effect?["add"]?.AsObject() ?? [])
            {
                state[field] = (state[field]?.GetValue<long>() ?? 0) + (long)amount!;
            }

            foreach (var field in entry.Effect?["remove"]?.AsArray() ?? [])
            {
                state.Remove((string)field!);
            }
        }

        return states;
    }

    /// <summary>What a pull of everything gives: each activity that readers may see once, after all that it depends on.</summary>
    /// <param name="process">The region.</param>
    public async Task CheckPullAsync(RegionProcess process)
    {
        var shown = new ShownOrder($"{region}, pulled", this);
        var after = "";
        for (var more = true; more;)
        {
            using var page = JsonDocument.Parse(await process.GetAsync($"v1/channels/%3E/activities?limit=1000{after}"));
            foreach (var entry in page.RootElement.GetProperty("activities").EnumerateArray())
            {
                var parsed = LoggedEntry.Parse(entry.GetRawText());
                Assert.True(shown.Add(parsed), $"{region}: the activity {parsed.Activity} was pulled twice.");
            }

            after = $"&after={page.RootElement.GetProperty("seen").GetString()}";
            more = page.RootElement.GetProperty("more").GetBoolean();
        }

        shown.Check();
    }

    private static IOrderedEnumerable<LoggedEntry> InOrder(IEnumerable<LoggedEntry> some) => some
        .OrderBy(entry => entry.Time, StringComparer.Ordinal)
        .ThenBy(entry => entry.Origin, StringComparer.Ordinal)
        .ThenBy(entry => entry.Seq);
}

/// <summary>What a reader of everything was shown, in which order.</summary>
/// <param name="reader">Who, for messages.</param>
/// <param name="log">What there is; null while that is not known yet.</param>
internal sealed class ShownOrder(string reader, RegionLog? log = null)
{
    private readonly List<LoggedEntry> _shown = [];
    private readonly HashSet<string> _activities = [];
    private readonly HashSet<(string, long)> _numbers = [];

    /// <summary>How many activities were shown.</summary>
    public int Count => _activities.Count;

    /// <summary>Takes what was shown.</summary>
    /// <param name="entry">The entry.</param>
    /// <returns>False when a copy of it was shown before.</returns>
    public bool Add(LoggedEntry entry)
    {
        if (!_numbers.Add((entry.Origin, entry.Seq)))
        {
            return false;
        }

        _shown.Add(entry);
        return _activities.Add(entry.Activity);
    }

    /// <summary>Everything was shown, nothing else, and nothing before what it depends on.</summary>
    /// <param name="held">What there is; null for what was given at the beginning.</param>
    public void Check(RegionLog? held = null)
    {
        held ??= log!;
        var visible = held.Visible.Select(entry => entry.Activity).ToHashSet();
        Assert.True(_activities.SetEquals(visible), $"{reader}: {_activities.Count} activities were shown, {visible.Count} are held; missing: {string.Join(' ', visible.Except(_activities).Take(10))}; too many: {string.Join(' ', _activities.Except(visible).Take(10))}");

        // Of each origin, up to which number all activities were shown. An activity counts as shown with the first of its copies.
        var levels = new Dictionary<string, long>();
        var before = new HashSet<string>();
        foreach (var entry in _shown)
        {
            foreach (var (origin, seq) in (IEnumerable<(string, long)>)[.. entry.After, (entry.Origin, entry.Seq - 1)])
            {
                var level = levels.GetValueOrDefault(origin);
                for (; level < seq; level++)
                {
                    var needed = held.Find(origin, level + 1)!;
                    Assert.True(
                        needed.IsReserved || before.Contains(needed.Activity),
                        $"{reader}: {entry.Origin}:{entry.Seq} was shown before {needed.Origin}:{needed.Seq}, on which it depends.");
                }

                levels[origin] = level;
            }

            before.Add(entry.Activity);
        }
    }
}
