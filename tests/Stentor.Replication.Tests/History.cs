using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication.Tests;

/// <summary>One step of a random history; every choice is taken from these bytes, so that a failure shrinks to few and small ones.</summary>
public readonly record struct Step(byte Kind, byte Region, byte What, byte How);

/// <summary>What a history is made of.</summary>
public enum Theme
{
    /// <summary>Everything that a publish can say.</summary>
    Everything,

    /// <summary>No counters.</summary>
    SetsAndRemoves,

    /// <summary>One counter that is added to and removed, the same ids in all regions.</summary>
    RepeatedAdds,
}

/// <summary>A few regions that publish, exchange and change their clocks as the steps say.</summary>
internal sealed class History
{
    private static readonly string[] Fields = ["a", "b", "c"];

    private readonly Theme _theme;
    private readonly Dictionary<Region, List<VersionVector>> _tokens = [];
    private long _value;

    /// <summary>Runs the steps.</summary>
    /// <param name="steps">The steps.</param>
    /// <param name="theme">What is published.</param>
    public History(IEnumerable<Step> steps, Theme theme = Theme.Everything)
    {
        _theme = theme;
        var options = ReplicaOptions.Default with { Limits = Limits.Default with { ConflictsMax = int.MaxValue } };
        Regions = [new("eu-1", options), new("us-2", options), new("asia-3", options)];
        foreach (var region in Regions)
        {
            _tokens[region] = [VersionVector.Empty];
        }

        foreach (var step in steps)
        {
            Run(step);
        }

        foreach (var region in Regions)
        {
            region.Commit();
        }
    }

    public Region[] Regions { get; }

    /// <summary>The entries of all regions, each once.</summary>
    public List<byte[]> Everything() => [.. Regions.SelectMany(r => r.Ledger).Select(e => e.Bytes).DistinctBy(Encoding.UTF8.GetString)];

    /// <summary>Every region takes what it lacks from the others.</summary>
    public void Exchange()
    {
        // Twice around: what the second region learned from the third reaches the first.
        foreach (var region in Regions.Concat(Regions))
        {
            foreach (var other in Regions.Where(r => r != region))
            {
                Take(region, other, int.MaxValue);
                region.Commit();
            }
        }
    }

    public void Run(Step step)
    {
        var region = Regions[step.Region % Regions.Length];
        switch (step.Kind % 8)
        {
            case < 5:
                Publish(region, step);
                break;
            case < 7:
                var other = Regions[(step.Region + 1 + (step.What % 2)) % Regions.Length];
                other.Commit();
                Take(region, other, 1 + (step.How % 8));
                break;
            default:
                // Forward by up to 8 minutes (beyond the skew allowed), or an hour back.
                region.Wall += step.What % 4 == 0 ? -3_600_000_000 : step.How % 16 * 30_000_000;
                break;
        }
    }

    private void Publish(Region region, Step step)
    {
        // Stamps of the regions shall interleave.
        region.Wall += step.How % 4;
        if (_theme == Theme.RepeatedAdds)
        {
            region.Try((step.What % 4) switch
            {
                0 => """{"effect":{"remove":["a"]}}""",
                1 => """{"effect":{"add":{"a":10}}}""",
                _ => $$"""{"id":"id{{step.How % 8}}","effect":{"add":{"a":1} } }""",
            });
            return;
        }

        var body = new StringBuilder("{");
        var tokens = _tokens[region];
        if (step.How % 5 == 0)
        {
            body.Append("\"after\":\"").Append(SeenToken.Encode(tokens[step.What % tokens.Count])).Append("\",");
        }

        if (step.How % 3 == 0)
        {
            // Few ids, authors and values, so that the same comes from several regions.
            body.Append("\"id\":\"id").Append(step.How % 4).Append("\",");
            _value = step.What % 4 == 0 ? 1 : 2;
        }
        else
        {
            _value++;
        }

        var field = Fields[step.What % 3];
        var next = Fields[(step.What + 1) % 3];
        var value = (step.What / 16 % 8) switch
        {
            0 => $"\"effect\":{{\"set\":{{\"{field}\":{_value}}}}}",
            1 => $"\"effect\":{{\"remove\":[\"{field}\"]}}",
            2 => $"\"effect\":{{\"set\":{{\"{field}\":{_value}}},\"remove\":[\"{next}\"]}}",
            3 => $"\"effect\":{{\"set\":{{\"{field}\":\"v{_value % 3}\"}}}}",
            _ when _theme == Theme.SetsAndRemoves => "\"activity\":{}",
            4 or 5 => $"\"effect\":{{\"add\":{{\"{field}\":{_value % 5}.{step.How % 10}}}}}",
            6 => $"\"effect\":{{\"add\":{{\"{field}\":-1,\"{next}\":2}}}}",
            _ => $"\"effect\":{{\"add\":{{\"{field}\":1}},\"remove\":[\"{next}\"]}}",
        };
        var outcome = region.Try(body.Append(value).Append('}').ToString(), author: step.What % 2 == 0 ? "ann" : "bob");
        tokens.Add(outcome.Seen);
        if (step.How % 2 == 0)
        {
            region.Commit();
        }
    }

    private static void Take(Region region, Region other, int countMax)
    {
        foreach (var (bytes, _) in other.Ledger)
        {
            var entry = Entry.Parse(bytes);
            if (region.Seen[entry.Origin] < entry.Seq && countMax-- > 0)
            {
                region.Replica.Apply(new Command.Receive(entry), region.Wall, region.Outbox);
            }
        }
    }
}
