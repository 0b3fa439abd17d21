namespace Stentor.Cli.Lab;

/// <summary>A moment on the monotonic clock at which a score was written or shown. That clock is the same in all processes of a machine.</summary>
/// <param name="Number">The write's number, which is the score.</param>
/// <param name="Ticks">When, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</param>
internal readonly record struct Moment(long Number, long Ticks);

/// <summary>How long a client took to show a write.</summary>
/// <param name="Number">The write's number.</param>
/// <param name="Milliseconds">From the write to the first moment when the client showed it, or a newer one.</param>
internal readonly record struct Sample(long Number, double Milliseconds);

/// <summary>Puts what was written and what was shown together.</summary>
internal static class Joining
{
    /// <summary>
    /// The one measure for both architectures: from each write to the first moment at which the client shows it or a newer one. For a client that is pushed to this
    /// is the delivery's latency, for one that polls it is how stale it was.
    /// </summary>
    /// <param name="writes">The writes that count, by their numbers, growing.</param>
    /// <param name="shown">What one client showed, in the order of time.</param>
    /// <param name="ticksPerSecond">The clock's frequency.</param>
    /// <returns>One sample a write, and the writes that the client showed neither itself nor anything newer for.</returns>
    public static (IReadOnlyList<Sample> Samples, int Missed) Join(IReadOnlyList<Moment> writes, IReadOnlyList<Moment> shown, long ticksPerSecond)
    {
        var samples = new List<Sample>(writes.Count);
        var next = 0;
        foreach (var write in writes)
        {
            while (next < shown.Count && shown[next].Number < write.Number)
            {
                next++;
            }

            if (next == shown.Count)
            {
                break;
            }

            samples.Add(new Sample(write.Number, (shown[next].Ticks - write.Ticks) * 1_000.0 / ticksPerSecond));
        }

        return (samples, writes.Count - samples.Count);
    }
}
