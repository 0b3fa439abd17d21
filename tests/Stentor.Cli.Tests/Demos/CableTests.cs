using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Stentor.Cli.Demos;

namespace Stentor.Cli.Tests.Demos;

/// <summary>A cable carries what is sent, in its order, as late as it is long.</summary>
public sealed class CableTests
{
    private static readonly TimeSpan Length = TimeSpan.FromMilliseconds(300);

    [Fact(Timeout = 30_000)]
    public async Task Bytes_keep_their_order_when_a_cable_becomes_longer_and_shorter()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        using var listener = Listen();
        await using var cable = new Cable(AddressOf(listener), TimeProvider.System);
        using var near = await ConnectAsync(cable, cancellationToken);
        using var far = await listener.AcceptTcpClientAsync(cancellationToken);

        await near.GetStream().WriteAsync("a"u8.ToArray(), cancellationToken);
        await ReadAsync(far, 1, cancellationToken);
        cable.Delay = Length;
        var started = Stopwatch.GetTimestamp();
        await near.GetStream().WriteAsync("b"u8.ToArray(), cancellationToken);
        await Task.Delay(Length / 3, cancellationToken); // Parts the two writes.
        cable.Delay = TimeSpan.Zero;
        await near.GetStream().WriteAsync("c"u8.ToArray(), cancellationToken);
        var read = await ReadAsync(far, 2, cancellationToken);

        Assert.Equal("bc", read);
        Assert.True(Stopwatch.GetElapsedTime(started) >= Length - TimeSpan.FromMilliseconds(30), "The first byte overtook the length of the cable.");
    }

    [Fact(Timeout = 30_000)]
    public async Task A_cable_that_was_cut_takes_whoever_dials_again()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        using var listener = Listen();
        await using var cable = new Cable(AddressOf(listener), TimeProvider.System);
        using var first = await ConnectAsync(cable, cancellationToken);
        using var firstFar = await listener.AcceptTcpClientAsync(cancellationToken);

        await cable.CutAsync();
        var end = await first.GetStream().ReadAsync(new byte[1], cancellationToken);
        using var second = await ConnectAsync(cable, cancellationToken);
        using var secondFar = await listener.AcceptTcpClientAsync(cancellationToken);
        await secondFar.GetStream().WriteAsync("x"u8.ToArray(), cancellationToken);

        Assert.Equal(0, end);
        Assert.Equal("x", await ReadAsync(second, 1, cancellationToken));
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private static Uri AddressOf(TcpListener listener) => new($"http://{listener.LocalEndpoint}");

    private static async Task<TcpClient> ConnectAsync(Cable cable, CancellationToken cancellationToken)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(cable.Link).Port, cancellationToken);
        return client;
    }

    private static async Task<string> ReadAsync(TcpClient client, int count, CancellationToken cancellationToken)
    {
        var bytes = new byte[count];
        await client.GetStream().ReadExactlyAsync(bytes, cancellationToken);
        return System.Text.Encoding.ASCII.GetString(bytes);
    }
}
