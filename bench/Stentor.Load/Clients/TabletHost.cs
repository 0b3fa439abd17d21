using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using Stentor.Load.Net;

namespace Stentor.Load.Clients;

/// <summary>Programs that are called back over XML-RPC, each on a port of its own: what they are called with is noted as it arrives.</summary>
internal sealed class TabletHost : IDisposable
{
    private readonly TcpListener[] _listeners;
    private readonly long[] _shown;
    private readonly long[] _shownAt;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _changed = new(0);

    /// <summary>Makes them listen.</summary>
    /// <param name="count">How many.</param>
    public TabletHost(int count)
    {
        _shown = new long[count];
        _shownAt = new long[count];
        _listeners = new TcpListener[count];
        for (var i = 0; i < count; i++)
        {
            _listeners[i] = new TcpListener(IPAddress.Loopback, 0);
            _listeners[i].Start();
            _ = AcceptAsync(i);
        }
    }

    /// <summary>Where they listen.</summary>
    public IEnumerable<int> Ports => _listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port);

    private static ReadOnlySpan<byte> Answer => "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 121\r\n\r\n<?xml version='1.0'?><methodResponse><params><param><value><boolean>1</boolean></value></param></params></methodResponse>"u8;

    /// <summary>Waits until all of them show an update.</summary>
    /// <param name="update">Its number.</param>
    /// <param name="seconds">Longest wait.</param>
    /// <returns>When the last one did.</returns>
    /// <exception cref="LoadException">Some do not.</exception>
    public long WaitUntilAllShow(long update, int seconds)
    {
        for (var deadline = Clock.Now + (seconds * Clock.Second); !_shown.All(shown => shown >= update);)
        {
            if (Clock.Now > deadline)
            {
                throw new LoadException($"{_shown.Count(shown => shown < update)} of {_shown.Length} clients were not called with update {update} within {seconds} s.");
            }

            _changed.Wait(100);
        }

        return _shownAt.Max();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        Array.ForEach(_listeners, listener => listener.Stop());
        _stop.Dispose();
    }

    private async Task AcceptAsync(int place)
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(place, await _listeners[place].AcceptSocketAsync(_stop.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The measurement is over.
        }
    }

    private async Task ServeAsync(int place, Socket socket)
    {
        using var connection = socket;
        connection.NoDelay = true;
        var buffer = new byte[8192];
        var answer = Answer.ToArray();
        var length = 0;
        try
        {
            while (await connection.ReceiveAsync(buffer.AsMemory(length), _stop.Token) is > 0 and var read)
            {
                length += read;
                if (buffer.AsSpan(0, length).IndexOf("</methodCall>"u8) < 0)
                {
                    continue;
                }

                var value = buffer.AsSpan(buffer.AsSpan(0, length).IndexOf("<int>"u8) + 5);
                if (Utf8Parser.TryParse(value, out long update, out _))
                {
                    _shownAt[place] = Clock.Now;
                    Volatile.Write(ref _shown[place], update);
                    _changed.Release();
                }

                length = 0;
                await connection.SendAsync(answer, _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The measurement is over, or the node went.
        }
    }
}
