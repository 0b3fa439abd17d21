using Stentor.Client;

namespace Stentor.Cli.Demos.Causality;

/// <summary>Someone who reads in a region, and remembers what was shown there in which order. Any thread may ask.</summary>
internal sealed class Reader : IAsyncDisposable
{
    private readonly Subscription _subscription;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly List<Shown> _shown = [];
    private readonly Narrator _narrator;
    private readonly Action<Shown> _onShown;
    private Task _reading = Task.CompletedTask;
    private Exception? _fault;

    private Reader(Subscription subscription, Narrator narrator, Action<Shown> onShown) => (_subscription, _narrator, _onShown) = (subscription, narrator, onShown);

    /// <summary>What was shown, in its order.</summary>
    public IReadOnlyList<Shown> All
    {
        get
        {
            lock (_lock)
            {
                return _fault is null ? [.. _shown] : throw new DemoException($"A reader was cut off: {_fault.Message}");
            }
        }
    }

    /// <summary>Starts to read.</summary>
    /// <param name="client">A client of the region.</param>
    /// <param name="channel">What is read.</param>
    /// <param name="narrator">Its clock says when something was shown.</param>
    /// <param name="onShown">Told of each; on the reader's thread.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<Reader> OpenAsync(StentorClient client, string channel, Narrator narrator, Action<Shown> onShown, CancellationToken cancellationToken)
    {
        var reader = new Reader(client.Subscribe(channel, new SubscribeOptions { After = SubscribeOptions.Start, OnGap = _ => { } }), narrator, onShown);
        await reader._subscription.OpenAsync(cancellationToken);
        reader._reading = reader.ReadAsync();
        return reader;
    }

    /// <summary>What was shown first with this content; null when it was not.</summary>
    /// <param name="content">The content.</param>
    public Shown? Find(string content) => All.FirstOrDefault(shown => shown.Content == content);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _reading;
        await _subscription.DisposeAsync();
        _end.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (var received in _subscription.WithCancellation(_end.Token))
            {
                if (Shown.Read(received, _narrator.Elapsed) is { } shown)
                {
                    _onShown(shown);
                    lock (_lock)
                    {
                        _shown.Add(shown);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The play is over.
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                _fault = e;
            }
        }
    }
}
