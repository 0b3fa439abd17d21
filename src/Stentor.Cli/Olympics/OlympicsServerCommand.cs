using System.CommandLine;
using Microsoft.Extensions.Logging;
using Stentor.Cli.Serving;

namespace Stentor.Cli.Olympics;

/// <summary><c>stentor olympics server</c>: runs a node that serves the scoreboard, and writes down what it is called with and whom it calls.</summary>
internal sealed class OlympicsServerCommand : ServeCommand
{
    /// <summary>Where it listens unless it is told otherwise.</summary>
    public const string Address = "http://127.0.0.1:8000";

    private readonly Option<string> _logs = OlympicsLogs.Option();

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public OlympicsServerCommand(Surroundings around)
        : base("server", "Run a node that serves the scoreboard over XML-RPC.", [Address], isScoreboard: true, around) => Add(_logs);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor olympics server",
        "# the writer's password in a file, which is made when it is not there",
        "stentor olympics server --secret-file writer.secret --logs logs",
        "# other games, reachable from other machines",
        "stentor olympics server --teams Gaul,Rome --events 'Stone Curling,Menhir Throwing' --listen http://0.0.0.0:8000 --insecure --secret-file writer.secret",
    ];

    /// <inheritdoc/>
    protected override ILoggerFactory LogsOf(ParseResult parsed, Surroundings around, ILoggerFactory lines) =>
        new OlympicsServerLogs(lines, OlympicsLogs.Open(around.PathOf(parsed.GetRequiredValue(_logs)), "log_server.txt"));
}
