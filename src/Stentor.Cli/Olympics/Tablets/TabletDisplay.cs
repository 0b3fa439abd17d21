using System.Globalization;
using Stentor.Cli.Clients;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary>Where the tablets of a process show what they show: on the output, each line with the tablet's port. Any thread may call.</summary>
/// <param name="output">The output.</param>
internal sealed class TabletOutput(Stream output)
{
    private readonly Lock _lock = new();
    private readonly OutputLines _lines = new(output);

    /// <summary>Shows a line.</summary>
    /// <param name="port">The tablet's port.</param>
    /// <param name="line">What it shows.</param>
    public void Show(int port, string line)
    {
        lock (_lock)
        {
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{port} {line}"));
            _lines.Flush();
        }
    }
}

/// <summary>
/// A tablet's screen: everything on it is a line of <c>client_logs/PORT.txt</c> and of the output; how old or how long in coming it is, a line of
/// <c>latencies/PORT.txt</c>. Any thread may call.
/// </summary>
/// <param name="port">The tablet's port.</param>
/// <param name="logs">The directory of the logs.</param>
/// <param name="output">The output of all tablets.</param>
/// <param name="time">The clock.</param>
internal sealed class TabletDisplay(int port, string logs, TabletOutput output, TimeProvider time) : IDisposable
{
    private readonly LineFile _log = new(logs, FileOf("client_logs", port));
    private readonly LineFile _latencies = new(logs, FileOf("latencies", port));
    private int _shown;

    /// <summary>The tablet's port.</summary>
    public int Port => port;

    /// <summary>How many values were shown.</summary>
    public int Shown => Volatile.Read(ref _shown);

    /// <summary>Shows a value.</summary>
    /// <param name="what">How it came and what it is: <c>push score</c>, <c>pull tally Gaul</c>.</param>
    /// <param name="value">The value, in one line.</param>
    /// <param name="latency">For a pull how long the call took; for a push how long ago the update was made.</param>
    public void Show(string what, string value, TimeSpan latency)
    {
        Interlocked.Increment(ref _shown);
        Note($"{what}: {value}");
        _latencies.Write(latency.TotalSeconds.ToString("0.000000", CultureInfo.InvariantCulture));
    }

    /// <summary>Shows something that is no value: what it asked for, what went wrong.</summary>
    /// <param name="line">The line.</param>
    public void Note(string line)
    {
        _log.Write($"{LineFile.TimeOf(time.GetUtcNow())} {line}");
        output.Show(port, line);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _log.Dispose();
        _latencies.Dispose();
    }

    private static string FileOf(string kind, int port) => Path.Combine(kind, string.Create(CultureInfo.InvariantCulture, $"{port}.txt"));
}
