#pragma warning disable CA1822 // Contract first: the bodies come with the owner of this part.
using System.Diagnostics;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>
/// The deterministic state machine that applies a region's ledger: it checks conditions, numbers entries and folds state.
/// One owner, one thread. What it applied since the last <see cref="Commit"/> is its own; <see cref="Rollback"/> takes it back.
/// </summary>
/// <param name="self">The origin under which this region numbers its own entries.</param>
/// <param name="start">Where it stands.</param>
/// <param name="states">What is committed.</param>
/// <param name="options">Limits and tolerances.</param>
public sealed class Replica(OriginId self, ReplicaMark start, IStates states, ReplicaOptions options)
{
    /// <summary>Applies one command: entries, outcomes and changed states are added to <paramref name="outbox"/>, and its mark is moved.</summary>
    /// <param name="command">The command.</param>
    /// <param name="wallMicros">The wall clock, microseconds since 1970; may go backwards.</param>
    /// <param name="outbox">Collects the batch.</param>
    public void Apply(Command command, long wallMicros, Outbox outbox) => throw new UnreachableException($"{self} {start} {states} {options}");

    /// <summary>Applies an entry that is in the ledger already, as recovery does: changed states and ids are added to <paramref name="outbox"/>, no entry and no outcome.</summary>
    /// <param name="entry">The entry's bytes; not kept.</param>
    /// <param name="outbox">Collects the batch.</param>
    /// <exception cref="LedgerFaultException">The entry is damaged, out of order or of a forked origin.</exception>
    public void Replay(ReadOnlyMemory<byte> entry, Outbox outbox) => throw new UnreachableException();

    /// <summary>The batch is durable and the states were told: from here on it is the past.</summary>
    public void Commit() => throw new UnreachableException();

    /// <summary>The batch could not be made durable: back to where the last commit left it.</summary>
    public void Rollback() => throw new UnreachableException();
}

/// <summary>Limits and tolerances of a replica.</summary>
/// <param name="Limits">The limits of the contract.</param>
/// <param name="SkewMax">How far ahead of the wall clock a remote time may lie before it no longer drives the local clock. Default 5 minutes.</param>
public sealed record ReplicaOptions(Limits Limits, TimeSpan SkewMax)
{
    /// <summary>The defaults of the design.</summary>
    public static ReplicaOptions Default { get; } = new(Limits.Default, TimeSpan.FromMinutes(5));
}

/// <summary>A ledger or an origin is not what it should be: damage, a gap, a fork, a number used twice.</summary>
/// <param name="detail">What was found and what was expected.</param>
public sealed class LedgerFaultException(string detail) : Exception(detail);
