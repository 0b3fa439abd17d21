using System.Net;
using System.Text.Json;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Lab.Readers;

/// <summary>Asks a node over HTTP, on connections that stay open and are counted.</summary>
/// <param name="node">The node.</param>
/// <param name="traffic">Where they are counted.</param>
internal sealed class HttpCalls(Uri node, Traffic traffic) : IDisposable
{
    // Longer than any wait that is asked for.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly HttpMessageInvoker _http = traffic.NewHttp();

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Sends a request.</summary>
    /// <param name="request">The request; its path is the node's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The answer, whose body may still come.</returns>
    /// <exception cref="LabException">There is none in time, or it is neither a success nor 304.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        traffic.CallOut();
        request.RequestUri = new Uri(node, request.RequestUri!); // Every request has a path.
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(Patience);
        try
        {
            var answer = await _http.SendAsync(request, late.Token);
            if (answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.NotModified)
            {
                return answer;
            }

            using (answer)
            {
                throw new LabException($"{request.RequestUri.PathAndQuery} was answered with {(int)answer.StatusCode}: {Printable.Cut(await answer.Content.ReadAsStringAsync(late.Token), 200)}");
            }
        }
        catch (HttpRequestException e)
        {
            throw new LabException($"{request.RequestUri} does not answer: {(e.InnerException ?? e).Message}", e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new LabException($"{request.RequestUri} did not answer within {Patience.TotalSeconds:0} s.", e);
        }
    }

    /// <summary>Gets JSON.</summary>
    /// <param name="path">Path and query.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<JsonElement> GetJsonAsync(string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
        using var answer = await SendAsync(request, cancellationToken);
        return await ReadJsonAsync(answer, cancellationToken);
    }

    /// <summary>Reads an answer's body as JSON.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<JsonElement> ReadJsonAsync(HttpResponseMessage answer, CancellationToken cancellationToken) =>
        JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(cancellationToken), CommandJson.Default.JsonElement);

    /// <summary>Calls a procedure over XML-RPC.</summary>
    /// <param name="method">The procedure.</param>
    /// <param name="arguments">What it is called with.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LabException">It is refused with a fault.</exception>
    public async Task<XmlRpcValue> CallAsync(string method, XmlRpcValue[] arguments, CancellationToken cancellationToken)
    {
        var xml = new ByteBuffer();
        XmlRpcWriter.WriteCall(method, arguments, xml);
        using var content = new ReadOnlyMemoryContent(xml.WrittenMemory);
        content.Headers.ContentType = new(XmlRpcWriter.ContentType);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/RPC2", UriKind.Relative)) { Content = content };
        using var answer = await SendAsync(request, cancellationToken);
        try
        {
            return XmlRpcReader.ReadAnswer(await answer.Content.ReadAsByteArrayAsync(cancellationToken));
        }
        catch (XmlRpcFaultException e)
        {
            throw new LabException($"{method} was answered with the fault {e.Code}: {e.Message}", e);
        }
    }
}
