using Microsoft.Extensions.Logging;

namespace Stentor.Gateways;

/// <summary>
/// A registered client: what it wants, and the updates that wait for it. It is called once at a time, in the order of the updates, on nobody's time but its own.
/// Any thread may call.
/// </summary>
/// <param name="first">What it registered for.</param>
/// <param name="host">What it shares with the others.</param>
internal sealed class Tablet(TabletRegistration first, Tablets host)
{
    // 1,000 updates that wait for a client that is slow or away are about 100 KB, shared with the others; past it the oldest go, never the newest.
    private const int WaitingMax = 1_000;

    // A client that refuses now and then has a bad day; one that refuses so many calls one after the other is none of this kind.
    private const int FaultsMax = 10;

    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Queue<TabletUpdate> _waiting = new();
    private Task _calls = Task.CompletedTask;
    private TaskCompletionSource _again = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isCalling;
    private bool _isGone;
    private bool _keepsConnection;
    private long? _failingSince;
    private int _faults;

    /// <summary>What it wants.</summary>
    public TabletRegistration Registration { get; private set; } = first;

    /// <summary>Whether it was given up, and has not registered again.</summary>
    public bool IsGone
    {
        get
        {
            lock (_gate)
            {
                return _isGone;
            }
        }
    }

    /// <summary>Ends when nothing is under way with it.</summary>
    public Task Calls
    {
        get
        {
            lock (_gate)
            {
                return _calls;
            }
        }
    }

    /// <summary>It registered again: whatever was wrong with it may be over.</summary>
    /// <param name="registration">What it wants now.</param>
    public void Renew(TabletRegistration registration)
    {
        lock (_gate)
        {
            Registration = registration;
            _isGone = false;
            (_failingSince, _faults) = (null, 0);
            _again.TrySetResult();
            _again = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>An update for it.</summary>
    /// <param name="update">The update.</param>
    public void Push(TabletUpdate update)
    {
        lock (_gate)
        {
            if (_isGone)
            {
                return;
            }

            if (_waiting.Count == WaitingMax)
            {
                _waiting.Dequeue();
                host.Metrics.OnSkipped("overrun", 1);
            }

            _waiting.Enqueue(update);
            if (!_isCalling)
            {
                _isCalling = true;
                _calls = Task.Run(RunAsync);
            }
        }
    }

    private async Task RunAsync()
    {
        try
        {
            while (Take() is { } update)
            {
                await BringAsync(update);
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
        catch (Exception e)
        {
            XmlRpcLog.PushFailed(host.Log, e, Registration.Address.ToString());
            Leave();
            lock (_gate)
            {
                _isCalling = false;
            }
        }
    }

    private TabletUpdate? Take()
    {
        lock (_gate)
        {
            if (_waiting.TryDequeue(out var update))
            {
                return update;
            }

            _isCalling = false;
            return null;
        }
    }

    /// <summary>Calls it with one update until it takes it, refuses it, or is given up.</summary>
    private async Task BringAsync(TabletUpdate update)
    {
        for (var backoff = BackoffMin; ; backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax)
        {
            Task again;
            lock (_gate)
            {
                again = _again.Task;
            }

            var (answer, reason, _, _) = await CallAsync(update);
            if (answer == TabletAnswer.Shown)
            {
                OnShown(update);
                return;
            }

            host.Metrics.OnFailure();
            if (await IsGivenUpAsync(answer, reason))
            {
                return;
            }

            if (answer == TabletAnswer.Fault)
            {
                host.Metrics.OnSkipped("refused", 1);
                return; // It would refuse it again, and the next one may be to its taste.
            }

            // Jitter: many that were lost together do not come back together.
            await Task.WhenAny(again, Task.Delay(backoff * (0.5 + (Random.Shared.NextDouble() / 2)), host.Time, host.Stopping));
            host.Stopping.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Calls it as it is known to want it; after a fault in the other way, which is remembered when it works.</summary>
    private async ValueTask<TabletResult> CallAsync(TabletUpdate update)
    {
        var registration = Registration;
        var answer = await CallAsync(registration, update.Call(registration.Arguments));
        if (answer.Answer != TabletAnswer.Fault)
        {
            return answer;
        }

        var other = 3 - registration.Arguments;
        var second = await CallAsync(registration, update.Call(other));
        if (second.Answer == TabletAnswer.Shown)
        {
            await host.RememberArgumentsAsync(this, other);
        }

        return second.Answer == TabletAnswer.Fault ? answer : second;
    }

    private async ValueTask<TabletResult> CallAsync(TabletRegistration registration, ReadOnlyMemory<byte> call)
    {
        var wasKept = _keepsConnection;
        var result = await host.Calls.CallAsync(registration.Address, registration.Caller, call, wasKept, host.Stopping);
        if (wasKept && result.IsLost)
        {
            // It closed the connection since the last call, as anyone may: that is no failure yet.
            result = await host.Calls.CallAsync(registration.Address, registration.Caller, call, keepsConnection: false, host.Stopping);
        }

        _keepsConnection = result.KeepsConnection;
        return result;
    }

    private void OnShown(TabletUpdate update)
    {
        host.Metrics.OnPushed();
        if (host.Log.IsEnabled(LogLevel.Debug))
        {
            XmlRpcLog.Pushed(host.Log, Registration.Address.ToString(), update.Subject.Name, XmlRpcText.InLog(update.Value));
        }

        long? since;
        lock (_gate)
        {
            (since, _failingSince, _faults) = (_failingSince, null, 0);
        }

        if (since is not null)
        {
            XmlRpcLog.Recovered(host.Log, Registration.Address.ToString(), host.Time.GetElapsedTime(since.Value).TotalSeconds);
        }
    }

    private async ValueTask<bool> IsGivenUpAsync(TabletAnswer answer, string reason)
    {
        bool isNew;
        TimeSpan failing;
        lock (_gate)
        {
            isNew = _failingSince is null;
            _failingSince ??= host.Time.GetTimestamp();
            failing = host.Time.GetElapsedTime(_failingSince.Value);
            _faults = answer == TabletAnswer.Fault ? _faults + 1 : 0;
        }

        if (isNew)
        {
            XmlRpcLog.Failing(host.Log, Registration.Address.ToString(), reason, host.Options.DropAfter.TotalSeconds);
        }

        if (failing < host.Options.DropAfter || _faults is > 0 and < FaultsMax)
        {
            return false;
        }

        XmlRpcLog.Dropped(host.Log, Registration.Address.ToString(), failing.TotalSeconds, reason);
        host.Metrics.OnSkipped("dropped", Leave() + 1);
        await host.DropAsync(this);
        return true;
    }

    /// <summary>Nothing more is brought to it.</summary>
    /// <returns>How many updates waited.</returns>
    private int Leave()
    {
        lock (_gate)
        {
            _isGone = true;
            var count = _waiting.Count;
            _waiting.Clear();
            return count;
        }
    }
}
