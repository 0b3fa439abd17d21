#pragma warning disable CA1822 // Contract first: the bodies come with the owner of this part.
using System.Buffers;
using System.Diagnostics;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>What a channel's activities add up to. Immutable: a change makes a new one, so that other threads may read it at any time.</summary>
public sealed class ChannelState
{
    /// <summary>How many activities the channel has, each counted once.</summary>
    public long Version { get; init; }

    /// <summary>The newest activity's origin.</summary>
    public OriginId LastOrigin { get; init; }

    /// <summary>The newest activity's number.</summary>
    public long LastSeq { get; init; }

    /// <summary>The newest activity's Lamport clock.</summary>
    public long LastLamport { get; init; }

    /// <summary>The newest activity's time, microseconds since 1970.</summary>
    public long LastTime { get; init; }

    /// <summary>Writes the state as clients see it: an object, fields in ordinal order, no tombstones. The same bytes wherever the same entries were applied.</summary>
    /// <param name="writer">Where it goes.</param>
    public void WriteState(IBufferWriter<byte> writer) => throw new UnreachableException();

    /// <summary>The value of one field as clients see it; empty when there is none.</summary>
    /// <param name="field">The field's name.</param>
    public ReadOnlyMemory<byte> Field(string field) => throw new UnreachableException();

    /// <summary>Writes the values that lost against a concurrent one, newest first, as a JSON array.</summary>
    /// <param name="writer">Where it goes.</param>
    public void WriteConflicts(IBufferWriter<byte> writer) => throw new UnreachableException();

    /// <summary>Writes everything, for the store. Starts with a format byte.</summary>
    /// <param name="writer">Where it goes.</param>
    public void Serialize(IBufferWriter<byte> writer) => throw new UnreachableException();

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    /// <param name="bytes">All of it; copied where it is kept.</param>
    /// <exception cref="FormatException">It is something else.</exception>
    public static ChannelState Deserialize(ReadOnlySpan<byte> bytes) => throw new UnreachableException();
}
