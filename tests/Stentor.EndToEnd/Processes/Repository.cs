namespace Stentor.EndToEnd.Processes;

/// <summary>Where the repository is, and the program in it.</summary>
internal static class Repository
{
    /// <summary>Its root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The program as users start it: built. It replaces itself by the node, so that its process is the node's.</summary>
    public static string Program { get; } = Path.Combine(Root, "stentor");

    /// <summary>A file or directory of the examples' data.</summary>
    /// <param name="path">Its path below <c>examples/data</c>.</param>
    public static string Data(params string[] path) => Path.Combine([Root, "examples", "data", .. path]);

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Stentor.slnx")))
        {
            directory = directory.Parent;
        }

        return directory.FullName;
    }
}

/// <summary>A directory of a test's own, gone with the test.</summary>
internal sealed class TempDirectory : IDisposable
{
    /// <summary>Its path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("stentor-e2e-").FullName;

    /// <summary>A path in it.</summary>
    /// <param name="name">A file's or directory's name.</param>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}

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
