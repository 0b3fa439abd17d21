using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>Servers of other makers that know usernames too: a name that is registered here must be free there. Any thread may call.</summary>
public interface IForeignServers
{
    /// <summary>Asks all of them for a username. When all agree, they have recorded it.</summary>
    /// <param name="username">A valid username.</param>
    /// <param name="secret">Its secret.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when all agree; otherwise why not.</returns>
    ValueTask<Refusal?> AskAsync(string username, string secret, CancellationToken cancellationToken);

    /// <summary>A registration that all had agreed to came to nothing: they are to forget it. Does not wait.</summary>
    /// <param name="username">The username.</param>
    /// <param name="secret">Its secret.</param>
    void Release(string username, string secret);
}

/// <content>
/// Usernames that foreign servers ask for: recorded like accounts, so that who registered there can log in here; but they may be taken back, when another server
/// denies them. Then the name is free again: its next registration is claimed in a channel of its own, so that each claim is still decided once and for ever.
/// </content>
public sealed partial class Accounts
{
    // How often a lock request looks again when someone else was faster, and how often a name can become free: each takes a registration and a denial.
    private const int RecordRoundsMax = 16;
    private const int GenerationsMax = 1_000;

    private const string DeniedField = "denied";
    private const string ForeignField = "foreign";

    private static readonly ReadOnlyMemory<byte> True = "true"u8.ToArray();

    /// <summary>Who else must agree to a registration; null, the default, for nobody.</summary>
    public IForeignServers? ForeignServers { get; set; }

    /// <summary>Answers a foreign server that wants to register a username.</summary>
    /// <param name="username">The username; any text.</param>
    /// <param name="secret">Its secret there.</param>
    /// <param name="records">Whether a name that is free is recorded with this secret.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>
    /// True when the name was free, and is recorded now where asked for, or is known with this very secret. Where it is recorded that is decided, in all regions.
    /// </returns>
    public async ValueTask<bool> AllowsAsync(string username, string secret, bool records, CancellationToken cancellationToken)
    {
        if (WhyNotRegistrable(username, secret) is not null)
        {
            return false; // It could not log in here.
        }

        for (var round = 0; round < RecordRoundsMax; round++)
        {
            var (channel, state) = Find(username);
            if (records && IsUndecided(channel, state))
            {
                // What is said now must hold in all regions: whoever claimed it may still lose, or be denied.
                if (await node.Cluster.WaitForDecisionAsync(channel, node.Options.ClaimWait, cancellationToken) is null)
                {
                    return false;
                }

                continue;
            }

            if (Known(channel, state) is { Count: > 0 } known)
            {
                return await HashAsync(() => known.Any(form => SecretHash.Verify(secret, form)), cancellationToken);
            }

            if (state is not null && node.Cluster.Sets is null)
            {
                return false; // Something stands there that is no account; nobody can have the name.
            }

            if (!records)
            {
                return true;
            }

            var recorded = node.Cluster.Sets is null
                ? await RecordAloneAsync(channel, username, secret, cancellationToken)
                : await RecordClaimAsync(channel, username, secret, cancellationToken);
            if (recorded is not null)
            {
                return recorded.Value;
            }
        }

        return false;
    }

    /// <summary>Forgets a username that was recorded for a foreign server. An account that was registered here, or in any region, stays: its owner was told so.</summary>
    /// <param name="username">The username; any text.</param>
    /// <param name="secret">The secret that it was recorded with; with another one nothing happens.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it was forgotten.</returns>
    public async ValueTask<bool> ForgetForeignAsync(string username, string secret, CancellationToken cancellationToken)
    {
        if (WhyNotRegistrable(username, secret) is not null || Find(username) is not { State: { } state, Channel: var channel })
        {
            return false;
        }

        if (JsonValue.IsTrue(state.Field(ForeignField)))
        {
            return JsonValue.ToText(state.Field("secret")) is { } form && await HashAsync(() => SecretHash.Verify(secret, form), cancellationToken)
                && await PublishDenialAsync(channel, username, DeniedField, cancellationToken);
        }

        var claims = ClaimState.Read(channel, state).Claims.Where(IsForeign).ToList();
        return claims.Count > 0 && await FindFittingAsync(claims, secret, cancellationToken) is { } claim
            && await PublishDenialAsync(channel, username, ClaimState.DeniedField(claim.Id), cancellationToken);
    }

