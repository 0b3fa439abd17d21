using System.Net;
using System.Net.Sockets;

namespace Stentor.EndToEnd.Regions;

/// <summary>What a network does to a connection.</summary>
/// <param name="IsRefusing">Connections are reset, and so is every new one.</param>
/// <param name="HoldsForth">What the dialler sends does not arrive; nobody is told.</param>
/// <param name="HoldsBack">What the dialled side sends does not arrive; nobody is told.</param>
/// <param name="Delay">What each read is kept for before it is passed on: a far and slow network.</param>
internal sealed record LinkWeather(bool IsRefusing = false, bool HoldsForth = false, bool HoldsBack = false, TimeSpan Delay = default)
{
    /// <summary>Everything is passed on at once.</summary>
    public static LinkWeather Fair { get; } = new();

    /// <summary>Cut, and both sides are told by resets.</summary>
    public static LinkWeather Reset { get; } = new(IsRefusing: true);

    /// <summary>Cut, and nobody is told.</summary>
    public static LinkWeather Silent { get; } = new(HoldsForth: true, HoldsBack: true);
}

/// <summary>A stretch of network of the test's own: takes connections on loopback, passes them on to wherever the target is at the moment, and can be cut.</summary>
internal sealed class LinkProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<int?> _target;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Socket> _sockets = [];
    private readonly Task _accepting;
    private LinkWeather _weather = LinkWeather.Fair;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _connections;

    /// <summary>Begins to take connections.</summary>
    /// <param name="target">The loopback port to pass them on to; null while nothing listens there.</param>
    public LinkProxy(Func<int?> target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many connections it has taken.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>What happens to connections from now on. What was held goes on when it is held no more, as packets that are sent again do.</summary>
    public LinkWeather Weather
    {
        get => Volatile.Read(ref _weather);
        set
        {
            TaskCompletionSource changed;
            lock (_gate)
            {
                _weather = value;
                changed = _changed;
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            changed.SetResult();
            if (value.IsRefusing)
            {
                ResetAll();
            }
        }
    }

    /// <summary>Resets the connections that there are; new ones are taken.</summary>
    public void ResetAll()
    {
        lock (_gate)
        {
            foreach (var socket in _sockets)
            {
                Reset(socket);
            }

            _sockets.Clear();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        ResetAll();
        await _accepting;
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is gone already.
        }

        socket.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stopping.Token);
                Interlocked.Increment(ref _connections);
                serving.RemoveAll(task => task.IsCompleted);
                serving.Add(ServeAsync(socket));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }

        await Task.WhenAll(serving);
    }

    private async Task ServeAsync(Socket near)
    {
        var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        try
        {
            // A cut that tells nobody does not tell whoever dials either.
            await WaitWhileAsync(weather => weather.HoldsForth || weather.HoldsBack);
            if (Weather.IsRefusing || _target() is not { } port || !TryKeep(near, far))
            {
                return;
            }

            await far.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), _stopping.Token);
            await Task.WhenAll(
                PumpAsync(near, far, weather => weather.HoldsForth),
                PumpAsync(far, near, weather => weather.HoldsBack));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One side is gone, and so the other one.
        }
        finally
        {
            lock (_gate)
            {
                _sockets.Remove(near);
                _sockets.Remove(far);
            }

            Reset(near);
            Reset(far);
        }
    }

    private bool TryKeep(Socket near, Socket far)
    {
        lock (_gate)
        {
            return !_weather.IsRefusing && !_stopping.IsCancellationRequested && _sockets.Add(near) && _sockets.Add(far);
        }
    }

    private async Task PumpAsync(Socket from, Socket to, Func<LinkWeather, bool> isHeld)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, _stopping.Token) is var count and > 0)
            {
                await WaitWhileAsync(isHeld);
                if (Weather.Delay > TimeSpan.Zero)
                {
                    await Task.Delay(Weather.Delay, _stopping.Token); // The distance itself.
                }

                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _stopping.Token);
                }
            }

            await WaitWhileAsync(isHeld);
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await WaitWhileAsync(isHeld);
            Reset(to);
            Reset(from);
        }
    }

    private async Task WaitWhileAsync(Func<LinkWeather, bool> isHeld)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (!isHeld(_weather))
                {
                    return;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(_stopping.Token);
        }
    }
}
