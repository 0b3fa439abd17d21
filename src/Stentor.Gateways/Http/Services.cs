using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>What the answers of a server share.</summary>
/// <param name="Node">The node.</param>
/// <param name="Accounts">Who can be who.</param>
/// <param name="Grants">Who may do what.</param>
/// <param name="Inboxes">What owners have seen.</param>
/// <param name="Throttle">How often is too often.</param>
/// <param name="Options">How the server was started.</param>
/// <param name="Stopping">The server begins to stop: whoever waits for news answers with what there is.</param>
internal sealed record Services(StentorNode Node, Accounts Accounts, Grants Grants, Inboxes Inboxes, Throttle Throttle, ServerOptions Options, CancellationToken Stopping)
{
    public Limits Limits => Node.Options.Limits;

    /// <summary>Waits until the region covers a token.</summary>
    /// <param name="after">What must be covered; null for nothing.</param>
    /// <param name="wait">Longest wait; null for the node's default.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when it is covered; otherwise the refusal.</returns>
    public async ValueTask<Refusal?> CoverAsync(VersionVector? after, TimeSpan? wait, CancellationToken cancellationToken)
    {
        if (after is null || Node.Seen.Covers(after))
        {
            return null;
        }

        var missing = await Node.WaitForCoverageAsync(after, wait ?? Node.Options.CatchUpWait, cancellationToken);
        return missing is null
            ? null
            : new Refusal(ErrorType.Behind, $"This region has not seen {missing}, which your token covers. Try again, with a longer `wait`, or in another region.", missing);
    }
}