    private async ValueTask<bool> PublishDenialAsync(string channel, string username, string field, CancellationToken cancellationToken)
    {
        var outcome = await node.PublishAsync(channel, username, new PublishBody(default, new Effect([new(field, True)], [], [])), cancellationToken);
        return outcome.Refusal is null;
    }

    /// <summary>Records a name for a foreign server, in a region by itself.</summary>
    /// <returns>Null when someone else was faster: look again.</returns>
    private async ValueTask<bool?> RecordAloneAsync(string channel, string username, string secret, CancellationToken cancellationToken)
    {
        var hash = await HashAsync(() => SecretHash.Make(secret, node.Options.SecretIterations), cancellationToken);
        var effect = new Effect([new(ForeignField, True), new("secret", JsonValue.Text(hash)), new("username", JsonValue.Text(username))], [], []);
        var outcome = await node.PublishAsync(channel, username, new PublishBody(default, effect, Exists: false), cancellationToken);
        return outcome.Refusal?.Type switch
        {
            null => true,
            ErrorType.ConditionNotMet => null,
            _ => false,
        };
    }

    /// <summary>Claims a name for a foreign server.</summary>
    /// <returns>Null when someone else was faster: look again.</returns>
    private async ValueTask<bool?> RecordClaimAsync(string channel, string username, string secret, CancellationToken cancellationToken)
    {
        var id = Cluster.NewId();
        if (await MakeClaimAsync(channel, id, username, secret, isForeign: true, cancellationToken) is not null)
        {
            return false;
        }

        var decision = await node.Cluster.WaitForDecisionAsync(channel, node.Options.ClaimWait, cancellationToken);
        if (decision is null)
        {
            // The server over there is told no, so the claim must not win later on.
            await PublishDenialAsync(channel, username, ClaimState.DeniedField(id), cancellationToken);
            return false;
        }

        return decision.Claim?.Id == id ? true : null;
    }

    /// <summary>The channel that says whose a username is now: the first whose claim was not taken back.</summary>
    private (string Channel, ChannelState? State) Find(string username)
    {
        for (var generation = 1; ; generation++)
        {
            var channel = ClaimChannels.OfUsername(username, generation);
            var state = node.Store.Find(channel);
            if (state is null || generation == GenerationsMax || !IsTakenBack(channel, state))
            {
                return (channel, state);
            }
        }
    }

    /// <summary>Whether what a channel decided about a name holds no more.</summary>
    private bool IsTakenBack(string channel, ChannelState state)
    {
        if (JsonValue.IsTrue(state.Field(ForeignField)))
        {
            return JsonValue.IsTrue(state.Field(DeniedField));
        }

        return node.Cluster.Sets?.Decide(channel, state) is { Claim: { } winner } && IsForeign(winner) && ClaimState.Read(channel, state).WasDenied(winner.Id);
    }

    /// <summary>Whether somebody has claimed a name and it is not decided yet.</summary>
    private bool IsUndecided(string channel, ChannelState? state) =>
        state is not null && node.Cluster.Sets is { } sets && sets.Decide(channel, state) is null && ClaimState.Read(channel, state).Claims.Count > 0;

    /// <summary>The forms of the secrets of those who may turn out to have a name: one when it is decided, those of all claims before.</summary>
    private IReadOnlyList<string> Known(string channel, ChannelState? state)
    {
        if (state is null)
        {
            return [];
        }

        if (SecretOf(channel, state) is { } form)
        {
            return [form];
        }

        return [.. ClaimState.Read(channel, state).Claims.Select(SecretIn).OfType<string>()];
    }
}
