#pragma warning disable CA1822 // Contract first: the bodies come with the owner of this part.
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Node;

/// <summary>One server process without its listeners: the loop that drives the core, the hub, accounts and inboxes.</summary>
public sealed class StentorNode : IAsyncDisposable
{
    /// <summary>Opens the store and starts the loop.</summary>
    /// <param name="disk">Where the ledger is.</param>
    /// <param name="storeOptions">The store's sizes and names.</param>
    /// <param name="options">How the node behaves.</param>
    /// <param name="time">Clock and timers.</param>
    /// <param name="logs">Where log messages go.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    /// <exception cref="LedgerFaultException">What lies on the disk cannot be used.</exception>
    public static StentorNode Start(IDisk disk, StoreOptions storeOptions, NodeOptions options, TimeProvider time, ILoggerFactory logs) =>
        throw new UnreachableException($"{disk} {storeOptions} {options} {time} {logs}");

    /// <summary>The node's name: its region, a dash and a random part, new at every start.</summary>
    public string Name => throw new UnreachableException();

    /// <summary>How it behaves.</summary>
    public NodeOptions Options => throw new UnreachableException();

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time => throw new UnreachableException();

    /// <summary>What it knows; read-only for everyone but the loop.</summary>
    public Store Store => throw new UnreachableException();

    /// <summary>Delivery.</summary>
    public Hub Hub => throw new UnreachableException();

    /// <summary>Null when the node can take publishes; otherwise why not and what to do (starting, stopping, disk full or failing).</summary>
    public string? NotReady => throw new UnreachableException();

    /// <summary>What the region has applied and made durable.</summary>
    public VersionVector Seen => throw new UnreachableException();

    /// <summary>Hands publishes over, all or none, order kept; their callers are told after the commit.</summary>
    /// <param name="publishes">The publishes; authorised already.</param>
    /// <returns>False when the queue is full or the node is stopping: nothing was taken. Try again when <see cref="WaitForRoomAsync"/> returns.</returns>
    public bool TryPublish(ReadOnlySpan<Command> publishes) => throw new UnreachableException();

    /// <summary>Waits until the queue has room again.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask WaitForRoomAsync(CancellationToken cancellationToken) => throw new UnreachableException();

    /// <summary>Publishes and waits for the outcome. A full queue is a refusal of type <see cref="ErrorType.NotReady"/>.</summary>
    /// <param name="channel">A valid channel.</param>
    /// <param name="author">Who publishes; authorised already.</param>
    /// <param name="body">What is published.</param>
    /// <param name="cancellationToken">Ends the wait; what was submitted goes on.</param>
    public ValueTask<Outcome> PublishAsync(string channel, string author, PublishBody body, CancellationToken cancellationToken) => throw new UnreachableException();

    /// <summary>Waits until the region covers a token.</summary>
    /// <param name="after">What must be covered.</param>
    /// <param name="wait">Longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when it is covered; otherwise what is still missing.</returns>
    public ValueTask<VersionVector?> WaitForCoverageAsync(VersionVector after, TimeSpan wait, CancellationToken cancellationToken) => throw new UnreachableException();

    /// <summary>Waits until an entry after <paramref name="position"/> in one of <paramref name="channels"/> is durable.</summary>
    /// <param name="channels">Which channels.</param>
    /// <param name="position">The last position that the caller knows.</param>
    /// <param name="wait">Longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False when the time is over.</returns>
    public ValueTask<bool> WaitForEntryAsync(ChannelSet channels, long position, TimeSpan wait, CancellationToken cancellationToken) => throw new UnreachableException();

    /// <summary>Stops: no new publishes, what was accepted is finished and answered, a last check-point is made, the store is closed.</summary>
    public ValueTask DisposeAsync() => throw new UnreachableException();
}
