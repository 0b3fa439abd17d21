using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Stentor.Testing;

namespace Stentor.EndToEnd.Processes;

/// <summary>A started process of the program, with what it printed. Disposing it kills it when it still runs.</summary>
internal partial class CommandProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _errorText = new();
    private readonly Task _errorReading;
    private bool _isDisposed;

    /// <summary>Starts a command.</summary>
    /// <param name="directory">Its working directory: not the repository's, where a settings file may lie.</param>
    /// <param name="arguments">The command and its options.</param>
    /// <param name="program">Another program than this repository's.</param>
    /// <param name="variables">Environment variables besides the test's own; none that begins with <c>STENTOR_</c> is passed on from there.</param>
    public CommandProcess(string directory, IEnumerable<string> arguments, string? program = null, IReadOnlyDictionary<string, string>? variables = null)
    {
        var start = new ProcessStartInfo(program ?? Repository.Program, arguments)
        {
            WorkingDirectory = directory,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("STENTOR_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in variables ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _errorReading = ReadErrorAsync();
    }

    /// <summary>Its number.</summary>
    public int Id => _process.Id;

    /// <summary>Its input.</summary>
    public StreamWriter In => _process.StandardInput;

    /// <summary>Its output.</summary>
    public StreamReader Out => _process.StandardOutput;

    /// <summary>What it printed on standard error until now.</summary>
    public string ErrorText
    {
        get
        {
            lock (_errorText)
            {
                return _errorText.ToString();
            }
        }
    }

    /// <summary>Whether it runs, or how it ended.</summary>
    public string Condition
    {
        get
        {
            try
            {
                return _process.HasExited ? string.Create(CultureInfo.InvariantCulture, $"its process ended with exit code {_process.ExitCode}") : "its process runs";
            }
            catch (InvalidOperationException)
            {
                return "its process was ended by the test"; // Disposed.
            }
        }
    }

    /// <summary>Its resident memory, in bytes.</summary>
    public long ResidentBytes => Status("VmRSS:") * 1024;

    /// <summary>Asks it to end, as an operator or a service manager does.</summary>
    public void Terminate() => Signal(15);

    /// <summary>Ends it at once, as a crash does: no handler runs, nothing is flushed.</summary>
    public async Task KillAsync()
    {
        Signal(9);
        await _process.WaitForExitAsync();
    }

    /// <summary>Sends it a signal.</summary>
    /// <param name="number">The signal.</param>
    public void Signal(int number)
    {
        if (!_process.HasExited)
        {
            Signal(Id, number);
        }
    }

    /// <summary>Sends a process a signal; one that has just ended gets none.</summary>
    /// <param name="id">The process: one that the test started, or a child of it.</param>
    /// <param name="number">The signal.</param>
    protected static void Signal(int id, int number)
    {
        const int NoSuchProcess = 3;
        if (Kill(id, number) != 0 && Marshal.GetLastPInvokeError() is var error and not NoSuchProcess)
        {
            throw new InvalidOperationException($"Signal {number} to process {id} failed with {error}.");
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        await _errorReading;
        return _process.ExitCode;
    }

    /// <summary>Runs a command to its end.</summary>
    /// <param name="directory">Its working directory.</param>
    /// <param name="input">What it reads; null for nothing.</param>
    /// <param name="arguments">The command and its options.</param>
    public static async Task<CommandResult> RunAsync(string directory, string? input, params string[] arguments)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var process = new CommandProcess(directory, arguments);
        var output = process.Out.ReadToEndAsync(cancellationToken);
        if (input is not null)
        {
            await process.In.WriteAsync(input);
        }

        process.In.Close();
        var text = await output;
        return new CommandResult(await process.WaitAsync(cancellationToken), text, process.ErrorText);
    }

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        await _errorReading;
        _process.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task ReadErrorAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errorText)
            {
                _errorText.AppendLine(line);
            }
        }
    }

    private long Status(string key) => long.Parse(
        File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith(key, StringComparison.Ordinal))[key.Length..].Replace("kB", "", StringComparison.Ordinal),
        CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}

/// <summary>How a command ended.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Out">Its output.</param>
/// <param name="Error">Its standard error.</param>
internal sealed record CommandResult(int ExitCode, string Out, string Error)
{
    /// <summary>The output's lines.</summary>
    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
