using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Stentor.Cli.Demos;

/// <summary>
/// A cable between two regions: a relay on loopback that a link is led through, and whose length may change while the link is up, as that of a real one does
/// when a route is lost or crowded. Bytes keep their order.
/// </summary>
internal sealed class Cable : IAsyncDisposable
{
    private const int ChunkBytes = 64 * 1024;

    // What may be under way in one direction, in chunks: far more than a demonstration sends.
    private const int ChunksMax = 1_024;

    private readonly Uri _target;
    private readonly TimeProvider _time;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _accepting;
    private CancellationTokenSource _cut = new();
    private long _delayTicks;

    /// <summary>Lays a cable.</summary>
    /// <param name="target">Where it leads: a node's address.</param>
    /// <param name="time">The clock.</param>
    public Cable(Uri target, TimeProvider time)
    {
        (_target, _time) = (target, time);
        _listener.Start();
        Link = $"ws://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    /// <summary>What <c>--link</c> takes.</summary>
    public string Link { get; }

    /// <summary>How much longer every byte is under way, in each direction, from now on.</summary>
    public TimeSpan Delay
    {
        get => TimeSpan.FromTicks(Interlocked.Read(ref _delayTicks));
        set => Interlocked.Exchange(ref _delayTicks, value.Ticks);
    }

    /// <summary>Cuts what goes through it now; whoever dials again gets through.</summary>
    public async Task CutAsync()
    {
        using var cut = Interlocked.Exchange(ref _cut, new CancellationTokenSource());
        await cut.CancelAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _listener.Dispose();
        _end.Dispose();
        _cut.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(RelayAsync(await _listener.AcceptSocketAsync(_end.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The demonstration is over.
        }

        await Task.WhenAll(connections);
    }

    private async Task RelayAsync(Socket near)
    {
        using var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_end.Token, Volatile.Read(ref _cut).Token);
        using (near)
        {
            try
            {
                near.NoDelay = true;
                await far.ConnectAsync(IPAddress.Loopback, _target.Port, over.Token);
                await Task.WhenAny(CarryAsync(near, far, over.Token), CarryAsync(far, near, over.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // Nobody there; whoever dialled will try again.
            }

            await over.CancelAsync();
        }
    }

    private async Task CarryAsync(Socket from, Socket to, CancellationToken over)
    {
        var underWay = Channel.CreateBounded<(byte[] Bytes, long Due)>(ChunksMax);
        await Task.WhenAny(ReceiveAsync(), SendAsync());

        async Task ReceiveAsync()
        {
            var buffer = new byte[ChunkBytes];
            long due = 0;
            try
            {
                while (await from.ReceiveAsync(buffer, over) is var count and > 0)
                {
                    due = Math.Max(due, _time.GetUtcNow().Ticks + Delay.Ticks);
                    await underWay.Writer.WriteAsync((buffer[..count], due), over);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // One of the two ends is gone, and takes the other with it.
            }
        }

        async Task SendAsync()
        {
            try
            {
                await foreach (var (bytes, due) in underWay.Reader.ReadAllAsync(over))
                {
                    if (due - _time.GetUtcNow().Ticks is var rest and > 0)
                    {
                        await Task.Delay(TimeSpan.FromTicks(rest), _time, over);
                    }

                    for (var sent = 0; sent < bytes.Length;)
                    {
                        sent += await to.SendAsync(bytes.AsMemory(sent), over);
                    }
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // One of the two ends is gone, and takes the other with it.
            }
        }
    }
}
