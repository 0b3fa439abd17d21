using System.Text;
using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Simulation;
using Stentor.Storage;

namespace Stentor.Node.Tests;

/// <summary>A node over a simulated disk.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    /// <summary>Longest wait for anything: far more than it takes, so that only a fault reaches it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public TestNode(IDisk? disk = null, NodeOptions? options = null, TimeProvider? time = null, long retainBytes = 0, int segmentBytes = 256 * 1024)
    {
        var store = new StoreOptions { Region = "eu", Incarnation = 0x7f3a, SegmentBytes = segmentBytes, RetainBytes = retainBytes };
        Node = StentorNode.Start(disk ?? new SimulatedDisk(), store, options ?? new NodeOptions(), time ?? TimeProvider.System, FaultLogs.Instance);
    }

    public StentorNode Node { get; }

    public static PublishBody Body(string json) => PublishBody.Parse(Encoding.UTF8.GetBytes(json), Limits.Default);

    /// <summary>An activity with a number in it, and as many bytes as asked for.</summary>
    public static PublishBody Numbered(int number, int padding = 0) => Body($$$"""{"activity":{"n":{{{number}}},"pad":"{{{new string('x', padding)}}}"}}""");

    /// <summary>Waits until the spare segment is made, which happens in the background: a disk that is told to fail must not fail that in place of a commit.</summary>
    public static void AwaitSpare(IDisk disk) => Assert.True(SpinWait.SpinUntil(() => disk.List().Contains("spare.seg"), Patience), "No spare segment was made.");

    public async Task<Outcome> PublishAsync(string channel, PublishBody body, string author = "ann") =>
        await Node.PublishAsync(channel, author, body, CancellationToken.None).AsTask().WaitAsync(Patience);

    /// <summary>Publishes numbered activities, all handed over at once, and waits for the last outcome.</summary>
    public async Task PublishAsync(string channel, int from, int count, int padding = 0)
    {
        var last = Task.CompletedTask;
        for (var i = 0; i < count; i++)
        {
            last = Node.PublishAsync(channel, "ann", Numbered(from + i, padding), CancellationToken.None).AsTask();
        }

        await last.WaitAsync(Patience);
    }

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}

/// <summary>Logs that make a test fail by what should not happen: a fault that the hub swallowed shows on the console.</summary>
internal sealed class FaultLogs : ILoggerFactory, ILogger
{
    public static readonly FaultLogs Instance = new();

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
        // There is one.
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (exception is not null)
        {
            Console.Error.WriteLine($"{eventId.Id} {formatter(state, exception)} {exception}");
        }
    }

    public void Dispose()
    {
        // Nothing to give back.
    }
}
