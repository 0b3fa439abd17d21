using System.Text.Json;

namespace Stentor.EndToEnd.Processes;

/// <summary>A node in a process of its own, ready to be talked to.</summary>
internal sealed class NodeProcess : CommandProcess
{
    private readonly Task _outReading;
    private readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private NodeProcess(string directory, IEnumerable<string> arguments)
        : base(directory, arguments)
    {
        _outReading = ReadOutAsync();
    }

    /// <summary>Where HTTP is served.</summary>
    public Uri Http { get; private set; } = null!;

    /// <summary>Where frames are served on TCP.</summary>
    public Uri Tcp { get; private set; } = null!;

    /// <summary>Starts a node on free loopback ports and waits until it listens.</summary>
    /// <param name="directory">Its working directory; its data is in <c>data</c> there.</param>
    /// <param name="more">Further options.</param>
    public static Task<NodeProcess> StartAsync(string directory, params string[] more) => StartAsync(directory, like: null, more);

    /// <summary>Starts a node where another one was, so that clients find it again.</summary>
    /// <param name="directory">Its working directory.</param>
    /// <param name="like">The node whose ports it takes; null for free ones.</param>
    /// <param name="more">Further options.</param>
    public static async Task<NodeProcess> StartAsync(string directory, NodeProcess? like, params string[] more)
    {
        string[] arguments =
        [
            "serve", "--json", "--listen", $"http://127.0.0.1:{like?.Http.Port ?? 0}", "--tcp", $"127.0.0.1:{like?.Tcp.Port ?? 0}",
            .. more.Contains("--ephemeral") ? Array.Empty<string>() : ["--data", Path.Combine(directory, "data")],
            .. more,
        ];
        var node = new NodeProcess(directory, arguments);
        try
        {
            await node._listening.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            return node;
        }
        catch (TimeoutException e)
        {
            var condition = node.Condition;
            await node.DisposeAsync();
            throw new InvalidOperationException($"The node did not listen within 60 s; {condition}. It said:\n{node.ErrorText}", e);
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops it gracefully.</summary>
    /// <returns>Its exit code and how long it took.</returns>
    public async Task<(int ExitCode, TimeSpan Took)> StopAsync()
    {
        var started = TimeProvider.System.GetTimestamp();
        Terminate();
        var code = await WaitAsync(TestContext.Current.CancellationToken);
        return (code, TimeProvider.System.GetElapsedTime(started));
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _outReading;
    }

    private async Task ReadOutAsync()
    {
        while (await Out.ReadLineAsync() is { } line)
        {
            using var json = JsonDocument.Parse(line);
            var address = new Uri(json.RootElement.GetProperty("listening").GetString()!);
            if (json.RootElement.GetProperty("kind").GetString() == "http")
            {
                Http = address;
            }
            else
            {
                Tcp = address;
            }

            if (Http is not null && Tcp is not null)
            {
                _listening.TrySetResult();
            }
        }

        _listening.TrySetException(new InvalidOperationException($"The node ended before it listened:\n{ErrorText}"));
    }
}
