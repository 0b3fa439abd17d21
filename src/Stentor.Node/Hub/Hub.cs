#pragma warning disable CA1822 // Contract first: the bodies come with the owner of this part.
using System.Diagnostics;
using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>The byte form in which a reader takes entries. Each is encoded once an entry, whatever the number of readers.</summary>
public enum WireForm
{
    /// <summary>JSON frames with a line feed after each: the TCP port.</summary>
    Lines,

    /// <summary>The same frames, each in a WebSocket text message (RFC 6455), unmasked.</summary>
    WebSocket,

    /// <summary>Server-Sent Events: <c>id</c>, <c>event</c>, <c>data</c>.</summary>
    ServerSentEvents,
}

/// <summary>Where a reader's bytes go: a socket, or a pipe.</summary>
public interface ISink
{
    /// <summary>Takes as many bytes as it can without waiting. When it takes fewer than all, it calls <see cref="Reader.OnWritable"/> once it can take more.</summary>
    /// <param name="bytes">The bytes; not kept after the call.</param>
    /// <returns>How many it took; -1 when it is closed.</returns>
    int Send(ReadOnlySpan<byte> bytes);
}

/// <summary>Brings committed entries to readers: tails, positions, catch-up from the ledger; live, catch-up and slow readers are one path.</summary>
public sealed class Hub
{
    /// <summary>Readers at the moment.</summary>
    public int Readers => throw new UnreachableException();

    /// <summary>Makes a reader without subscriptions.</summary>
    /// <param name="form">The byte form it takes.</param>
    /// <param name="sink">Where its bytes go.</param>
    public Reader Open(WireForm form, ISink sink) => throw new UnreachableException($"{form} {sink}");
}

/// <summary>One connection's side of the hub: what it is subscribed to, how far it is, and the one place where its bytes leave in order. Any thread may call.</summary>
public sealed class Reader : IDisposable
{
    /// <summary>Subscribes; what is subscribed already stays as it is. Entries that match several subscriptions are sent once.</summary>
    /// <param name="channels">Channels and patterns; allowed already.</param>
    /// <param name="after">Where to start: entries that this does not cover. Null for now.</param>
    /// <param name="answer">Makes the bytes (in this reader's form) that are sent right before the first entry of these subscriptions, given what they start after.</param>
    public void Subscribe(IReadOnlyList<ChannelPattern> channels, VersionVector? after, Func<VersionVector, ReadOnlyMemory<byte>>? answer) => throw new UnreachableException();

    /// <summary>Ends subscriptions; entries already on their way may still arrive.</summary>
    /// <param name="channels">Channels and patterns as they were subscribed.</param>
    public void Unsubscribe(IReadOnlyList<ChannelPattern> channels) => throw new UnreachableException();

    /// <summary>What is subscribed at the moment.</summary>
    public int Subscriptions => throw new UnreachableException();

    /// <summary>Sends other bytes (answers, pings) in order with the entries, before any entry not yet begun.</summary>
    /// <param name="bytes">Whole frames in this reader's form; copied.</param>
    /// <returns>False when more waits unsent than the bound allows: stop taking requests from this connection until it drains, or close it.</returns>
    public bool Write(ReadOnlySpan<byte> bytes) => throw new UnreachableException();

    /// <summary>Starts sending what was written: call once after a group of <see cref="Write"/>.</summary>
    public void Flush() => throw new UnreachableException();

    /// <summary>Completes when what was written has left.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask DrainAsync(CancellationToken cancellationToken) => throw new UnreachableException();

    /// <summary>The region's version vector up to which everything subscribed was handed to the sink: the session's context.</summary>
    public VersionVector Delivered => throw new UnreachableException();

    /// <summary>The sink can take bytes again.</summary>
    public void OnWritable() => throw new UnreachableException();

    /// <summary>Ends it; nothing more is sent.</summary>
    public void Dispose() => throw new UnreachableException();
}
