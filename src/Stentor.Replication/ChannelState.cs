using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>What a channel's activities add up to. Immutable: a change makes a new one, so that other threads may read it at any time.</summary>
public sealed partial class ChannelState
{
    /// <summary>No fields, in ordinal order.</summary>
    internal static readonly ImmutableSortedDictionary<string, FieldState> NoFields =
        ImmutableSortedDictionary.Create<string, FieldState>(StringComparer.Ordinal);

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

    /// <summary>The fields in ordinal order, tombstones included.</summary>
    internal ImmutableSortedDictionary<string, FieldState> Fields { get; init; } = NoFields;

    /// <summary>The bytes of all fields: their names, and the values of their registers and siblings.</summary>
    internal long FieldBytes { get; init; }

    /// <summary>What lost against a concurrent change, in the order of <see cref="Conflict.CompareTo"/>.</summary>
    internal Conflict[] Conflicts { get; init; } = [];

    /// <summary>Writes the state as clients see it: an object, fields in ordinal order, no tombstones. The same bytes wherever the same entries were applied.</summary>
    /// <param name="writer">Where it goes.</param>
    public void WriteState(IBufferWriter<byte> writer)
    {
        writer.Write("{"u8);
        var first = true;
        foreach (var (name, field) in Fields)
        {
            var shows = field.Shows;
            if (shows == FieldShows.Nothing)
            {
                continue;
            }

            if (!first)
            {
                writer.Write(","u8);
            }

            first = false;
            JsonText.Write(name, writer);
            writer.Write(":"u8);
            if (shows == FieldShows.Counter)
            {
                field.Sum.Write(writer);
            }
            else
            {
                writer.Write(PlainValue(field).Span);
            }
        }

        writer.Write("}"u8);
    }

    /// <summary>The names of the fields that clients see and that start with a prefix, in ordinal order.</summary>
    /// <param name="prefix">The prefix; empty for all.</param>
    public IEnumerable<string> FieldsFrom(string prefix)
    {
        foreach (var (name, field) in Fields)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal) && field.Shows != FieldShows.Nothing)
            {
                yield return name;
            }
        }
    }

    /// <summary>The value of one field as clients see it; empty when there is none.</summary>
    /// <param name="field">The field's name.</param>
    public ReadOnlyMemory<byte> Field(string field)
    {
        if (!Fields.TryGetValue(field, out var found))
        {
            return default;
        }

        switch (found.Shows)
        {
            case FieldShows.Plain:
                return PlainValue(found);
            case FieldShows.Counter:
                var text = new ByteBuffer(32);
                found.Sum.Write(text);
                return text.WrittenMemory;
            default:
                return default;
        }
    }

    /// <summary>
    /// Writes what lost against a concurrent change, newest first, as a JSON array: <c>{"field", "lost", "winner"}</c>, both sides with what they
    /// did (<c>"set": value</c>, <c>"add": n</c> or <c>"remove": true</c>), origin, seq, time and author.
    /// </summary>
    /// <param name="writer">Where it goes.</param>
    public void WriteConflicts(IBufferWriter<byte> writer)
    {
        writer.Write("["u8);
        Conflict? previous = null;
        foreach (var conflict in Conflicts)
        {
            // Against several, a change lost to the newest of them, which comes first.
            if (previous is not null && previous.Field == conflict.Field && previous.Lost.Stamp == conflict.Lost.Stamp)
            {
                continue;
            }

            if (previous is not null)
            {
                writer.Write(","u8);
            }

            conflict.Write(writer);
            previous = conflict;
        }

        writer.Write("]"u8);
    }

    private static ReadOnlyMemory<byte> PlainValue(FieldState field) =>
        field.Register?.Value ?? throw new UnreachableException("A plain field has a register.");
}
