using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Stentor.Gateways;

/// <summary>
/// The caller's logs, without the web framework's own lines about requests: those hold whole URLs, and with them session tokens in a query.
/// </summary>
/// <param name="inner">The caller's.</param>
internal sealed class ServerLogs(ILoggerFactory inner) : ILoggerFactory
{
    // Requests as they are, and requests that are none: both quote the target.
    private static readonly string[] Silent = ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel.BadRequests"];

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) =>
        Array.Exists(Silent, s => categoryName.StartsWith(s, StringComparison.Ordinal)) ? NullLogger.Instance : inner.CreateLogger(categoryName);

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    /// <inheritdoc/>
    public void Dispose()
    {
        // The caller's logs outlive the server.
    }
}
