using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>Who sends a request.</summary>
/// <param name="Username">Who; null when it could not be told.</param>
/// <param name="Refusal">Why not; null when it could.</param>
/// <param name="RetryAfter">For too many wrong secrets: when to come back.</param>
internal readonly record struct Identity(string? Username, Refusal? Refusal = null, TimeSpan RetryAfter = default);

/// <summary>
/// Tells who sends a request, by <c>Basic</c> (username and secret), <c>Bearer</c> (a session's token) or neither. A connection usually sends the same header
/// with every request: its proof is kept with the connection, and only asked whether it still holds.
/// </summary>
/// <param name="accounts">Who can be who.</param>
/// <param name="throttle">Who guesses too often.</param>
internal sealed class Identities(Accounts accounts, Throttle throttle)
{
    /// <summary>The longest header looked at: a username, the longest secret in UTF-8, and base64 around them.</summary>
    private const int HeaderLengthMax = 2048;

    private static readonly object ItemsKey = new();
    private static readonly Identity Anonymous = new(Protocol.Username.Anonymous);

    /// <summary>The query parameter that carries a session's token where headers cannot.</summary>
    public const string TokenParameter = "access_token";

    /// <summary>Who sends a request.</summary>
    /// <param name="http">The request.</param>
    /// <param name="queryToo">Whether a token may stand in the query.</param>
    public ValueTask<Identity> OfAsync(HttpContext http, bool queryToo)
    {
        var headers = http.Request.Headers.Authorization;
        if (headers.Count == 0)
        {
            return new ValueTask<Identity>(queryToo && TokenInQuery(http.Request) is { } inQuery ? OfToken(inQuery) : Anonymous);
        }

        var header = headers.Count == 1 ? headers[0] : null;
        if (header is null or { Length: 0 or > HeaderLengthMax })
        {
            return new ValueTask<Identity>(Unauthenticated("The Authorization header is empty, too long or there twice."));
        }

        var items = http.Features.Get<IConnectionItemsFeature>()?.Items;
        if (items is not null && items.TryGetValue(ItemsKey, out var item) && item is Kept kept && kept.Header == header && kept.Credential.Holds)
        {
            return new ValueTask<Identity>(new Identity(kept.Credential.Username));
        }

        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            var credential = accounts.CheckToken(header[7..].Trim());
            return new ValueTask<Identity>(credential is null ? NoSession() : Keep(items, header, credential));
        }

        return header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase)
            ? OfSecretAsync(http, header, items)
            : new ValueTask<Identity>(Unauthenticated("The Authorization header must be `Basic` with username and secret, or `Bearer` with a session's token."));
    }

    /// <summary>The session token of the request's <c>Authorization</c> header; null when there is none.</summary>
    /// <param name="request">The request.</param>
    public static string? BearerOf(HttpRequest request) =>
        request.Headers.Authorization is [{ } header] && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header[7..].Trim() : null;

    /// <summary>The session token by which a request of a browser's kind is known: in its header, else in its query; null when there is none.</summary>
    /// <param name="request">The request.</param>
    public static string? TokenOf(HttpRequest request) => request.Headers.Authorization.Count > 0 ? BearerOf(request) : TokenInQuery(request);

    private async ValueTask<Identity> OfSecretAsync(HttpContext http, string header, IDictionary<object, object?>? items)
    {
        if (!TryDecode(header.AsSpan(6).Trim(), out var username, out var secret))
        {
            return Unauthenticated("The Basic credentials must be base64 of USERNAME:SECRET in UTF-8.");
        }

        var login = await throttle.LoginAsync(username, secret, http.Connection.RemoteIpAddress, http.RequestAborted);
        return login.Credential is { } credential ? Keep(items, header, credential) : new Identity(null, login.Refusal, login.RetryAfter);
    }

    private Identity OfToken(string token) => accounts.CheckToken(token) is { } credential ? new Identity(credential.Username) : NoSession();

    private static Identity Keep(IDictionary<object, object?>? items, string header, Credential credential)
    {
        if (items is not null)
        {
            items[ItemsKey] = new Kept(header, credential);
        }

        return new Identity(credential.Username);
    }

    private static bool TryDecode(ReadOnlySpan<char> base64, out string username, out string secret)
    {
        username = secret = "";
        var bytes = ArrayPool<byte>.Shared.Rent(HeaderLengthMax);
        try
        {
            if (!Convert.TryFromBase64Chars(base64, bytes, out var length) || !System.Text.Unicode.Utf8.IsValid(bytes.AsSpan(0, length)))
            {
                return false;
            }

            var pair = bytes.AsSpan(0, length);
            var colon = pair.IndexOf((byte)':');
            if (colon < 0)
            {
                return false;
            }

            username = Encoding.UTF8.GetString(pair[..colon]);
            secret = Encoding.UTF8.GetString(pair[(colon + 1)..]);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes, clearArray: true);
        }
    }

    private static string? TokenInQuery(HttpRequest request) => request.Query.TryGetValue(TokenParameter, out var values) && values.Count == 1 ? values[0] : null;

    private static Identity NoSession() => Unauthenticated("The session is over, or never was. Open one with POST /v1/sessions.");

    private static Identity Unauthenticated(string detail) => new(null, new Refusal(ErrorType.Unauthenticated, detail));

    private sealed record Kept(string Header, Credential Credential);
}
