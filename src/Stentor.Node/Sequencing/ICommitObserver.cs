using Stentor.Replication;

namespace Stentor.Node;

/// <summary>Who is shown every batch after it is durable: for gateways that need the state after each entry.</summary>
public interface ICommitObserver
{
    /// <summary>A batch is durable. Called on the sequencing thread, in the region's order: it must not wait and must not throw.</summary>
    /// <param name="batch">The batch; not to be kept after the call, but for the states in it.</param>
    void OnCommitted(Outbox batch);
}
