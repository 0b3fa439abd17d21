using System.Globalization;

namespace Stentor.Cli.Olympics;

/// <summary>A log file, made anew, each line on its way to the disk when it is written: others read along. Any thread may call.</summary>
/// <param name="directory">The directory of all logs.</param>
/// <param name="name">The file, perhaps in a directory of its own.</param>
internal sealed class LineFile(string directory, string name) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _file = OlympicsLogs.Open(directory, name);

    /// <summary>Writes a line.</summary>
    /// <param name="line">The line, without its end.</param>
    public void Write(string line)
    {
        lock (_lock)
        {
            _file.WriteLine(line);
        }
    }

    /// <summary>A time as the first word of a line.</summary>
    /// <param name="time">The time.</param>
    public static string TimeOf(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
