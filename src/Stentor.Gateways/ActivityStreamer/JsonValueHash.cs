using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>
/// A hash of a JSON value, not of its bytes: the same for two texts that say the same, whatever the order of their keys, their escapes and the form of their
/// numbers, and whether a key with <c>null</c> is there. What programs of other makers do to a JSON that they pass on does not change it.
/// </summary>
internal static class JsonValueHash
{
    private const ulong ObjectSeed = 0x9E3779B97F4A7C15;
    private const ulong ArraySeed = 0xC2B2AE3D27D4EB4F;
    private const ulong TextSeed = 0x27D4EB2F165667C5;
    private const ulong NumberSeed = 0x165667B19E3779F9;

    /// <summary>Hashes a value.</summary>
    /// <param name="json">One JSON value, checked.</param>
    public static ulong Of(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, JsonRules.Options(int.MaxValue));
        reader.Read();
        return Value(ref reader);
    }

    private static ulong Value(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var sum = ObjectSeed;
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var key = Text(ref reader);
                    reader.Read();
                    if (reader.TokenType != JsonTokenType.Null)
                    {
                        sum += Mix(key, Value(ref reader)); // A sum: the order of keys does not matter.
                    }
                }

                return Mix(sum, ObjectSeed);
            case JsonTokenType.StartArray:
                var chain = ArraySeed;
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    chain = Mix(chain, Value(ref reader));
                }

                return chain;
            case JsonTokenType.String:
                return Text(ref reader);
            case JsonTokenType.Number:
                return Mix(NumberSeed, BitConverter.DoubleToUInt64Bits(reader.GetDouble() + 0.0)); // So that -0 is 0.
            default:
                return (ulong)reader.TokenType;
        }
    }

    private static ulong Text(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
        {
            return Checksum.Xxh64(reader.ValueSpan, TextSeed);
        }

        if (reader.ValueSpan.IndexOf("\\ud"u8) >= 0 || reader.ValueSpan.IndexOf("\\uD"u8) >= 0)
        {
            return Checksum.Xxh64(reader.ValueSpan, TextSeed); // Perhaps half a surrogate pair, which is no text; what another region brings may hold one.
        }

        var buffer = new byte[reader.ValueSpan.Length];
        return Checksum.Xxh64(buffer.AsSpan(0, reader.CopyString(buffer)), TextSeed);
    }

    private static ulong Mix(ulong one, ulong other)
    {
        var mixed = (one ^ (other * 0xFF51AFD7ED558CCD)) * 0xC4CEB9FE1A85EC53;
        return mixed ^ (mixed >> 29);
    }
}
