using System.Text.Json;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <content>Usernames in a cluster: each is claimed, and belongs to whoever's claim the voters decide for (docs/claims.md).</content>
public sealed partial class Accounts
{
    // Votes that come in while an answer is recorded make it try again; more than a few rounds means something else is wrong.
    private const int TellRoundsMax = 16;

    private async ValueTask<Refusal?> ClaimAsync(string username, string secret, CancellationToken cancellationToken)
    {
        var start = node.Time.GetTimestamp();
        var (channel, _) = Find(username);
        var decision = node.Cluster.Decide(channel);
        string? own = null;
        if (decision is null)
        {
            // Whoever claimed before has the votes of this region: a second claim would be of no use, unless it is the same person's.
            var claims = ClaimState.Read(channel, node.Store.Find(channel)).Claims;
            if (claims.Count > 0)
            {
                if (await FindFittingAsync([.. claims.Where(IsOfPeople)], secret, cancellationToken) is null)
                {
                    return Taken(username);
                }
            }
            else
            {
                own = Cluster.NewId();
                if (await MakeClaimAsync(channel, own, username, secret, isForeign: false, cancellationToken) is { } refusal)
                {
                    return refusal;
                }
            }

            decision = await node.Cluster.WaitForDecisionAsync(channel, node.Options.ClaimWait - node.Time.GetElapsedTime(start), cancellationToken);
        }

        return decision is null ? Undecided(username)
            : decision.Claim is { } winner && IsOfPeople(winner) && (winner.Id == own || await FindFittingAsync([winner], secret, cancellationToken) is not null)
                ? await TellAsync(channel, winner.Id, username, cancellationToken)
                : Taken(username);
    }

    private async ValueTask<Refusal?> MakeClaimAsync(string channel, string id, string username, string secret, bool isForeign, CancellationToken cancellationToken)
    {
        var hash = await HashAsync(() => SecretHash.Make(secret, node.Options.SecretIterations), cancellationToken);
        var value = new ByteBuffer(256);
        value.Write(isForeign ? "{\"foreign\":true,\"secret\":"u8 : "{\"secret\":"u8);
        JsonText.Write(hash, value);
        value.Write(",\"username\":"u8);
        JsonText.Write(username, value);
        value.Write("}"u8);
        var outcome = await node.ClaimAsync(channel, username, id, value.WrittenMemory, cancellationToken);
        if (outcome.Refusal is not null)
        {
            return outcome.Refusal;
        }

        // Two asked at the same moment, and the other one was first.
        return outcome.Claim is { ClaimId: { } pending } && pending != id
            && await FindFittingAsync([.. ClaimState.Read(channel, outcome.State).Claims.Where(c => c.Id == pending)], secret, cancellationToken) is null
                ? Taken(username)
                : null;
    }

    /// <summary>Records that whoever asked knows, then lets them know. Once it is recorded, the name is taken for everyone who asks again.</summary>
    private async ValueTask<Refusal?> TellAsync(string channel, string claimId, string username, CancellationToken cancellationToken)
    {
        for (var round = 0; round < TellRoundsMax; round++)
        {
            var state = node.Store.Find(channel);
            if (ClaimState.Read(channel, state).WasTold(claimId))
            {
                return Taken(username);
            }

            var effect = new Effect([new(ClaimState.ToldField(claimId), "true"u8.ToArray())], [], []);
            var outcome = await node.PublishAsync(channel, username, new PublishBody(default, effect, Version: state?.Version), cancellationToken);
            if (outcome.Refusal?.Type != ErrorType.ConditionNotMet)
            {
                return outcome.Refusal;
            }
        }

        return Undecided(username);
    }

    /// <summary>The first claim whose secret this is. One PBKDF2 a claim, and there is at most one claim a region.</summary>
    private Task<Claim?> FindFittingAsync(IReadOnlyList<Claim> claims, string secret, CancellationToken cancellationToken) =>
        HashAsync(() => claims.FirstOrDefault(c => SecretIn(c) is { } form && SecretHash.Verify(secret, form)), cancellationToken);

    /// <summary>The form of an account's secret: that of the winning claim; of an account that is older than the cluster, or without one, its own.</summary>
    internal string? SecretOf(string channel, ChannelState state)
    {
        if (IsTakenBack(channel, state))
        {
            return null;
        }

        if (node.Cluster.Sets is not { } sets)
        {
            return JsonValue.ToText(state.Field("secret"));
        }

        return sets.Decide(channel, state) switch
        {
            null => null,
            { Claim: { } winner } => SecretIn(winner),
            _ => JsonValue.ToText(state.Field("secret")),
        };
    }

    /// <summary>Whether someone registered here, or in another region, made a claim: it can only be won, not be taken back.</summary>
    private static bool IsOfPeople(Claim claim) => !IsForeign(claim);

    /// <summary>Whether a foreign server's lock request made a claim.</summary>
    private static bool IsForeign(Claim claim)
    {
        var reader = new Utf8JsonReader(claim.Value.Span);
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 && reader.ValueTextEquals("foreign"u8))
            {
                return reader.Read() && reader.TokenType == JsonTokenType.True;
            }
        }

        return false;
    }

    private static string? SecretIn(Claim claim)
    {
        var reader = new Utf8JsonReader(claim.Value.Span);
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 && reader.ValueTextEquals("secret"u8))
            {
                return reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            }
        }

        return null;
    }

    private Refusal Undecided(string username) => new(
        ErrorType.Undecided,
        $"The username '{username}' is claimed for you, but not decided yet: it takes {node.Cluster.Voters?.Majority} of the regions {node.Cluster.Voters}. Send the same registration again; it gives the outcome.");
}
