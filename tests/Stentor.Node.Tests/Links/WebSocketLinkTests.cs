using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Stentor.Replication;

namespace Stentor.Node.Tests;

/// <summary>What strangers may do to a link's connection.</summary>
public sealed class WebSocketLinkTests
{
    private const int SocketBytes = 128 * 1024;

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

    [Fact]
    public async Task A_peer_that_sends_more_than_a_long_way_may_hold_is_cut_off()
    {
        await using var node = new TestNode(options: new NodeOptions { ClusterSecret = new byte[32] });
        using var listener = new TcpListener(IPAddress.Loopback, 0);

        // What has been sent is counted, so the system must not hold tens of megabytes of it by itself.
        listener.Server.ReceiveBufferSize = SocketBytes;
        listener.Start();
        var far = new LinkTarget(new Uri("ws://127.0.0.1"), TimeSpan.FromMinutes(1), TimeSpan.Zero);
        var (peer, serving) = await ConnectAsync(listener, socket => new WebSocketLink(socket, node.Node.Links!, "far away", far, TimeProvider.System).RunAsync(isDialer: true, CancellationToken.None));

        var options = node.Node.Links!.Options;
        var message = new byte[options.MessageBytesMax];
        var sent = 0L;
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await peer.SendAsync(new byte[10], WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
            await peer.SendAsync(new byte[10], WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
            for (; sent < 16 * options.WindowBytes; sent += message.Length)
            {
                await peer.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
            }
        });

        await serving.WaitAsync(TestNode.Patience);
        Assert.InRange(sent, 2 * options.WindowBytes, 8 * options.WindowBytes);
    }

    [Fact]
    public async Task Notices_to_a_peer_that_does_not_read_are_dropped_and_the_link_goes_on()
    {
        await using var node = new TestNode(options: new NodeOptions { ClusterSecret = new byte[32], Link = LinkOptions.Default with { SilenceMs = 600_000 } });
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var made = new TaskCompletionSource<WebSocketLink>();
        using var stopping = new CancellationTokenSource();
        var (peer, serving) = await ConnectAsync(listener, socket =>
        {
            var link = new WebSocketLink(socket, node.Node.Links!, "does not read", target: null, TimeProvider.System); // It has a secret.
            made.SetResult(link);
            return link.RunAsync(isDialer: false, stopping.Token);
        });
        var link = await made.Task.WaitAsync(TestNode.Patience);
        var notice = new byte[Dissemination.NoticeBodyBytesMax];
        await LengthOfNextAsync(peer); // The hello: the links send it when they hear of the connection, and the test may be faster.

        // What the system holds by itself is not bounded here: sent is what it took, and at last a mebibyte that waits.
        var sent = 0;
        for (var dropped = 0; dropped < 100; sent++)
        {
            Assert.InRange(sent, 0, 10_000);
            if (!link.TrySendNotice(notice))
            {
                dropped++;
                sent--;
            }
        }

        link.Send("the end"u8.ToArray());
        var read = 0;
        while (await LengthOfNextAsync(peer) != "the end".Length)
        {
            read++;
        }

        Assert.Equal(sent, read);
        Assert.True(SpinWait.SpinUntil(() => link.TrySendNotice(notice), TestNode.Patience));
        await stopping.CancelAsync();
        peer.Abort();
        await serving.WaitAsync(TestNode.Patience);
    }

    private static async Task<int> LengthOfNextAsync(WebSocket peer)
    {
        var buffer = new byte[4096];
        var length = 0;
        for (var isEnd = false; !isEnd;)
        {
            var received = await peer.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).AsTask().WaitAsync(TestNode.Patience);
            (length, isEnd) = (length + received.Count, received.EndOfMessage);
        }

        return length;
    }

    private static Task<(WebSocket Stranger, Task Serving)> ConnectAsync(TestNode node, TcpListener listener) =>
        ConnectAsync(listener, socket => node.Node.Links!.ServeAsync(socket, "a stranger", CancellationToken.None));

    private static async Task<(WebSocket Stranger, Task Serving)> ConnectAsync(TcpListener listener, Func<WebSocket, Task> serve)
    {
        var client = new TcpClient { NoDelay = true, SendBufferSize = SocketBytes };
        var accepting = listener.AcceptTcpClientAsync();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        var server = await accepting;
        var serving = serve(WebSocket.CreateFromStream(server.GetStream(), new WebSocketCreationOptions { IsServer = true }));
        return (WebSocket.CreateFromStream(client.GetStream(), new WebSocketCreationOptions()), serving);
    }
}
