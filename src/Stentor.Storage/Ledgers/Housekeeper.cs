namespace Stentor.Storage;

/// <summary>
/// What need not be done while a publisher waits: write the next spare, write the indexes of sealed segments, retire what retention no longer
/// holds. On a thread of its own, or, for runs that must be the same every time, only when it is told to.
/// </summary>
internal sealed class Housekeeper : IDisposable
{
    private readonly Ledger _ledger;
    private readonly SegmentSupply _supply;
    private readonly StoreOptions _options;
    private readonly Lock _running = new();
    private readonly SemaphoreSlim _due = new(0);
    private readonly Thread? _thread;
    private readonly List<Segment> _unindexed = [];
    private bool _isStarted;
    private volatile bool _isStopping;
    private volatile DiskException? _fault;
    private long _safePosition;

    public Housekeeper(Ledger ledger, SegmentSupply supply, StoreOptions options)
    {
        _ledger = ledger;
        _supply = supply;
        _options = options;
        if (options.IsHousekeepingInBackground)
        {
            _thread = new Thread(Loop) { Name = "stentor-housekeeping", IsBackground = true };
        }
    }

    /// <summary>Why the last round did not get done all that was due; null when it did. It is tried again at every check-point.</summary>
    public DiskException? Fault => _fault;

    /// <summary>The last position that is in the state database for good: retention keeps what comes after it.</summary>
    public long SafePosition
    {
        get => Interlocked.Read(ref _safePosition);
        set => Interlocked.Exchange(ref _safePosition, value);
    }

    /// <summary>Begins to work.</summary>
    public void Start()
    {
        if (_thread is not null)
        {
            _isStarted = true;
            _thread.Start();
            Signal();
        }
    }

    /// <summary>Names sealed segments without an index file.</summary>
    /// <param name="segments">The segments.</param>
    public void NeedIndex(IEnumerable<Segment> segments) => _unindexed.AddRange(segments);

    /// <summary>Says that something may be due.</summary>
    public void Signal()
    {
        if (_thread is not null && _due.CurrentCount == 0)
        {
            _due.Release();
        }
    }

    /// <summary>Does what is due. What the disk refuses stands in <see cref="Fault"/> and is tried again the next time.</summary>
    public void Run()
    {
        lock (_running)
        {
            _fault = null;
            Try(RetireOld);
            Try(_supply.Prepare);
            foreach (var segment in _ledger.Segments)
            {
                if (segment is { IsSealed: true, Memory: not null } && !_isStopping)
                {
                    Try(() => _ledger.Cache.WriteIndex(segment));
                }
            }

            foreach (var segment in _unindexed)
            {
                if (!segment.IsRetired && !_isStopping)
                {
                    Try(() => _ledger.Cache.LoadIndex(segment));
                }
            }

            _unindexed.Clear();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isStopping = true;
        if (_isStarted)
        {
            _due.Release();
            _thread!.Join();
        }

        _due.Dispose();
    }

    private void Loop()
    {
        while (true)
        {
            _due.Wait();
            if (_isStopping)
            {
                return;
            }

            Run();
        }
    }

    private void Try(Action step)
    {
        try
        {
            step();
        }
        catch (DiskException e)
        {
            _fault = e;
        }
    }

    private void RetireOld()
    {
        if (_options.RetainBytes == 0)
        {
            return;
        }

        var @sealed = _ledger.Segments[..^1];
        var bytes = @sealed.Sum(s => s.FileBytes);
        var retired = new List<Segment>();
        foreach (var segment in @sealed)
        {
            if (bytes <= _options.RetainBytes || segment.Last > SafePosition)
            {
                break;
            }

            bytes -= segment.FileBytes;
            retired.Add(segment);
        }

        if (retired.Count == 0)
        {
            return;
        }

        // Readers first: from here on they are told that these positions are no longer held.
        _ledger.Retire(retired);
        foreach (var segment in retired)
        {
            _ledger.Cache.Forget(segment);
            _supply.Delete(segment.Header.IndexName);
            _supply.Recycle(segment.Header.FileName, segment.FileBytes);
        }
    }
}
