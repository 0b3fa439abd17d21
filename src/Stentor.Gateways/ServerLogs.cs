using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Stentor.Gateways;

/// <summary>
/// The caller's logs, without the web framework's own lines about requests: those hold whole URLs, and with them session tokens in a query.
/// </summary>
/// <param name="inner">The caller's.</param>
internal sealed class ServerLogs(ILoggerFactory inner) : ILoggerFactory
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) =>
        categoryName.StartsWith("Microsoft.AspNetCore.Hosting", StringComparison.Ordinal) ? NullLogger.Instance : inner.CreateLogger(categoryName);

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    /// <inheritdoc/>
    public void Dispose()
    {
        // The caller's logs outlive the server.
    }
}
