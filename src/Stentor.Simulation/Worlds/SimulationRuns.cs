using System.Diagnostics;
using System.Globalization;

namespace Stentor.Simulation;

/// <summary>Many seeds, several at once. Each world has one thread; worlds share nothing.</summary>
public static class SimulationRuns
{
    /// <summary>Runs seeds.</summary>
    /// <param name="options">What all of them are made from, but for the seed.</param>
    /// <param name="first">The first seed.</param>
    /// <param name="last">The last seed.</param>
    /// <param name="workers">How many at once.</param>
    /// <param name="onResult">Told of each result, one at a time, in the order in which they are done.</param>
    /// <param name="cancellationToken">Ends it between two seeds.</param>
    public static void Run(
        SimulationOptions options, ulong first, ulong last, int workers, Action<SimulationResult> onResult, CancellationToken cancellationToken)
    {
        var gate = new Lock();
        var next = first;
        var isOver = false;
        void Work()
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                ulong seed;
                lock (gate)
                {
                    if (isOver)
                    {
                        return;
                    }

                    seed = next;
                    isOver = next == last;
                    next++;
                }

                var result = Simulator.Run(options with { Seed = seed });
                lock (gate)
                {
                    onResult(result);
                }
            }
        }

        var threads = Enumerable.Range(0, workers).Select(number => new Thread(Work) { Name = string.Create(CultureInfo.InvariantCulture, $"simulated world {number}"), IsBackground = true }).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
    }
}

/// <summary>What many seeds came to. One owner.</summary>
public sealed class SimulationSummary
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private TimeSpan _virtual;
    private long _entries;
    private long _steps;
    private long _faults;
    private long _crashes;
    private int _seeds;

    /// <summary>How many seeds broke an invariant.</summary>
    public int Failed { get; private set; }

    /// <summary>Takes a result in.</summary>
    /// <param name="result">The result.</param>
    public void Add(SimulationResult result)
    {
        _seeds++;
        _virtual += result.VirtualTime;
        _entries += result.Entries;
        _steps += result.Steps;
        _faults += result.Faults;
        _crashes += result.Crashes;
        Failed += result.Violation is null ? 0 : 1;
    }

    /// <summary>One line for people.</summary>
    public string ToText()
    {
        var seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{_seeds} seeds, {Failed} failed; {_entries} entries, {_steps} steps, {_faults} faults, {_crashes} crashes and {_virtual.TotalHours:0.0} hours of virtual time in {seconds:0} s ({_virtual.TotalSeconds / seconds:0} virtual seconds a second).");
    }
}
