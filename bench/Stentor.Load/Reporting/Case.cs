using Stentor.Load.Servers;

namespace Stentor.Load.Reporting;

/// <summary>One measurement that came out right.</summary>
/// <param name="Value">The number of the case.</param>
/// <param name="Details">What else was seen, by name with unit.</param>
internal sealed record Sample(double Value, params (string Name, double Value)[] Details);

/// <summary>A server that a case is measured on.</summary>
/// <param name="Name"><c>stentor</c>, a peer, or <c>machine</c>.</param>
/// <param name="Measure">One run: starts the server, measures, checks, ends it.</param>
internal sealed record Contender(string Name, Func<Sample> Measure)
{
    public const string Stentor = "stentor";
    public const string Nats = "nats";
    public const string JetStream = "jetstream";
    public const string Redis = "redis";
    public const string SignalR = "signalr";
    public const string Mosquitto = "mosquitto";

    /// <summary>Python's own <c>SimpleXMLRPCServer</c>.</summary>
    public const string Python = "python";

    /// <summary>TCP frames of a node, where another protocol of it is measured.</summary>
    public const string Frames = "frames";

    /// <summary>One node without a cluster, where two are measured.</summary>
    public const string Alone = "alone";

    /// <summary>Two regions that ignore dependencies.</summary>
    public const string Unchecked = "unchecked";

    /// <summary>No server: the machine by itself.</summary>
    public const string Machine = "machine";

    /// <summary>Whether it can be measured here.</summary>
    public bool IsInstalled => Name switch
    {
        Nats or JetStream => Programs.Find(Programs.Nats) is not null,
        Redis => Programs.Find(Programs.Redis) is not null,
        Mosquitto => Programs.Find(Programs.Mosquitto) is not null,
        Python => Programs.Find(Programs.Python) is not null,
        _ => true,
    };
}

/// <summary>What the product must reach.</summary>
/// <param name="Against">The peer whose number is divided by; null when the number itself is meant.</param>
/// <param name="Must">What it needs to be worth choosing.</param>
/// <param name="Aim">What prototypes of its shape reached.</param>
internal sealed record Goal(string? Against, double Must, double Aim);

/// <summary>A row of the table, with one set of parameters.</summary>
/// <param name="Row">The subcommand.</param>
/// <param name="Title">What is measured, with its parameters.</param>
/// <param name="Unit">The unit of its numbers.</param>
/// <param name="MoreIsBetter">False where a small number is good.</param>
/// <param name="Contenders">Who is measured, in turn.</param>
/// <param name="Goals">What must be reached.</param>
internal sealed record Case(string Row, string Title, string Unit, bool MoreIsBetter, IReadOnlyList<Contender> Contenders, params IReadOnlyList<Goal> Goals);

/// <summary>What the runs of one contender gave.</summary>
/// <param name="Contender">Who.</param>
/// <param name="Samples">One a run that came out right.</param>
/// <param name="Failures">One a run that did not.</param>
internal sealed record ContenderResult(string Contender, IReadOnlyList<Sample> Samples, IReadOnlyList<string> Failures)
{
    /// <summary>The median; null when any run failed: a number that hides a failure is worth nothing.</summary>
    public double? Median => Failures.Count > 0 || Samples.Count == 0 ? null : MedianOf(Samples.Select(s => s.Value));

    /// <summary>The medians of the details.</summary>
    public IEnumerable<(string Name, double Value)> Details =>
        Samples.SelectMany(s => s.Details).GroupBy(d => d.Name).Select(g => (g.Key, MedianOf(g.Select(d => d.Value))));

    private static double MedianOf(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}

/// <summary>What a case gave.</summary>
/// <param name="Case">The case.</param>
/// <param name="Contenders">What each gave.</param>
internal sealed record CaseResult(Case Case, IReadOnlyList<ContenderResult> Contenders)
{
    /// <summary>What a goal is compared with: Stentor's median, or its ratio to the peer; null when there is none.</summary>
    public double? Reached(Goal goal)
    {
        var own = Contenders.FirstOrDefault(c => c.Contender == Contender.Stentor)?.Median;
        return goal.Against is null ? own : own / Contenders.FirstOrDefault(c => c.Contender == goal.Against)?.Median;
    }

    /// <summary>In a word, how a goal stands.</summary>
    public string Verdict(Goal goal) => Reached(goal) is not { } reached
        ? "not measured"
        : (Case.MoreIsBetter ? reached >= goal.Aim : reached <= goal.Aim) ? "aim"
        : (Case.MoreIsBetter ? reached >= goal.Must : reached <= goal.Must) ? "must"
        : "MISSED";
}
