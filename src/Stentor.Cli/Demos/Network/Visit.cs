using Stentor.Cli.ActivityStreamer;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Demos.Network;

/// <summary>Someone who comes to a node with one request, and goes.</summary>
internal static class Visit
{
    private static readonly string[] Answers =
    [
        StreamerCommands.RegisterSuccess, StreamerCommands.RegisterFailed, StreamerCommands.LoginSuccess, StreamerCommands.LoginFailed,
        StreamerCommands.AuthenticationFail, StreamerCommands.InvalidMessage,
    ];

    // What a server says when it could not find out in time whose a name is. The protocol has no word for it.
    private const string Undecided = "again";

    // So often a name is asked for that is not decided: nobody waits for ever.
    private const int TriesMax = 10;

    /// <summary>Registers a username. As long as it is not decided, the same is asked again, as the answer says.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="node">Where.</param>
    /// <param name="username">The username.</param>
    /// <param name="secret">Its secret.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The command of the answer.</returns>
    public static async Task<string> RegisterAsync(Stage stage, NetworkNode node, string username, string secret, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (command, info) = await AskAsync(stage, node, StreamerLines.Name(StreamerCommands.Register, username, secret), cancellationToken);
            if (command != StreamerCommands.RegisterFailed || attempt == TriesMax || !info.Contains(Undecided, StringComparison.Ordinal))
            {
                return command;
            }

            stage.Narrator.Tell(node.Name, $"It is not decided yet whose {username} is; asked again.");
        }
    }

    /// <summary>Logs in, and out again.</summary>
    /// <inheritdoc cref="RegisterAsync"/>
    public static async Task<string> LogInAsync(Stage stage, NetworkNode node, string username, string secret, CancellationToken cancellationToken) =>
        (await AskAsync(stage, node, StreamerLines.Login(username, secret), cancellationToken)).Command;

    private static async Task<(string Command, string Info)> AskAsync(Stage stage, NetworkNode node, byte[] request, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await StreamerConnection.ConnectAsync(node.Server, Limits.Default, stage.Time, cancellationToken);
            await connection.SendAsync(request, cancellationToken);
            var answer = await connection.ReceiveAnswerAsync(Answers, cancellationToken);
            await connection.CloseAsync(StreamerLines.Logout());
            return (answer.Command, answer.Info);
        }
        catch (StreamerLostException e)
        {
            return ($"{node.Name} is lost: {e.Message}", "");
        }
    }
}
