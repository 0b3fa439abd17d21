using Stentor.Load.Net;

namespace Stentor.Load.Reporting;

/// <summary>Runs cases, contenders in turn (A B A B), and prints as it goes.</summary>
internal static class Runner
{
    /// <summary>Runs all cases.</summary>
    /// <param name="cases">What to measure.</param>
    /// <param name="settings">How.</param>
    /// <returns>A result for each case with at least one contender that was asked for and is installed.</returns>
    public static List<CaseResult> Run(IEnumerable<Case> cases, Settings settings)
    {
        List<CaseResult> results = [];
        foreach (var one in cases)
        {
            var contenders = one.Contenders.Where(c => c.IsInstalled && (settings.Contenders.Count == 0 || settings.Contenders.Contains(c.Name))).ToArray();
            if (contenders.Length == 0)
            {
                continue;
            }

            Console.WriteLine($"{one.Row}: {one.Title} ({one.Unit})");
            var result = new CaseResult(one, Measure(contenders, settings));
            Print(result);
            results.Add(result);
        }

        return results;
    }

    private static List<ContenderResult> Measure(IReadOnlyList<Contender> contenders, Settings settings)
    {
        var samples = contenders.ToDictionary(c => c, _ => new List<Sample>());
        var failures = contenders.ToDictionary(c => c, _ => new List<string>());
        for (var run = 0; run < settings.Runs; run++)
        {
            foreach (var contender in contenders)
            {
                // What the last run left behind is not collected in the middle of this one.
                GC.Collect();
                try
                {
                    samples[contender].Add(contender.Measure());
                }
                catch (Exception e) when (e is LoadException or HttpRequestException or TaskCanceledException)
                {
                    // A signal from the terminal reaches the servers too: what they do then is no result.
                    settings.Stop.ThrowIfCancellationRequested();

                    failures[contender].Add(e.Message);
                    Console.WriteLine($"  {contender.Name,-10} FAILED: {e.Message}");
                }
            }
        }

        return [.. contenders.Select(c => new ContenderResult(c.Name, samples[c], failures[c]))];
    }

    private static void Print(CaseResult result)
    {
        foreach (var contender in result.Contenders)
        {
            var runs = string.Join(' ', contender.Samples.Select(s => Number(s.Value)));
            var details = string.Join(", ", contender.Details.Select(d => $"{d.Name} {Number(d.Value)}"));
            Console.WriteLine($"  {contender.Contender,-10} {(contender.Median is { } median ? Number(median) : "FAILED"),12}   [{runs}]   {details}");
        }

        foreach (var goal in result.Case.Goals.Where(g => result.Reached(g) is not null))
        {
            var what = goal.Against is null ? "itself" : $"against {goal.Against}";
            Console.WriteLine($"  {what,-20} {Number(result.Reached(goal)!.Value),10}   must {Number(goal.Must)}, aim {Number(goal.Aim)}: {result.Verdict(goal)}"); // Filtered for a value above.
        }

        Console.WriteLine();
    }

    /// <summary>A number for people: three digits that count, thousands apart.</summary>
    private static string Number(double value) => Math.Abs(value) switch
    {
        >= 100 => value.ToString("#,0"),
        >= 10 => value.ToString("0.#"),
        _ => value.ToString("0.##"),
    };
}
