using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Stentor.Gateways;

/// <summary>What became of a call to a registered client.</summary>
internal enum TabletAnswer
{
    /// <summary>It took the update.</summary>
    Shown,

    /// <summary>It answered with a fault: it does not know such a call.</summary>
    Fault,

    /// <summary>It did not answer, or with something that is no XML-RPC.</summary>
    Failed,
}

/// <summary>What came of a call.</summary>
/// <param name="Answer">What became of it.</param>
/// <param name="Reason">For all but <see cref="TabletAnswer.Shown"/>: why.</param>
/// <param name="KeepsConnection">Whether the client keeps its connection open for the next call.</param>
/// <param name="IsLost">Whether the connection was lost, or never made.</param>
internal readonly record struct TabletResult(TabletAnswer Answer, string Reason, bool KeepsConnection = false, bool IsLost = false);

/// <summary>
/// Calls registered clients. Connections are kept while they are used. Only addresses that may be called are connected to, looked up anew for each connection, and
/// no redirect is followed: whoever registers cannot reach into the node's network. Any thread may call.
/// </summary>
internal sealed class TabletCalls : IDisposable
{
    // A client has nothing to say that is longer.
    private const int AnswerBytesMax = 64 * 1024;

    private static readonly HttpRequestOptionsKey<TabletCaller> CallerKey = new("caller");
    private static readonly MediaTypeHeaderValue ContentType = new(XmlRpcWriter.ContentType);

    private readonly HttpClient _keeping;
    private readonly HttpClient _closing;

    /// <summary>Makes it.</summary>
    /// <param name="options">Whom it may call, and how long it waits.</param>
    public TabletCalls(XmlRpcOptions options)
    {
        _keeping = Make(options, TimeSpan.FromMinutes(1));
        _closing = Make(options, TimeSpan.Zero);
    }

    /// <summary>Calls a client.</summary>
    /// <param name="address">Where it listens.</param>
    /// <param name="caller">Who registered it.</param>
    /// <param name="call">The call, encoded.</param>
    /// <param name="keepsConnection">Whether the client is known to keep its connection open. Programs of HTTP/1.0 close theirs, and a call on one that is about to be closed would fail.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async ValueTask<TabletResult> CallAsync(TabletAddress address, TabletCaller caller, ReadOnlyMemory<byte> call, bool keepsConnection, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address.Url) { Content = new ReadOnlyMemoryContent(call) };
        request.Content.Headers.ContentType = ContentType;
        request.Options.Set(CallerKey, caller);
        request.Headers.ConnectionClose = keepsConnection ? null : true;
        var http = keepsConnection ? _keeping : _closing;
        var keeps = false;
        try
        {
            using var response = await http.SendAsync(request, cancellationToken);
            keeps = response.Version >= HttpVersion.Version11;
            if (response.StatusCode != HttpStatusCode.OK)
            {
                return new(TabletAnswer.Failed, $"it answered with HTTP status {(int)response.StatusCode}{((int)response.StatusCode / 100 == 3 ? ", and redirects are not followed" : "")}.");
            }

            XmlRpcReader.ReadAnswer(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            return new(TabletAnswer.Shown, "", keeps);
        }
        catch (XmlRpcFaultException e)
        {
            return e.IsAnswer ? new(TabletAnswer.Fault, $"it answered with fault {e.Code}: {Protocol.Printable.Cut(e.Message, 200)}.", keeps) : new(TabletAnswer.Failed, e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(TabletAnswer.Failed, $"no answer in {http.Timeout.TotalSeconds:0.#} s.");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return new(TabletAnswer.Failed, $"{Protocol.Printable.Cut((e.InnerException ?? e).Message.TrimEnd('.'), 200)}.", IsLost: true);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _keeping.Dispose();
        _closing.Dispose();
    }

    private static HttpClient Make(XmlRpcOptions options, TimeSpan keepFor)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            PooledConnectionIdleTimeout = keepFor,
            PooledConnectionLifetime = keepFor == TimeSpan.Zero ? keepFor : Timeout.InfiniteTimeSpan,
            ActivityHeadersPropagator = null,
            ConnectCallback = (context, cancellationToken) => ConnectAsync(context, options.Callbacks, cancellationToken),
        };
        return new HttpClient(handler) { Timeout = options.CallWait, MaxResponseContentBufferSize = AnswerBytesMax };
    }

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, Callbacks callbacks, CancellationToken cancellationToken)
    {
        var target = context.DnsEndPoint;
        context.InitialRequestMessage.Options.TryGetValue(CallerKey, out var caller);
        var addresses = await TabletAddress.AddressesAsync(target.Host.Trim('[', ']'), caller, callbacks, cancellationToken);
        SocketException? failure = null;
        foreach (var address in addresses)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, target.Port), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                failure ??= e; // The first address is the one that is meant.
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw failure ?? new SocketException((int)SocketError.AccessDenied);
    }
}
