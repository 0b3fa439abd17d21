using Stentor.Cli.Chatting.Classic;
using Stentor.Client;

namespace Stentor.Cli.Demos.Causality;

/// <summary>
/// A server of the classic conversation: a region with a number for a name, which is linked to the one before it, two seconds away, and whose readers see
/// the sentences.
/// </summary>
internal sealed class ClassicServer
{
    /// <summary>Where they talk.</summary>
    public const string Channel = "activities"; // Where those may talk who have no account.

    private readonly List<string> _lines = [];
    private readonly Lock _lock = new();

    private ClassicServer(int number, DemoNode node, StentorClient client, Cable? cable) => (Number, Node, Client, Cable) = (number, node, client, cable);

    /// <summary>Its number.</summary>
    public int Number { get; }

    /// <summary>Its process.</summary>
    public DemoNode Node { get; }

    /// <summary>A client of it.</summary>
    public StentorClient Client { get; }

    /// <summary>The way to the server before it; null for the first.</summary>
    public Cable? Cable { get; }

    /// <summary>The lines that it has shown, in their order.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lock)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Starts a server; its way to the one before has no length yet.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="number">Its number.</param>
    /// <param name="port">Its port; 0 for a free one.</param>
    /// <param name="before">Where the server before it is; null for the first.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<ClassicServer> StartAsync(Stage stage, int number, int port, Uri? before, CancellationToken cancellationToken)
    {
        var cable = before is null ? null : stage.Add(new Cable(before, stage.Time));
        var node = await stage.StartNodeAsync($"{number}", port, DemoCluster.Options(stage, cable is null ? [] : [cable.Link]), cancellationToken);
        return new ClassicServer(number, node, stage.NewClient(node), cable);
    }

    /// <summary>Waits until it is linked; from then on it stands two seconds from the server before it.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task MoveAwayAsync(Stage stage, CancellationToken cancellationToken)
    {
        await DemoCluster.LinkedAsync(stage, Client, $"Server {Number}", Cable is null ? 0 : 1, cancellationToken);
        Cable?.Delay = TimeSpan.FromSeconds(ClassicMessage.SecondsPerStep);
    }

    /// <summary>Starts to show what is said.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public async Task ShowAsync(Stage stage, CancellationToken cancellationToken) => stage.Add(await Reader.OpenAsync(
        Client,
        Channel,
        stage.Narrator,
        shown =>
        {
            if (ClassicMessage.Read(shown.Activity) is { } message)
            {
                var line = message.LineAt(Number);
                stage.Narrator.Tell($"Server {Number}", line);
                lock (_lock)
                {
                    _lines.Add(line);
                }
            }
        },
        cancellationToken));

    /// <summary>One server by hand, until it is told to end.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="number">Its number.</param>
    /// <param name="firstPort">The port of server 1.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task RunAsync(Stage stage, int number, int firstPort, CancellationToken cancellationToken)
    {
        try
        {
            var port = firstPort + number - 1;
            var server = await StartAsync(stage, number, port, number == 1 ? null : new Uri($"http://127.0.0.1:{port - 1}"), cancellationToken);
            stage.Narrator.Explain($"Server {number} is online: stentor chat --classic --as NAME --server {server.Node.Address.GetLeftPart(UriPartial.Authority)}");
            if (number > 1)
            {
                stage.Narrator.Explain($"Waiting for server {number - 1} (stentor demo causality --classic --server-number {number - 1}) …");
                await WaitForNeighbourAsync(server, cancellationToken);
                server.Cable?.Delay = TimeSpan.FromSeconds(ClassicMessage.SecondsPerStep);
                stage.Narrator.Explain($"Linked with server {number - 1}, {ClassicMessage.SecondsPerStep} seconds away.");
            }

            await server.ShowAsync(stage, cancellationToken);
            await Task.WhenAny(Task.Delay(Timeout.Infinite, cancellationToken), server.Node.Ended);
            if (!cancellationToken.IsCancellationRequested)
            {
                throw new DemoException($"Server {number} has ended. {string.Join('\n', server.Node.Messages)}".TrimEnd());
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Ctrl-C is how a server by hand ends.
        }
    }

    /// <summary>As long as it takes: whoever starts servers by hand starts them in any order and tempo.</summary>
    private static async Task WaitForNeighbourAsync(ClassicServer server, CancellationToken cancellationToken)
    {
        while (await server.Client.GetClusterAsync(cancellationToken) is var status && (DemoCluster.OpenLinks(status) == 0 || !DemoCluster.IsReady(status)))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
        }
    }
}
