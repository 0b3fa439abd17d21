using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Stentor.Replication;

namespace Stentor.Node.Tests;

/// <summary>What strangers may do to a link's connection.</summary>
public sealed class WebSocketLinkTests
{
    [Theory]
    [InlineData(WebSocketMessageType.Binary, 5_000, "4096 bytes")]
    [InlineData(WebSocketMessageType.Text, 5, "binary")]
    public async Task A_message_that_is_too_long_or_of_another_kind_is_refused_with_the_reason(WebSocketMessageType type, int length, string reason)
    {
        await using var node = new TestNode(options: new NodeOptions { ClusterSecret = new byte[32] });
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var (stranger, serving) = await ConnectAsync(node, listener);

        await stranger.SendAsync(new byte[length], type, endOfMessage: true, CancellationToken.None);
        var last = "";
        var buffer = new byte[4_096];
        for (var received = await stranger.ReceiveAsync(buffer, CancellationToken.None); received.MessageType != WebSocketMessageType.Close; received = await stranger.ReceiveAsync(buffer, CancellationToken.None))
        {
            last = Encoding.UTF8.GetString(buffer, 0, received.Count);
        }

        await stranger.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        await serving.WaitAsync(TestNode.Patience);
        Assert.Contains(LinkEndType.BadMessage, last, StringComparison.Ordinal);
        Assert.Contains(reason, last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Strangers_that_are_gone_before_they_are_refused_do_not_end_the_links_of_others()
    {
        await using var node = new TestNode(options: new NodeOptions { ClusterSecret = new byte[32] });
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        for (var i = 0; i < 300; i++)
        {
            var (stranger, serving) = await ConnectAsync(node, listener);
            await stranger.SendAsync(new byte[10], WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
            stranger.Abort();
            await serving.WaitAsync(TestNode.Patience);
        }

        // The loop still answers.
        Assert.Equal(0, await node.Node.Links!.WaitForCopiesAsync(new Stentor.Protocol.OriginId("us-1"), 1, 1, TimeSpan.Zero).WaitAsync(TestNode.Patience));
    }

    private static async Task<(WebSocket Stranger, Task Serving)> ConnectAsync(TestNode node, TcpListener listener)
    {
        var client = new TcpClient { NoDelay = true };
        var accepting = listener.AcceptTcpClientAsync();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        var server = await accepting;
        var serving = node.Node.Links!.ServeAsync(WebSocket.CreateFromStream(server.GetStream(), new WebSocketCreationOptions { IsServer = true }), "a stranger", CancellationToken.None);
        return (WebSocket.CreateFromStream(client.GetStream(), new WebSocketCreationOptions()), serving);
    }
}
