using System.CommandLine;
using System.Text.Json;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Demos;
using Stentor.Cli.Lab.Output;
using Stentor.Client;

namespace Stentor.Cli.Lab;

/// <summary><c>stentor lab latency</c>: how long a score takes from its writer to those who show it, pushed and pulled, and what that costs.</summary>
internal sealed class LatencyCommand : ExampleCommand
{
    // They are in memory in two processes, 16 bytes each and more.
    private const long SamplesMax = 2_000_000;

    private readonly Option<string> _clients = Words("--clients", "How many clients a node has, one number after the other.", "N,N,…", "1,2,5,10,20,30,40,50", text => Fault(LabWords.ReadClients, text));
    private readonly Option<string> _arch = Words("--arch", "How scores reach them: push, pull, or mixed: half of them each, of one node.", "ARCH,…", "push,pull", text => Fault(LabWords.ReadArchs, text));
    private readonly Option<string> _transports = Words("--transports", "Over what: xml-rpc, websocket, sse, http.", "TRANSPORT,…", "xml-rpc,websocket,sse,http", text => Fault(LabWords.ReadTransports, text));
    private readonly Option<int> _seconds = CommonOptions.Number("--seconds", "How long each combination is measured, in seconds.", "N", 5, 1, 600);
    private readonly Option<int> _warmUp = CommonOptions.Number("--warm-up", "How long it runs before that, in seconds.", "N", 2, 0, 60);
    private readonly Option<int> _writes = CommonOptions.Number("--writes", "How many updates a second are written, at an exact pace.", "N", 20, 1, 1_000);
    private readonly Option<double> _poll = new("--poll")
    {
        Description = "How long a client that pulls waits from one poll to the next, in seconds.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 0.2,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!double.TryParse(text, out var value) || value is not (>= 0.01 and <= 60))
            {
                result.AddError($"'{text}' is not a value for --poll: seconds from 0.01 to 60.");
            }

            return value;
        },
    };

    private readonly Option<int> _tries = CommonOptions.Number(
        "--tries", $"How often a combination is measured at most, while other processes use more than {Experiment.OtherCoresMax} cores; the least disturbed one counts.", "N", 1, 1, 100);

    private readonly Option<string> _out = new("--out") { Description = "Where the figures, pictures and the report go; made when it does not exist.", HelpName = "DIR", DefaultValueFactory = _ => "latency-lab" };
    private readonly Option<bool> _samples = new("--samples") { Description = "Keep every latency in samples.csv." };
    private readonly Option<bool> _noPlots = new("--no-plots") { Description = "Draw no pictures; gnuplot need not be there." };
    private readonly Option<bool> _json = CommonOptions.Json();

    private readonly Surroundings _around;

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public LatencyCommand(Surroundings around)
        : base("latency", "How long a score takes to those who show it, pushed and pulled, and what that costs.")
    {
        _around = around;
        foreach (var option in (ReadOnlySpan<Option>)[_clients, _arch, _transports, _seconds, _warmUp, _writes, _poll, _tries, _out, _samples, _noPlots, _json])
        {
            Add(option);
        }

        SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "# all of it, in eight minutes; then open latency-lab/report.html (docs/latency.md tells what it teaches)",
        "stentor lab latency",
        "# a first look",
        "stentor lab latency --clients 1,10 --transports http,sse --seconds 2 --no-plots",
        "# on a machine that is not left alone: what was disturbed is measured again",
        "stentor lab latency --tries 5",
        "# those who pull and those who are pushed to at one node, at the same time",
        "stentor lab latency --arch mixed --transports xml-rpc,http --poll 1 --out mixed",
    ];

    private static TimeProvider Time => TimeProvider.System;

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = new LatencyOptions
        {
            WarmUpSeconds = parsed.GetValue(_warmUp),
            Seconds = parsed.GetValue(_seconds),
            WritesPerSecond = parsed.GetValue(_writes),
            PollSeconds = parsed.GetValue(_poll),
            Tries = parsed.GetValue(_tries),
        };
        var plan = PlanOf(parsed, options);
        var gnuplot = parsed.GetValue(_noPlots) ? null : Gnuplot.Find(_around)
            ?? throw new CommandException("gnuplot, which draws the pictures, is not installed (Debian and Ubuntu: apt-get install gnuplot-nox). --no-plots does without.");
        using var files = new ResultFiles(_around.PathOf(parsed.GetRequiredValue(_out)), parsed.GetValue(_samples));
        foreach (var sentence in plan.LeftOut)
        {
            await _around.Error.WriteLineAsync(sentence);
        }

        try
        {
            var started = Time.GetUtcNow();
            var rows = await MeasureAsync(plan, options, files, parsed.GetValue(_json), cancellationToken);
            var pictures = gnuplot is null ? [] : await DrawAsync(gnuplot, rows, files.Directory, cancellationToken);
            var report = new LabReport { Rows = rows, Facts = FactsOf(parsed, options, started), LeftOut = plan.LeftOut, Pictures = pictures };
            await File.WriteAllTextAsync(files.PathOf(LabReport.File), report.ToHtml(), cancellationToken);
            await _around.Error.WriteLineAsync($"The report: {files.PathOf(LabReport.File)}");
            if (rows.Count(row => row.OtherCores > Experiment.OtherCoresMax) is var disturbed and > 0)
            {
                await _around.Error.WriteLineAsync($"The machine was busy with other things: in {disturbed} of {rows.Count} rows they used more than {Experiment.OtherCoresMax} cores. Their latencies are not the node's alone; --tries measures them again.");
            }

            return rows.Where(row => row.IsPush).Sum(row => row.Missed) is var missed and > 0
                ? throw new CommandException($"{missed:#,0} writes were never shown by a client that they should have been pushed to; the report marks where.")
                : ExitCode.Done;
        }
        catch (LabException e)
        {
            cancellationToken.ThrowIfCancellationRequested(); // Ctrl-C ends the children too.
            throw new CommandException(e.Message);
        }
        catch (DemoException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new CommandException(e.Message);
        }
        catch (StentorException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new CommandException($"{e.Type}: {e.Detail}");
        }
    }

    private LabPlan PlanOf(ParseResult parsed, LatencyOptions options)
    {
        var plan = LabPlan.Of(
            LabWords.ReadArchs(parsed.GetRequiredValue(_arch), out _),
            LabWords.ReadTransports(parsed.GetRequiredValue(_transports), out _),
            LabWords.ReadClients(parsed.GetRequiredValue(_clients), out _));
        if (plan.Combinations.Count == 0)
        {
            throw CommandException.Usage($"nothing is left to measure: {string.Join(' ', plan.LeftOut)}");
        }

        var samples = (long)options.Writes * plan.Combinations.Max(combination => combination.Clients);
        return samples <= SamplesMax
            ? plan
            : throw CommandException.Usage($"{options.Writes:#,0} writes for {samples / options.Writes} clients are {samples:#,0} samples, more than {SamplesMax:#,0}: give less to --seconds, --writes or --clients.");
    }

    private async Task<IReadOnlyList<LatencyRow>> MeasureAsync(LabPlan plan, LatencyOptions options, ResultFiles files, bool json, CancellationToken cancellationToken)
    {
        var rows = new List<LatencyRow>();
        var directory = Directory.CreateTempSubdirectory("stentor-lab-").FullName;
        try
        {
            var experiment = new Experiment(options, directory);
            await using var progress = new LabProgress(_around, plan.Combinations.Count, options.Duration + Experiment.Overhead, Time);
            if (!json)
            {
                progress.Print(RowColumn.HeadLine);
            }

            foreach (var combination in plan.Combinations)
            {
                progress.Begin(combination);
                var measured = await experiment.RunAsync(combination, cancellationToken);
                progress.End();
                files.Add(combination, measured);
                rows.AddRange(measured.Rows);
                foreach (var row in measured.Rows)
                {
                    progress.Print(json ? JsonSerializer.Serialize(LatencyJson.Of(row), CommandJson.Default.LatencyJson) : RowColumn.Line(row));
                }
            }

            return rows;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<Picture>> DrawAsync(Gnuplot gnuplot, IReadOnlyList<LatencyRow> rows, string directory, CancellationToken cancellationToken)
    {
        var pictures = new List<Picture>();
        foreach (var plot in Plot.Of(rows))
        {
            await gnuplot.DrawAsync(plot, directory, cancellationToken);
            pictures.Add(new Picture(plot.Title, await File.ReadAllBytesAsync(Path.Combine(directory, plot.PictureFile), cancellationToken)));
        }

        return pictures;
    }

    private List<KeyValuePair<string, string>> FactsOf(ParseResult parsed, LatencyOptions options, DateTimeOffset started) =>
    [
        new("Command", $"stentor lab latency --clients {parsed.GetValue(_clients)} --arch {parsed.GetValue(_arch)} --transports {parsed.GetValue(_transports)} --seconds {options.Seconds} --warm-up {options.WarmUpSeconds} --writes {options.WritesPerSecond} --poll {options.PollSeconds} --tries {options.Tries}"),
        new("Measured", $"each combination for {options.Seconds} s with {options.WritesPerSecond} writes a second, after {options.WarmUpSeconds} s of the same; clients that pull ask every {options.PollSeconds} s, each from a random moment on. Node, readers and writer are processes of one machine, the node keeps everything in memory."),
        new("Machine", LabMachine.Machine),
        new("Version", LabMachine.Version),
        new("Date", $"{started:yyyy-MM-dd HH:mm} UTC"),
    ];

    private delegate IReadOnlyList<T> Reading<T>(string text, out string? fault);

    private static string? Fault<T>(Reading<T> read, string text)
    {
        _ = read(text, out var fault);
        return fault;
    }

    private static Option<string> Words(string name, string description, string helpName, string initial, Func<string, string?> rule) =>
        new Option<string>(name) { Description = description, HelpName = helpName, DefaultValueFactory = _ => initial }.By(rule);
}
