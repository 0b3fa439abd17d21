using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Stentor.Cli.Olympics;

/// <summary>Log messages where they go anyway, and those of the scoreboard, the detailed ones too, in a file besides.</summary>
/// <param name="lines">Where they go anyway; not disposed.</param>
/// <param name="file">The file.</param>
internal sealed class OlympicsServerLogs(ILoggerFactory lines, StreamWriter file) : ILoggerFactory
{
    private const string Category = "Stentor.Gateways.XmlRpc";

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName)
    {
        var logger = lines.CreateLogger(categoryName);
        return categoryName.StartsWith(Category, StringComparison.Ordinal) ? new Logger(logger, file) : logger;
    }

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("The log messages of this server have their places to go.");

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (file)
        {
            file.Dispose();
        }
    }

    private sealed class Logger(ILogger lines, StreamWriter file) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lines.Log(logLevel, eventId, state, exception, formatter); // Which looks itself at what is severe enough.
            var now = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            lock (file)
            {
                if (file.BaseStream.CanWrite)
                {
                    file.WriteLine($"{now} {formatter(state, exception)}");
                }
            }
        }
    }
}
