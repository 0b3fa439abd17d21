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

    /// <summary>Registers a username.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="node">Where.</param>
    /// <param name="username">The username.</param>
    /// <param name="secret">Its secret.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The command of the answer.</returns>
    public static Task<string> RegisterAsync(Stage stage, NetworkNode node, string username, string secret, CancellationToken cancellationToken) =>
        AskAsync(stage, node, StreamerLines.Name(StreamerCommands.Register, username, secret), cancellationToken);

    /// <summary>Logs in, and out again.</summary>
    /// <inheritdoc cref="RegisterAsync"/>
    public static Task<string> LogInAsync(Stage stage, NetworkNode node, string username, string secret, CancellationToken cancellationToken) =>
        AskAsync(stage, node, StreamerLines.Login(username, secret), cancellationToken);

    private static async Task<string> AskAsync(Stage stage, NetworkNode node, byte[] request, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await StreamerConnection.ConnectAsync(node.Server, Limits.Default, stage.Time, cancellationToken);
            await connection.SendAsync(request, cancellationToken);
            var answer = await connection.ReceiveAnswerAsync(Answers, cancellationToken);
            await connection.CloseAsync(StreamerLines.Logout());
            return answer.Command;
        }
        catch (StreamerLostException e)
        {
            return $"{node.Name} is lost: {e.Message}";
        }
    }
}
