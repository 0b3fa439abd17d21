using System.Diagnostics;
using System.Net;
using Stentor.Gateways;

namespace Stentor.Cli.Lab.Readers;

/// <summary>A client that asks for the score again and again, at a steady pace that starts at a random moment.</summary>
/// <param name="poll">From one poll to the next.</param>
internal abstract class PollingReader(TimeSpan poll) : ScoreReader
{
    /// <inheritdoc/>
    public override bool IsPush => false;

    /// <inheritdoc/>
    public override Task StandAsync(CancellationToken cancellationToken) => PollAsync(cancellationToken);

    /// <inheritdoc/>
    public override async Task RunAsync(CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var due = poll * Random.Shared.NextDouble();
        while (true)
        {
            if (due - Stopwatch.GetElapsedTime(start) is var wait && wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, cancellationToken);
            }

            await PollAsync(cancellationToken);

            // A poll that took longer than its turn costs turns, not the pace.
            due += poll * Math.Max(1, Math.Ceiling((Stopwatch.GetElapsedTime(start) - due) / poll));
        }
    }

    /// <summary>Asks once, and shows what it is told.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    protected abstract Task PollAsync(CancellationToken cancellationToken);
}

/// <summary>Polls the channel's state over HTTP, and says which one it has.</summary>
/// <param name="node">The node.</param>
/// <param name="poll">From one poll to the next.</param>
internal sealed class StatePoller(Uri node, TimeSpan poll) : PollingReader(poll)
{
    private HttpCalls? _calls;
    private string? _tag;

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _calls?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override async Task PollAsync(CancellationToken cancellationToken)
    {
        _calls ??= new HttpCalls(node, Traffic);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"/v1/channels/{Channel}", UriKind.Relative));
        if (_tag is not null)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", _tag);
        }

        using var answer = await _calls.SendAsync(request, cancellationToken);
        if (answer.StatusCode != HttpStatusCode.NotModified)
        {
            Show(ScoreJson.OfState(await HttpCalls.ReadJsonAsync(answer, cancellationToken)));
            _tag = answer.Headers.ETag?.ToString();
        }
    }
}

/// <summary>Polls <c>get_score</c> over XML-RPC.</summary>
/// <param name="node">The node.</param>
/// <param name="poll">From one poll to the next.</param>
internal sealed class XmlRpcPoller(Uri node, TimeSpan poll) : PollingReader(poll)
{
    private HttpCalls? _calls;

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _calls?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override async Task PollAsync(CancellationToken cancellationToken)
    {
        _calls ??= new HttpCalls(node, Traffic);
        switch (await _calls.CallAsync("get_score", [new XmlRpcValue.Text(Event)], cancellationToken))
        {
            case XmlRpcValue.Whole score:
                Show(score.Value);
                break;
            case XmlRpcValue.Text { Value: not "" and var error }:
                throw new LabException($"get_score was answered with '{error}'.");
        }
    }
}
