using Stentor.Load.Net;
using Stentor.Load.Reporting;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>Counters at the start of a measured stretch, and what the stretch cost at its end.</summary>
internal sealed class Stretch
{
    private readonly ChildServer _server;
    private readonly long _start = Clock.Now;
    private readonly long _count;
    private readonly double _serverSeconds;
    private readonly double _ownSeconds = Environment.CpuUsage.TotalTime.TotalSeconds;

    private Stretch(ChildServer server, long count)
    {
        _server = server;
        _count = count;
        _serverSeconds = server.ProcessorSeconds();
    }

    /// <summary>Begins.</summary>
    /// <param name="server">Whose processor time is counted.</param>
    /// <param name="count">What is counted, so far.</param>
    public static Stretch Begin(ChildServer server, long count) => new(server, count);

    /// <summary>Ends.</summary>
    /// <param name="count">What is counted, now.</param>
    /// <param name="details">What else was seen.</param>
    /// <returns>The count a second, and the share of a core that server and load took.</returns>
    public Sample End(long count, params ReadOnlySpan<(string Name, double Value)> details)
    {
        var seconds = (Clock.Now - _start) / (double)Clock.Second;
        return new Sample(
            (count - _count) / seconds,
            [
                ..details,
                ("server cores", (_server.ProcessorSeconds() - _serverSeconds) / seconds),
                ("load cores", (Environment.CpuUsage.TotalTime.TotalSeconds - _ownSeconds) / seconds),
            ]);
    }
}
