using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Stentor.Cli.Lab.Readers;

/// <summary>The XML-RPC server of many tablets, with a port for each.</summary>
internal sealed class TabletServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TabletServer(WebApplication app) => _app = app;

    /// <summary>Listens on a free port for each tablet, which is told.</summary>
    /// <param name="tablets">The tablets.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<TabletServer> StartAsync(IReadOnlyList<Tablet> tablets, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        var ports = new List<ListenOptions>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            foreach (var tablet in tablets)
            {
                kestrel.Listen(IPAddress.Loopback, 0, listen =>
                {
                    ports.Add(listen);
                    listen.Protocols = HttpProtocols.Http1;
                    listen.Use(next => connection =>
                    {
                        connection.Transport = new CountingPipe(connection.Transport, tablet.Traffic);
                        connection.Features.Set(tablet);
                        return next(connection);
                    });
                });
            }
        });
        var app = builder.Build();
        app.Run(http => http.Features.Get<Tablet>()!.AnswerAsync(http)); // Set on every connection.
        await app.StartAsync(cancellationToken);
        foreach (var (tablet, listen) in tablets.Zip(ports))
        {
            tablet.Port = listen.IPEndPoint!.Port; // It listens.
        }

        return new TabletServer(app);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Nobody waits for calls that come now.
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }
}
