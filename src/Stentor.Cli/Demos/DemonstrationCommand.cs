using System.CommandLine;
using Stentor.Cli.CommandLine;
using Stentor.Client;

namespace Stentor.Cli.Demos;

/// <summary>A demonstration: it plays on a stage of its own, which is cleared whatever happens, and fails when anything differs from what it promises.</summary>
internal abstract class DemonstrationCommand : ExampleCommand
{
    private readonly Surroundings _around;

    /// <summary>Makes the command.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it shows.</param>
    /// <param name="around">What it finds around it.</param>
    protected DemonstrationCommand(string name, string description, Surroundings around)
        : base(name, description)
    {
        _around = around;
        SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
    }

    /// <summary>Plays it.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="stage">Where it plays: processes, narrator, checks.</param>
    /// <param name="cancellationToken">Asks for the end.</param>
    protected abstract Task PlayAsync(ParseResult parsed, Stage stage, CancellationToken cancellationToken);

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var stage = new Stage(_around, TimeProvider.System);
        try
        {
            await PlayAsync(parsed, stage, cancellationToken);
        }
        catch (DemoException e)
        {
            throw new CommandException(e.Message);
        }
        catch (StentorException e)
        {
            throw new CommandException($"{e.Type}: {e.Detail}");
        }
        finally
        {
            await stage.DisposeAsync();
        }

        var different = stage.Checks.Different;
        if (different.Count > 0)
        {
            throw new CommandException($"{different.Count} of {stage.Checks.Count} checks differ:{string.Concat(different.Select(line => $"\n  {line}"))}");
        }

        if (stage.Checks.Count > 0)
        {
            stage.Narrator.Explain($"\nAll {stage.Checks.Count} checks hold, after {stage.Narrator.Elapsed.TotalSeconds:0} s.");
        }

        return ExitCode.Done;
    }
}
