using System.Globalization;
using System.Net.Sockets;
using Stentor.EndToEnd.Frames;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Faults;

/// <summary>Publishes numbered activities without a break, over as many connections as it takes, and remembers which of them were acknowledged.</summary>
/// <param name="number">Which publisher this is; it publishes to <c>load.NUMBER</c>.</param>
/// <param name="window">Most publishes waiting for their outcome.</param>
internal sealed class LoadPublisher(int number, int window)
{
    private readonly SortedSet<int> _waiting = [];
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _next = 1;

    /// <summary>Its channel.</summary>
    public string Channel { get; } = string.Create(CultureInfo.InvariantCulture, $"load.{number}");

    /// <summary>What the node acknowledged, with the entry's number.</summary>
    public Dictionary<int, long> Acknowledged { get; } = [];

    /// <summary>Completes when something was acknowledged.</summary>
    public Task Begun => _begun.Task;

    /// <summary>How often it connected.</summary>
    public int Connections { get; private set; }

    /// <summary>Publishes until it is told to stop and everything is acknowledged.</summary>
    /// <param name="node">The node.</param>
    /// <param name="stop">Tells it to stop.</param>
    public async Task RunAsync(NodeUnderFire node, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested || _waiting.Count > 0)
        {
            try
            {
                await using var connection = await FrameConnection.ConnectAsync((await node.UpAsync()).Tcp);
                Connections++;
                await connection.LoginAsync(NodeClient.Username, NodeClient.Secret);
                await PublishAsync(connection, stop);
            }
            catch (Exception e) when (e is IOException or SocketException or EndOfStreamException)
            {
                // The node was killed. What was not acknowledged is sent again under the same ids.
            }
        }
    }

    private async Task PublishAsync(FrameConnection connection, CancellationToken stop)
    {
        await connection.SendAsync(string.Concat(_waiting.Select(n => Frame(n) + "\n")).TrimEnd('\n') is { Length: > 0 } again ? again : """{"op":"ping","ref":0}""");
        while (!stop.IsCancellationRequested || _waiting.Count > 0)
        {
            var more = "";
            while (!stop.IsCancellationRequested && _waiting.Count < window)
            {
                more += Frame(_next) + "\n";
                _waiting.Add(_next++);
            }

            if (more.Length > 0)
            {
                await connection.SendAsync(more.TrimEnd('\n'));
            }

            if (!await connection.ReadRawAsync(OnFrame))
            {
                throw new EndOfStreamException();
            }
        }
    }

    /// <summary>Takes acknowledgements; goes on reading while half of the window still waits.</summary>
    private bool OnFrame(ReadOnlySpan<byte> frame)
    {
        var n = (int)EntryNumbers.After(frame, "\"ref\":"u8);
        if (n > 0)
        {
            Assert.True(frame.IndexOf("\"op\":\"ok\""u8) >= 0, System.Text.Encoding.UTF8.GetString(frame));
            Acknowledged[n] = EntryNumbers.After(frame, "\"seq\":"u8);
            _waiting.Remove(n);
            _begun.TrySetResult();
        }

        return _waiting.Count > window / 2;
    }

    private string Frame(int n) => string.Create(
        CultureInfo.InvariantCulture,
        $$$"""{"op":"publish","ref":{{{n}}},"channel":"{{{Channel}}}","id":"{{{number}}}-{{{n}}}","activity":{"type":"Note","publisher":{{{number}}},"n":{{{n}}}}}""");
}
