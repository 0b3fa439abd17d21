using System.Collections;
using Microsoft.Win32.SafeHandles;

namespace Stentor.Cli;

/// <summary>What a command finds around it: streams, variables, the working directory. Tests bring their own.</summary>
internal sealed record Surroundings
{
    /// <summary>Standard input.</summary>
    public required Stream In { get; init; }

    /// <summary>Standard output: results, and nothing else.</summary>
    public required Stream Out { get; init; }

    /// <summary>Standard error: progress, log messages, what went wrong.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Whether a person types the input.</summary>
    public bool InIsTerminal { get; init; }

    /// <summary>Whether a person reads the output: only then colour, tables and redrawn lines.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>Whether a person reads standard error: only then progress.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Environment variables.</summary>
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>The directory that relative paths start from.</summary>
    public required string Directory { get; init; }

    /// <summary>Asks the command to end: Ctrl-C, SIGTERM, a closed terminal.</summary>
    public CancellationToken Stop { get; init; }

    /// <summary>The process's own. From now on Ctrl-C and SIGTERM ask the command to end; asked a second time, the process ends at once.</summary>
    public static Surroundings OfThisProcess() => new()
    {
        In = OpenIn(),
        Out = OpenOut(),
        Error = Console.Error,
        InIsTerminal = !Console.IsInputRedirected,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        Variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value ?? "", StringComparer.Ordinal),
        Directory = Environment.CurrentDirectory,
        Stop = Interrupts.Watch(),
    };

    /// <summary>A path as the user meant it: relative ones start from <see cref="Directory"/>.</summary>
    /// <param name="path">A path.</param>
    public string PathOf(string path) => Path.GetFullPath(path, Directory);

    /// <summary>A file is read as one, so that progress knows its length.</summary>
    private static Stream OpenIn()
    {
        var file = new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
        return file.CanSeek ? file : Console.OpenStandardInput();
    }

    /// <summary>
    /// The console's stream drops what a closed pipe does not take, and says nothing: a reader of ours that went away would not end us. A file's stream throws;
    /// but on a file it writes at a position of its own, where what the shell's next command writes would overwrite ours.
    /// </summary>
    private static Stream OpenOut()
    {
        var file = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return file.CanSeek ? Console.OpenStandardOutput() : file;
    }
}
