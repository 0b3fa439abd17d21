using System.Diagnostics;
using Stentor.Cli.Lab.Readers;
using Stentor.Client;

namespace Stentor.Cli.Lab;

/// <summary>Writes scores at an exact pace over one connection. Each write's score is its number, so that whoever shows it knows which write it shows.</summary>
/// <param name="client">As whom it writes.</param>
/// <param name="channel">The channel of the event.</param>
/// <param name="perSecond">How many a second.</param>
internal sealed class ScoreWriter(StentorClient client, string channel, int perSecond)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _count;

    /// <summary>The number of the last write; 0 before the first.</summary>
    public long Last => _count;

    /// <summary>
    /// Writes so many, each when it is due by the pace from the first one on, however long it took to write those before; and waits until the next one would be due.
    /// </summary>
    /// <param name="count">How many.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>When each was written: the moment before it was sent.</returns>
    public async Task<IReadOnlyList<Moment>> WriteAsync(int count, CancellationToken cancellationToken)
    {
        var writes = new List<Moment>(count);
        var outcomes = new List<Task>(count);
        for (var i = 0; i < count; i++)
        {
            await UntilDueAsync(cancellationToken);
            _count++;
            writes.Add(new Moment(_count, Stopwatch.GetTimestamp()));
            outcomes.Add(client.PublishAsync(Score(channel, _count), cancellationToken));
        }

        await UntilDueAsync(cancellationToken);
        await Task.WhenAll(outcomes);
        return writes;
    }

    /// <summary>What writes a score.</summary>
    /// <param name="channel">The channel of the event.</param>
    /// <param name="number">The score.</param>
    public static Publish Score(string channel, long number) => Publish.Of(channel, new EffectBuilder().Set(ScoreJson.Field, number).Build());

    private async Task UntilDueAsync(CancellationToken cancellationToken)
    {
        var due = TimeSpan.FromSeconds((double)_count / perSecond);
        if (due - Stopwatch.GetElapsedTime(_start) is var wait && wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, cancellationToken);
        }
    }
}
