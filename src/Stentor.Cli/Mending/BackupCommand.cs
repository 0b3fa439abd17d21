using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Serving;
using Stentor.Gateways;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Cli.Mending;

/// <summary><c>stentor backup</c>: copies a node's data, running or not.</summary>
internal sealed class BackupCommand : ExampleCommand
{
    private readonly Argument<string> _target = new("directory") { Description = "Where the copy goes: a new or empty directory." };
    private readonly Option<string> _data = new("--data") { Description = "The data directory of the node; it may run.", HelpName = "DIR", DefaultValueFactory = _ => ServeCommand.DataDirectory };

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public BackupCommand(Surroundings around)
        : base("backup", "Copy a node's data while it runs.")
    {
        Add(_target);
        Add(_data);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, around, cancellationToken)));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["stentor backup /backup/stentor-monday", "stentor backup --data /var/lib/stentor /backup/stentor-monday"];

    private int Run(ParseResult parsed, Surroundings around, CancellationToken cancellationToken)
    {
        var (source, target) = (around.PathOf(parsed.GetRequiredValue(_data)), around.PathOf(parsed.GetRequiredValue(_target)));
        var report = Copying.Run("copying", around, progress => Backups.Make(source, target, ServerOptions.StateFileName, progress, cancellationToken));
        Copying.Tell(around, $"{report.Files} segment{(report.Files == 1 ? "" : "s")}, {Copying.Size(report.Bytes)}, are in {target}.", "Examine it with `stentor doctor --data`; use it with `stentor restore`. The operator's secret is not in it.");
        return ExitCode.Done;
    }
}

/// <summary><c>stentor restore</c>: makes a data directory of a backup.</summary>
internal sealed class RestoreCommand : ExampleCommand
{
    private readonly Argument<string> _backup = new("backup") { Description = "A directory made by `stentor backup`; it stays as it is." };
    private readonly Option<string> _data = new("--data") { Description = "The data directory to make: new or empty.", HelpName = "DIR", DefaultValueFactory = _ => ServeCommand.DataDirectory };

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public RestoreCommand(Surroundings around)
        : base("restore", "Make a data directory of a backup.")
    {
        Add(_backup);
        Add(_data);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, around, cancellationToken)));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["stentor restore /backup/stentor-monday", "stentor restore /backup/stentor-monday --data /var/lib/stentor"];

    private int Run(ParseResult parsed, Surroundings around, CancellationToken cancellationToken)
    {
        var (backup, target) = (around.PathOf(parsed.GetRequiredValue(_backup)), around.PathOf(parsed.GetRequiredValue(_data)));
        var report = Copying.Run("restoring", around, progress => Backups.Restore(backup, target, progress, cancellationToken));
        Copying.Tell(
            around,
            $"{report.Files} files, {Copying.Size(report.Bytes)}, are in {target}.",
            "Start the node as before. It goes on under a new incarnation of its region, takes from other regions what it lacks, and loses nothing that any of them has.",
            "If the region was a voter: `stentor voters replace OLD NEW` gives its vote to the new incarnation.");
        return ExitCode.Done;
    }
}

/// <summary>What copying commands share.</summary>
internal static class Copying
{
    /// <summary>Copies, with progress on a terminal; what goes wrong becomes the command's error.</summary>
    public static BackupReport Run(string what, Surroundings around, Func<Action<int, int>?, BackupReport> copy)
    {
        try
        {
            if (!around.ErrorIsTerminal)
            {
                return copy(null);
            }

            var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            return console.Progress().AutoClear(true).Start(context =>
            {
                var task = context.AddTask(what);
                return copy((done, total) => (task.MaxValue, task.Value) = (total, done));
            });
        }
        catch (Exception e) when (e is DiskException or LedgerFaultException)
        {
            throw new CommandException(e.Message);
        }
    }

    /// <summary>Prints lines.</summary>
    public static void Tell(Surroundings around, params ReadOnlySpan<string> lines)
    {
        var output = new OutputLines(around.Out);
        foreach (var line in lines)
        {
            output.Add(line);
        }

        output.Flush();
    }

    /// <summary>A size for people.</summary>
    public static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB");
}
