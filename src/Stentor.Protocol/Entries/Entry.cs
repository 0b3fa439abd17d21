using System.Text;
using System.Text.Json;

namespace Stentor.Protocol;

/// <summary>An entry taken apart, with the bytes it came in. Its memory is whoever's who gave the bytes.</summary>
public sealed class Entry
{
    private const int DepthMax = 1024;

    // Whatever stands in an entry passed the limits of the node that made it.
    private static readonly Limits Unlimited = Limits.Default with { EffectFieldsMax = int.MaxValue, FieldNameBytesMax = int.MaxValue, DepthMax = DepthMax };

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
    /// <param name="names">Where names that come again and again are kept; null to make them anew.</param>
    /// <exception cref="ProtocolException">It is not in canonical form.</exception>
    public static Entry Parse(ReadOnlyMemory<byte> bytes, RecentNames? names = null)
    {
        if (!EntryHeader.TryRead(bytes.Span, out var header) || !EntryBody.TryRead(bytes.Span, header, out var body)
            || !EntryBody.TryReadAfter(body.After, out var after))
        {
            throw NotCanonical("its front, dependencies or chain are not as they should be");
        }

        try
        {
            string? id = null;
            if (!body.Id.IsEmpty)
            {
                var reader = new Utf8JsonReader(body.Id);
                reader.Read();
                id = reader.GetString();
            }

            Effect? effect = null;
            var rest = body.Content;
            if (body.HasEffect)
            {
                rest = rest[EntryBody.EffectKey.Length..];
                var value = rest[..ObjectLength(rest)];
                var reader = new Utf8JsonReader(value, JsonRules.Options(DepthMax));
                reader.Read();
                effect = Effect.Read(ref reader, value, Unlimited);
                rest = rest[value.Length..];
            }

            ReadOnlyMemory<byte> activity = default;
            if (rest.StartsWith(EntryBody.ActivityKey))
            {
                rest = rest[EntryBody.ActivityKey.Length..];
                var start = bytes.Length - EntryHeader.ChainPartLength - rest.Length;
                activity = bytes.Slice(start, ObjectLength(rest));
                rest = rest[activity.Length..];
            }

            return !rest.IsEmpty ? throw NotCanonical("it has more than an effect and an activity") : new Entry
            {
                Bytes = bytes,
                Channel = names?.Channel(header.Channel) ?? Encoding.ASCII.GetString(header.Channel),
                Origin = new OriginId(names?.Origin(header.Origin) ?? Encoding.ASCII.GetString(header.Origin)),
                Seq = header.Seq,
                Lamport = header.Lamport,
                Time = header.Time,
                Author = names?.Author(header.Author) ?? Encoding.ASCII.GetString(header.Author),
                After = after,
                Id = id,
                Effect = effect,
                Activity = activity,
                Chain = header.Chain,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw NotCanonical(Printable.Cut(e.Message, 200));
        }
    }

    /// <summary>How long the JSON object is that <paramref name="text"/> starts with.</summary>
    private static int ObjectLength(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text, isFinalBlock: false, new JsonReaderState(JsonRules.Options(DepthMax)));
        return reader.Read() && reader.TokenType == JsonTokenType.StartObject && reader.TrySkip()
            ? (int)reader.BytesConsumed
            : throw NotCanonical("an object in it does not end");
    }

    private static ProtocolException NotCanonical(string why) => new(ErrorType.Malformed, $"This is not an entry in canonical form: {why}.");
}
