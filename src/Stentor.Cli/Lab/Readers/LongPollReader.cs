namespace Stentor.Cli.Lab.Readers;

/// <summary>Reads the channel's activities by long polls: it asks for what comes next, and the node answers when it is there.</summary>
/// <param name="node">The node.</param>
internal sealed class LongPollReader(Uri node) : ScoreReader
{
    // In seconds; the longest silence before it asks again.
    private const int Wait = 30;

    private HttpCalls? _calls;
    private string _seen = "";

    /// <inheritdoc/>
    public override bool IsPush => true;

    /// <inheritdoc/>
    public override async Task StandAsync(CancellationToken cancellationToken)
    {
        _calls = new HttpCalls(node, Traffic);
        await ReadAsync($"/v1/channels/{Channel}/activities?newest=true&limit=1", cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await ReadAsync($"/v1/channels/{Channel}/activities?after={Uri.EscapeDataString(_seen)}&wait={Wait}", cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _calls?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task ReadAsync(string path, CancellationToken cancellationToken)
    {
        var page = await _calls!.GetJsonAsync(path, cancellationToken); // It stands.
        foreach (var entry in page.GetProperty("activities").EnumerateArray())
        {
            Show(ScoreJson.OfEntry(entry));
        }

        _seen = page.GetProperty("seen").GetString() ?? throw new LabException($"{path} was answered without `seen`.");
    }
}
