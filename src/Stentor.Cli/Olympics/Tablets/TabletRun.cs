using System.Net.Sockets;
using Stentor.Gateways;
using Stentor.Simulation;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary>The tablets of a process, from their start to their end.</summary>
/// <param name="call">Calls a procedure of the scoreboard's server, as <see cref="XmlRpcClient.CallAsync"/> does.</param>
/// <param name="logs">The directory of their logs.</param>
/// <param name="output">Where they show what they show.</param>
/// <param name="error">Takes what is wrong.</param>
/// <param name="time">The clock.</param>
internal sealed class TabletRun(Func<string, IReadOnlyList<XmlRpcValue>, CancellationToken, Task<XmlRpcValue>> call, string logs, TabletOutput output, Action<string> error, TimeProvider time) : IAsyncDisposable
{
    private readonly ServerWatch _watch = new(error);
    private readonly List<TabletDisplay> _displays = [];
    private readonly List<PullTablet> _pulls = [];
    private readonly SortedDictionary<int, PushTablet> _pushes = [];
    private TabletServer? _server;

    /// <summary>Their ports, in order.</summary>
    public IReadOnlyList<int> Ports => [.. _displays.Select(display => display.Port)];

    /// <summary>How many values those that ask have shown.</summary>
    public int Pulled => _displays.Take(_pulls.Count).Sum(display => display.Shown);

    /// <summary>How many values those that are called have shown.</summary>
    public int Pushed => _displays.Skip(_pulls.Count).Sum(display => display.Shown);

    /// <summary>Starts them: from now on they can be called.</summary>
    /// <param name="sockets">Their listening sockets by their ports; theirs from now on.</param>
    /// <param name="pulls">How many of them ask: the first ones.</param>
    /// <param name="wish">What the next one wants.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public async Task StartAsync(SortedDictionary<int, Socket> sockets, int pulls, Func<TabletWish> wish, CancellationToken cancellationToken)
    {
        foreach (var port in sockets.Keys)
        {
            var display = new TabletDisplay(port, logs, output, time);
            _displays.Add(display);
            var caller = new TabletCaller(call, display, _watch);
            if (_pulls.Count < pulls)
            {
                _pulls.Add(new PullTablet(wish(), display, caller, time));
            }
            else
            {
                _pushes.Add(port, new PushTablet(wish(), display, caller, time));
            }
        }

        _server = await TabletServer.StartAsync(sockets, Take, cancellationToken);
    }

    /// <summary>Lets them ask and register until it is asked to end.</summary>
    /// <param name="interval">At which interval they ask.</param>
    /// <param name="host">The host that the server is to call back.</param>
    /// <param name="random">When in the interval each of them begins.</param>
    /// <param name="cancellationToken">Asks for the end.</param>
    public async Task RunAsync(TimeSpan interval, string host, SeededRandom random, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<Task> all = [
            _server!.Failed, // Started before.
            .. _pulls.Select(tablet => tablet.RunAsync(interval, interval * random.NextUnit(), end.Token)),
            .. _pushes.Values.Select(tablet => tablet.RunAsync(host, end.Token))];

        // None of them ends by itself but by a fault, which is then everybody's end.
        var first = await Task.WhenAny(all);
        await end.CancelAsync();
        await Task.WhenAll(all.Skip(1)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!cancellationToken.IsCancellationRequested || first.IsFaulted)
        {
            await first;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        foreach (var display in _displays)
        {
            display.Dispose();
        }
    }

    private XmlRpcValue Take(int port, XmlRpcCall incoming) => _pushes.TryGetValue(port, out var tablet)
        ? tablet.Take(incoming)
        : throw new XmlRpcFaultException(XmlRpcFaultException.NoMethod, "This tablet asks; it is not called.");
}
