using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Stentor.Gateways;
using Stentor.Protocol;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary>Serves XML-RPC on the ports of many tablets. Whatever is wrong with a call is answered with a fault and disturbs nothing else.</summary>
internal sealed class TabletServer : IAsyncDisposable
{
    // A score or a tally takes a few hundred bytes.
    private const int BodyBytesMax = 256 * 1024;

    private readonly WebApplication _app;
    private readonly Func<int, XmlRpcCall, XmlRpcValue> _take;
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private TabletServer(IReadOnlyDictionary<int, Socket> sockets, Func<int, XmlRpcCall, XmlRpcValue> take)
    {
        _take = take;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = BodyBytesMax;
            foreach (var socket in sockets.Values)
            {
                kestrel.Listen(socket.LocalEndPoint!, listen => listen.Protocols = HttpProtocols.Http1); // It listens.
            }
        });

        // Its tablets have their ports already.
        builder.Services.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket = endpoint => sockets[((System.Net.IPEndPoint)endpoint).Port]);
        _app = builder.Build();
        _app.Run(ServeAsync);
    }

    /// <summary>Fails when a tablet could not show what it was called with: its logs cannot be written.</summary>
    public Task Failed => _failed.Task;

    /// <summary>Starts serving.</summary>
    /// <param name="sockets">Listening sockets by their ports; the server's from now on.</param>
    /// <param name="take">Takes a call of the tablet with this port and gives the answer, or throws <see cref="XmlRpcFaultException"/>. Called by any thread.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<TabletServer> StartAsync(IReadOnlyDictionary<int, Socket> sockets, Func<int, XmlRpcCall, XmlRpcValue> take, CancellationToken cancellationToken)
    {
        var server = new TabletServer(sockets, take);
        await server._app.StartAsync(cancellationToken);
        return server;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = HttpMethods.Post;
            return;
        }

        var xml = new ByteBuffer(256);
        try
        {
            var call = XmlRpcReader.ReadCall(await BodyAsync(context));
            XmlRpcWriter.WriteAnswer(_take(context.Connection.LocalPort, call), xml);
        }
        catch (XmlRpcFaultException e)
        {
            XmlRpcWriter.WriteFault(e.Code, e.Message, xml);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            context.Response.Headers.Connection = "close"; // The rest of it is not read.
            XmlRpcWriter.WriteFault(XmlRpcFaultException.NotACall, $"A call has at most {BodyBytesMax} bytes.", xml);
        }
        catch (Exception e) when (e is not OperationCanceledException and not BadHttpRequestException && !context.RequestAborted.IsCancellationRequested)
        {
            _failed.TrySetException(e);
            XmlRpcWriter.WriteFault(XmlRpcFaultException.Internal, "The tablet cannot show it.", xml);
        }

        context.Response.ContentType = XmlRpcWriter.ContentType;
        context.Response.ContentLength = xml.Length;
        await context.Response.Body.WriteAsync(xml.WrittenMemory, context.RequestAborted);
    }

    private static async Task<ReadOnlyMemory<byte>> BodyAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }
}
