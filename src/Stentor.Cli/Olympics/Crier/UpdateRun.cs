using System.Globalization;
using Stentor.Gateways;

namespace Stentor.Cli.Olympics.Crier;

/// <summary>Makes updates when they are due, one after the other, and accounts for each: none is passed over in silence.</summary>
/// <param name="call">Calls a procedure of the scoreboard's server, as <see cref="XmlRpcClient.CallAsync"/> does.</param>
/// <param name="password">The writer's password.</param>
/// <param name="log">Takes a line an update.</param>
/// <param name="error">Takes what is wrong.</param>
/// <param name="time">The clock.</param>
internal sealed class UpdateRun(Func<string, IReadOnlyList<XmlRpcValue>, CancellationToken, Task<XmlRpcValue>> call, string password, Action<string> log, Action<string> error, TimeProvider time)
{
    // Whoever asks for the end wants to know what became of the call that is under way, but not to wait for a server that is gone.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(5);

    private bool _isAway;

    /// <summary>Updates that the server took.</summary>
    public int Taken { get; private set; }

    /// <summary>Updates that the server refused, or that it may have taken or not.</summary>
    public int NotTaken { get; private set; }

    /// <summary>Makes updates until there are no more, or until it is asked to end. The clock starts when the server has answered once: no update is late for that it was not there.</summary>
    /// <param name="updates">The updates. Those that are overdue are made at once.</param>
    /// <param name="cancellationToken">Asks for the end.</param>
    /// <exception cref="CommandException">The password is wrong, or the server does not speak XML-RPC.</exception>
    public async Task RunAsync(IEnumerable<DueUpdate> updates, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        var start = time.GetTimestamp();
        foreach (var (due, update) in updates)
        {
            var wait = due - time.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, time, cancellationToken);
            }

            await MakeAsync(update, cancellationToken);
        }
    }

    /// <summary>Asks the server for something that it is sure to know, or to refuse, until there is an answer.</summary>
    private async Task ReachAsync(CancellationToken cancellationToken)
    {
        for (var backoff = BackoffMin; ; backoff = Next(backoff))
        {
            try
            {
                await call("get_medal_tally", [new XmlRpcValue.Text(UpdateSequence.TestingTeam)], cancellationToken);
                OnAnswered();
                return;
            }
            catch (XmlRpcFaultException)
            {
                OnAnswered();
                return;
            }
            catch (XmlRpcCallException e)
            {
                OnAway(e);
            }

            await Task.Delay(backoff, time, cancellationToken);
        }
    }

    private async Task MakeAsync(ScoreboardUpdate update, CancellationToken cancellationToken)
    {
        XmlRpcValue[] arguments = [.. update.Arguments.Append(password).Select(argument => new XmlRpcValue.Text(argument))];
        for (var backoff = BackoffMin; ; backoff = Next(backoff))
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var answer = await CallAsync(update.Procedure, arguments, cancellationToken);
                OnAnswered();
                OnAnswer(update, answer);
                return;
            }
            catch (XmlRpcFaultException e)
            {
                OnAnswered();
                OnNotTaken(update, string.Create(CultureInfo.InvariantCulture, $"fault {e.Code}: {ShownValue.Of(new XmlRpcValue.Text(e.Message))}"));
                return;
            }
            catch (XmlRpcCallException e) when (e.Failure == CallFailure.InDoubt && !update.IsRepeatable)
            {
                // Made again, it might count twice.
                OnNotTaken(update, $"in doubt: {e.Message}");
                return;
            }
            catch (XmlRpcCallException e)
            {
                OnAway(e);
            }

            try
            {
                await Task.Delay(backoff, time, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                OnNotTaken(update, "interrupted before the server answered");
                throw;
            }
        }
    }

    private static TimeSpan Next(TimeSpan backoff) => backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax;

    private async Task<XmlRpcValue> CallAsync(string procedure, XmlRpcValue[] arguments, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource();
        await using var grace = cancellationToken.Register(() => patience.CancelAfter(Grace));
        try
        {
            return await call(procedure, arguments, patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new XmlRpcCallException(CallFailure.InDoubt, "it was interrupted");
        }
    }

    private void OnAway(XmlRpcCallException failure)
    {
        if (failure.Failure == CallFailure.NotXmlRpc)
        {
            throw new CommandException($"{failure.Message}. Is it served there? (stentor serve --xml-rpc)");
        }

        if (!_isAway)
        {
            error($"{failure.Message}; trying again until it answers.");
        }

        _isAway = true;
    }

    private void OnAnswered()
    {
        if (_isAway)
        {
            error("The server answers again.");
        }

        _isAway = false;
    }

    private void OnAnswer(ScoreboardUpdate update, XmlRpcValue answer)
    {
        if (!ShownValue.IsError(answer))
        {
            Taken++;
            log($"{update} -> {ShownValue.Of(answer)}");
            return;
        }

        var refusal = ShownValue.Of(answer);
        OnNotTaken(update, refusal);
        if (refusal.Contains("password", StringComparison.OrdinalIgnoreCase))
        {
            throw new CommandException($"The server says: {refusal}");
        }
    }

    private void OnNotTaken(ScoreboardUpdate update, string reason)
    {
        NotTaken++;
        log($"{update} -> {reason}");
        error($"{update}: {reason}");
    }
}
