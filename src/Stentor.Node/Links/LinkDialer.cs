using System.Net.WebSockets;
using Microsoft.Extensions.Logging;

namespace Stentor.Node;

/// <summary>Keeps a link to a configured region: dials, and dials again after a while when the link ended.</summary>
/// <param name="target">Where.</param>
/// <param name="links">The links.</param>
/// <param name="time">Timers.</param>
/// <param name="log">What the operator reads.</param>
internal sealed class LinkDialer(LinkTarget target, LinkLoop links, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WaitMin = TimeSpan.FromMilliseconds(100);

    // 2 s: whoever was cut off is back soon after the cut is mended; a try costs nothing.
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(2);

    // After a fault of the other side: its operator has to do something first.
    private static readonly TimeSpan WaitAfterFault = TimeSpan.FromSeconds(10);

    // A link that lasted so long was a good one: the next try comes soon.
    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(5);

    /// <summary>Runs until it is told to end.</summary>
    /// <param name="stopping">Ends it.</param>
    public async Task RunAsync(CancellationToken stopping)
    {
        var failures = 0;
        string? saidBefore = null;
        while (!stopping.IsCancellationRequested)
        {
            var start = time.GetTimestamp();
            var (link, reason) = await DialAsync(stopping);
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            var lasted = time.GetElapsedTime(start);
            var isFault = link?.EndedBy is { IsFault: true };
            failures = link is not null && lasted >= Lasting && !isFault ? 0 : failures + 1;
            var wait = NextWait(failures, isFault);
            if (link is not null)
            {
                var end = link.EndedBy;
                LinkLog.Ended(log, target.ToString(), lasted.TotalSeconds, end?.Type ?? Replication.LinkEndType.Lost, end?.Detail ?? "The connection is gone.", wait.TotalSeconds);
                saidBefore = null;
            }
            else if (reason != saidBefore)
            {
                LinkLog.Unreachable(log, target.ToString(), reason, wait.TotalSeconds); // Once, until something else is the matter.
                saidBefore = reason;
            }

            await Task.Delay(wait, time, stopping).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private static TimeSpan NextWait(int failures, bool isFault)
    {
        var most = isFault ? WaitAfterFault : WaitMax;
        var wait = TimeSpan.FromTicks(Math.Min(most.Ticks, WaitMin.Ticks << Math.Min(failures, 20)));
        return wait * (0.5 + (Random.Shared.NextDouble() / 2)); // So that many that were cut off together do not come back together.
    }

    private async Task<(WebSocketLink? Link, string Reason)> DialAsync(CancellationToken stopping)
    {
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.KeepAliveInterval = TimeSpan.Zero; // The link has a heartbeat of its own.
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            patience.CancelAfter(ConnectTimeout);
            await socket.ConnectAsync(target.Address, patience.Token);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or HttpRequestException or IOException)
        {
            socket.Dispose();
            return (null, e is OperationCanceledException ? $"no answer within {ConnectTimeout.TotalSeconds:0} s." : e.InnerException?.Message ?? e.Message);
        }

        var link = new WebSocketLink(socket, links, target.ToString(), target, time);
        await link.RunAsync(isDialer: true, stopping);
        return (link, "");
    }
}
