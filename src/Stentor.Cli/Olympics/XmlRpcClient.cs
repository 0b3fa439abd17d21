using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Olympics;

/// <summary>Calls a server over XML-RPC. Connections are kept; no redirect is followed. Any thread may call.</summary>
internal sealed class XmlRpcClient : IDisposable
{
    /// <summary>Longest answer, in bytes: a thousand times what a tally takes. A longer one is as good as none.</summary>
    public const int AnswerBytesMax = 1024 * 1024;

    private static readonly MediaTypeHeaderValue ContentType = new(XmlRpcWriter.ContentType);

    private readonly Uri _server;
    private readonly TimeSpan _wait;
    private readonly int _localPort;
    private readonly HttpClient _http;

    /// <summary>Makes a client; nothing is connected yet.</summary>
    /// <param name="server">Where calls go, with the path.</param>
    /// <param name="wait">Longest wait for an answer, half of it at most for a connection.</param>
    /// <param name="localPort">The port of this machine that it calls from, which then takes one connection at a time; 0 for any.</param>
    public XmlRpcClient(Uri server, TimeSpan wait, int localPort = 0)
    {
        (_server, _wait, _localPort) = (server, wait, localPort);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = !server.IsLoopback,
            MaxConnectionsPerServer = localPort == 0 ? int.MaxValue : 1,
            ConnectCallback = ConnectAsync,
        };
        _http = new HttpClient(handler) { Timeout = wait, MaxResponseContentBufferSize = AnswerBytesMax };
    }

    /// <summary>Where calls go.</summary>
    public Uri Server => _server;

    /// <summary>Calls the server.</summary>
    /// <param name="method">The method.</param>
    /// <param name="arguments">What it is called with.</param>
    /// <param name="cancellationToken">Ends the wait; the server may have taken the call all the same.</param>
    /// <exception cref="XmlRpcFaultException">The server answered with a fault.</exception>
    /// <exception cref="XmlRpcCallException">There is no answer, or one that is no XML-RPC.</exception>
    public async Task<XmlRpcValue> CallAsync(string method, IReadOnlyList<XmlRpcValue> arguments, CancellationToken cancellationToken)
    {
        var call = new ByteBuffer(512);
        XmlRpcWriter.WriteCall(method, [.. arguments], call);
        using var request = new HttpRequestMessage(HttpMethod.Post, _server) { Content = new ReadOnlyMemoryContent(call.WrittenMemory) };
        request.Content.Headers.ContentType = ContentType;
        try
        {
            using var response = await _http.SendAsync(request, cancellationToken);
            return Read(response, await response.Content.ReadAsByteArrayAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new XmlRpcCallException(CallFailure.InDoubt, $"{_server} does not answer within {_wait.TotalSeconds:0.#} s");
        }
        catch (HttpRequestException e)
        {
            throw Failure(e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private XmlRpcValue Read(HttpResponseMessage response, byte[] body)
    {
        var status = (int)response.StatusCode;
        if (response.StatusCode == HttpStatusCode.TooManyRequests || response.StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            throw new XmlRpcCallException(CallFailure.NotTaken, $"{_server} takes no call now: HTTP status {status}");
        }

        if (status != 200)
        {
            var redirect = status / 100 == 3 ? ", and redirects are not followed" : "";
            throw new XmlRpcCallException(status >= 500 ? CallFailure.InDoubt : CallFailure.NotXmlRpc, $"{_server} does not speak XML-RPC: it answers with HTTP status {status}{redirect}");
        }

        try
        {
            return XmlRpcReader.ReadAnswer(body);
        }
        catch (XmlRpcFaultException e) when (!e.IsAnswer)
        {
            throw new XmlRpcCallException(CallFailure.NotXmlRpc, $"{_server} does not speak XML-RPC: {Printable.Cut(e.Message, 200)}", e);
        }
    }

    private XmlRpcCallException Failure(HttpRequestException e)
    {
        var reason = Printable.Cut((e.InnerException ?? e).Message, 200);
        return e.HttpRequestError switch
        {
            HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError =>
                new XmlRpcCallException(CallFailure.NotTaken, $"{_server} cannot be reached{(_localPort == 0 ? "" : $" from port {_localPort}")}: {reason}", e),
            HttpRequestError.ConfigurationLimitExceeded =>
                new XmlRpcCallException(CallFailure.NotXmlRpc, $"{_server} answers with more than {AnswerBytesMax} bytes", e),
            HttpRequestError.InvalidResponse =>
                new XmlRpcCallException(CallFailure.NotXmlRpc, $"{_server} does not speak HTTP: {reason}", e),
            _ => new XmlRpcCallException(CallFailure.InDoubt, $"{_server} broke off: {reason}", e),
        };
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_wait / 2);
        SocketException? failure = null;
        try
        {
            foreach (var address in await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, patience.Token))
            {
                var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    if (_localPort != 0)
                    {
                        socket.Bind(new IPEndPoint(address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, _localPort));
                    }

                    await socket.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), patience.Token);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch (SocketException e)
                {
                    socket.Dispose();
                    failure = e;
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SocketException((int)SocketError.TimedOut);
        }

        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }
}

/// <summary>What is known of a call without an answer.</summary>
internal enum CallFailure
{
    /// <summary>It was certainly not taken: it may be made again.</summary>
    NotTaken,

    /// <summary>It was sent, and may have been taken.</summary>
    InDoubt,

    /// <summary>What answers is no XML-RPC server; to try again is of no use.</summary>
    NotXmlRpc,
}

/// <summary>A call has no answer.</summary>
/// <param name="failure">What is known of it.</param>
/// <param name="message">Which server, and what is wrong; without a full stop.</param>
/// <param name="inner">What brought it about, if anything did.</param>
internal sealed class XmlRpcCallException(CallFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What is known of the call.</summary>
    public CallFailure Failure { get; } = failure;
}
