using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Stentor.Client;

/// <summary>
/// The publishes of a client whose outcomes are not known yet, at most a window of them, in their order: which of them wait to be sent, which are on their
/// way under which <c>ref</c>, and which have waited too long. Any thread may call.
/// </summary>
internal sealed class PublishQueue : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly TimeSpan _deadline;
    private readonly Func<string?> _trouble;
    private readonly SemaphoreSlim _window;
    private readonly ITimer _timer;
    private readonly SortedDictionary<long, PendingPublish> _pending = [];
    private readonly PriorityQueue<PendingPublish, long> _unsent = new();
    private readonly Dictionary<long, PendingPublish> _sent = [];
    private readonly Channel<bool> _work = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private bool _timerRuns;
    private long _number;
    private Exception? _closedBy;

    /// <summary>Makes a queue.</summary>
    /// <param name="options">Window, deadline and clock.</param>
    /// <param name="trouble">Why publishes cannot be sent at the moment, for the message of one that waited too long; null for no reason known.</param>
    public PublishQueue(StentorClientOptions options, Func<string?> trouble)
    {
        _trouble = trouble;
        _time = options.Time;
        _deadline = options.PublishDeadline;
        _window = new SemaphoreSlim(options.PublishWindow);
        _timer = _time.CreateTimer(static state => ((PublishQueue)state!).ExpireLate(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Called when the last pending publish is gone.</summary>
    public Action? OnEmpty { get; set; }

    public bool IsEmpty
    {
        get
        {
            lock (_lock)
            {
                return _pending.Count == 0;
            }
        }
    }

    /// <summary>Adds a publish once the window has room.</summary>
    /// <exception cref="StentorException">There was no room in time.</exception>
    public async ValueTask<PendingPublish> AddAsync(string id, byte[] rest, CancellationToken cancellationToken)
    {
        var startedAt = _time.GetTimestamp();
        if (!_window.Wait(0, CancellationToken.None))
        {
            using var late = new CancellationTokenSource(_deadline, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
            try
            {
                await _window.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new StentorException(
                    StentorException.Unreachable, $"The publish was not sent: the window stayed full for {_deadline.TotalSeconds:0.#} s (options PublishWindow, PublishDeadline). {_trouble()}".TrimEnd(), 0);
            }
        }

        lock (_lock)
        {
            if (_closedBy is not null)
            {
                _window.Release();
                throw _closedBy;
            }

            var publish = new PendingPublish(++_number, id, rest, startedAt);
            _pending.Add(publish.Number, publish);
            _unsent.Enqueue(publish, publish.Number);
            if (!_timerRuns)
            {
                _timerRuns = true;
                _timer.Change(_deadline, Timeout.InfiniteTimeSpan);
            }

            _work.Writer.TryWrite(true);
            return publish;
        }
    }

    /// <summary>Waits until there may be something to do.</summary>
    public async ValueTask WaitForWorkAsync(CancellationToken cancellationToken) => await _work.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Takes the first publish that waits to be sent, and notes its request.</summary>
    public bool TryTakeUnsent(Func<long> nextRef, [NotNullWhen(true)] out PendingPublish? publish)
    {
        lock (_lock)
        {
            while (_unsent.TryDequeue(out publish, out _))
            {
                if (_pending.ContainsKey(publish.Number))
                {
                    publish.Ref = nextRef();
                    publish.WasSent = true;
                    _sent.Add(publish.Ref, publish);
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>The publish that a frame answers; null when nobody waits for it.</summary>
    public PendingPublish? TakeAnswered(long answered)
    {
        lock (_lock)
        {
            return _sent.Remove(answered, out var publish) ? publish : null;
        }
    }

    /// <summary>Has one publish sent again, in its place.</summary>
    public void SendAgain(PendingPublish publish)
    {
        lock (_lock)
        {
            if (_pending.ContainsKey(publish.Number))
            {
                _unsent.Enqueue(publish, publish.Number);
                _work.Writer.TryWrite(true);
            }
        }
    }

    /// <summary>Has everything sent again, in order: the connection that it was on is gone.</summary>
    public void SendAllAgain()
    {
        lock (_lock)
        {
            _sent.Clear();
            _unsent.Clear();
            _unsent.EnqueueRange(_pending.Select(p => (p.Value, p.Key)));
            _work.Writer.TryWrite(true);
        }
    }

    /// <summary>Takes a publish out, whatever became of it.</summary>
    /// <returns>False when it was out already.</returns>
    public bool Remove(PendingPublish publish)
    {
        bool isEmpty;
        lock (_lock)
        {
            if (!_pending.Remove(publish.Number))
            {
                return false;
            }

            _sent.Remove(publish.Ref);
            isEmpty = _pending.Count == 0;
        }

        _window.Release();
        if (isEmpty)
        {
            OnEmpty?.Invoke();
        }

        return true;
    }

    /// <summary>Ends all that is pending with one error.</summary>
    public void FailAll(Exception error)
    {
        PendingPublish[] all;
        lock (_lock)
        {
            all = [.. _pending.Values];
        }

        foreach (var publish in all)
        {
            if (Remove(publish))
            {
                publish.Fail(error);
            }
        }
    }

    /// <summary>Takes no more, and ends all that is pending.</summary>
    public void Close(Exception error)
    {
        lock (_lock)
        {
            _closedBy = error;
        }

        FailAll(error);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void ExpireLate()
    {
        while (true)
        {
            PendingPublish publish;
            lock (_lock)
            {
                if (_pending.Count == 0)
                {
                    _timerRuns = false;
                    return;
                }

                publish = _pending.First().Value;
                var left = _deadline - _time.GetElapsedTime(publish.StartedAt);
                if (left > TimeSpan.Zero)
                {
                    _timer.Change(left, Timeout.InfiniteTimeSpan);
                    return;
                }
            }

            if (Remove(publish))
            {
                publish.Fail(publish.Refusal ?? Late(publish));
            }
        }
    }

    private StentorException Late(PendingPublish publish) => new(
        StentorException.Unreachable,
        publish.WasSent
            ? $"No outcome within {_deadline.TotalSeconds:0.#} s: whether it was recorded is unknown. Publish it again with the id '{publish.Id}' to find out; it will be recorded once. {_trouble()}".TrimEnd()
            : $"The publish was not sent within {_deadline.TotalSeconds:0.#} s. {_trouble()}".TrimEnd(),
        0);
}
