#pragma warning disable CA1822 // Contract first: the bodies come with the owner of this part.
using System.Diagnostics;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>A durable subscription: the node remembers what its owner has seen.</summary>
/// <param name="Owner">Whose it is.</param>
/// <param name="Name">Its name: one channel token.</param>
/// <param name="Channels">What it takes.</param>
/// <param name="Seen">What its owner has seen.</param>
public sealed record Inbox(string Owner, string Name, IReadOnlyList<ChannelPattern> Channels, VersionVector Seen);

/// <summary>Inboxes, kept as states of the reserved channels <c>_inboxes.OWNER.NAME</c>.</summary>
/// <param name="node">The node.</param>
public sealed class Inboxes(StentorNode node)
{
    /// <summary>Makes an inbox, or changes what an existing one takes; its cursor stays.</summary>
    /// <param name="owner">Whose it is.</param>
    /// <param name="name">Its name.</param>
    /// <param name="channels">What it takes; allowed already.</param>
    /// <param name="after">For a new one: what its owner has seen; null for everything until now.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<(Inbox? Inbox, Refusal? Refusal)> PutAsync(string owner, string name, IReadOnlyList<ChannelPattern> channels, VersionVector? after, CancellationToken cancellationToken) =>
        throw new UnreachableException($"{node.Name}");

    /// <summary>Finds an inbox; null when there is none.</summary>
    /// <param name="owner">Whose.</param>
    /// <param name="name">Its name.</param>
    public Inbox? Find(string owner, string name) => throw new UnreachableException();

    /// <summary>Moves the cursor forward; it never goes back.</summary>
    /// <param name="owner">Whose.</param>
    /// <param name="name">Its name.</param>
    /// <param name="seen">What its owner has seen.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<Refusal?> AckAsync(string owner, string name, VersionVector seen, CancellationToken cancellationToken) => throw new UnreachableException();
}
