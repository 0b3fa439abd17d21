using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Regions;

/// <summary>Who a peer says it is.</summary>
/// <param name="Origin">Its origin.</param>
/// <param name="Secret">The secret that it believes in.</param>
/// <param name="Instance">Its process.</param>
/// <param name="Cluster">Its cluster; null for that of whoever it dials.</param>
internal sealed record PeerIdentity(string Origin, string Secret, string Instance, string? Cluster = null)
{
    /// <summary>A peer that knows the secret.</summary>
    /// <param name="origin">Its origin.</param>
    /// <param name="secret">The secret.</param>
    public static PeerIdentity Of(string origin, string secret) => new(origin, secret, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)));
}

/// <summary>The other side of a link, played by the test: it can say whatever it wants.</summary>
internal sealed class LinkPeer : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();

    private LinkPeer()
    {
    }

    /// <summary>The node's hello.</summary>
    public byte[] NodeHello { get; private set; } = [];

    /// <summary>The peer's own hello.</summary>
    public byte[] OwnHello { get; private set; } = [];

    /// <summary>The peer's proof.</summary>
    public byte[] OwnProof { get; private set; } = [];

    /// <summary>The node's origin, as it says.</summary>
    public string NodeOrigin { get; private set; } = "";

    /// <summary>The node's cluster, as it says.</summary>
    public string NodeCluster { get; private set; } = "";

    /// <summary>Dials a node and takes its hello.</summary>
    /// <param name="node">The node.</param>
    public static async Task<LinkPeer> DialAsync(NodeProcess node)
    {
        var peer = new LinkPeer();
        peer._socket.Options.Proxy = null;
        await peer._socket.ConnectAsync(new UriBuilder(node.Http) { Scheme = "ws", Path = "/v1/link" }.Uri, TestContext.Current.CancellationToken);
        peer.NodeHello = await peer.ReceiveAsync() ?? throw new EndOfStreamException($"The node closed before it said hello:\n{node.ErrorText}");
        var hello = new LinkReader(peer.NodeHello);
        Assert.Equal(LinkBytes.Hello, hello.Kind);
        Assert.Equal(LinkBytes.Version, hello.Number());
        peer.NodeCluster = hello.Text();
        hello.Text();
        peer.NodeOrigin = hello.Text();
        return peer;
    }

    /// <summary>Dials a node, and both sides prove that they know the secret.</summary>
    /// <param name="node">The node.</param>
    /// <param name="identity">Who the peer says it is.</param>
    public static async Task<LinkPeer> OpenAsync(NodeProcess node, PeerIdentity identity)
    {
        var peer = await DialAsync(node);
        await peer.GreetAsync(identity);
        var answer = new LinkReader(await peer.ReceiveAsync() ?? throw new EndOfStreamException("The node closed before its proof."));
        Assert.True(answer.Kind == LinkBytes.Proof, answer.Kind == LinkBytes.Bye ? $"{answer.Text()}: {answer.Text()}" : $"kind {answer.Kind}");
        return peer;
    }

    /// <summary>Sends hello and proof.</summary>
    /// <param name="identity">Who the peer says it is.</param>
    public async Task GreetAsync(PeerIdentity identity)
    {
        OwnHello = LinkBytes.Message(
            LinkBytes.Hello,
            LinkBytes.Number(LinkBytes.Version),
            LinkBytes.Text(identity.Cluster ?? NodeCluster),
            LinkBytes.Text(identity.Origin.Split('-')[0]),
            LinkBytes.Text(identity.Origin),
            LinkBytes.Text(identity.Instance),
            RandomNumberGenerator.GetBytes(32));
        OwnProof = LinkBytes.Message(
            LinkBytes.Proof,
            HMACSHA256.HashData(
                Encoding.UTF8.GetBytes(identity.Secret),
                (byte[])[.. "stentor link, dialler"u8, .. SHA256.HashData(OwnHello), .. SHA256.HashData(NodeHello)]));
        await SendAsync(OwnHello);
        await SendAsync(OwnProof);
    }

    /// <summary>Says what the peer has and how much it takes.</summary>
    /// <param name="credit">Bytes of entries that the node may send.</param>
    /// <param name="seen">What it has.</param>
    public Task AnnounceAsync(long credit, params (string Origin, long Seq)[] seen) =>
        SendAsync(LinkBytes.Message(LinkBytes.Announce, LinkBytes.Vector(seen), LinkBytes.Number(credit), LinkBytes.Number(0)));

    /// <summary>Sends a message.</summary>
    /// <param name="message">The bytes.</param>
    /// <param name="type">The WebSocket message's type.</param>
    public async Task SendAsync(byte[] message, WebSocketMessageType type = WebSocketMessageType.Binary)
    {
        try
        {
            await _socket.SendAsync(message, type, endOfMessage: true, TestContext.Current.CancellationToken);
        }
        catch (Exception e) when (e is WebSocketException or IOException)
        {
            // It closed before it had taken everything: that is its right.
        }
    }

    /// <summary>The next message; null when the node closed.</summary>
    public async Task<byte[]?> ReceiveAsync()
    {
        var message = new MemoryStream();
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                var received = await _socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return null;
                }

                message.Write(buffer, 0, received.Count);
                if (received.EndOfMessage)
                {
                    return message.ToArray();
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or IOException)
        {
            return null;
        }
    }

    /// <summary>Reads until the node says goodbye.</summary>
    /// <returns>Why; an empty type when it closed without a word.</returns>
    public async Task<(string Type, string Detail)> UntilByeAsync()
    {
        while (await ReceiveAsync() is { } message)
        {
            var reader = new LinkReader(message);
            if (reader.Kind == LinkBytes.Bye)
            {
                return (reader.Text(), reader.Text());
            }
        }

        return ("", "");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _socket.Abort();
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
