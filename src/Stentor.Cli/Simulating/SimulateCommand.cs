using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Simulation;

namespace Stentor.Cli.Simulating;

/// <summary><c>stentor simulate</c>: runs the shipped core in simulated worlds, and judges it.</summary>
internal sealed class SimulateCommand : ExampleCommand
{
    // How much of the story of a failure is printed unasked: enough to see what led to it.
    private const int ShortHistoryLines = 40;

    // So many take minutes.
    private const ulong SeedsLogged = 1_000;

    private readonly Option<string> _seeds = new("--seeds") { Description = "Run these seeds.", HelpName = "A..B", DefaultValueFactory = _ => "1..100" };
    private readonly Option<string?> _seed = new("--seed") { Description = "Run this seed only.", HelpName = "N" };
    private readonly Option<bool> _trace = new("--trace") { Description = "Tell the story of the seed, line by line." };
    private readonly Option<string?> _svg = new("--svg") { Description = "Draw the seed as a space-time diagram: a line a region, arrows for messages, what waits drawn as waiting.", HelpName = "FILE" };
    private readonly Option<string> _regions = new("--regions") { Description = "How many regions: a number, or a range.", HelpName = "N|A..B", DefaultValueFactory = _ => "2..50" };
    private readonly Option<int> _entries = CommonOptions.Number("--entries", "How many entries are recorded before the faults stop.", "N", 2_000, 1, 1_000_000);
    private readonly Option<int> _workers = CommonOptions.Number("--workers", "How many seeds run at once; 0 for one a core.", "N", 0, 0, 1_024);
    private readonly Option<string> _plant = new("--plant") { Description = "Build this mistake in on purpose: a run that finds nothing then says that the checkers are blind to it (docs/testing.md).", HelpName = "FAULT", DefaultValueFactory = _ => nameof(PlantedFault.None) };
    private readonly Option<bool> _json = CommonOptions.Json("Print one JSON object a seed.");

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public SimulateCommand(Surroundings around)
        : base("simulate", "Run the core in simulated worlds where everything goes wrong, and check the ten invariants.")
    {
        _seeds.By(text => TryRange(text, out _, out _) ? null : $"'{text}' is not a range of seeds, like 1..10000.");
        _seed.By(text => TryRange(text, out var one, out var same) && one == same ? null : $"'{text}' is not a seed: a whole number, not negative.");
        _regions.By(text => TryRange(text, out var least, out var most) && least >= 2 && most <= 50 ? null : $"'{text}' is not a number of regions: 2 to 50, or a range like 3..8.");
        _plant.By(text => Enum.TryParse<PlantedFault>(text, out _) ? null : $"the fault '{text}' is unknown{Nearest.Suggestion(text, Enum.GetNames<PlantedFault>())}");
        Add(_seeds);
        Add(_seed);
        Add(_trace);
        Add(_svg);
        Add(_regions);
        Add(_entries);
        Add(_workers);
        Add(_plant);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, around, cancellationToken)));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor simulate --seeds 1..10000",
        "stentor simulate --seed 503 --trace | less",
        "stentor simulate --seed 503 --regions 3 --entries 50 --svg story.svg",
    ];

    private int Run(ParseResult parsed, Surroundings around, CancellationToken cancellationToken)
    {
        _ = TryRange(parsed.GetRequiredValue(_seeds), out var first, out var last);
        if (parsed.GetValue(_seed) is { } only)
        {
            _ = TryRange(only, out first, out last);
        }

        var svg = parsed.GetValue(_svg);
        if (first != last && (parsed.GetValue(_trace) || svg is not null))
        {
            throw CommandException.Usage("--trace and --svg tell of one seed; say which with --seed.");
        }

        _ = TryRange(parsed.GetRequiredValue(_regions), out var least, out var most);
        var options = new SimulationOptions
        {
            Seed = first,
            RegionsMin = (int)least,
            RegionsMax = (int)most,
            Entries = parsed.GetValue(_entries),
            Planted = Enum.Parse<PlantedFault>(parsed.GetRequiredValue(_plant)),
            IsTold = parsed.GetValue(_trace) || svg is not null,
        };
        var output = new OutputLines(around.Out);
        var isJson = parsed.GetValue(_json);
        var summary = new SimulationSummary();
        Watched(around, last - first + 1, onDone => SimulationRuns.Run(
            options,
            first,
            last,
            parsed.GetValue(_workers) is var workers and > 0 ? workers : Environment.ProcessorCount,
            result =>
            {
                summary.Add(result);
                Report(result, options, isJson, first == last, parsed.GetValue(_trace), output);
                if (svg is not null)
                {
                    File.WriteAllText(around.PathOf(svg), SpaceTimeDiagram.Of(result.Story!)); // It was asked for.
                }

                output.Flush();
                onDone();
            },
            cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        if (!isJson && first != last)
        {
            output.Add(summary.ToText());
            output.Flush();
        }

        return summary.Failed == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Report(SimulationResult result, SimulationOptions options, bool isJson, bool isOnly, bool isTraced, OutputLines output)
    {
        if (isJson)
        {
            output.Add(JsonSerializer.SerializeToUtf8Bytes(SimulationJson.Of(result), CommandJson.Default.SimulationJson));
            return;
        }

        if (isTraced)
        {
            Add(result.Story!.ToText(), output); // Kept, since it was asked for.
        }

        if (result.Violation is { } violation)
        {
            output.Add($"seed {result.Seed}: invariant {(int)violation.Invariant} ({violation.Invariant}) is broken after {violation.At.TotalSeconds:0.000} s: {violation.Detail}");
            if (!isTraced)
            {
                // The same seed is the same run: what led to it is told by running it again.
                var told = Simulator.Run(options with { Seed = result.Seed, IsTold = true });
                Add(told.Story!.ToText(ShortHistoryLines), output);
                output.Add($"  The whole story: stentor simulate --seed {result.Seed}{More(options)} --trace");
            }
        }
        else if (isOnly)
        {
            output.Add($"seed {result.Seed}: {result.Regions} regions, {result.Entries} entries, {result.VirtualTime.TotalSeconds:0} s, {result.Crashes} crashes, {result.Messages} messages, {result.Shown} entries shown, {result.Decided} claims decided; nothing is wrong. Digest {result.Digest:x16}.");
        }
    }

    private static string More(SimulationOptions options)
    {
        var standard = new SimulationOptions { Seed = options.Seed };
        return (options.RegionsMin, options.RegionsMax) == (standard.RegionsMin, standard.RegionsMax) && options.Entries == standard.Entries && options.Planted == PlantedFault.None
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $" --regions {options.RegionsMin}..{options.RegionsMax} --entries {options.Entries} --plant {options.Planted}");
    }

    private static void Add(string text, OutputLines output)
    {
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            output.Add(line);
        }
    }

    private static void Watched(Surroundings around, ulong seeds, Action<Action> run)
    {
        if (!around.ErrorIsTerminal || seeds == 1)
        {
            Logged(around.Error, seeds, run);
            return;
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()).Start(context =>
        {
            var task = context.AddTask("seeds", maxValue: seeds);
            run(() => task.Increment(1));
        });
    }

    /// <summary>A line every twentieth of a long run, for logs.</summary>
    private static void Logged(TextWriter log, ulong seeds, Action<Action> run)
    {
        var done = 0UL;
        run(() =>
        {
            done++;
            if (seeds >= SeedsLogged && done * 20 / seeds > (done - 1) * 20 / seeds)
            {
                log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{done:#,0} of {seeds:#,0} seeds are done."));
                log.Flush();
            }
        });
    }

    private static bool TryRange(string text, out ulong least, out ulong most)
    {
        var dots = text.IndexOf("..", StringComparison.Ordinal);
        most = 0;
        return ulong.TryParse(dots < 0 ? text : text[..dots], NumberStyles.None, CultureInfo.InvariantCulture, out least)
            && ulong.TryParse(dots < 0 ? text : text[(dots + 2)..], NumberStyles.None, CultureInfo.InvariantCulture, out most)
            && least <= most;
    }
}

/// <summary>A seed as JSON.</summary>
internal sealed record SimulationJson(
    ulong Seed, bool Ok, int? Invariant, string? Detail, double? At, int Regions, int Entries, double VirtualSeconds, long Steps, long Messages, int Crashes, long Shown, int Decided, string Digest)
{
    /// <summary>The JSON of a result.</summary>
    /// <param name="result">The result.</param>
    public static SimulationJson Of(SimulationResult result) => new(
        result.Seed,
        result.Violation is null,
        result.Violation is { } violation ? (int)violation.Invariant : null,
        result.Violation?.Detail,
        result.Violation?.At.TotalSeconds,
        result.Regions,
        result.Entries,
        result.VirtualTime.TotalSeconds,
        result.Steps,
        result.Messages,
        result.Crashes,
        result.Shown,
        result.Decided,
        result.Digest.ToString("x16", CultureInfo.InvariantCulture));
}
