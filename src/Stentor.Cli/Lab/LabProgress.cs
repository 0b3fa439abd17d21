using Spectre.Console;
using Stentor.Cli.Clients;

namespace Stentor.Cli.Lab;

/// <summary>Shows how far the lab is: a bar with the time left on a terminal, lines otherwise.</summary>
internal sealed class LabProgress : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly Surroundings _around;
    private readonly TimeProvider _time;
    private readonly int _count;
    private readonly TimeSpan _each;
    private readonly IAnsiConsole? _console;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _showing;
    private readonly long _started;
    private int _done;
    private long _since;
    private volatile string _now = "";

    /// <summary>Starts showing.</summary>
    /// <param name="around">Terminal and streams.</param>
    /// <param name="count">How many combinations there are.</param>
    /// <param name="each">How long one takes, about.</param>
    /// <param name="time">The clock.</param>
    public LabProgress(Surroundings around, int count, TimeSpan each, TimeProvider time)
    {
        (_around, _count, _each, _time, _started) = (around, count, each, time, time.GetTimestamp());
        _console = around.ErrorIsTerminal ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }) : null;
        _showing = _console is null ? Task.CompletedTask : ShowAsync(_console);
    }

    /// <summary>A combination begins.</summary>
    /// <param name="combination">Which one.</param>
    public void Begin(Combination combination)
    {
        _now = combination.ToString();
        Volatile.Write(ref _since, _time.GetTimestamp());
    }

    /// <summary>A combination is done.</summary>
    public void End()
    {
        Volatile.Write(ref _done, _done + 1);
        if (_console is null)
        {
            _around.Error.WriteLine(Line(_done, _count, _time.GetElapsedTime(_started)));
            _around.Error.Flush();
        }
    }

    /// <summary>A line of the output. Where both go to a terminal, it stands above the bar.</summary>
    /// <param name="line">The line.</param>
    public void Print(string line)
    {
        if (_console is not null && _around.OutIsTerminal)
        {
            _console.WriteLine(line);
            return;
        }

        var output = new OutputLines(_around.Out);
        output.Add(line);
        output.Flush();
    }

    /// <summary>How far it is, as a line.</summary>
    /// <param name="done">How many are done; at least one.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="elapsed">How long it took.</param>
    public static string Line(int done, int count, TimeSpan elapsed)
    {
        var left = elapsed / done * (count - done);
        return done == count
            ? $"{done} of {count} done."
            : $"{done} of {count} done, about {(left.TotalSeconds < 90 ? $"{left.TotalSeconds:0} s" : $"{left.TotalMinutes:0} min")} left.";
    }

    /// <summary>Ends it and clears its line.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _showing;
        _end.Dispose();
    }

    private Task ShowAsync(IAnsiConsole console) => console.Progress().AutoClear(true)
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
        .StartAsync(async context =>
        {
            var task = context.AddTask("starting", maxValue: _count);
            using var timer = new PeriodicTimer(Interval);
            try
            {
                while (await timer.WaitForNextTickAsync(_end.Token))
                {
                    // The one that runs counts by its time, and is not done before it is.
                    var part = Volatile.Read(ref _since) is var since && since == 0 ? 0 : Math.Min(0.99, _time.GetElapsedTime(since) / _each);
                    task.Value = Volatile.Read(ref _done) + part;
                    task.Description = Markup.Escape(_now);
                }
            }
            catch (OperationCanceledException)
            {
                // The lab is done; so is the show.
            }
        });
}
