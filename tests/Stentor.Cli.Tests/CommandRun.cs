using System.Text;

namespace Stentor.Cli.Tests;

/// <summary>Runs the program in this process, with streams and variables of the test's own.</summary>
internal sealed class CommandRun
{
    private readonly MemoryStream _out = new();
    private readonly StringWriter _error = new();

    /// <summary>What it reads.</summary>
    public string Input { get; init; } = "";

    /// <summary>Its environment.</summary>
    public Dictionary<string, string> Variables { get; init; } = [];

    /// <summary>Its working directory.</summary>
    public string Directory { get; init; } = AppContext.BaseDirectory;

    /// <summary>Asks it to end.</summary>
    public CancellationToken Stop { get; init; } = TestContext.Current.CancellationToken;

    /// <summary>What it wrote.</summary>
    public string Out => Encoding.UTF8.GetString(_out.ToArray());

    /// <summary>The lines of that.</summary>
    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>What it complained about.</summary>
    public string Error => _error.ToString();

    /// <summary>What it finds around it.</summary>
    public Surroundings Around => new()
    {
        In = new MemoryStream(Encoding.UTF8.GetBytes(Input)),
        Out = _out,
        Error = TextWriter.Synchronized(_error),
        Variables = Variables,
        Directory = Directory,
        Stop = Stop,
    };

    /// <summary>Runs a command line.</summary>
    /// <param name="args">Its words.</param>
    /// <returns>The exit code.</returns>
    public Task<int> RunAsync(params string[] args) => StentorProgram.RunAsync(args, Around);
}
