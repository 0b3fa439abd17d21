using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Stentor.Cli.Demos;

/// <summary>
/// A node of a demonstration: this very program as <c>serve</c>, in a process of its own. It ends when its input does, so it cannot outlive the demonstration,
/// whatever ends that.
/// </summary>
internal sealed class DemoNode : IAsyncDisposable
{
    // A node stops within ten seconds; one in memory with a handful of entries, in a fraction of one.
    private static readonly TimeSpan StopWait = TimeSpan.FromSeconds(10);

    private const int MessagesMax = 20;

    private static readonly string[] Serve = ["serve"];

    private readonly Process _process;
    private readonly TaskCompletionSource<Uri> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Uri> _streaming = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<string> _messages = new();
    private readonly Task _reading;

    private DemoNode(string region, Process process)
    {
        (Region, _process) = (region, process);
        _reading = ReadOutAsync(ReadErrorAsync());
    }

    /// <summary>Its region.</summary>
    public string Region { get; }

    /// <summary>Its process.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Where it listens, once <see cref="WaitUntilListeningAsync"/> has returned.</summary>
    public Uri Address => _listening.Task.Result;

    /// <summary>Completes when it has ended, by whatever cause.</summary>
    public Task Ended => _reading;

    /// <summary>What it complained about last, oldest first.</summary>
    public IReadOnlyList<string> Messages
    {
        get
        {
            lock (_messages)
            {
                return [.. _messages];
            }
        }
    }

    /// <summary>Starts one.</summary>
    /// <param name="directory">Its working directory, where no settings lie.</param>
    /// <param name="region">Its region.</param>
    /// <param name="port">Its port on loopback; 0 for a free one.</param>
    /// <param name="data">Where it keeps what it knows; null for nowhere, in memory.</param>
    /// <param name="options">Further options of <c>serve</c>.</param>
    /// <param name="command">Which command is the node; <c>serve</c> unless it is said.</param>
    public static DemoNode Start(string directory, string region, int port, string? data, IEnumerable<string> options, IReadOnlyList<string>? command = null)
    {
        var start = ThisProgram(directory,
        [
            .. command ?? Serve, .. data is null ? ["--ephemeral"] : (string[])["--data", data], "--json", "--stop-with-input", "--log-level", "warn", "--region", region,
            "--listen", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"), .. options,
        ]);
        try
        {
            return new DemoNode(region, Process.Start(start) ?? throw new DemoException($"The node of {region} could not be started."));
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new DemoException($"The node of {region} could not be started: {e.Message}");
        }
    }

    /// <summary>Waits until it listens.</summary>
    /// <param name="patience">Longest wait.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task WaitUntilListeningAsync(TimeSpan patience, CancellationToken cancellationToken) => WaitAsync(_listening.Task, patience, cancellationToken);

    /// <summary>Waits until it serves the Activity Streamer protocol, which its options must ask for.</summary>
    /// <param name="patience">Longest wait.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Where.</returns>
    public Task<Uri> WaitUntilStreamingAsync(TimeSpan patience, CancellationToken cancellationToken) => WaitAsync(_streaming.Task, patience, cancellationToken);

    /// <summary>Kills it, as <c>kill -9</c> does, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _reading;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(_process);
        await _reading;
        _process.Dispose();
    }

    /// <summary>Ends a process that ends when its input does; kills it when it takes too long.</summary>
    /// <param name="process">The process, its input redirected.</param>
    internal static async Task StopAsync(Process process)
    {
        try
        {
            process.StandardInput.Close();
            using var patience = new CancellationTokenSource(StopWait);
            await process.WaitForExitAsync(patience.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            process.Kill();
        }
    }

    /// <summary>How this program is started once more, by itself or by the `dotnet` that runs it, with its streams at hand and without the user's settings.</summary>
    /// <param name="directory">Its working directory, where no settings lie.</param>
    /// <param name="arguments">Command and options.</param>
    internal static ProcessStartInfo ThisProgram(string directory, IEnumerable<string> arguments)
    {
        var path = Environment.ProcessPath ?? throw new DemoException("It cannot be told which program this is.");
        var start = new ProcessStartInfo(path, [.. Path.GetFileNameWithoutExtension(path) == "dotnet" ? (string[])[typeof(DemoNode).Assembly.Location] : [], .. arguments])
        {
            WorkingDirectory = directory,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // The user's settings are for the user's node.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith(CommandLine.Settings.Prefix, StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        return start;
    }

    private async Task<Uri> WaitAsync(Task<Uri> listening, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            return await listening.WaitAsync(patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new DemoException($"The node of {Region} did not listen within {patience.TotalSeconds:0} s. {LastWords()}".TrimEnd());
        }
    }

    private string LastWords() => Messages.Count == 0 ? "" : $"It said:\n{string.Join('\n', Messages)}";

    private async Task ReadOutAsync(Task error)
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var listener = JsonSerializer.Deserialize(line, CommandJson.Default.ListeningLine);
            if (listener is { Kind: "http" or "activity-streamer" })
            {
                (listener.Kind == "http" ? _listening : _streaming).TrySetResult(new Uri(listener.Listening));
            }
        }

        await error; // Its last words may come after its output has ended.
        var end = new DemoException($"The node of {Region} ended before it listened. {LastWords()}".TrimEnd());
        _listening.TrySetException(end);
        _streaming.TrySetException(end);
    }

    private async Task ReadErrorAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_messages)
            {
                if (_messages.Count == MessagesMax)
                {
                    _messages.Dequeue();
                }

                _messages.Enqueue(MessageOf(line));
            }
        }
    }

    /// <summary>The message of a log line; a line that is none, as it is.</summary>
    private static string MessageOf(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, CommandJson.Default.LogLine)?.Message ?? line;
        }
        catch (JsonException)
        {
            return line;
        }
    }
}
