using System.Security.Cryptography;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>
/// Sends a client's publishes, pipelined over one connection, and again over the next one until their outcomes are known: each has an id, so the repeats are
/// recorded once. They are sent, and sent again, in the order in which they started. Any thread may call.
/// </summary>
internal sealed class Publisher : IAsyncDisposable
{
    // A message of this size costs its system call a few percent; larger ones only add latency.
    private const int MessageBytes = 32 * 1024;

    private static readonly TimeSpan LastWordWait = TimeSpan.FromSeconds(1);

    private readonly SeenSoFar _session;
    private readonly Connector _connector;
    private readonly AddressList _addresses;
    private readonly PublishQueue _queue;
    private readonly Backoff _refusals;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _end = new();
    private readonly string _idBase = RandomNumberGenerator.GetHexString(32, lowercase: true);
    private readonly Lock _starting = new();
    private CancellationTokenSource? _connecting;
    private Task? _run;
    private long _ids;
    private long _pauseFrom;
    private TimeSpan _pause;

    public Publisher(StentorClientOptions options, SeenSoFar session, Connector connector, AddressList addresses)
    {
        _session = session;
        _connector = connector;
        _addresses = addresses;
        _time = options.Time;
        _queue = new PublishQueue(options, () => connector.Trouble) { OnEmpty = StopConnecting };
        _refusals = new Backoff(options, addresses: 1);
    }

    /// <summary>Starts a publish once the window has room, and gives the task of its outcome.</summary>
    /// <exception cref="StentorException">It is malformed, or there was no room in time.</exception>
    public async ValueTask<PendingPublish> StartAsync(Publish publish, CancellationToken cancellationToken)
    {
        var id = publish.Id ?? $"{_idBase}-{Interlocked.Increment(ref _ids):x}";
        byte[] rest;
        try
        {
            rest = PublishFrame.Encode(publish, id, publish.After ?? _session.Token);
        }
        catch (ProtocolException e)
        {
            throw StentorException.Of(e);
        }

        var pending = await _queue.AddAsync(id, rest, cancellationToken).ConfigureAwait(false);
        lock (_starting)
        {
            _run ??= Task.Run(RunAsync, CancellationToken.None);
        }

        return pending;
    }

