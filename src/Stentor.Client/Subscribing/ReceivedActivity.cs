using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>An activity as a reader receives it: the entry, and what to resume after. Immutable; its memory stays valid.</summary>
public sealed class ReceivedActivity
{
    private readonly VersionVector _seen;
    private object? _json; // Boxed, so that two threads may ask for it first.

    internal ReceivedActivity(Entry entry, VersionVector seen)
    {
        Entry = entry;
        _seen = seen;
    }

    /// <summary>The entry, with its bytes as every region holds them.</summary>
    public Entry Entry { get; }

    /// <summary>The channel.</summary>
    public string Channel => Entry.Channel;

    /// <summary>The region that recorded it.</summary>
    public OriginId Origin => Entry.Origin;

    /// <summary>Its number in that region, from 1.</summary>
    public long Seq => Entry.Seq;

    /// <summary>Its Lamport clock, from 1: greater than that of everything it depends on.</summary>
    public long Lamport => Entry.Lamport;

    /// <summary>When it was recorded, UTC, to the microsecond.</summary>
    public DateTimeOffset Time => DateTimeOffset.UnixEpoch.AddTicks(Entry.Time * TimeSpan.TicksPerMicrosecond);

    /// <summary>Who published it.</summary>
    public string Author => Entry.Author;

    /// <summary>The publish id, or null.</summary>
    public string? Id => Entry.Id;

    /// <summary>What it does to its channel's state, or null.</summary>
    public Effect? Effect => Entry.Effect;

    /// <summary>The activity as JSON in UTF-8; empty when the entry is an effect only.</summary>
    public ReadOnlyMemory<byte> Activity => Entry.Activity;

    /// <summary>The activity, parsed at the first use; of kind <see cref="JsonValueKind.Undefined"/> when there is none.</summary>
    public JsonElement Json => (JsonElement)(_json ??= Entry.Activity.IsEmpty ? default : JsonSerializer.Deserialize(Entry.Activity.Span, ClientJson.Default.JsonElement));

    /// <summary>A token for everything that was received up to and with this one: a subscription or pull that starts after it goes on with the next one.</summary>
    public string Seen => SeenToken.Encode(_seen);

    /// <summary>The same as a vector.</summary>
    internal VersionVector SeenVector => _seen;

    /// <summary>The activity as an object of the caller's.</summary>
    /// <typeparam name="T">What to read.</typeparam>
    /// <param name="options">How; null for the names and rules of the web (<see cref="JsonSerializerDefaults.Web"/>).</param>
    /// <returns>Null when the entry is an effect only.</returns>
    /// <exception cref="JsonException">The activity does not fit.</exception>
    public T? As<T>(JsonSerializerOptions? options = null) =>
        Entry.Activity.IsEmpty ? default : JsonSerializer.Deserialize<T>(Entry.Activity.Span, options ?? JsonSerializerOptions.Web);

    /// <summary>For people: channel, origin and number.</summary>
    public override string ToString() => $"{Channel} {Origin}:{Seq}";
}
