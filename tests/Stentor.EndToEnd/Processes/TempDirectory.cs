namespace Stentor.EndToEnd.Processes;

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
