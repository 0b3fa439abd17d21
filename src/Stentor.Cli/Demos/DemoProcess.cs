using System.Diagnostics;

namespace Stentor.Cli.Demos;

/// <summary>
/// A command of a demonstration: this very program in a process of its own, without the user's settings. Its end must be in its command line (so many seconds, so
/// many updates), so that it cannot outlive the demonstration for long, whatever ends that.
/// </summary>
internal sealed class DemoProcess : IAsyncDisposable
{
    private readonly string _name;
    private readonly Process _process;
    private readonly Task<string> _error;
    private readonly Task _out;

    private DemoProcess(string name, Process process)
    {
        (_name, _process) = (name, process);
        _process.StandardInput.Close();
        _error = process.StandardError.ReadToEndAsync();
        _out = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
    }

    /// <summary>Its process.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Starts a command.</summary>
    /// <param name="name">What it is called in messages.</param>
    /// <param name="directory">Its working directory, where no settings lie.</param>
    /// <param name="arguments">The command and its options.</param>
    /// <exception cref="DemoException">It cannot be started.</exception>
    public static DemoProcess Start(string name, string directory, IEnumerable<string> arguments)
    {
        try
        {
            return new DemoProcess(name, Process.Start(DemoNode.ThisProgram(directory, arguments)) ?? throw new DemoException($"{name} could not be started."));
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new DemoException($"{name} could not be started: {e.Message}");
        }
    }

    /// <summary>Waits until it has ended.</summary>
    /// <param name="patience">Longest wait.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="DemoException">It does not end, or not well.</exception>
    public async Task WaitAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            await _process.WaitForExitAsync(cancellationToken).WaitAsync(patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new DemoException($"{_name} did not end within {patience.TotalSeconds:0} s.");
        }

        if (_process.ExitCode != ExitCode.Done)
        {
            throw new DemoException($"{_name} ended with exit code {_process.ExitCode}. It said:\n{await _error}");
        }
    }

    /// <summary>Kills it, as <c>kill -9</c> does, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await Task.WhenAll(_error, _out);
        _process.Dispose();
    }
}
