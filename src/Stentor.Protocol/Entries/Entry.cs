using System.Text;
using System.Text.Json;

namespace Stentor.Protocol;

/// <summary>An entry taken apart, with the bytes it came in. Its memory is whoever's who gave the bytes.</summary>
public sealed class Entry
{
    private Entry()
    {
    }

    /// <summary>The entry's one byte form.</summary>
    public required ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>The channel.</summary>
    public required string Channel { get; init; }

    /// <summary>The origin.</summary>
    public required OriginId Origin { get; init; }

    /// <summary>The origin's number, from 1.</summary>
    public required long Seq { get; init; }

    /// <summary>The Lamport clock, from 1.</summary>
    public required long Lamport { get; init; }

    /// <summary>Microseconds since 1970.</summary>
    public required long Time { get; init; }

    /// <summary>Who published it.</summary>
    public required string Author { get; init; }

    /// <summary>What it depends on, without what its origin's own order implies.</summary>
    public required VersionVector After { get; init; }

    /// <summary>The publish id, or null.</summary>
    public required string? Id { get; init; }

    /// <summary>The effect, or null.</summary>
    public required Effect? Effect { get; init; }

    /// <summary>The activity as JSON; empty when there is none.</summary>
    public required ReadOnlyMemory<byte> Activity { get; init; }

    /// <summary>The chain checksum.</summary>
    public required ulong Chain { get; init; }

    /// <summary>Takes an entry apart.</summary>
    /// <param name="bytes">A canonical entry, all of it.</param>
    /// <exception cref="ProtocolException">It is not in canonical form.</exception>
    public static Entry Parse(ReadOnlyMemory<byte> bytes)
    {
        if (!EntryHeader.TryRead(bytes.Span, out var header))
        {
            throw new ProtocolException(ErrorType.Malformed, "This is not an entry in canonical form.");
        }

        var limits = Limits.Default;
        var after = new List<KeyValuePair<OriginId, long>>();
        string? id = null;
        Effect? effect = null;
        Range activity = default;
        var json = bytes.Span;
        var reader = new Utf8JsonReader(json, JsonRules.Options(1024));
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isAfter = reader.ValueTextEquals("after"u8);
                var isId = reader.ValueTextEquals("id"u8);
                var isEffect = reader.ValueTextEquals("effect"u8);
                var isActivity = reader.ValueTextEquals("activity"u8);
                reader.Read();
                if (isAfter)
                {
                    while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                    {
                        var origin = new OriginId(reader.GetString()!);
                        reader.Read();
                        after.Add(new(origin, reader.GetInt64()));
                    }
                }
                else if (isId)
                {
                    id = reader.GetString();
                }
                else if (isEffect)
                {
                    // Whatever stands in an entry passed the limits of the node that made it.
                    effect = Effect.Read(ref reader, json, limits with { EffectFieldsMax = int.MaxValue, FieldNameBytesMax = int.MaxValue });
                }
                else
                {
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    activity = isActivity ? start..(int)reader.BytesConsumed : activity;
                }
            }

            return new Entry
            {
                Bytes = bytes,
                Channel = Encoding.ASCII.GetString(header.Channel),
                Origin = new OriginId(Encoding.ASCII.GetString(header.Origin)),
                Seq = header.Seq,
                Lamport = header.Lamport,
                Time = header.Time,
                Author = Encoding.ASCII.GetString(header.Author),
                After = VersionVector.Of(after),
                Id = id,
                Effect = effect,
                Activity = bytes[activity],
                Chain = header.Chain,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new ProtocolException(ErrorType.Malformed, $"This is not an entry in canonical form: {Printable.Cut(e.Message, 200)}");
        }
    }
}
