using System.Diagnostics;
using System.Text.Json;
using Stentor.Testing;

namespace Stentor.Client.Tests;

/// <summary>A server in a process of its own, to be killed.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;
    private bool _isKilled;

    private ServerProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    public Uri Address { get; private set; } = new("http://127.0.0.1:1");

    public static async Task<ServerProcess> StartAsync(string dataDirectory)
    {
        var program = Path.Combine(Repository.Root, "src", "Stentor.Cli", "bin", Repository.Configuration, "net10.0", "stentor.dll");
        string[] arguments = ["exec", program, "serve", "--listen", "http://127.0.0.1:0", "--data", dataDirectory, "--rate-limits", "off", "--json"];
        var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new InvalidOperationException("The server did not start.");
        var server = new ServerProcess(process);
        try
        {
            var line = await process.StandardOutput.ReadLineAsync().WaitAsync(Patience.Long);
            server.Address = line is not null
                ? new Uri(JsonElement.Parse(line).GetProperty("listening").GetString()!) // The line says where.
                : throw new InvalidOperationException(await server._errors);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills it: SIGKILL.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isKilled)
        {
            return;
        }

        _isKilled = true;
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Patience.Long);
        await _errors;
        _process.Dispose();
    }
}
