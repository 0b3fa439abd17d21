namespace Stentor.Client.Tests;

/// <summary>Where the sources and their builds are.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>The configuration that these tests were built in; the same one's programs are at hand.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name; // bin/CONFIGURATION/FRAMEWORK

    private static string Find()
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
