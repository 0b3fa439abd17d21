using System.Runtime.InteropServices;

namespace Stentor.Cli;

/// <summary>Turns the signals that end a process into a request to end.</summary>
internal static class Interrupts
{
    private static readonly CancellationTokenSource Stop = new();
    private static readonly List<PosixSignalRegistration> Registrations = [];

    /// <summary>Starts watching SIGINT, SIGTERM and SIGHUP.</summary>
    /// <returns>Cancelled at the first signal; the second one ends the process with exit code 1.</returns>
    public static CancellationToken Watch()
    {
        foreach (var signal in (ReadOnlySpan<PosixSignal>)[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            Registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }

        return Stop.Token;
    }

    private static void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Stop.IsCancellationRequested)
        {
            // Whoever asks twice does not want to wait for what the first request has to finish.
            Environment.Exit(ExitCode.Failed);
        }

        // Not on this thread: what is registered may wait, and the runtime delivers the next signal here.
        ThreadPool.UnsafeQueueUserWorkItem(static _ => Stop.Cancel(), null);
    }
}
