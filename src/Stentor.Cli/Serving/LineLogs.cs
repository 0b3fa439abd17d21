using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Stentor.Cli.Serving;

/// <summary>Log messages of a node, one a line on standard error: for the operator who reads one line at night, or as JSON for a collector.</summary>
/// <param name="output">Where lines go.</param>
/// <param name="least">The least severe level that is written.</param>
/// <param name="json">Whether each line is a JSON object.</param>
/// <param name="time">The clock for the line's time.</param>
internal sealed class LineLogs(TextWriter output, LogLevel least, bool json, TimeProvider time) : ILoggerFactory
{
    // What keeps the web server from starting is thrown as well, and the command says it in one line.
    private const string HostCategory = "Microsoft.Extensions.Hosting.Internal.Host";
    private const string StartFailedEvent = "HostedServiceStartupFaulted";

    private readonly Lock _lock = new();

    /// <summary>The level that a word of the command line stands for.</summary>
    /// <param name="word">One of the words that lines carry, or <c>none</c>.</param>
    public static LogLevel LevelOf(string word) => word == "none" ? LogLevel.None : Enum.GetValues<LogLevel>().First(level => Word(level) == word);

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("A node's log messages have one place to go.");

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private void Write(string category, LogLevel level, EventId id, string message, Exception? exception)
    {
        var now = time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var line = json
            ? JsonSerializer.Serialize(new LogLine(now, Word(level), category, id.Id, message, exception?.ToString()), CommandJson.Default.LogLine)
            : $"{now} {Word(level)} {category[(category.LastIndexOf('.') + 1)..]}: {message}{(exception is null ? "" : $"{Environment.NewLine}{exception}")}";
        lock (_lock)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "critical",
    };

    private sealed class Logger(LineLogs logs, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= logs.Least(category) && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel) && !(category == HostCategory && eventId.Name == StartFailedEvent))
            {
                logs.Write(category, logLevel, eventId, formatter(state, exception), exception);
            }
        }
    }

    /// <summary>The web framework tells a story about every request; of it, only warnings concern an operator.</summary>
    private LogLevel Least(string category) =>
        least > LogLevel.Debug && category.StartsWith("Microsoft.", StringComparison.Ordinal) && least < LogLevel.Warning ? LogLevel.Warning : least;
}

/// <summary>A log message as JSON.</summary>
internal sealed record LogLine(string Time, string Level, string Category, int Event, string Message, string? Exception);
