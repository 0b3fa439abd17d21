using System.Diagnostics;

namespace Stentor.Cli.Lab.Readers;

/// <summary>A client that shows a score: it keeps which one it showed when.</summary>
internal abstract class ScoreReader : IAsyncDisposable
{
    /// <summary>The event whose score is read.</summary>
    protected const string Event = "Stone Curling";

    /// <summary>Its channel.</summary>
    protected const string Channel = "scores.stone-curling";

    private readonly Lock _lock = new();
    private readonly List<Moment> _shown = [];

    /// <summary>Whether the node sends it each update.</summary>
    public abstract bool IsPush { get; }

    /// <summary>What goes over its connections.</summary>
    public Traffic Traffic { get; } = new();

    /// <summary>The number of the newest write that it showed; 0 before the first.</summary>
    public long Newest
    {
        get
        {
            lock (_lock)
            {
                return _shown.Count == 0 ? 0 : _shown[^1].Number;
            }
        }
    }

    /// <summary>What it showed, each write when it was the newest for the first time.</summary>
    public IReadOnlyList<Moment> Shown
    {
        get
        {
            lock (_lock)
            {
                return [.. _shown];
            }
        }
    }

    /// <summary>Connects; when it returns, what is written from now on will be shown.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LabException">The node refuses.</exception>
    public abstract Task StandAsync(CancellationToken cancellationToken);

    /// <summary>Shows scores until it is cancelled.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LabException">The node refuses, or ends the conversation.</exception>
    public abstract Task RunAsync(CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();

    /// <summary>Shows a score; one that is older than what is shown does not come again.</summary>
    /// <param name="number">The score: the number of its write; 0 for none.</param>
    protected void Show(long number)
    {
        var now = Stopwatch.GetTimestamp();
        lock (_lock)
        {
            if (number > (_shown.Count == 0 ? 0 : _shown[^1].Number))
            {
                _shown.Add(new Moment(number, now));
            }
        }
    }
}