    /// <summary>Waits for the outcome of a publish; whoever stops waiting gives it up, and what was sent may still be recorded.</summary>
    public async Task<PublishOutcome> WaitAsync(PendingPublish pending, CancellationToken cancellationToken)
    {
        try
        {
            return await pending.Outcome.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _queue.Remove(pending);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        _queue.Close(new ObjectDisposedException(nameof(StentorClient)));
        Task? run;
        lock (_starting)
        {
            run = _run ??= Task.CompletedTask;
        }

        await run.ConfigureAwait(false);
        _queue.Dispose();
        _end.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                while (_queue.IsEmpty)
                {
                    await _queue.WaitForWorkAsync(_end.Token).ConfigureAwait(false);
                }

                await PublishOverOneConnectionAsync().ConfigureAwait(false);
            }
            catch (StentorException e)
            {
                _queue.FailAll(e);
            }
            catch (OperationCanceledException)
            {
                // The end; or nothing is left to connect for.
            }
            catch (Exception e)
            {
                // Nobody else awaits this loop: its callers get what it could not handle.
                _queue.Close(e);
                return;
            }
        }
    }

    private async Task PublishOverOneConnectionAsync()
    {
        var connection = await ConnectAsync().ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            try
            {
                _queue.SendAllAgain();
                await SendAndReceiveAsync(connection).ConfigureAwait(false);
            }
            catch (ConnectionLostException e)
            {
                _connector.OnLost(connection.Address, e);
            }
        }
    }

    private async Task<Connection> ConnectAsync()
    {
        using var connecting = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        Volatile.Write(ref _connecting, connecting);
        try
        {
            return await _connector.ConnectAsync(connecting.Token).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _connecting, null);
        }
    }

    private void StopConnecting()
    {
        try
        {
            Volatile.Read(ref _connecting)?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The attempt ended between the two.
        }
    }

    private async Task SendAndReceiveAsync(Connection connection)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        var sending = SendAllAsync(connection, over.Token);
        var receiving = ReceiveAllAsync(connection);
        var first = await Task.WhenAny(sending, receiving).ConfigureAwait(false);
        if (first == sending && sending.IsFaulted)
        {
            // A server that closes says why, and that may still be on its way to the reader when a send fails.
            await Task.WhenAny(receiving, Task.Delay(LastWordWait, _time, over.Token)).ConfigureAwait(false);
            first = receiving.IsCompleted ? receiving : sending;
        }

        await over.CancelAsync().ConfigureAwait(false);
        await connection.DisposeAsync().ConfigureAwait(false); // Ends the reader, too.
        await Task.WhenAll(sending, receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first.ConfigureAwait(false);
    }

    private async Task SendAllAsync(Connection connection, CancellationToken cancellationToken)
    {
        var message = new ByteBuffer(MessageBytes);
        while (true)
        {
            await WaitForPauseAsync(cancellationToken).ConfigureAwait(false);
            while (message.Length < MessageBytes && _queue.TryTakeUnsent(connection.NextRef, out var publish))
            {
                if (publish.Rest.Length + PublishFrame.FrameBytesAround > connection.FrameBytesMax)
                {
                    Fail(publish, new StentorException(
                        ErrorType.TooLarge, $"The publish has {publish.Rest.Length} bytes as a frame; the most is {connection.FrameBytesMax} (limit frame-bytes-max).", 413));
                    continue;
                }

                if (message.Length > 0)
                {
                    message.Write("\n"u8);
                }

                PublishFrame.Append(publish.Ref, publish.Rest, message);
            }

            if (message.Length == 0)
            {
                await _queue.WaitForWorkAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            // Not to be cancelled: that would end the connection without a goodbye. Its end ends this, too.
            await connection.SendAsync(message.WrittenMemory, CancellationToken.None).ConfigureAwait(false);
            message.Clear(keepMax: MessageBytes * 2);
        }
    }

    private async Task WaitForPauseAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            TimeSpan left;
            lock (_starting)
            {
                left = _pause - _time.GetElapsedTime(_pauseFrom);
            }

            if (left <= TimeSpan.Zero)
            {
                return;
            }

            await Task.Delay(left, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReceiveAllAsync(Connection connection)
    {
        while (true)
        {
            var frame = await connection.ReceiveAsync(CancellationToken.None).ConfigureAwait(false);
            if (frame.Op is not (FrameOp.Ok or FrameOp.Error) || _queue.TakeAnswered(frame.Ref) is not { } publish)
            {
                continue;
            }

            if (frame.Error is null)
            {
                OnOk(publish, frame.Bytes);
            }
            else if (frame.Error.IsTransient)
            {
                OnTransient(publish, frame.Error);
            }
            else
            {
                Fail(publish, frame.Error);
            }
        }
    }

    private void OnOk(PendingPublish publish, ReadOnlyMemory<byte> answer)
    {
        using var json = JsonDocument.Parse(answer, ClientJson.Deep);
        var outcome = PublishOutcome.Read(json.RootElement, publish.Id);
        _session.Add(outcome.Origin, outcome.Seq);
        _connector.OnHealthy();
        _refusals.Reset();
        _queue.Remove(publish);
        publish.Complete(outcome);
    }

    /// <summary>The server cannot take it now: another one may, or this one later.</summary>
    private void OnTransient(PendingPublish publish, StentorException refusal)
    {
        publish.Refusal = refusal;
        if (_addresses.Count > 1 && refusal.Type != ErrorType.RateLimited)
        {
            throw new ConnectionLostException($"The server does not take publishes now: {refusal.Detail}", refusal);
        }

        lock (_starting)
        {
            // All that were on their way are refused together: one pause is enough for them.
            if (_time.GetElapsedTime(_pauseFrom) >= _pause)
            {
                _pauseFrom = _time.GetTimestamp();
                var wait = _refusals.Next();
                _pause = refusal.RetryAfter > wait ? refusal.RetryAfter.Value : wait;
            }
        }

        _queue.SendAgain(publish);
    }

    private void Fail(PendingPublish publish, StentorException error)
    {
        _queue.Remove(publish);
        publish.Fail(error);
    }
}
