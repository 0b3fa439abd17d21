
namespace Stentor.Gateways;

/// <summary>What is sampled every second, for the status and the metrics: how many entries a second, how full the disk is.</summary>
internal sealed class Loads : IDisposable
{
    private const int SecondsMax = 10;

    private readonly Func<long> _position;
    private readonly TimeProvider _time;
    private readonly string? _directory;
    private readonly ITimer _timer;
    private readonly Queue<(long Timestamp, long Position)> _samples = new();
    private readonly Lock _gate = new();
    private double _entriesPerSecond;
    private long _diskBytes;
    private long _diskFreeBytes;

    /// <summary>Starts to sample.</summary>
    /// <param name="position">The ledger's last position.</param>
    /// <param name="directory">The data directory; null for none.</param>
    /// <param name="time">The clock.</param>
    public Loads(Func<long> position, string? directory, TimeProvider time)
    {
        (_position, _directory, _time) = (position, directory, time);
        _samples.Enqueue((time.GetTimestamp(), position()));
        _timer = time.CreateTimer(_ => Sample(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        MeasureDisk();
    }

    /// <summary>Entries a second, over the last seconds.</summary>
    public double EntriesPerSecond => Volatile.Read(ref _entriesPerSecond);

    /// <summary>Bytes of the data directory; 0 when there is none.</summary>
    public long DiskBytes => Volatile.Read(ref _diskBytes);

    /// <summary>Bytes free on its file system; 0 when there is none.</summary>
    public long DiskFreeBytes => Volatile.Read(ref _diskFreeBytes);

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Sample()
    {
        lock (_gate)
        {
            var now = (Timestamp: _time.GetTimestamp(), Position: _position());
            _samples.Enqueue(now);
            while (_samples.Count > SecondsMax + 1)
            {
                _samples.Dequeue();
            }

            var first = _samples.Peek();
            var seconds = _time.GetElapsedTime(first.Timestamp, now.Timestamp).TotalSeconds;
            Volatile.Write(ref _entriesPerSecond, seconds <= 0 ? 0 : (now.Position - first.Position) / seconds);
            MeasureDisk();
        }
    }

    private void MeasureDisk()
    {
        if (_directory is null)
        {
            return;
        }

        try
        {
            Volatile.Write(ref _diskBytes, new DirectoryInfo(_directory).EnumerateFiles().Sum(f => f.Length));
            Volatile.Write(ref _diskFreeBytes, new DriveInfo(_directory).AvailableFreeSpace);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A file went between listing and asking (segments are recycled), or the directory may not be listed for a while: the last figures stay until the next second's.
        }
    }
}
