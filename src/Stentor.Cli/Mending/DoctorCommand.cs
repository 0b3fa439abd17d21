using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Serving;
using Stentor.Gateways;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Cli.Mending;

/// <summary><c>stentor doctor</c>: examines what a stopped node has on disk.</summary>
internal sealed class DoctorCommand : ExampleCommand
{
    private readonly Option<string> _data = new("--data") { Description = "The data directory of a node that does not run.", HelpName = "DIR", DefaultValueFactory = _ => ServeCommand.DataDirectory };
    private readonly Option<bool> _repair = new("--repair") { Description = "Mend what can be made again: cut a torn end, rebuild indexes and states, put damaged records aside." };
    private readonly Option<bool> _json = CommonOptions.Json("Print the report as one JSON object.");

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public DoctorCommand(Surroundings around)
        : base("doctor", "Examine a node's data: checksums, chains, gaps, indexes, states.")
    {
        Add(_data);
        Add(_repair);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, around, cancellationToken)));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["stentor doctor", "stentor doctor --data /var/lib/stentor --repair"];

    private int Run(ParseResult parsed, Surroundings around, CancellationToken cancellationToken)
    {
        var (directory, repair) = (around.PathOf(parsed.GetRequiredValue(_data)), parsed.GetValue(_repair));
        if (!Directory.Exists(directory))
        {
            // Opening it would make it.
            throw new CommandException($"There is no directory {directory}.");
        }

        try
        {
            using var disk = PhysicalDisk.Open(directory);
            var report = Examine(disk, Path.Combine(directory, ServerOptions.StateFileName), repair, around, cancellationToken);
            var output = new OutputLines(around.Out);
            if (parsed.GetValue(_json))
            {
                output.Add(JsonSerializer.SerializeToUtf8Bytes(ReportOf(report), CommandJson.Default.DoctorJson));
            }
            else
            {
                Write(report, repair, output);
            }

            output.Flush();
            return report.IsClean ? ExitCode.Done : ExitCode.Failed;
        }
        catch (Exception e) when (e is DiskException or LedgerFaultException)
        {
            throw new CommandException(e.Message);
        }
    }

    private static DoctorReport Examine(PhysicalDisk disk, string statePath, bool repair, Surroundings around, CancellationToken cancellationToken)
    {
        if (!around.ErrorIsTerminal)
        {
            return Doctor.Run(disk, statePath, repair, progress: null, cancellationToken);
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn()).Start(context =>
        {
            var tasks = new Dictionary<string, ProgressTask>(StringComparer.Ordinal);
            return Doctor.Run(
                disk,
                statePath,
                repair,
                now =>
                {
                    if (!tasks.TryGetValue(now.Step, out var task))
                    {
                        tasks[now.Step] = task = context.AddTask(Markup.Escape(now.Step), maxValue: Math.Max(now.Total, 1));
                    }

                    task.Value = now.Done;
                },
                cancellationToken);
        });
    }

    private static void Write(DoctorReport report, bool repair, OutputLines output)
    {
        foreach (var finding in report.Findings)
        {
            output.Add($"{Word(finding)}: {finding.Where}: {finding.What}");
            if (!finding.IsMended && finding.Advice.Length > 0)
            {
                output.Add($"  {finding.Advice}");
            }
        }

        output.Add(report.LastPosition == 0 ? "There is no entry yet." : $"Positions {report.FirstPosition} to {report.LastPosition} are held; the state reflects {report.StatePosition}.");
        output.Add(report switch
        {
            { IsClean: true } => "Nothing is wrong.",
            _ when repair => "What is left cannot be mended here.",
            _ when report.Findings.Any(finding => finding.CanMend) => "Something is wrong; --repair mends what says so.",
            _ => "Something is wrong, and cannot be mended here.",
        });
    }

    private static string Word(DoctorFinding finding) => finding switch
    {
        { IsMended: true } => "mended",
        { Severity: DoctorSeverity.Error } => finding.CanMend ? "error, can be mended" : "error",
        { Severity: DoctorSeverity.Warning } => finding.CanMend ? "warning, can be mended" : "warning",
        _ => "note",
    };

    private static DoctorJson ReportOf(DoctorReport report) => new(
        report.IsClean,
        report.FirstPosition,
        report.LastPosition,
        report.StatePosition,
        [.. report.Findings.Select(finding => new DoctorFindingJson(finding.Severity.ToString().ToLowerInvariant(), finding.Where, finding.What, finding.Advice, finding.CanMend, finding.IsMended))]);
}

/// <summary>The doctor's report as JSON.</summary>
internal sealed record DoctorJson(bool Clean, long FirstPosition, long LastPosition, long StatePosition, IReadOnlyList<DoctorFindingJson> Findings);

/// <summary>A finding as JSON.</summary>
internal sealed record DoctorFindingJson(string Severity, string Where, string What, string Advice, bool CanMend, bool Mended);
