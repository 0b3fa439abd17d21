using System.Globalization;
using Microsoft.AspNetCore.Http;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>Takes the links of other regions: WebSockets on the node's port. Who the other side is, the links themselves find out.</summary>
/// <param name="node">The node.</param>
/// <param name="stopping">The server begins to stop.</param>
internal sealed class LinkGateway(StentorNode node, CancellationToken stopping)
{
    // Connections that may be open at once; each costs a window of memory at most. A region has few neighbours, and strangers must not use up the rest.
    private const int ConnectionsMax = 256;

    private int _connections;

    public Route Route => new(LinkTarget.Path, Access.Open, new Operation(HttpMethods.Get, ServeAsync));

    private async Task ServeAsync(Exchange exchange)
    {
        var http = exchange.Http;
        if (node.Links is not { } links)
        {
            await Problem.WriteAsync(http, new Refusal(ErrorType.NotFound, "This region takes no links: it was started without --cluster-secret-file."));
            return;
        }

        if (!http.WebSockets.IsWebSocketRequest)
        {
            await Problem.WriteAsync(http, new Refusal(ErrorType.Malformed, "This is where regions link to each other, over WebSocket (RFC 6455): start a node with --link."));
            return;
        }

        if (Interlocked.Increment(ref _connections) > ConnectionsMax)
        {
            Interlocked.Decrement(ref _connections);
            await Problem.WriteAsync(http, new Refusal(ErrorType.NotReady, string.Create(CultureInfo.InvariantCulture, $"{ConnectionsMax} links are open or being opened, which is the most.")));
            return;
        }

        try
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync();
            await links.ServeAsync(socket, $"{http.Connection.RemoteIpAddress}:{http.Connection.RemotePort}", stopping);
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }
}
