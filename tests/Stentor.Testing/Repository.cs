namespace Stentor.Testing;

/// <summary>The sources that the tests were built from: found from where the tests run, since builds do not tell where the sources are.</summary>
public static class Repository
{
    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The configuration that the tests were built in; the same one's programs are at hand.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name; // bin/CONFIGURATION/FRAMEWORK

    /// <summary>The program as users start it: built. It replaces itself by the node, so that its process is the node's.</summary>
    public static string Program { get; } = PathOf("stentor");

    /// <summary>All documents that are ours, by their path from the root.</summary>
    public static IEnumerable<string> Documents => Directory.EnumerateFiles(Root, "*.md", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Root, path))
        .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "out" or "stentor-data" or ".git"))
        .Order(StringComparer.Ordinal);

    /// <summary>The full path of a file.</summary>
    /// <param name="path">Its path from the root.</param>
    public static string PathOf(params string[] path) => Path.Combine([Root, .. path]);

    /// <summary>The text of a file, with plain line ends.</summary>
    /// <param name="path">Its path from the root.</param>
    public static string Read(string path) => File.ReadAllText(PathOf(path)).ReplaceLineEndings("\n");

    /// <summary>Puts other rows into a table of a document.</summary>
    /// <param name="path">The document's path from the root.</param>
    /// <param name="head">The table's first line.</param>
    /// <param name="rows">The rows, each with its bars.</param>
    public static void WriteTable(string path, string head, IEnumerable<string> rows)
    {
        var text = Read(path);
        var start = text.IndexOf(head + "\n", StringComparison.Ordinal);
        start = text.IndexOf('\n', start + head.Length + 1) + 1; // After the line of dashes.
        var end = text.IndexOf("\n\n", start - 1, StringComparison.Ordinal) + 1;
        File.WriteAllText(PathOf(path), text[..start] + string.Concat(rows.Select(row => row + "\n")) + text[end..]);
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Stentor.slnx")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException("The tests run outside of the repository.");
    }
}
