#pragma warning disable CA1822 // Contract first: the bodies come with the owner of this part.
using System.Diagnostics;
using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>
/// Who someone is: accounts, secrets and session tokens, kept as states of reserved channels (<c>_accounts.*</c>, <c>_sessions.*</c>), so that they are
/// durable and replicate like everything else. Secrets are kept as salted PBKDF2, session tokens as SHA-256.
/// </summary>
/// <param name="node">The node.</param>
public sealed class Accounts(StentorNode node)
{
    /// <summary>The account that may do everything; its secret is made at the first start.</summary>
    public const string Operator = "operator";

    /// <summary>Registers a username.</summary>
    /// <param name="username">A valid username other than anonymous and operator.</param>
    /// <param name="secret">Its secret, 1 to 1,024 bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when it is registered; otherwise why not (taken, malformed, not ready).</returns>
    public ValueTask<Replication.Refusal?> RegisterAsync(string username, string secret, CancellationToken cancellationToken) => throw new UnreachableException($"{node.Name}");

    /// <summary>Checks a secret: in constant time, and as slowly for a name that does not exist. Verified ones are remembered for a while, keyed by a hash that does not leave the process.</summary>
    /// <param name="username">The name.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<bool> VerifyAsync(string username, string secret, CancellationToken cancellationToken) => throw new UnreachableException();

    /// <summary>Makes a session token for someone who is known.</summary>
    /// <param name="username">Who.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The token and when it expires; or a refusal.</returns>
    public ValueTask<(string? Token, DateTimeOffset Expires, Replication.Refusal? Refusal)> OpenSessionAsync(string username, CancellationToken cancellationToken) => throw new UnreachableException();

    /// <summary>Whose session a token is; null when it is none or over. Does not wait: a lookup in the states.</summary>
    /// <param name="token">A token.</param>
    public string? WhoIs(string token) => throw new UnreachableException();

    /// <summary>Ends a session.</summary>
    /// <param name="token">Its token.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<Replication.Refusal?> CloseSessionAsync(string token, CancellationToken cancellationToken) => throw new UnreachableException();
}

/// <summary>
/// Who may do what. Rules are fields of the reserved channel <c>_grants</c> which only the operator writes: field <c>publish PATTERN</c> or <c>subscribe PATTERN</c>,
/// value a list of usernames (or <c>$everyone</c>, <c>$registered</c>). Where a rule's pattern matches a channel, only those listed in some matching rule may; else the defaults of the design hold.
/// </summary>
/// <param name="node">The node.</param>
public sealed class Grants(StentorNode node)
{
    /// <summary>Whether someone may publish to a channel. Answers from memory, without a lock.</summary>
    /// <param name="username">Who; <see cref="Username.Anonymous"/> for nobody in particular.</param>
    /// <param name="channel">A valid channel.</param>
    /// <returns>Null when allowed; otherwise a refusal: unauthenticated where an account would help, else forbidden.</returns>
    public Replication.Refusal? MayPublish(string username, string channel) => throw new UnreachableException($"{node.Name}");

    /// <summary>Whether someone may read what a pattern names.</summary>
    /// <param name="username">Who.</param>
    /// <param name="pattern">A channel or pattern.</param>
    /// <returns>Null when allowed; otherwise a refusal.</returns>
    public Replication.Refusal? MaySubscribe(string username, ChannelPattern pattern) => throw new UnreachableException();
}
