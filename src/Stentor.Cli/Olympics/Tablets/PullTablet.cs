using Stentor.Gateways;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary>A tablet that asks for what it wants at every interval.</summary>
/// <param name="wish">What it wants.</param>
/// <param name="display">Where it shows it.</param>
/// <param name="caller">How it asks.</param>
/// <param name="time">The clock.</param>
internal sealed class PullTablet(TabletWish wish, TabletDisplay display, TabletCaller caller, TimeProvider time)
{
    /// <summary>Asks until it is asked to end. When asking takes longer than an interval, the moments that went by meanwhile are left out.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="phase">When it asks first, so that not all tablets ask at once.</param>
    /// <param name="cancellationToken">Asks for the end.</param>
    public async Task RunAsync(TimeSpan interval, TimeSpan phase, CancellationToken cancellationToken)
    {
        display.Note($"pull wants {wish}");
        var start = time.GetTimestamp();
        for (var n = 0L; ; n = Next(n, time.GetElapsedTime(start) - phase, interval))
        {
            var wait = phase + (interval * n) - time.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, time, cancellationToken);
            }

            await PullAsync(cancellationToken);
        }
    }

    /// <summary>The next moment to ask at, as a multiple of the interval.</summary>
    /// <param name="n">The one before.</param>
    /// <param name="elapsed">Since the first.</param>
    /// <param name="interval">The interval.</param>
    public static long Next(long n, TimeSpan elapsed, TimeSpan interval) => Math.Max(n + 1, (long)Math.Ceiling(elapsed / interval));

    private async Task PullAsync(CancellationToken cancellationToken)
    {
        foreach (var (procedure, kind, name) in wish.Teams.Select(team => ("get_medal_tally", "tally", team)).Concat(wish.Events.Select(name => ("get_score", "score", name))))
        {
            var asked = time.GetTimestamp();
            if (await caller.CallAsync(procedure, [new XmlRpcValue.Text(name)], cancellationToken) is not { } answer)
            {
                return; // The server is away; what else there is to ask is asked at the next moment.
            }

            display.Show($"pull {kind} {name}", ShownValue.Of(answer), time.GetElapsedTime(asked));
        }
    }
}
