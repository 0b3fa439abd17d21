using Microsoft.Extensions.Logging.Abstractions;
using Stentor.Gateways;

namespace Stentor.Cli.Tests;

/// <summary>A node in memory, for the commands that talk to one.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-cli-").FullName;
    private Server? _server;

    /// <summary>Its address.</summary>
    public string Address => _server!.Listeners[0].Address; // Set before any test runs.

    /// <summary>A user that is registered, and the file with the secret.</summary>
    public (string Name, string SecretFile) User => ("ada", Path.Combine(_directory, "ada.secret"));

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _server = await Server.StartAsync(
            new ServerOptions { Listen = ["http://127.0.0.1:0"], Ephemeral = true, RateLimits = RateLimits.Off }, NullLoggerFactory.Instance, CancellationToken.None);
        await File.WriteAllTextAsync(User.SecretFile, "correct-horse\n");
        var run = new CommandRun();
        Assert.True(await run.RunAsync("register", User.Name, "--secret-file", User.SecretFile, "--server", Address) == 0, run.Error);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Runs a command as the user.</summary>
    /// <param name="input">What it reads.</param>
    /// <param name="args">The command line.</param>
    /// <returns>The run, ended, and its exit code.</returns>
    internal async Task<(int ExitCode, CommandRun Run)> RunAsync(string input, params string[] args)
    {
        var run = new CommandRun { Input = input };
        var exitCode = await run.RunAsync([.. args, "--server", Address, "--user", User.Name, "--secret-file", User.SecretFile]);
        return (exitCode, run);
    }
}
