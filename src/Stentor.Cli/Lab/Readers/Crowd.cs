using System.Diagnostics;

namespace Stentor.Cli.Lab.Readers;

/// <summary>All clients of one combination.</summary>
internal sealed class Crowd : IAsyncDisposable
{
    // How many clients connect at a time.
    private const int StandingAtOnce = 20;

    // Between two looks at whether everybody has shown the last write.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly IReadOnlyList<ScoreReader> _readers;
    private readonly CancellationTokenSource _end = new();
    private TabletServer? _tablets;
    private Task _running = Task.CompletedTask;

    /// <summary>Makes the clients; they do nothing yet.</summary>
    /// <param name="order">Which ones.</param>
    public Crowd(CrowdOrder order)
    {
        var poll = TimeSpan.FromSeconds(order.PollSeconds);
        _readers =
        [
            .. Enumerable.Range(0, order.Combination.Pushed).Select(_ => Pushed(order.Combination.Transport, order.Node)),
            .. Enumerable.Range(0, order.Combination.Pulling).Select(_ => Pulling(order.Combination.Transport, order.Node, poll)),
        ];
    }

    /// <summary>Completes when a client fails, with why.</summary>
    public Task Running => _running;

    /// <summary>Connects all clients; when it returns, each shows what is written from now on.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LabException">A client cannot.</exception>
    public async Task StandAsync(CancellationToken cancellationToken)
    {
        var tablets = _readers.OfType<Tablet>().ToList();
        if (tablets.Count > 0)
        {
            _tablets = await TabletServer.StartAsync(tablets, cancellationToken);
        }

        await Parallel.ForEachAsync(_readers, new ParallelOptions { MaxDegreeOfParallelism = StandingAtOnce, CancellationToken = cancellationToken }, async (reader, token) => await reader.StandAsync(token));
        _running = RunAsync();
    }

    /// <summary>What went over the connections until now.</summary>
    public CrowdCount Count() => new(Stopwatch.GetTimestamp(), CountOf(isPush: true), CountOf(isPush: false));

    /// <summary>Waits until every client has shown a write, or a newer one.</summary>
    /// <param name="number">The write.</param>
    /// <param name="patience">Longest wait; it is no error when it is over.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WaitUntilShownAsync(long number, TimeSpan patience, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        while (_readers.Any(reader => reader.Newest < number) && Stopwatch.GetElapsedTime(start) < patience)
        {
            await Task.Delay(Look, cancellationToken);
        }
    }

    /// <summary>What each client showed.</summary>
    public IEnumerable<ClientShown> Shown() => _readers.Select(reader =>
    {
        var shown = reader.Shown;
        return new ClientShown(reader.IsPush, [.. shown.Select(moment => moment.Number)], [.. shown.Select(moment => moment.Ticks)]);
    });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Whoever watched it knows.
        foreach (var reader in _readers)
        {
            await reader.DisposeAsync();
        }

        await (_tablets?.DisposeAsync() ?? ValueTask.CompletedTask);
        _end.Dispose();
    }

    private static ScoreReader Pushed(Transport transport, Uri node) => transport switch
    {
        Transport.XmlRpc => new Tablet(node),
        Transport.WebSocket => new SocketReader(node),
        Transport.Sse => new EventReader(node),
        Transport.Http => new LongPollReader(node),
        _ => throw new UnreachableException($"{transport}"),
    };

    private static ScoreReader Pulling(Transport transport, Uri node, TimeSpan poll) => transport switch
    {
        Transport.XmlRpc => new XmlRpcPoller(node, poll),
        Transport.Http => new StatePoller(node, poll),
        _ => throw new UnreachableException($"{transport}"), // The plan has none.
    };

    /// <summary>Runs all; the first that fails ends all.</summary>
    private async Task RunAsync()
    {
        var running = _readers.Select(reader => reader.RunAsync(_end.Token)).ToList();
        var first = await Task.WhenAny(running);
        await _end.CancelAsync();
        await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // The first one's failure is the cause.
        await first;
    }

    private TrafficCount CountOf(bool isPush) => _readers.Where(reader => reader.IsPush == isPush).Aggregate(TrafficCount.Zero, (sum, reader) => sum + reader.Traffic.Count);
}

/// <summary>What the readers' process is to do: the first line that it reads.</summary>
/// <param name="Node">The node.</param>
/// <param name="Arch">How scores reach the clients.</param>
/// <param name="Transport">Over what.</param>
/// <param name="Clients">How many clients there are.</param>
/// <param name="PollSeconds">From one poll to the next.</param>
internal sealed record CrowdOrder(Uri Node, Arch Arch, Transport Transport, int Clients, double PollSeconds)
{
    /// <summary>The same as a combination.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public Combination Combination => new(Arch, Transport, Clients);
}

/// <summary>A line of the readers' process; one of its members is there.</summary>
/// <param name="Standing">All clients, so many, show what is written from now on.</param>
/// <param name="Count">What went over the connections until now.</param>
/// <param name="Shown">What a client showed.</param>
internal sealed record CrowdLine(int? Standing = null, CrowdCount? Count = null, ClientShown? Shown = null);

/// <summary>What went over the clients' connections until a moment.</summary>
/// <param name="Ticks">The moment, in ticks of <see cref="Stopwatch"/>.</param>
/// <param name="Push">Of those that are pushed to, together.</param>
/// <param name="Pull">Of those that pull, together.</param>
internal sealed record CrowdCount(long Ticks, TrafficCount Push, TrafficCount Pull);

/// <summary>What a client showed: each write when it was the newest for the first time.</summary>
/// <param name="IsPush">Whether it was pushed to.</param>
/// <param name="Numbers">The writes, growing.</param>
/// <param name="Ticks">When each was shown, in ticks of <see cref="Stopwatch"/>.</param>
internal sealed record ClientShown(bool IsPush, long[] Numbers, long[] Ticks)
{
    /// <summary>The same as moments.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IReadOnlyList<Moment> Moments => [.. Numbers.Zip(Ticks, (number, ticks) => new Moment(number, ticks))];
}
