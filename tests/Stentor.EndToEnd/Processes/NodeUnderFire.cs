namespace Stentor.EndToEnd.Processes;

/// <summary>A node that is killed and started again in the same place while its clients go on.</summary>
/// <param name="directory">Its working directory.</param>
/// <param name="options">Its options.</param>
internal sealed class NodeUnderFire(string directory, params string[] options) : IAsyncDisposable
{
    private TaskCompletionSource<NodeProcess> _up = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private NodeProcess? _node;

    /// <summary>The node, once it listens: after a kill, the next one.</summary>
    public Task<NodeProcess> UpAsync() => _up.Task.WaitAsync(TestContext.Current.CancellationToken);

    /// <summary>Starts it.</summary>
    public async Task<NodeProcess> StartAsync()
    {
        _node = await NodeProcess.StartAsync(directory, like: _node, options);
        _up.SetResult(_node);
        return _node;
    }

    /// <summary>Kills it.</summary>
    public async Task KillAsync()
    {
        _up = new TaskCompletionSource<NodeProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _node!.DisposeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }
    }
}
