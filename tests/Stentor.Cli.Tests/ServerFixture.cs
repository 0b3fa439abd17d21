using Microsoft.Extensions.Logging.Abstractions;
using Stentor.Gateways;
using Stentor.Node;

namespace Stentor.Cli.Tests;

/// <summary>A node in memory, the founder of a cluster, for the commands that talk to one.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-cli-").FullName;
    private Server? _server;

    /// <summary>Longest time that anything here may take.</summary>
    private static TimeSpan Patience => TimeSpan.FromSeconds(30);

    private ServerOptions Options => new()
    {
        Listen = ["http://127.0.0.1:0"],
        Ephemeral = true,
        RateLimits = RateLimits.Off,
        OperatorSecretFile = OperatorSecretFile,
        ClusterSecretFile = Path.Combine(_directory, "cluster.secret"),
    };

    /// <summary>Its address.</summary>
    public string Address => _server!.Listeners[0].Address; // Set before any test runs.

    /// <summary>A user that is registered, and the file with the secret.</summary>
    public (string Name, string SecretFile) User => ("ada", Path.Combine(_directory, "ada.secret"));

    /// <summary>The file with the operator's secret.</summary>
    public string OperatorSecretFile => Path.Combine(_directory, "operator.secret");

    /// <summary>The node.</summary>
    internal StentorNode Node => _server!.Node; // As the address.

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _server = await Server.StartAsync(Options, NullLoggerFactory.Instance, CancellationToken.None);
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

    /// <summary>Starts another region, which joins the cluster and becomes a voter.</summary>
    internal async Task<Server> JoinAsync(string region)
    {
        var options = Options with { Node = new() { Region = region, Links = [LinkTarget.Parse(Address)] } };
        var server = await Server.StartAsync(options, NullLoggerFactory.Instance, CancellationToken.None);
        Assert.NotNull(await Node.Cluster.WaitForDecisionAsync("_voters.2", Patience, CancellationToken.None));
        Assert.NotNull(await server.Node.Cluster.WaitForDecisionAsync("_voters.2", Patience, CancellationToken.None));
        return server;
    }

    /// <summary>Runs a command as the operator.</summary>
    /// <param name="args">The command line.</param>
    /// <returns>The run, ended, and its exit code.</returns>
    internal async Task<(int ExitCode, CommandRun Run)> RunAsOperatorAsync(params string[] args)
    {
        var run = new CommandRun();
        var exitCode = await run.RunAsync([.. args, "--user", "operator", "--secret-file", OperatorSecretFile]);
        return (exitCode, run);
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
