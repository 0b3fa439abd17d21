using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Stentor.Client.Tests;

/// <summary>Stands between clients and a server under one address while servers come and go, and cuts connections as a seed says.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<Task, bool> _running = new();
    private readonly Random _random;
    private readonly int _cutBytes;
    private readonly Task _accepting;
    private int _cuts;

    /// <summary>Makes a relay.</summary>
    /// <param name="target">The server.</param>
    /// <param name="seed">Where the cuts fall.</param>
    /// <param name="cutBytes">About how many bytes go through a connection before it is cut; 0 for no cuts.</param>
    public Relay(Uri target, int seed = 0, int cutBytes = 0)
    {
        Target = target;
        _random = new Random(seed);
        _cutBytes = cutBytes;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    /// <summary>Where it leads; a change concerns new connections.</summary>
    public Uri Target { get; set; }

    public int Cuts => Volatile.Read(ref _cuts);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_running.Keys);
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_end.Token);
                var running = Task.Run(() => RelayAsync(client));
                _running[running] = true;
                _ = running.ContinueWith(done => _running.TryRemove(done, out _), TaskScheduler.Default);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task RelayAsync(TcpClient client)
    {
        using var server = new TcpClient { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await server.ConnectAsync(Target.Host, Target.Port, _end.Token);
                using var over = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
                var both = new[] { PumpAsync(client, server, over.Token), PumpAsync(server, client, over.Token) };
                await Task.WhenAny(both);
                await over.CancelAsync();
                await Task.WhenAll(both);
            }
            catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
            {
                client.Client.Close(0);
            }
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        long left;
        lock (_random)
        {
            left = _cutBytes == 0 ? long.MaxValue : _random.Next(1, 2 * _cutBytes);
        }

        while (true)
        {
            var length = await from.GetStream().ReadAsync(buffer, cancellationToken);
            if (length == 0)
            {
                return;
            }

            await to.GetStream().WriteAsync(buffer.AsMemory(0, (int)Math.Min(length, left)), cancellationToken);
            left -= length;
            if (left <= 0)
            {
                Interlocked.Increment(ref _cuts);
                throw new IOException("cut");
            }
        }
    }
}
