using Stentor.Load.Net;

namespace Stentor.Load.Rows;

/// <summary>
/// An open-loop schedule: publishes are due at fixed times, whatever the server does, and latency counts from when they were due. So a
/// stall of the server shows in full (no coordinated omission).
/// </summary>
internal static class Schedule
{
    /// <summary>Runs a schedule.</summary>
    /// <param name="loop">Drives the connections.</param>
    /// <param name="publisher">Sends.</param>
    /// <param name="from">When the first is due.</param>
    /// <param name="to">When the schedule ends.</param>
    /// <param name="period">Nanoseconds between two.</param>
    /// <param name="publish">Puts the n-th, due at a time, into the publisher's output.</param>
    /// <param name="pause">Nanoseconds in which nothing is sent after something was: what falls due meanwhile leaves together, and its latency counts from when it was due.</param>
    /// <returns>How many were published.</returns>
    public static long Run(EventLoop loop, Connection publisher, long from, long to, long period, Action<long, long> publish, long pause = 0)
    {
        var nth = 0L;
        for (var due = from; due < to;)
        {
            var now = Clock.Now;
            for (; due <= now && due < to; due += period)
            {
                publish(nth++, due);
            }

            loop.Flush(publisher);
            loop.Poll(Math.Max(due - Clock.Now, pause));
        }

        return nth;
    }
}
