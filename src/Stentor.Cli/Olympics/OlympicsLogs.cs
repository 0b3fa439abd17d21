using System.CommandLine;

namespace Stentor.Cli.Olympics;

/// <summary>The log files of the three processes.</summary>
internal static class OlympicsLogs
{
    /// <summary>The option that says where they are.</summary>
    public static Option<string> Option() => new("--logs") { Description = "The directory for log files; made when it does not exist.", HelpName = "DIR", DefaultValueFactory = _ => "." };

    /// <summary>Opens a log file, empty: a run has its own.</summary>
    /// <param name="directory">The directory; made when it does not exist.</param>
    /// <param name="name">The file, perhaps in a directory of its own.</param>
    public static StreamWriter Open(string directory, string name)
    {
        var path = Path.Combine(directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!); // A file's path has a directory.
        return new StreamWriter(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
    }
}
