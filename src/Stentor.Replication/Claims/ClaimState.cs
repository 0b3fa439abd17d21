using System.Globalization;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>
/// The claims and votes that stand in a channel's state. A claim or vote in another region's name is not one: it counts only when the entry that set
/// its field came from the origin that it names. Immutable.
/// </summary>
public sealed class ClaimState
{
    private const string ClaimPrefix = "claim/";
    private const string VotePrefix = "vote/";
    private const string ToldPrefix = "told/";
    private const string DeniedPrefix = "denied/";

    private readonly HashSet<string> _told;
    private readonly HashSet<string> _denied;

    private ClaimState(List<Claim> claims, List<Vote> votes, HashSet<string> told, HashSet<string> denied)
    {
        (Claims, Votes, _told, _denied) = (claims, votes, told, denied);
    }

    /// <summary>Nothing was claimed.</summary>
    public static ClaimState Empty { get; } = new([], [], [], []);

    /// <summary>The claims, earliest first: by time, origin and number.</summary>
    public IReadOnlyList<Claim> Claims { get; }

    /// <summary>The votes for these claims, in the order of their fields.</summary>
    public IReadOnlyList<Vote> Votes { get; }

    /// <summary>The field of a claim.</summary>
    /// <param name="id">Its id.</param>
    public static string ClaimField(string id) => ClaimPrefix + id;

    /// <summary>The field of a vote.</summary>
    /// <param name="voter">Who votes.</param>
    /// <param name="version">The version of the voter set.</param>
    public static string VoteField(OriginId voter, int version) => string.Create(CultureInfo.InvariantCulture, $"{VotePrefix}{voter.Value}/{version}");

    /// <summary>The field that says that whoever asked for a claim was told that it won.</summary>
    /// <param name="id">The claim's id.</param>
    public static string ToldField(string id) => ToldPrefix + id;

    /// <summary>Whether whoever asked for a claim was told that it won.</summary>
    /// <param name="id">The claim's id.</param>
    public bool WasTold(string id) => _told.Contains(id);

    /// <summary>The field that says that a foreign server's claim was taken back.</summary>
    /// <param name="id">The claim's id.</param>
    public static string DeniedField(string id) => DeniedPrefix + id;

    /// <summary>Whether a foreign server's claim was taken back.</summary>
    /// <param name="id">The claim's id.</param>
    public bool WasDenied(string id) => _denied.Contains(id);

    /// <summary>The claim with an id; null when there is none.</summary>
    /// <param name="id">The id.</param>
    public Claim? Find(string id)
    {
        foreach (var claim in Claims)
        {
            if (claim.Id == id)
            {
                return claim;
            }
        }

        return null;
    }

    /// <summary>Whether a voter has voted here under a version.</summary>
    /// <param name="voter">The voter.</param>
    /// <param name="version">The version.</param>
    public bool HasVoted(OriginId voter, int version)
    {
        foreach (var vote in Votes)
        {
            if (vote.Version == version && vote.Voter == voter)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads what stands in a channel.</summary>
    /// <param name="channel">The channel: claims of voter sets that name no voters, or too many, are left out.</param>
    /// <param name="state">Its state; null when nothing was ever published there.</param>
    public static ClaimState Read(string channel, ChannelState? state)
    {
        if (state is null)
        {
            return Empty;
        }

        var isVoterSet = ClaimChannels.VoterSetVersion(channel) > 0;
        var claims = new List<Claim>();
        var votes = new List<Vote>();
        var told = new HashSet<string>();
        var denied = new HashSet<string>();

        // In ordinal order: claims before votes, so that a vote finds its claim.
        foreach (var (name, field) in state.Fields)
        {
            if (field.Register is not { Kind: FieldChangeKind.Set } register)
            {
                continue;
            }

            if (name.StartsWith(ClaimPrefix, StringComparison.Ordinal))
            {
                if (ReadClaim(name[ClaimPrefix.Length..], register, isVoterSet) is { } claim)
                {
                    claims.Add(claim);
                }
            }
            else if (name.StartsWith(VotePrefix, StringComparison.Ordinal))
            {
                if (ReadVote(name.AsSpan(VotePrefix.Length), register, claims) is { } vote)
                {
                    votes.Add(vote);
                }
            }
            else if (name.StartsWith(ToldPrefix, StringComparison.Ordinal))
            {
                told.Add(name[ToldPrefix.Length..]);
            }
            else if (name.StartsWith(DeniedPrefix, StringComparison.Ordinal))
            {
                denied.Add(name[DeniedPrefix.Length..]);
            }
        }

        claims.Sort((a, b) => a.Stamp.CompareTo(b.Stamp));
        return new ClaimState(claims, votes, told, denied);
    }

    /// <summary>Writes the value of a claim's field.</summary>
    internal static ReadOnlyMemory<byte> ClaimValue(OriginId origin, ReadOnlySpan<byte> value)
    {
        var json = new ByteBuffer(value.Length + 96);
        json.Write("{\"origin\":"u8);
        JsonText.Write(origin.Value, json);
        json.Write(",\"value\":"u8);
        json.Write(value);
        json.Write("}"u8);
        return json.WrittenMemory;
    }

    private static Claim? ReadClaim(string id, FieldChange register, bool isVoterSet)
    {
        var reader = new Utf8JsonReader(register.Value.Span);
        string? origin = null;
        ReadOnlyMemory<byte> value = default;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isOrigin = reader.ValueTextEquals("origin"u8);
            var isValue = reader.ValueTextEquals("value"u8);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            if (isOrigin && reader.TokenType == JsonTokenType.String)
            {
                origin = reader.GetString();
            }

            reader.Skip();
            value = isValue ? register.Value[start..(int)reader.BytesConsumed] : value;
        }

        if (origin != register.Stamp.Origin.Value || value.IsEmpty)
        {
            return null;
        }

        var claim = new Claim(id, register.Stamp.Origin, value) { Stamp = register.Stamp };
        if (!isVoterSet)
        {
            return claim;
        }

        return VoterSet.TryRead(value, version: 0) is { } set ? claim with { Candidate = set.ToString() } : null;
    }

    private static Vote? ReadVote(ReadOnlySpan<char> name, FieldChange register, List<Claim> claims)
    {
        var slash = name.IndexOf('/');
        var reader = new Utf8JsonReader(register.Value.Span);
        if (slash < 0 || !name[..slash].SequenceEqual(register.Stamp.Origin.Value)
            || !int.TryParse(name[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            || !reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            return null;
        }

        // A voter has applied what it votes for, so whoever sees the vote has the claim.
        var id = reader.GetString();
        var claim = claims.Find(c => c.Id == id);
        return claim is null ? null : new Vote(register.Stamp.Origin, version, claim);
    }
}
