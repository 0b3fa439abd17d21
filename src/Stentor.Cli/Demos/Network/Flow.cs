using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Stentor.Cli.Demos.Network;

/// <summary>Something that was published while nodes came and went.</summary>
/// <param name="Client">Who published it.</param>
/// <param name="Broadcast">What others should be told.</param>
/// <param name="Node">The node that surely took it; null when the client changed nodes about then.</param>
internal sealed record Flowing(NetworkClient Client, Broadcast Broadcast, NetworkNode? Node);

/// <summary>All clients publish notes, at an even pace, wherever they are logged in at that moment.</summary>
internal sealed class Flow : IAsyncDisposable
{
    // Thirty clients publish 150 notes a second: something is always under way, and five nodes on two cores have time for it.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly Stage _stage;
    private readonly NetworkTree _tree;
    private readonly CancellationTokenSource _over = new();
    private readonly ConcurrentQueue<Flowing> _published = new();
    private readonly Task _publishing;

    /// <summary>Starts it.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="tree">The nodes.</param>
    /// <param name="clients">Who publishes.</param>
    public Flow(Stage stage, NetworkTree tree, IEnumerable<NetworkClient> clients)
    {
        (_stage, _tree) = (stage, tree);
        _publishing = Task.WhenAll(clients.Select(PublishOnAsync));
    }

    /// <summary>What was published so far.</summary>
    public IReadOnlyCollection<Flowing> Published => _published;

    /// <summary>Some publish many notes at once, besides.</summary>
    /// <param name="clients">Who.</param>
    /// <param name="notes">How many each.</param>
    public Task BurstAsync(IEnumerable<NetworkClient> clients, int notes) => Task.WhenAll(clients.Select(async client =>
    {
        for (var number = 1; number <= notes; number++)
        {
            await PublishAsync(client, string.Create(CultureInfo.InvariantCulture, $"hurried note {number}"));
        }
    }));

    /// <summary>Nobody publishes any more.</summary>
    public async Task StopAsync()
    {
        await _over.CancelAsync();
        await _publishing;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _over.Dispose();
    }

    private async Task PublishOnAsync(NetworkClient client)
    {
        try
        {
            for (var number = 1; ; number++)
            {
                await PublishAsync(client, string.Create(CultureInfo.InvariantCulture, $"note {number}"));
                await Task.Delay(Interval, _stage.Time, _over.Token);
            }
        }
        catch (OperationCanceledException) when (_over.IsCancellationRequested)
        {
            // A note that waited for a connection was not sent.
        }
    }

    private async Task PublishAsync(NetworkClient client, string note)
    {
        var before = _tree.At(client.Place);
        var broadcast = await client.PublishAsync(Encoding.UTF8.GetBytes($$"""{"type":"Note","content":"{{note}} of {{client.Name}}"}"""), _over.Token);
        _published.Enqueue(new Flowing(client, broadcast, _tree.At(client.Place) == before ? before : null));
    }
}
