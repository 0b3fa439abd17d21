using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Stentor.Cli.CommandLine;

/// <summary>A command with examples, which its help shows.</summary>
internal abstract class ExampleCommand(string name, string description) : Command(name, description)
{
    /// <summary>Lines to paste; a line that starts with <c>#</c> explains the next one.</summary>
    public abstract IReadOnlyList<string> Examples { get; }

    /// <summary>Whether the command line says what an option would say; then no variable and no file is asked for it.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="option">One of the command's own.</param>
    public virtual bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };
}

/// <summary>The library's help, and below it the command's examples and what holds for every command.</summary>
/// <param name="standard">The library's help.</param>
internal sealed class Help(HelpAction standard) : SynchronousCommandLineAction
{
    // A terminal of the usual width shows descriptions unbroken up to here; redirected help must not depend on a terminal.
    private const int Width = 120;

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <summary>Replaces the help of a program.</summary>
    /// <param name="root">The program.</param>
    public static void Install(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new Help((HelpAction)option.Action!);
    }

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        standard.MaxWidth = Width;
        standard.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is ExampleCommand command)
        {
            output.WriteLine("Examples:");
            foreach (var line in command.Examples)
            {
                output.WriteLine($"  {line}");
            }

            output.WriteLine();
        }

        output.WriteLine($"An option that is not given is looked for in the variables {Settings.Prefix}*, then in ./{Settings.FileName}: --rate-limits is");
        output.WriteLine($"{Settings.VariableOf("rate-limits")}, and the key \"rate-limits\". Exit codes: 0 done, 1 failed, 2 asked wrongly.");
        return ExitCode.Done;
    }
}
