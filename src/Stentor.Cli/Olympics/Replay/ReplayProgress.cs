using Spectre.Console;

namespace Stentor.Cli.Olympics.Replay;

/// <summary>Shows how far a replay is and how long it will take, on a terminal only.</summary>
internal sealed class ReplayProgress : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly CancellationTokenSource _end;
    private readonly Task _showing;

    private ReplayProgress(Task showing, CancellationTokenSource end) => (_showing, _end) = (showing, end);

    /// <summary>Starts showing.</summary>
    /// <param name="around">Terminal and streams.</param>
    /// <param name="played">How many medals are played now.</param>
    /// <param name="all">How many there are.</param>
    public static ReplayProgress Start(Surroundings around, Func<int> played, int all)
    {
        var end = new CancellationTokenSource();
        return new ReplayProgress(around.ErrorIsTerminal ? ShowAsync(played, all, end.Token) : Task.CompletedTask, end);
    }

    /// <summary>Ends it and clears its line.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _showing;
        _end.Dispose();
    }

    private static async Task ShowAsync(Func<int> played, int all, CancellationToken end)
    {
        // On standard error: the table may go to a file.
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        await console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask("medals", maxValue: Math.Max(1, all));
                using var timer = new PeriodicTimer(Interval);
                try
                {
                    while (await timer.WaitForNextTickAsync(end))
                    {
                        task.Value = played();
                    }
                }
                catch (OperationCanceledException)
                {
                    // The run is over; so is the show.
                }
            });
    }
}
