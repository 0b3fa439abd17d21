using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Stentor.Protocol;

/// <summary>What follows an entry's front, read where it stands: dependencies, publish id, and the bytes of effect and activity.</summary>
public readonly ref struct EntryBody
{
    /// <summary>The JSON value of <c>after</c>.</summary>
    public ReadOnlySpan<byte> After { get; private init; }

    /// <summary>The publish id as a JSON string with its quotes; empty when there is none.</summary>
    public ReadOnlySpan<byte> Id { get; private init; }

    /// <summary>What is said: <c>,"effect":{…}</c>, <c>,"activity":{…}</c> or both, as they stand.</summary>
    public ReadOnlySpan<byte> Content { get; private init; }

    /// <summary>Whether there is an effect.</summary>
    public bool HasEffect => Content.StartsWith(EffectKey);

    /// <summary>The activity, a JSON object; empty when there is none. Of an entry known to be whole: an effect before it is walked over.</summary>
    public ReadOnlySpan<byte> Activity
    {
        get
        {
            var rest = Content;
            if (HasEffect)
            {
                rest = rest[EffectKey.Length..];
                var reader = new Utf8JsonReader(rest, JsonRules.Options(int.MaxValue));
                reader.Read();
                reader.Skip();
                rest = rest[(int)reader.BytesConsumed..];
            }

            return rest.IsEmpty ? default : rest[ActivityKey.Length..];
        }
    }

    /// <summary>What stands before an effect.</summary>
    internal static ReadOnlySpan<byte> EffectKey => ",\"effect\":"u8;

    /// <summary>What stands before an activity.</summary>
    internal static ReadOnlySpan<byte> ActivityKey => ",\"activity\":"u8;

    /// <summary>Reads it.</summary>
    /// <param name="entry">The entry's bytes, all of them.</param>
    /// <param name="header">The entry's front.</param>
    /// <param name="body">What was read; its spans lie in <paramref name="entry"/>.</param>
    /// <returns>False when it is not in canonical form.</returns>
    public static bool TryRead(ReadOnlySpan<byte> entry, scoped in EntryHeader header, out EntryBody body)
    {
        body = default;
        var rest = entry[header.AfterStart..^EntryHeader.ChainPartLength];
        var afterEnd = rest.IndexOf((byte)'}'); // Origins hold no brace.
        if (afterEnd < 0)
        {
            return false;
        }

        var after = rest[..(afterEnd + 1)];
        rest = rest[(afterEnd + 1)..];
        ReadOnlySpan<byte> id = default;
        if (rest.StartsWith(",\"id\":\""u8))
        {
            rest = rest[",\"id\":"u8.Length..];
            var length = JsonRules.TextLength(rest);
            if (length == 0)
            {
                return false;
            }

            id = rest[..length];
            rest = rest[length..];
        }

        if (!rest.StartsWith(",\"effect\":{"u8) && !rest.StartsWith(",\"activity\":{"u8))
        {
            return false;
        }

        body = new EntryBody { After = after, Id = id, Content = rest };
        return true;
    }

    /// <summary>Reads the JSON value of <c>after</c>.</summary>
    /// <param name="after">As <see cref="After"/> gives it.</param>
    /// <param name="vector">The dependencies.</param>
    /// <returns>False when it is not in canonical form: origins in ordinal order, each once, numbers from 1.</returns>
    public static bool TryReadAfter(ReadOnlySpan<byte> after, out VersionVector vector)
    {
        vector = VersionVector.Empty;
        if (after.SequenceEqual("{}"u8))
        {
            return true;
        }

        var components = new KeyValuePair<OriginId, long>[after.Count((byte)'"') / 2]; // Two for each name, and none in one.
        for (var i = 0; !after.IsEmpty; i++)
        {
            if (!after.StartsWith(i == 0 ? "{\""u8 : ",\""u8))
            {
                return false;
            }

            after = after[2..];
            var nameEnd = after.IndexOf((byte)'"');
            if (nameEnd < 0 || !OriginId.IsValid(after[..nameEnd]))
            {
                return false;
            }

            var origin = new OriginId(Encoding.ASCII.GetString(after[..nameEnd]));
            after = after[(nameEnd + 1)..];
            if (after.Length < 2 || after[0] != (byte)':' || after[1] is < (byte)'1' or > (byte)'9'
                || !Utf8Parser.TryParse(after[1..], out long seq, out var used)
                || (i > 0 && components[i - 1].Key.CompareTo(origin) >= 0))
            {
                return false;
            }

            components[i] = new(origin, seq);
            after = after[(1 + used)..];
            if (after.SequenceEqual("}"u8))
            {
                vector = VersionVector.OfAscending(components);
                return true;
            }
        }

        return false;
    }
}
