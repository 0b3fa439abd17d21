using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>What a state database reflects.</summary>
/// <param name="StoreId">The store.</param>
/// <param name="Position">The last position that is folded into it.</param>
/// <param name="Mark">Where the replica stood there.</param>
internal sealed record StateMark(ulong StoreId, long Position, ReplicaMark Mark);
