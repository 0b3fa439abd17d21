using System.Text.Json;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Regions;

/// <summary>A region of one node in a process of its own, that can be killed, stopped, started again, and lose its disk.</summary>
/// <param name="name">The region's name.</param>
/// <param name="directory">Its working directory; made when it is started.</param>
/// <param name="secretFile">The file with the cluster's secret.</param>
internal sealed class RegionProcess(string name, string directory, string secretFile) : IAsyncDisposable
{
    private const int SigStop = 19;
    private const int SigCont = 18;

    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromSeconds(20) };

    private NodeProcess? _node;

    /// <summary>The region's name.</summary>
    public string Name => name;

    /// <summary>The stretches of network over which it dials its neighbours.</summary>
    public List<LinkProxy> Links { get; } = [];

    /// <summary>Its node; null while it is down.</summary>
    public NodeProcess? Up => Volatile.Read(ref _node);

    /// <summary>Its node, which must be up.</summary>
    public NodeProcess Node => Up ?? throw new InvalidOperationException($"{name} is down.");

    /// <summary>Its directory.</summary>
    public string Data => Path.Combine(directory, "data");

    /// <summary>Everything that its processes said that ended.</summary>
    public string FormerErrorText { get; private set; } = "";

    /// <summary>All that its processes said.</summary>
    public string ErrorText => FormerErrorText + Up?.ErrorText;

    /// <summary>Starts it where it was, and waits until it listens: it may not be ready then.</summary>
    public async Task StartAsync()
    {
        Directory.CreateDirectory(directory);
        string[] options =
        [
            "--region", name, "--cluster-secret-file", secretFile, "--rate-limits", "off",
            .. Links.SelectMany(link => (string[])["--link", $"ws://127.0.0.1:{link.Port}"]),
        ];
        Volatile.Write(ref _node, await NodeProcess.StartAsync(directory, options));
    }

    /// <summary>Ends it at once, as a crash does.</summary>
    public async Task KillAsync()
    {
        var node = Node;
        Volatile.Write(ref _node, null);
        await node.DisposeAsync();
        FormerErrorText += node.ErrorText;
    }

    /// <summary>Its process stands still, its connections stay open.</summary>
    public void Stop() => Node.Signal(SigStop);

    /// <summary>Its process goes on.</summary>
    public void Continue() => Up?.Signal(SigCont);

    /// <summary>Its disk is gone.</summary>
    public void RemoveData() => Directory.Delete(Data, recursive: true);

    /// <summary>Asks it, as nobody in particular.</summary>
    /// <param name="path">Path and query.</param>
    /// <returns>The answer's status and body.</returns>
    public async Task<(int Status, string Text)> AskAsync(string path)
    {
        var node = Node;
        try
        {
            using var answer = await Client.GetAsync(new Uri(node.Http, path), TestContext.Current.CancellationToken);
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
        catch (HttpRequestException e)
        {
            // The newest first: where output is cut, it is cut at its end.
            var lines = ErrorText.Split('\n', StringSplitOptions.RemoveEmptyEntries).Reverse();
            throw new InvalidOperationException($"{name} does not answer {path}: {e.Message}; {node.Condition}. What it said, the last first:\n{string.Join('\n', lines)}", e);
        }
    }

    /// <summary>Asks for what must be there.</summary>
    /// <param name="path">Path and query.</param>
    public async Task<string> GetAsync(string path)
    {
        var (status, text) = await AskAsync(path);
        Assert.True(status == 200, $"{name} answered {path} with {status}: {text}");
        return text;
    }

    /// <summary>How it is.</summary>
    public async Task<RegionView> ViewAsync()
    {
        using var json = JsonDocument.Parse(await GetAsync("v1/cluster"));
        var root = json.RootElement;
        return new RegionView(
            root.GetProperty("origin").GetString()!,
            root.GetProperty("ready").GetBoolean(),
            root.GetProperty("vector").EnumerateObject().ToDictionary(part => part.Name, part => part.Value.GetInt64()),
            root.GetProperty("waitingRoom").GetProperty("entries").GetInt32(),
            root.GetProperty("links").EnumerateArray().Count(link => link.GetProperty("state").GetString() == "open"),
            root.GetRawText());
    }

    /// <summary>Waits until it takes publishes.</summary>
    /// <param name="patience">Longest wait.</param>
    public async Task WaitUntilReadyAsync(TimeSpan patience)
    {
        var end = TimeProvider.System.GetTimestamp() + (long)(patience.TotalSeconds * TimeProvider.System.TimestampFrequency);
        while ((await AskAsync("healthz/ready")).Status != 200)
        {
            if (TimeProvider.System.GetTimestamp() > end)
            {
                Assert.Fail($"{name} was not ready within {patience.TotalSeconds} s: {await GetAsync("v1/cluster")}\n{ErrorText}");
            }

            // Readiness is asked for: it has no signal that comes by itself.
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Up is { } node)
        {
            await node.DisposeAsync();
        }
    }
}

/// <summary>What a region says of itself.</summary>
/// <param name="Origin">Its origin.</param>
/// <param name="IsReady">Whether it takes publishes.</param>
/// <param name="Vector">Its version vector.</param>
/// <param name="Waiting">How many entries are in its waiting room.</param>
/// <param name="OpenLinks">How many of its links are open.</param>
/// <param name="Text">All of it.</param>
internal sealed record RegionView(string Origin, bool IsReady, Dictionary<string, long> Vector, int Waiting, int OpenLinks, string Text)
{
    /// <summary>The version vector in one form.</summary>
    public string VectorText => string.Join(' ', Vector.OrderBy(part => part.Key, StringComparer.Ordinal).Select(part => $"{part.Key}:{part.Value}"));
}
