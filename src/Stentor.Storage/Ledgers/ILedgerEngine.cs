using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// Who orders a region's commands and what "durable" means. The embedded engine is one node with its own disk; an engine over a replicated
/// log fits the same contract. <c>LedgerEngineSpecification</c> in the tests is what every engine must pass.
/// </summary>
public interface ILedgerEngine : IDisposable
{
    /// <summary>Hands commands over to be ordered, all of them or none; their own order is kept. Any thread.</summary>
    /// <param name="commands">The commands.</param>
    /// <returns>False when the queue has no room for all of them; nothing was taken.</returns>
    bool TrySubmit(ReadOnlySpan<Command> commands);

    /// <summary>Waits for the next commands in the region's order. One thread; blocks, since the disk sets the pace.</summary>
    /// <param name="batch">Receives them.</param>
    /// <param name="countMax">Most to take.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False when the engine was completed and everything was taken.</returns>
    bool Take(List<Command> batch, int countMax, CancellationToken cancellationToken);

    /// <summary>Makes what the taken commands brought about durable. The thread of <see cref="Take"/>.</summary>
    /// <param name="outbox">What they brought about.</param>
    /// <exception cref="DiskException">It is not durable, and nothing of it is visible.</exception>
    void Commit(Outbox outbox);

    /// <summary>No more commands: <see cref="TrySubmit"/> refuses from now on, <see cref="Take"/> gives what is left.</summary>
    void Complete();
}
