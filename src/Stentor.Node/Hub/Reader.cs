using System.Buffers;

namespace Stentor.Node;

/// <summary>
/// One connection's side of the hub: what it is subscribed to, how far it is, and the one place where its bytes leave in order. Any thread may call.
/// Its progress is one position of the ledger: everything that matches up to it was handed to the sink. Idle, it holds no buffer.
/// </summary>
/// <remarks>It is an actor: whoever has something for it notes it down and makes it ready; one delivery thread at a time runs it.</remarks>
public sealed partial class Reader : IDisposable
{
    /// <summary>Bytes of answers that may wait unsent before <see cref="Write"/> asks to stop. 256 KiB: some hundred answers.</summary>
    public const int UnsentMax = 256 * 1024;

    private const int Idle = 0;
    private const int Queued = 1;
    private const int Running = 2;
    private const int RunningAgain = 3;

    private readonly Hub _hub;
    private readonly ISink _sink;
    private readonly WireForm _form;
    private readonly Lock _gate = new();
    private int _state;

    // Under the lock.
    private byte[]? _written;
    private int _writtenLength;
    private int _unsent;
    private List<Change>? _changes;
    private bool _isApplying;
    private int _subscribed;
    private TaskCompletionSource? _drained;
    private bool _isDisposed;

    // Of whoever runs it.
    private byte[]? _sending;
    private int _sendingLength;
    private volatile bool _isBlocked;
    private volatile bool _isClosed;

    // Who waits until all is handed over.
    private List<TaskCompletionSource>? _reached;

    internal Reader(Hub hub, WireForm form, ISink sink)
    {
        (_hub, _form, _sink) = (hub, form, sink);
    }

    /// <summary>What is subscribed, or about to be.</summary>
    public int Subscriptions
    {
        get
        {
            lock (_gate)
            {
                return _subscribed;
            }
        }
    }

    /// <summary>Whether the sink has not taken what it was given: the other side does not read, or not as fast.</summary>
    public bool IsBlocked => _isBlocked;

    /// <summary>
    /// Sends other bytes (answers, pings) in order with the entries, before any entry not yet begun, and behind the answers of subscriptions made before. Nothing
    /// happens on a closed reader.
    /// </summary>
    /// <param name="bytes">Whole frames in this reader's form; copied.</param>
    /// <returns>False when more than <see cref="UnsentMax"/> waits unsent: stop taking requests from this connection until it drains, or close it.</returns>
    public bool Write(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return true;
            }

            _unsent += bytes.Length;
            if (_isApplying || _changes is not null)
            {
                (_changes ??= []).Add(new Change.Written(bytes.ToArray())); // A subscription's answer is not made yet, and comes first.
            }
            else
            {
                Append(bytes);
            }

