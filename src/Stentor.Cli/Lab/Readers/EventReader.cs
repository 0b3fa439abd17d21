using System.Text.Json;

namespace Stentor.Cli.Lab.Readers;

/// <summary>Reads Server-Sent Events.</summary>
/// <param name="node">The node.</param>
internal sealed class EventReader(Uri node) : ScoreReader
{
    private HttpCalls? _calls;
    private HttpResponseMessage? _answer;
    private StreamReader? _lines;

    /// <inheritdoc/>
    public override bool IsPush => true;

    /// <inheritdoc/>
    public override async Task StandAsync(CancellationToken cancellationToken)
    {
        _calls = new HttpCalls(node, Traffic);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"/v1/stream?channels={Channel}", UriKind.Relative));
        _answer = await _calls.SendAsync(request, cancellationToken);
        _lines = new StreamReader(await _answer.Content.ReadAsStreamAsync(cancellationToken));

        // The first block tells where the stream starts.
        while (!(await NextAsync(cancellationToken)).StartsWith("id:", StringComparison.Ordinal))
        {
            // What stands before it is about reconnecting.
        }
    }

    /// <inheritdoc/>
    public override async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var line = await NextAsync(cancellationToken);
            if (line.StartsWith("data:", StringComparison.Ordinal))
            {
                Traffic.CallIn();
                Show(ScoreJson.OfEntry(JsonSerializer.Deserialize(line.AsSpan(5), CommandJson.Default.JsonElement)));
            }
        }
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _lines?.Dispose();
        _answer?.Dispose();
        _calls?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<string> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _lines!.ReadLineAsync(cancellationToken) ?? throw new LabException("The node ended the stream of events."); // It stands.
        }
        catch (IOException e)
        {
            throw new LabException($"The stream of events broke: {e.Message}", e);
        }
    }
}
