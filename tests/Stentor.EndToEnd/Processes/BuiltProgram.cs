using Stentor.Testing;

namespace Stentor.EndToEnd.Processes;

/// <summary>Has the program built once, before any test measures a start or has a deadline.</summary>
public sealed class BuiltProgram : IAsyncLifetime
{
    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        using var process = System.Diagnostics.Process.Start(Repository.Program, "--version");
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
