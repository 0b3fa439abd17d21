namespace Stentor.Replication;

/// <summary>How many bytes of notices one link may bring: so many at once, and as many again in each second. One owner.</summary>
/// <param name="bytesPerSecond">How many.</param>
/// <param name="now">Milliseconds.</param>
internal sealed class NoticeAllowance(long bytesPerSecond, long now)
{
    // 1 KiB: however short, a notice is handed to every other link, each of which asks the system to send it.
    private const int CostBytesMin = 1024;

    private long _takenBytes;
    private long _at = now;

    /// <summary>Takes what a notice costs, if that much is left.</summary>
    /// <param name="bytes">The message's bytes; short ones cost 1 KiB.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <returns>Whether it was left.</returns>
    public bool TryTake(int bytes, long now)
    {
        // After a second all of it is there again, however long ago that was.
        _takenBytes = Math.Max(0, _takenBytes - (Math.Min(now - _at, 1_000) * bytesPerSecond / 1_000));
        _at = now;
        var cost = Math.Max(bytes, CostBytesMin);
        if (_takenBytes + cost > bytesPerSecond)
        {
            return false;
        }

        _takenBytes += cost;
        return true;
    }
}