            return _unsent <= UnsentMax;
        }
    }

    /// <summary>Starts sending what was written: call once after a group of <see cref="Write"/>. Nothing happens when nothing was.</summary>
    public void Flush()
    {
        if (Volatile.Read(ref _writtenLength) > 0 || Volatile.Read(ref _changes) is not null)
        {
            Queue();
        }
    }

    /// <summary>Completes when what was written has left, the answers of subscriptions made before too, or the reader is closed.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask DrainAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (HasDrained || _isClosed)
            {
                return default;
            }

            _drained ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return new ValueTask(_drained.Task.WaitAsync(cancellationToken));
        }
    }

    /// <summary>Completes when everything that was subscribed and is durable by now was handed to the sink, and the sink has taken it; or when the reader is closed.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public Task CatchUpAsync(CancellationToken cancellationToken)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!Note(new Change.Reach(reached)))
        {
            return Task.CompletedTask;
        }

        return reached.Task.WaitAsync(cancellationToken);
    }

    /// <summary>The sink can take bytes again.</summary>
    public void OnWritable()
    {
        if (_sending is { } sent)
        {
            _sending = null;
            ArrayPool<byte>.Shared.Return(sent);
            OnSent(_sendingLength);
        }

        _isBlocked = false;
        Queue();
    }

    /// <summary>Ends it; nothing more is sent. The sink is its owner's to close.</summary>
    public void Dispose()
    {
        TaskCompletionSource? drained;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            _isClosed = true;
            _subscribed = 0;
            drained = _drained;
        }

        drained?.TrySetResult();
        _hub.OnClosed();
        Queue();
    }

    /// <summary>Runs it, if nobody does and nobody is about to: a tail that it reads has grown.</summary>
    internal void RunIfIdle(DeliveryContext context)
    {
        // A reader that waits for its sink has nothing to do until that calls.
        if (_isBlocked)
        {
            return;
        }

        var state = Interlocked.CompareExchange(ref _state, Running, Idle);
        if (state == Idle)
        {
            Run(context);
        }
        else if (state == Running)
        {
            Queue();
        }
    }

    /// <summary>Runs it after it was queued.</summary>
    internal void RunQueued(DeliveryContext context)
    {
        Volatile.Write(ref _state, Running);
        Run(context);
    }

    private void Run(DeliveryContext context)
    {
        while (true)
        {
            var next = Step(context);
            if (next != Next.Rest)
            {
                Volatile.Write(ref _state, Queued);
                if (next == Next.Read)
                {
                    _hub.Behind(this);
                }
                else
                {
                    _hub.Ready(this);
                }

                return;
            }

            if (_reached is not null && !_isBlocked)
            {
                TellReached();
            }

            if (Interlocked.CompareExchange(ref _state, Idle, Running) == Running)
            {
                return;
            }

            Volatile.Write(ref _state, Running); // It was made ready meanwhile.
        }
    }

    /// <summary>Whether nothing that was written, and no answer, waits to leave. Under the lock.</summary>
    private bool HasDrained => _unsent == 0 && _changes is null && !_isApplying;

    private void Queue()
    {
        while (true)
        {
            var state = Volatile.Read(ref _state);
            if (state == Idle)
            {
                if (Interlocked.CompareExchange(ref _state, Queued, Idle) == Idle)
                {
                    _hub.Ready(this);
                    return;
                }
            }
            else if (state != Running || Interlocked.CompareExchange(ref _state, RunningAgain, Running) == Running)
            {
                return;
            }
        }
    }

    private Next Step(DeliveryContext context)
    {
        try
        {
            if (_isClosed)
            {
                Close();
                return Next.Rest;
            }

            ApplyChanges();
            if (_isBlocked || !SendWritten())
            {
                return Next.Rest;
            }

            return context.Batch is null
                ? IsLate ? Next.Read : SendFromTails(context)
                : IsLate || IsBehind ? SendFromLedger(context) : SendFromTails(context);
        }
        catch (Storage.DiskException e)
        {
            NodeLog.CatchUpFailed(_hub.Log, e.Message);
        }
        catch (Exception e)
        {
            NodeLog.ReaderFailed(_hub.Log, e);
        }

        _sink.Abort();
        Dispose();
        Close();
        return Next.Rest;
    }

    /// <summary>Puts bytes behind those that are to be sent. Under the lock.</summary>
    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_written is null || _written.Length - _writtenLength < bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(1024, (_writtenLength + bytes.Length) * 2));
            if (_written is not null)
            {
                _written.AsSpan(0, _writtenLength).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(_written);
            }

            _written = larger;
        }

        bytes.CopyTo(_written.AsSpan(_writtenLength));
        _writtenLength += bytes.Length;
    }

    private bool SendWritten()
    {
        byte[] bytes;
        int length;
        lock (_gate)
        {
            if (_written is null)
            {
                return true;
            }

            (bytes, length) = (_written, _writtenLength);
            (_written, _writtenLength) = (null, 0);
        }

        var sent = _sink.Send(bytes.AsSpan(0, length));
        if (sent < 0)
        {
            OnSinkClosed();
            return false;
        }

        if (sent < length)
        {
            // The buffer itself goes to the sink; what left of it already is told together with the rest.
            (_sending, _sendingLength) = (bytes, length);
            Block(bytes.AsMemory(sent, length - sent));
            return false;
        }

        ArrayPool<byte>.Shared.Return(bytes);
        OnSent(length);
        return true;
    }

    /// <summary>The sink takes nothing more: nobody need wait for it. Its owner learns it from the connection, and disposes the reader.</summary>
    private void OnSinkClosed()
    {
        TaskCompletionSource? drained;
        lock (_gate)
        {
            _isClosed = true;
            (drained, _drained) = (_drained, null);
        }

        drained?.TrySetResult();
    }

    private void Block(ReadOnlyMemory<byte> rest)
    {
        _isBlocked = true;
        _sink.SendLater(rest, this);
    }

    private void OnSent(int length)
    {
        TaskCompletionSource? drained = null;
        lock (_gate)
        {
            _unsent -= length;
            if (HasDrained)
            {
                (drained, _drained) = (_drained, null);
            }
        }

        drained?.TrySetResult();
    }

    private void TellReached()
    {
        _reached?.ForEach(reached => reached.TrySetResult());
        _reached = null;
    }

    private void Close()
    {
        _hub.Leave(_subscriptions);
        _subscriptions = [];
        _late = null;
        TellReached();
        lock (_gate)
        {
            foreach (var change in _changes?.OfType<Change.Reach>() ?? [])
            {
                change.Reached.TrySetResult();
            }

            _changes = null;
            if (_written is not null)
            {
                ArrayPool<byte>.Shared.Return(_written);
                (_written, _writtenLength) = (null, 0);
            }
        }
    }

    /// <summary>What a step leaves to do.</summary>
    private enum Next
    {
        /// <summary>Nothing, until something new comes.</summary>
        Rest,

        /// <summary>Another step, after others had theirs.</summary>
        Again,

        /// <summary>A step that may read from the ledger.</summary>
        Read,
    }
}
