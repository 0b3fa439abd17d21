namespace Stentor.Cli.Tests.Docs;

/// <summary>Where the documents are.</summary>
internal static class Repository
{
    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>All documents that are ours, by their path from the root.</summary>
    public static IEnumerable<string> Documents => Directory.EnumerateFiles(Root, "*.md", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Root, path))
        .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "out" or "stentor-data" or ".git"))
        .Order(StringComparer.Ordinal);

    /// <summary>The text of a document.</summary>
    /// <param name="path">Its path from the root.</param>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

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
