using System.Collections.Concurrent;

namespace Stentor.Gateways;

/// <summary>
/// A bucket of permits for each key, that starts full and fills up evenly (the generic cell rate algorithm, ITU-T I.371: one number a key, no timer).
/// Any thread may call.
/// </summary>
/// <typeparam name="TKey">Whom the permits are counted for.</typeparam>
/// <param name="permitsMax">How many may be taken at once from a full bucket, at least 1.</param>
/// <param name="fillTime">How long an empty bucket takes to be full.</param>
/// <param name="time">The clock.</param>
public sealed class RateLimit<TKey>(int permitsMax, TimeSpan fillTime, TimeProvider time)
    where TKey : notnull
{
    // 100,000 keys are about 10 MB. Past it full buckets are dropped; were most not full, a limit for each key would be no help against that many.
    private const int KeysMax = 100_000;

    private readonly ConcurrentDictionary<TKey, Bucket> _buckets = new();

    // About how many there are: the dictionary's own count takes all its locks.
    private int _count;
    private readonly double _ticksPerPermit = Math.Max(1, fillTime.TotalSeconds * time.TimestampFrequency / permitsMax);
    private readonly double _ticksMax = fillTime.TotalSeconds * time.TimestampFrequency;

    /// <summary>Takes permits, if there are enough.</summary>
    /// <param name="key">For whom.</param>
    /// <param name="count">How many; 0 only asks whether one is there.</param>
    /// <param name="retryAfter">When it is refused: how long until there are enough.</param>
    public bool TryTake(TKey key, int count, out TimeSpan retryAfter)
    {
        var bucket = BucketOf(key);
        var now = time.GetTimestamp();
        lock (bucket)
        {
            var from = Math.Max(bucket.FullAt, now);
            var over = from + (Math.Max(1, count) * _ticksPerPermit) - now - _ticksMax;
            if (over <= 0)
            {
                bucket.FullAt = from + (count * _ticksPerPermit);
                retryAfter = TimeSpan.Zero;
                return true;
            }

            retryAfter = TimeSpan.FromSeconds(over / time.TimestampFrequency);
            return false;
        }
    }

    /// <summary>Takes permits whether they are there or not: for a stream that is slowed down rather than refused.</summary>
    /// <param name="key">For whom.</param>
    /// <param name="count">How many.</param>
    /// <returns>How long the caller must wait before it takes more; zero when it need not.</returns>
    public TimeSpan Owe(TKey key, int count)
    {
        var bucket = BucketOf(key);
        var now = time.GetTimestamp();
        lock (bucket)
        {
            bucket.FullAt = Math.Max(bucket.FullAt, now) + (count * _ticksPerPermit);
            var over = bucket.FullAt - now - _ticksMax;
            return over <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(over / time.TimestampFrequency);
        }
    }

    private Bucket BucketOf(TKey key)
    {
        if (_buckets.TryGetValue(key, out var bucket))
        {
            return bucket;
        }

        if (Interlocked.Increment(ref _count) > KeysMax)
        {
            DropFull();
        }

        return _buckets.GetOrAdd(key, static _ => new Bucket());
    }

    private void DropFull()
    {
        var now = time.GetTimestamp();
        foreach (var (key, bucket) in _buckets)
        {
            if (bucket.FullAt <= now)
            {
                _buckets.TryRemove(key, out _);
            }
        }

        if (_buckets.Count > KeysMax / 2)
        {
            _buckets.Clear();
        }

        Volatile.Write(ref _count, _buckets.Count);
    }

    private sealed class Bucket
    {
        /// <summary>The timestamp at which it is full again; a past one means it is full.</summary>
        public double FullAt { get; set; }
    }
}
