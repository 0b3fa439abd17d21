using System.Net;
using System.Net.Sockets;

namespace Stentor.Cli.Lab.Readers;

/// <summary>What went over a client's connections. Any thread may count.</summary>
internal sealed class Traffic
{
    private long _callsIn;
    private long _callsOut;
    private long _bytesIn;
    private long _bytesOut;

    /// <summary>What was counted until now.</summary>
    public TrafficCount Count => new(Volatile.Read(ref _callsIn), Volatile.Read(ref _callsOut), Volatile.Read(ref _bytesIn), Volatile.Read(ref _bytesOut));

    /// <summary>The node sent something that was not asked for at that moment.</summary>
    public void CallIn() => Interlocked.Increment(ref _callsIn);

    /// <summary>The client asked.</summary>
    public void CallOut() => Interlocked.Increment(ref _callsOut);

    /// <summary>Bytes came.</summary>
    /// <param name="count">How many.</param>
    public void Received(long count) => Interlocked.Add(ref _bytesIn, count);

    /// <summary>Bytes went.</summary>
    /// <param name="count">How many.</param>
    public void Sent(long count) => Interlocked.Add(ref _bytesOut, count);

    /// <summary>What asks over HTTP, and over connections of its own that are counted here.</summary>
    public HttpMessageInvoker NewHttp() => new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        ConnectCallback = async (context, cancellationToken) => new CountingStream(await ConnectAsync(context.DnsEndPoint, cancellationToken), this),
    });

    private static async Task<NetworkStream> ConnectAsync(DnsEndPoint node, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(node, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>Counts of <see cref="Traffic"/>.</summary>
internal sealed record TrafficCount(long CallsIn, long CallsOut, long BytesIn, long BytesOut)
{
    /// <summary>Nothing.</summary>
    public static TrafficCount Zero { get; } = new(0, 0, 0, 0);

    /// <summary>Both together.</summary>
    public static TrafficCount operator +(TrafficCount a, TrafficCount b) => new(a.CallsIn + b.CallsIn, a.CallsOut + b.CallsOut, a.BytesIn + b.BytesIn, a.BytesOut + b.BytesOut);

    /// <summary>What came to it since an earlier count.</summary>
    public static TrafficCount operator -(TrafficCount later, TrafficCount earlier) =>
        new(later.CallsIn - earlier.CallsIn, later.CallsOut - earlier.CallsOut, later.BytesIn - earlier.BytesIn, later.BytesOut - earlier.BytesOut);
}
