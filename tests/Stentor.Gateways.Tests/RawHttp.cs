using System.Net.Sockets;
using System.Text;

namespace Stentor.Gateways.Tests;

/// <summary>A connection on which a test writes bytes as they are.</summary>
public sealed class RawHttp : IDisposable
{
    private readonly Socket _socket;
    private string _received = "";

    private RawHttp(Socket socket) => _socket = socket;

    public static async Task<RawHttp> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        return new RawHttp(socket);
    }

    /// <summary>Sends text; a connection that the server has closed already is no error here.</summary>
    public Task SendAsync(string text, CancellationToken cancellationToken) => SendAsync(Encoding.Latin1.GetBytes(text), cancellationToken);

    /// <inheritdoc cref="SendAsync(string, CancellationToken)"/>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await _socket.SendAsync(bytes, cancellationToken)..];
            }
        }
        catch (SocketException)
        {
            // Its answer tells why it was closed.
        }
    }

    /// <summary>Reads until a text has come, and gives all up to its end.</summary>
    public async Task<string> ReadUntilAsync(string end, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var index = _received.IndexOf(end, StringComparison.Ordinal);
            if (index >= 0)
            {
                var text = _received[..(index + end.Length)];
                _received = _received[(index + end.Length)..];
                return text;
            }

            var count = await _socket.ReceiveAsync(buffer, cancellationToken);
            Assert.True(count > 0, $"The server closed the connection before '{end}' came, after: {_received}");
            _received += Encoding.UTF8.GetString(buffer, 0, count);
        }
    }

    /// <summary>Reads until the server closes the connection.</summary>
    public async Task<string> ReadToEndAsync(CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        var all = new StringBuilder(_received);
        _received = "";
        try
        {
            while (await _socket.ReceiveAsync(buffer, cancellationToken) is > 0 and var count)
            {
                all.Append(Encoding.UTF8.GetString(buffer, 0, count));
            }
        }
        catch (SocketException)
        {
            // Closed with bytes of ours unread: what had come before counts.
        }

        return all.ToString();
    }

    public void Dispose() => _socket.Dispose();
}
