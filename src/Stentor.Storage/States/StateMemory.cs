namespace Stentor.Storage;

/// <summary>
/// A state database in memory that outlives the store that uses it: what a file is to a process that crashes. What was check-pointed is there when the
/// next store is opened with it, and nothing else. One store at a time.
/// </summary>
public sealed class StateMemory : IDisposable
{
    /// <summary>The database.</summary>
    internal StateDatabase Database { get; } = StateDatabase.Open(path: null);

    /// <summary>A copy of what was check-pointed.</summary>
    public StateMemory Copy()
    {
        var copy = new StateMemory();
        Database.CopyTo(copy.Database);
        return copy;
    }

    /// <inheritdoc/>
    public void Dispose() => Database.Dispose();
}
