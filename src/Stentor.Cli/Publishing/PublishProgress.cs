using Spectre.Console;

namespace Stentor.Cli.Publishing;

/// <summary>Shows how far a run is, on a terminal only.</summary>
internal sealed class PublishProgress : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly CancellationTokenSource _end = new();
    private readonly Task _showing;

    private PublishProgress(Task showing, CancellationTokenSource end) => (_showing, _end) = (showing, end);

    /// <summary>Starts showing.</summary>
    /// <param name="around">Terminal and streams.</param>
    /// <param name="count">How far it is now.</param>
    public static PublishProgress Start(Surroundings around, Func<PublishCount> count)
    {
        var end = new CancellationTokenSource();
        return new PublishProgress(around.ErrorIsTerminal && !around.InIsTerminal ? ShowAsync(around, count, end.Token) : Task.CompletedTask, end);
    }

    /// <summary>Ends it and clears its line.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _showing;
    }

    private static async Task ShowAsync(Surroundings around, Func<PublishCount> count, CancellationToken end)
    {
        // On standard error: outcomes may go to a file meanwhile.
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        var total = TotalBytes(around.In);
        await console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask("publishing", maxValue: total ?? 1);
                task.IsIndeterminate = total is null;
                using var timer = new PeriodicTimer(Interval);
                try
                {
                    while (await timer.WaitForNextTickAsync(end))
                    {
                        var now = count();
                        task.Value = total is null ? 0 : now.Bytes;
                        task.Description = $"{now.Published:N0} published{(now.Failed > 0 ? $", {now.Failed:N0} failed" : "")}";
                    }
                }
                catch (OperationCanceledException)
                {
                    // The run is over; so is the show.
                }
            });
    }

    /// <summary>The input's size when it is a file; null for a pipe.</summary>
    private static double? TotalBytes(Stream input) => input.CanSeek && input.Length > 0 ? input.Length : null;
}
