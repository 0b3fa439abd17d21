using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>The origins whose votes count under one version. Immutable.</summary>
public sealed class VoterSet
{
    /// <summary>Most voters. 7: three regions may be gone, and each further voter makes every decision wait for one more.</summary>
    public const int VotersMax = 7;

    private VoterSet(int version, OriginId[] voters) => (Version, Voters) = (version, voters);

    /// <summary>The version, from 1.</summary>
    public int Version { get; }

    /// <summary>The voters, in ordinal order; a voter's place is its rank. 1 to 7.</summary>
    public IReadOnlyList<OriginId> Voters { get; }

    /// <summary>So many votes decide, whatever the others do.</summary>
    public int Majority => (Voters.Count / 2) + 1;

    /// <summary>Makes a set.</summary>
    /// <param name="version">Its version.</param>
    /// <param name="voters">The voters in any order; twice is once.</param>
    /// <exception cref="ArgumentException">There are none, or more than seven.</exception>
    public static VoterSet Of(int version, IEnumerable<OriginId> voters)
    {
        OriginId[] sorted = [.. voters.Distinct().Order()];
        return sorted.Length is 0 or > VotersMax
            ? throw new ArgumentException($"A voter set has 1 to {VotersMax} voters, not {sorted.Length}.", nameof(voters))
            : new VoterSet(version, sorted);
    }

    /// <summary>Reads a set.</summary>
    /// <param name="json">A JSON array of origins.</param>
    /// <param name="version">Its version.</param>
    /// <returns>Null when it is none: something else, an origin twice, nobody, or more than seven.</returns>
    public static VoterSet? TryRead(ReadOnlyMemory<byte> json, int version)
    {
        var reader = new Utf8JsonReader(json.Span);
        if (json.IsEmpty || !reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            return null;
        }

        var voters = new List<OriginId>();
        while (reader.Read() && reader.TokenType == JsonTokenType.String && OriginId.IsValid(reader.ValueSpan))
        {
            voters.Add(new OriginId(reader.GetString()!)); // A string token has a text.
        }

        var isSet = reader.TokenType == JsonTokenType.EndArray && voters.Count is > 0 and <= VotersMax && voters.Distinct().Count() == voters.Count;
        return isSet ? Of(version, voters) : null;
    }

    /// <summary>The set as JSON: an array of origins in ordinal order. The same set has the same bytes.</summary>
    public ReadOnlyMemory<byte> ToJson()
    {
        var json = new ByteBuffer(64);
        json.Write("["u8);
        for (var i = 0; i < Voters.Count; i++)
        {
            json.Write(i == 0 ? ""u8 : ","u8);
            JsonText.Write(Voters[i].Value, json);
        }

        json.Write("]"u8);
        return json.WrittenMemory;
    }

    /// <summary>A voter's place in the set, from 0; -1 when it is none.</summary>
    /// <param name="origin">The origin.</param>
    public int RankOf(OriginId origin) => Array.IndexOf((OriginId[])Voters, origin);

    /// <summary>Whether an origin is in the set.</summary>
    /// <param name="origin">The origin.</param>
    public bool Contains(OriginId origin) => RankOf(origin) >= 0;

    /// <summary>For people: <c>asia-1c, eu-7f</c>.</summary>
    public override string ToString() => string.Join(", ", Voters);
}
