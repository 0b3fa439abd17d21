using Stentor.Client;

namespace Stentor.Cli.Demos;

/// <summary>Where a demonstration plays: what it starts here ends with it.</summary>
/// <param name="around">What the command finds around it.</param>
/// <param name="time">The clock.</param>
internal sealed class Stage(Surroundings around, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Longest wait for anything that should happen at once or after a known while: many times what it takes on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly List<IAsyncDisposable> _props = [];
    private string? _directory;

    /// <summary>The clock.</summary>
    public TimeProvider Time => time;

    /// <summary>Tells what happens.</summary>
    public Narrator Narrator { get; } = new(around, time);

    /// <summary>What is promised.</summary>
    public Checks Checks => field ??= new Checks(Narrator);

    /// <summary>A directory of the demonstration's own, gone at its end.</summary>
    public string Directory => _directory ??= System.IO.Directory.CreateTempSubdirectory("stentor-demo-").FullName;

    /// <summary>Has something disposed of at the end; what was added last goes first.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="prop">The thing.</param>
    public T Add<T>(T prop)
        where T : IAsyncDisposable
    {
        _props.Add(prop);
        return prop;
    }

    /// <summary>Starts a node in a process of its own, in memory, and waits until it listens.</summary>
    /// <param name="region">Its region.</param>
    /// <param name="port">Its port; 0 for a free one.</param>
    /// <param name="options">Further options of <c>serve</c>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="command">Which command is the node; <c>serve</c> unless it is said.</param>
    public async Task<DemoNode> StartNodeAsync(string region, int port, IEnumerable<string> options, CancellationToken cancellationToken, IReadOnlyList<string>? command = null)
    {
        var node = Add(DemoNode.Start(Directory, region, port, data: null, options, command));
        await node.WaitUntilListeningAsync(Patience, cancellationToken);
        return node;
    }

    /// <summary>A client of a node, without an account.</summary>
    /// <param name="node">The node.</param>
    public StentorClient NewClient(DemoNode node) => Add(new StentorClient(new StentorClientOptions
    {
        Addresses = [node.Address],
        ClientName = "stentor-demo",
        RequestDeadline = Patience,
        PublishDeadline = Patience,
        ReconnectDeadline = Patience,
    }));

    /// <summary>Waits until something is so.</summary>
    /// <param name="what">What should be so, for the case that it does not come.</param>
    /// <param name="isSo">Looks.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task UntilAsync(string what, Func<CancellationToken, Task<bool>> isSo, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        while (!await isSo(cancellationToken))
        {
            if (time.GetElapsedTime(start) > Patience)
            {
                throw new DemoException($"This did not come true within {Patience.TotalSeconds:0} s: {what}.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellationToken);
        }
    }

    /// <summary>Ends what was started so far: the next act has the stage for itself.</summary>
    public async Task ClearAsync()
    {
        for (var i = _props.Count - 1; i >= 0; i--)
        {
            await _props[i].DisposeAsync();
        }

        _props.Clear();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ClearAsync();
        if (_directory is not null)
        {
            System.IO.Directory.Delete(_directory, recursive: true);
        }
    }
}
