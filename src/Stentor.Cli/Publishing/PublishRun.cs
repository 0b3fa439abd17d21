using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Stentor.Cli.Clients;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Publishing;

/// <summary>Publishes standard input, line by line: pipelined, with progress on a terminal, and with every line's outcome accounted for.</summary>
/// <param name="client">The client.</param>
/// <param name="around">Streams.</param>
/// <param name="json">Whether outcomes are printed.</param>
internal sealed class PublishRun(StentorClient client, Surroundings around, bool json)
{
    // Whoever presses Ctrl-C wants to be gone, but also to know what was recorded.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly ConcurrentQueue<Taken> _taken = new();
    private readonly OutputLines _output = new(around.Out);
    private readonly OutcomeJson _outcomes = new();
    private long _bytes;
    private int _published;
    private int _failed;
    private int _short;

    /// <summary>Publishes until the input ends.</summary>
    /// <param name="read">Reads a line.</param>
    /// <param name="cancellationToken">Ends the reading; what is on its way is waited for, for a few seconds.</param>
    /// <returns>Done when every line was recorded.</returns>
    public async Task<int> RunAsync(Func<ReadOnlyMemory<byte>, Publish> read, CancellationToken cancellationToken)
    {
        if (around is { InIsTerminal: true, ErrorIsTerminal: true })
        {
            await around.Error.WriteLineAsync("Type activities, one a line; Ctrl-D ends.");
        }

        var started = Stopwatch.GetTimestamp();
        using var patience = new CancellationTokenSource();
        await using var grace = cancellationToken.Register(() => patience.CancelAfter(Grace));
        await using var progress = PublishProgress.Start(around, () => new PublishCount(_published, _failed, Interlocked.Read(ref _bytes)));
        try
        {
            var results = client.PublishAsync(PublishesAsync(read, cancellationToken), patience.Token).GetAsyncEnumerator(patience.Token);
            await using (results)
            {
                while (true)
                {
                    var next = results.MoveNextAsync();
                    if (!next.IsCompleted && _output.IsPending)
                    {
                        // Nothing more is there right now: who reads our output need not wait for it.
                        _output.Flush();
                    }

                    if (!await next)
                    {
                        break;
                    }

                    OnResult(results.Current);
                }
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            await around.Error.WriteLineAsync($"{_taken.Count} lines were on their way and may be recorded or not.");
        }

        OnRefused();
        _output.Flush();
        await progress.DisposeAsync();
        var took = Stopwatch.GetElapsedTime(started);
        await around.Error.WriteLineAsync(
            $"{_published:N0} published, {_failed:N0} failed in {took.TotalSeconds:0.00} s ({_published / Math.Max(took.TotalSeconds, 0.001):N0}/s){(cancellationToken.IsCancellationRequested ? "; interrupted" : "")}");
        if (_short > 0)
        {
            await around.Error.WriteLineAsync($"Known to be on disk in fewer regions than asked for: {_short:N0}. The others get them when they can; nothing need be done.");
        }

        return _failed == 0 && !cancellationToken.IsCancellationRequested ? ExitCode.Done : ExitCode.Failed;
    }

    private async IAsyncEnumerable<Publish> PublishesAsync(Func<ReadOnlyMemory<byte>, Publish> read, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (number, line) in InputLines.ReadAsync(around.In, count => Interlocked.Add(ref _bytes, count), cancellationToken))
        {
            Publish? publish = null;
            try
            {
                publish = read(line);
            }
            catch (ProtocolException e)
            {
                _taken.Enqueue(new Taken(number, Copies: 0, e));
            }

            if (publish is not null)
            {
                _taken.Enqueue(new Taken(number, publish.Copies, Refused: null));
                yield return publish;
            }
        }
    }

    /// <summary>Results come in the order in which lines were handed over; lines that were refused here stand between them.</summary>
    private void OnResult(PublishResult result)
    {
        OnRefused();
        _taken.TryDequeue(out var taken);
        if (result.Error is { } error)
        {
            OnFailed(taken.Line, error.Type, error.Detail);
            return;
        }

        var outcome = result.Outcome!; // Either an error or an outcome.
        _published++;
        _short += outcome.Copies < taken.Copies ? 1 : 0;
        if (json)
        {
            _output.Add(_outcomes.Line(outcome));
        }
    }

    private void OnRefused()
    {
        while (_taken.TryPeek(out var taken) && taken.Refused is { } refused)
        {
            _taken.TryDequeue(out _);
            OnFailed(taken.Line, refused.Type, refused.Message);
        }
    }

    private void OnFailed(int line, string type, string detail)
    {
        _failed++;
        around.Error.WriteLine($"line {line}: {type}: {detail}");
        if (json)
        {
            _output.Add(_outcomes.Line(line, type, detail));
        }
    }

    /// <summary>A line that was read.</summary>
    /// <param name="Line">Its number.</param>
    /// <param name="Copies">In how many regions it is to be on disk.</param>
    /// <param name="Refused">Why it was not even sent; null when it was.</param>
    private readonly record struct Taken(int Line, int Copies, ProtocolException? Refused);
}

/// <summary>How far a run is.</summary>
/// <param name="Published">Lines that are recorded.</param>
/// <param name="Failed">Lines that are not.</param>
/// <param name="Bytes">Bytes of input taken.</param>
internal readonly record struct PublishCount(int Published, int Failed, long Bytes);
