using Microsoft.Extensions.Logging.Abstractions;
using Stentor.Gateways;

namespace Stentor.Client.Tests;

/// <summary>A real server in this process, with a data directory that outlives it.</summary>
internal sealed class RealServer : IAsyncDisposable
{
    private readonly Func<ServerOptions, ServerOptions> _change;
    private Server? _server;

    private RealServer(Func<ServerOptions, ServerOptions> change) => _change = change;

    public string DataDirectory { get; } = Directory.CreateTempSubdirectory("stentor-client-").FullName;

    public Server Server => _server ?? throw new InvalidOperationException("The server is stopped.");

    public Uri Address => new(Server.Listeners.First(l => l.Kind == "http").Address);

    public static async Task<RealServer> StartAsync(Func<ServerOptions, ServerOptions>? change = null)
    {
        var server = new RealServer(change ?? (o => o));
        await server.StartAgainAsync();
        return server;
    }

    public async Task StartAgainAsync() => _server = await Server.StartAsync(
        _change(new ServerOptions
        {
            DataDirectory = DataDirectory,
            Listen = ["http://127.0.0.1:0"],
            RateLimits = RateLimits.Off,
            Node = new() { Region = "eu", SecretIterations = 10 }, // How long hashing takes is tested elsewhere.
        }),
        NullLoggerFactory.Instance,
        CancellationToken.None).WaitAsync(Patience.Long);

    public async Task StopAsync()
    {
        await Server.DisposeAsync();
        _server = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await StopAsync();
        }

        Directory.Delete(DataDirectory, recursive: true);
    }
}
