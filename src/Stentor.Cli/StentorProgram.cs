using System.CommandLine;
using System.CommandLine.Parsing;
using Stentor.Cli.Accounts;
using Stentor.Cli.ActivityStreamer;
using Stentor.Cli.Chatting;
using Stentor.Cli.Clusters;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Demos;
using Stentor.Cli.Inboxes;
using Stentor.Cli.Lab;
using Stentor.Cli.Mending;
using Stentor.Cli.Olympics;
using Stentor.Cli.Publishing;
using Stentor.Cli.Reading;
using Stentor.Cli.Serving;
using Stentor.Cli.Simulating;
using Stentor.Cli.Watching;

namespace Stentor.Cli;

/// <summary>The program <c>stentor</c>: finds the command, gathers its options, runs it, and turns how it ended into an exit code.</summary>
internal static class StentorProgram
{
    /// <summary>How command lines are read: <c>@</c> is a letter like any other, and <c>-abc</c> is not three options.</summary>
    public static ParserConfiguration Parsing { get; } = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>All commands.</summary>
    /// <param name="around">What they find around them.</param>
    public static RootCommand Commands(Surroundings around)
    {
        var root = new RootCommand("Stentor, an activity-stream server: a node, and all that talks to one.")
        {
            new ServeCommand(around),
            new PublishCommand(around),
            new SubscribeCommand(around),
            new GetCommand(around),
            new LogCommand(around),
            new RegisterCommand(around),
            new InboxCommand(around),
            new ChatCommand(around),
            new ActivityStreamerCommand(around),
            new OlympicsCommand(around),
            new StatusCommand(around),
            new VotersCommand(around),
            new LeaveCommand(around),
            new DoctorCommand(around),
            new BackupCommand(around),
            new RestoreCommand(around),
            new SimulateCommand(around),
            new LabCommand(around),
            new DemoCommand(around),
        };
        root.Directives.Clear();
        Help.Install(root);
        return root;
    }

    /// <summary>Runs a command line.</summary>
    /// <param name="args">Its words.</param>
    /// <param name="around">What the command finds around it.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Surroundings around)
    {
        var path = "stentor";
        try
        {
            var root = Commands(around);
            var parsed = root.Parse(args, Parsing);
            path = PathOf(parsed.CommandResult);
            await using var output = new StreamWriter(around.Out, leaveOpen: true);
            var invocation = new InvocationConfiguration { Output = output, Error = around.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            if (AsksForHelpOrVersion(parsed))
            {
                return await parsed.InvokeAsync(invocation, around.Stop);
            }

            if (LacksCommand(parsed))
            {
                await root.Parse([.. args, "--help"], Parsing).InvokeAsync(invocation, around.Stop);
                return ExitCode.Usage;
            }

            return await WithSettings(root, parsed, args, around).InvokeAsync(invocation, around.Stop);
        }
        catch (CommandException e)
        {
            await around.Error.WriteLineAsync($"{path}: {e.Message}");
            if (e.ExitCode == ExitCode.Usage)
            {
                await around.Error.WriteLineAsync($"Try '{path} --help'.");
            }

            return e.ExitCode;
        }
        catch (OperationCanceledException) when (around.Stop.IsCancellationRequested)
        {
            // Whoever asked for the end knows why; what calls us in a script must know that it was not done.
            return ExitCode.Failed;
        }
        catch (IOException e) when (IsClosedPipe(e))
        {
            // Who reads our output has read enough (`stentor log … | head`).
            return ExitCode.Done;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await around.Error.WriteLineAsync($"{path}: {e.Message}");
            return ExitCode.Failed;
        }
    }

    private static bool AsksForHelpOrVersion(ParseResult parsed) => parsed.Action is Help || (parsed.CommandResult.Parent is null && parsed.Errors.Count == 0);

    private static bool LacksCommand(ParseResult parsed) => parsed.CommandResult.Command is { Subcommands.Count: > 0, Action: null } && parsed.UnmatchedTokens.Count == 0;

    /// <summary>The command line with the options that it leaves to variables and the file.</summary>
    private static ParseResult WithSettings(RootCommand root, ParseResult parsed, IReadOnlyList<string> args, Surroundings around)
    {
        Check(parsed, args);
        var command = (ExampleCommand)parsed.CommandResult.Command; // All commands have examples; the root alone has none, and does not run.
        var more = Settings.Read(root, around).ArgumentsFor(command, option => command.IsGiven(parsed, option));

        // Right behind the command's words: what follows `--` is no option.
        var depth = PathOf(parsed.CommandResult).Count(letter => letter == ' ');
        var complete = root.Parse([.. args.Take(depth), .. more, .. args.Skip(depth)], Parsing);
        Check(complete, args);
        return complete;
    }

    private static bool IsClosedPipe(IOException e) => e.HResult == 32; // EPIPE

    private static string PathOf(CommandResult? result) => result switch
    {
        { Parent: CommandResult parent } => $"{PathOf(parent)} {result.Command.Name}",
        _ => "stentor",
    };

    /// <summary>Throws when a command line is wrong, with the nearest right word.</summary>
    private static void Check(ParseResult parsed, IReadOnlyList<string> args)
    {
        var command = parsed.CommandResult.Command;

        // The library takes an unknown option for the value of an argument when one is expected. We do not: what starts with a dash is an
        // option, unless it stands behind `--`.
        var end = args.ToList().IndexOf("--");
        var words = end < 0 ? args : args.Take(end);
        var loose = parsed.UnmatchedTokens.Concat(parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(result => result.Tokens).Select(token => token.Value)).ToHashSet(StringComparer.Ordinal);
        if (words.FirstOrDefault(word => word.Length > 1 && word[0] == '-' && loose.Contains(word)) is { } unknown)
        {
            var name = unknown.Split('=')[0];
            var known = command.Options.Where(option => !option.Hidden).SelectMany(option => option.Aliases.Append(option.Name)).Append("--help");
            throw CommandException.Usage($"the option '{name}' is unknown{Nearest.Suggestion(name, known, prefix: "--")}");
        }

        if (command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count > 0)
        {
            var name = parsed.UnmatchedTokens[0];
            throw CommandException.Usage($"the command '{name}' is unknown{Nearest.Suggestion(name, command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name))}");
        }

        if (parsed.Errors.Count > 0)
        {
            throw CommandException.Usage(parsed.Errors[0].Message);
        }
    }
}
