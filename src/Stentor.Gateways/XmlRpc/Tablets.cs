using System.Collections.Frozen;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>
/// The clients that registered for updates, and what brings updates to them: every commit is looked at, and what it changed on the scoreboard is handed to those
/// who want it. Registrations are kept, so that they survive a restart. Any thread may call.
/// </summary>
internal sealed class Tablets : ICommitObserver, IAsyncDisposable
{
    // Updates that wait to be handed out: a burst of that many at once costs 1 MB.
    private const int UpdatesMax = 16_384;

    private readonly Services _services;
    private readonly Scoreboard _scoreboard;
    private readonly Dictionary<string, Tablet> _tablets = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _changing = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<TabletUpdate> _updates;
    private readonly string _prefix;
    private volatile FrozenDictionary<string, Listeners> _listeners;
    private Task _handing = Task.CompletedTask;
    private int _isOverrun;
    private int _count;

    /// <summary>Makes it; nothing is brought before <see cref="Start"/>.</summary>
    /// <param name="services">What answers share.</param>
    /// <param name="scoreboard">The scoreboard.</param>
    /// <param name="options">Whom it calls, and how.</param>
    /// <param name="log">Where it reports.</param>
    public Tablets(Services services, Scoreboard scoreboard, XmlRpcOptions options, ILogger log)
    {
        (_services, _scoreboard, Options, Log) = (services, scoreboard, options, log);
        Calls = new TabletCalls(options);
        Metrics = new XmlRpcMetrics(services.Node, () => Count);
        Stopping = _stopping.Token;
        _prefix = $"_tablets.{services.Node.Options.Region}.";
        _listeners = ListenersOf([]);
        _updates = Channel.CreateBounded<TabletUpdate>(
            new BoundedChannelOptions(UpdatesMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => OnOverrun());
    }

    /// <summary>How many are registered.</summary>
    public int Count => Volatile.Read(ref _count);

    internal XmlRpcOptions Options { get; }

    internal TabletCalls Calls { get; }

    internal XmlRpcMetrics Metrics { get; }

    internal ILogger Log { get; }

    internal TimeProvider Time => _services.Node.Time;

    internal CancellationToken Stopping { get; }

    /// <summary>Takes up those who registered before, and begins to look at commits.</summary>
    public void Start()
    {
        foreach (var (channel, state) in _services.Node.Store.List(ChannelPattern.Parse(_prefix + "*"), "", int.MaxValue))
        {
            if (TabletRegistration.Of(state) is { } registration && _tablets.Count < Options.TabletsMax)
            {
                _tablets.Add(channel, new Tablet(registration, this));
            }
        }

        OnTabletsChanged();
        _handing = HandOutAsync();
        _services.Node.Observe(this);
    }

    /// <inheritdoc/>
    public void OnCommitted(Outbox batch)
    {
        var listeners = _listeners;
        if (Count == 0)
        {
            return;
        }

        foreach (var recorded in batch.Entries)
        {
            if (recorded.Repeat || !listeners.TryGetValue(recorded.Channel, out var wanted) || wanted.Tablets.Length == 0)
            {
                continue;
            }

            // An activity without an effect is news for who reads the channel, and no update of the score.
            var bytes = batch.Bytes.WrittenSpan.Slice(recorded.Offset, recorded.Length);
            if (EntryHeader.TryRead(bytes, out var header) && EntryBody.TryRead(bytes, header, out var body) && body.HasEffect)
            {
                var state = recorded.State;
                _updates.Writer.TryWrite(new TabletUpdate(wanted.Subject, () => _scoreboard.ValueOf(wanted.Subject, state), header.Time));
            }
        }
    }

    /// <summary>Registers a client, for what it is registered for already as well.</summary>
    /// <param name="address">Where it listens; it may be called there.</param>
    /// <param name="caller">Who registers it.</param>
    /// <param name="subjects">What it wants to hear of.</param>
    /// <param name="cancellationToken">Ends the wait for those who register at the same time.</param>
    /// <returns>Null when it is registered; otherwise why not.</returns>
    public async ValueTask<Refusal?> RegisterAsync(TabletAddress address, TabletCaller caller, IReadOnlyList<ScoreboardSubject> subjects, CancellationToken cancellationToken)
    {
        var channel = _prefix + address.Token;
        await _changing.WaitAsync(cancellationToken);
        try
        {
            var known = _tablets.GetValueOrDefault(channel);
            if (known is null && _tablets.Count >= Options.TabletsMax)
            {
                return new Refusal(ErrorType.NotReady, $"{Options.TabletsMax} clients are registered, and there is no room for more (option xml-rpc-tablets-max).");
            }

            var wanted = subjects.Select(subject => subject.Channel).Concat(known?.Registration.Subjects ?? Enumerable.Empty<string>()).ToHashSet(StringComparer.Ordinal);
            var registration = new TabletRegistration(address, caller, known?.Registration.Arguments ?? 1, wanted);
            if (known is null || known.Registration.Caller != caller || !wanted.SetEquals(known.Registration.Subjects))
            {
                if (await RecordAsync(channel, registration.ToEffect()) is { } refusal)
                {
                    return refusal;
                }

                XmlRpcLog.Registered(Log, address.ToString(), string.Join(", ", subjects.Select(subject => subject.Name)));
            }

            if (known is null)
            {
                _tablets.Add(channel, new Tablet(registration, this));
            }
            else
            {
                known.Renew(registration);
            }

            OnTabletsChanged();
            return null;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Pushes what a team or an event stands at to those who registered for it.</summary>
    /// <param name="subject">The team or event.</param>
    /// <param name="only">To whom; null for all who registered for it.</param>
    /// <returns>Those of <paramref name="only"/> who did not register for it, and get nothing.</returns>
    public IReadOnlyList<TabletAddress> Push(ScoreboardSubject subject, IReadOnlyCollection<TabletAddress>? only)
    {
        var tablets = _listeners[subject.Channel].Tablets;
        var value = _scoreboard.Read(subject, out var time);
        var update = new TabletUpdate(subject, () => value, time);
        foreach (var tablet in tablets.Where(tablet => only is null || only.Contains(tablet.Registration.Address)))
        {
            tablet.Push(update);
        }

        return only is null ? [] : [.. only.Except(tablets.Select(tablet => tablet.Registration.Address))];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _updates.Writer.TryComplete();
        await _handing;
        await Task.WhenAll(_listeners.Values.SelectMany(listeners => listeners.Tablets).Distinct().Select(tablet => tablet.Calls));
        Calls.Dispose();
        Metrics.Dispose();
        _changing.Dispose();
        _stopping.Dispose();
    }

    /// <summary>A client wants to be called otherwise.</summary>
    internal async Task RememberArgumentsAsync(Tablet tablet, int arguments)
    {
        await _changing.WaitAsync(Stopping);
        try
        {
            var registration = tablet.Registration with { Arguments = arguments };
            tablet.Renew(registration);
            if (await RecordAsync(_prefix + registration.Address.Token, registration.ToEffect()) is { } refusal)
            {
                // It is found out again after a restart.
                XmlRpcLog.NotRecorded(Log, registration.Address.ToString(), refusal.Detail);
            }
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>A client is given up.</summary>
    internal async Task DropAsync(Tablet tablet)
    {
        var channel = _prefix + tablet.Registration.Address.Token;
        await _changing.WaitAsync(Stopping);
        try
        {
            if (!tablet.IsGone)
            {
                return; // It registered again meanwhile.
            }

            _tablets.Remove(channel);
            OnTabletsChanged();
            if (await RecordAsync(channel, TabletRegistration.Removal) is { } refusal)
            {
                // It is tried again, and given up again, after a restart.
                XmlRpcLog.NotRecorded(Log, tablet.Registration.Address.ToString(), refusal.Detail);
            }
        }
        finally
        {
            _changing.Release();
        }
    }

    private async ValueTask<Refusal?> RecordAsync(string channel, Effect effect) =>
        (await _services.Node.PublishAsync(channel, Accounts.Operator, new PublishBody(default, effect), Stopping)).Refusal;

    /// <summary>Hands updates to those who want them: an update is encoded once, and each client called on its own.</summary>
    private async Task HandOutAsync()
    {
        await foreach (var update in _updates.Reader.ReadAllAsync())
        {
            foreach (var tablet in _listeners[update.Subject.Channel].Tablets)
            {
                tablet.Push(update);
            }
        }
    }

    private void OnOverrun()
    {
        Metrics.OnSkipped("overrun", Count);
        if (Interlocked.Exchange(ref _isOverrun, 1) == 0)
        {
            XmlRpcLog.Overrun(Log);
        }
    }

    private void OnTabletsChanged()
    {
        Volatile.Write(ref _count, _tablets.Count);
        _listeners = ListenersOf(_tablets.Values);
    }

    private FrozenDictionary<string, Listeners> ListenersOf(IReadOnlyCollection<Tablet> tablets) =>
        _scoreboard.Teams.All.Concat(_scoreboard.Events.All).ToFrozenDictionary(
            subject => subject.Channel,
            subject => new Listeners(subject, [.. tablets.Where(tablet => tablet.Registration.Subjects.Contains(subject.Channel))]),
            StringComparer.Ordinal);

    private sealed record Listeners(ScoreboardSubject Subject, Tablet[] Tablets);
}
