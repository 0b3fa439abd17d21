#pragma warning disable CA1822 // Contract first: the bodies come with the owner of this part.
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Stentor.Node;

namespace Stentor.Gateways;

/// <summary>A place where the server takes connections.</summary>
/// <param name="Kind">What is spoken there: <c>http</c> (with Server-Sent Events and WebSocket) or <c>tcp</c> (frames).</param>
/// <param name="Address">Where it really is, a free port filled in: <c>http://127.0.0.1:5050</c>, <c>tcp://127.0.0.1:5051</c>.</param>
public readonly record struct Listener(string Kind, string Address);

/// <summary>A running server: a node and its listeners.</summary>
public sealed class Server : IAsyncDisposable
{
    private Server()
    {
    }

    /// <summary>Opens the store, starts the node and listens. When it returns, requests are answered.</summary>
    /// <param name="options">What to serve.</param>
    /// <param name="logs">Where log messages go; not disposed by the server.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="ServerStartException">It cannot start; the message is for the operator and says why and what to do.</exception>
    public static Task<Server> StartAsync(ServerOptions options, ILoggerFactory logs, CancellationToken cancellationToken) =>
        throw new UnreachableException($"{options} {logs} {cancellationToken.CanBeCanceled}");

    /// <summary>Where it listens.</summary>
    public IReadOnlyList<Listener> Listeners => throw new UnreachableException();

    /// <summary>The node.</summary>
    public StentorNode Node => throw new UnreachableException();

    /// <summary>The file that holds the operator's secret; null when nobody can be the operator: an ephemeral server without such a file.</summary>
    public string? OperatorSecretFile => throw new UnreachableException();

    /// <summary>Whether this start made <see cref="OperatorSecretFile"/>.</summary>
    public bool OperatorSecretIsNew => throw new UnreachableException();

    /// <summary>Completes when the server has stopped, by whatever cause; faulted when it was not asked to.</summary>
    public Task Completion => throw new UnreachableException();

    /// <summary>Stops gracefully: finishes what was accepted, tells clients to reconnect, closes the store. At most 10 s.</summary>
    /// <param name="cancellationToken">Ends the patience, not the stop.</param>
    public Task StopAsync(CancellationToken cancellationToken) => throw new UnreachableException();

    /// <summary>Stops, as <see cref="StopAsync"/>.</summary>
    public ValueTask DisposeAsync() => throw new UnreachableException();
}

/// <summary>A server could not start.</summary>
/// <param name="message">For the operator: what is wrong and what to do.</param>
/// <param name="inner">The cause.</param>
public sealed class ServerStartException(string message, Exception? inner = null) : Exception(message, inner);
