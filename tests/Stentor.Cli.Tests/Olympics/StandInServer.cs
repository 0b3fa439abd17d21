using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Stentor.Cli.Olympics;
using Stentor.Cli.Olympics.Tablets;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Tests.Olympics;

/// <summary>A server on a free port of loopback that answers as a test says.</summary>
internal sealed class StandInServer : IAsyncDisposable
{
    /// <summary>An address at which nobody listens: the port belongs to a service that nobody runs (tcpmux).</summary>
    public const string DeadAddress = "http://127.0.0.1:1/RPC2";

    private readonly WebApplication _app;

    private StandInServer(WebApplication app) => _app = app;

    /// <summary>What <c>--server</c> takes.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The ports from which calls came.</summary>
    public HashSet<int> CallerPorts { get; } = [];

    /// <summary>Starts a server of HTTP.</summary>
    public static async Task<StandInServer> StartHttpAsync(RequestDelegate serve)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = new StandInServer(builder.Build());
        server._app.Run(context =>
        {
            lock (server.CallerPorts)
            {
                server.CallerPorts.Add(context.Connection.RemotePort);
            }

            return serve(context);
        });
        await server._app.StartAsync(TestContext.Current.CancellationToken);
        server.Address = server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return server;
    }

    /// <summary>Starts a server of XML-RPC.</summary>
    /// <param name="take">Takes a call; its faults are answered.</param>
    public static Task<StandInServer> StartAsync(Func<XmlRpcCall, XmlRpcValue> take) => StartHttpAsync(async context =>
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var xml = new ByteBuffer();
        try
        {
            XmlRpcWriter.WriteAnswer(take(XmlRpcReader.ReadCall(body.ToArray())), xml);
        }
        catch (XmlRpcFaultException e)
        {
            XmlRpcWriter.WriteFault(e.Code, e.Message, xml);
        }

        await context.Response.Body.WriteAsync(xml.WrittenMemory);
    });

    /// <summary>A client of it.</summary>
    public XmlRpcClient NewClient(int localPort = 0) => new(new Uri(Address), TimeSpan.FromSeconds(30), localPort);

    /// <summary>A free port that the system gives to no other test: below those that it gives out by itself.</summary>
    public static int QuietPort()
    {
        var (port, socket) = TabletPorts.Take(IPAddress.Loopback, 20_002, 1).Single();
        socket.Dispose();
        return port;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

/// <summary>A directory of a test's own, gone with the test.</summary>
internal sealed class LogDirectory : IDisposable
{
    /// <summary>Its path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("stentor-olympics-").FullName;

    /// <summary>The lines of a file in it.</summary>
    public string[] Lines(params string[] path) => File.ReadAllLines(System.IO.Path.Combine([Path, .. path]));

    /// <summary>The lines of a log in it, without their times.</summary>
    public string[] Untimed(params string[] path) => [.. Lines(path).Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..])];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
