using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>Registering, and sessions.</summary>
/// <param name="services">What answers share.</param>
internal sealed class AccountAnswers(Services services)
{
    public IReadOnlyList<Route> Routes =>
    [
        new("/v1/accounts", Access.Header, new Operation(HttpMethods.Post, RegisterAsync)),
        new("/v1/sessions", Access.Header, new Operation(HttpMethods.Post, OpenAsync)),
        new("/v1/sessions/current", Access.Header, new Operation(HttpMethods.Delete, CloseAsync)),
    ];

    private async Task RegisterAsync(Exchange exchange)
    {
        var http = exchange.Http;
        var json = await Bodies.ReadJsonAsync(http, services.Limits);
        var (username, secret) = ReadCredentials(json.Span);
        if (!services.Throttle.MayRegister(http.Connection.RemoteIpAddress, out var retryAfter))
        {
            await Problem.WriteAsync(http, Throttle.TooMany("registrations from your address", services.Options.RateLimits.RegistrationsPerMinute, "minute"), retryAfter);
            return;
        }

        if (await services.Accounts.RegisterAsync(username, secret, exchange.Aborted) is { } refusal)
        {
            await Problem.WriteAsync(http, refusal);
            return;
        }

        var answer = Reply.Rent();
        answer.Write("{\"username\":\""u8);
        answer.WriteAscii(username);
        answer.Write("\"}"u8);
        await Reply.SendAsync(http, StatusCodes.Status201Created, answer);
    }

    private async Task OpenAsync(Exchange exchange)
    {
        var (http, username, _) = exchange;
        if (await ReadEmptyAsync(http) is { } body)
        {
            // A browser's form has no way to set headers before it has a token.
            var (name, secret) = ReadCredentials(body.Span);
            var login = await services.Throttle.LoginAsync(name, secret, http.Connection.RemoteIpAddress, exchange.Aborted);
            if (login.Refusal is not null)
            {
                await Problem.WriteAsync(http, login.Refusal, login.RetryAfter);
                return;
            }

            username = name;
        }

        if (username == Username.Anonymous)
        {
            await Problem.WriteAsync(http, new Refusal(ErrorType.Unauthenticated, "A session is somebody's: send a username and its secret, as Basic or in the body."));
            return;
        }

        if (!services.Throttle.MayOpenSession(username, out var retryAfter))
        {
            await Problem.WriteAsync(http, Throttle.TooMany("sessions of your account", services.Options.RateLimits.SessionsPerMinute, "minute"), retryAfter);
            return;
        }

        var (token, expires, refusal) = await services.Accounts.OpenSessionAsync(username, exchange.Aborted);
        if (token is null)
        {
            await Problem.WriteAsync(http, refusal!); // No token, so there is a refusal.
            return;
        }

        http.Response.Headers.CacheControl = "no-store";
        var answer = Reply.Rent();
        answer.Write("{\"token\":\""u8);
        answer.WriteAscii(token);
        answer.Write("\",\"expires\":"u8);
        answer.WriteTime(expires.ToUnixTimeMilliseconds() * 1000);
        answer.Write(",\"username\":\""u8);
        answer.WriteAscii(username);
        answer.Write("\"}"u8);
        await Reply.SendAsync(http, StatusCodes.Status201Created, answer);
    }

    private async Task CloseAsync(Exchange exchange)
    {
        var http = exchange.Http;
        var refusal = Identities.BearerOf(http.Request) is { } token
            ? await services.Accounts.CloseSessionAsync(token, exchange.Aborted)
            : new Refusal(ErrorType.Unauthenticated, "The session that ends is the one whose token is sent as Bearer.");
        await (refusal is null
            ? Reply.SendAsync(http, StatusCodes.Status204NoContent, Reply.Rent())
            : Problem.WriteAsync(http, refusal));
    }

    /// <summary>The body, or null when there is none.</summary>
    private async ValueTask<ReadOnlyMemory<byte>?> ReadEmptyAsync(HttpContext http)
    {
        if (http.Request.ContentLength is 0 || (http.Request.ContentLength is null && http.Request.Headers.TransferEncoding.Count == 0 && http.Request.ContentType is null))
        {
            return null;
        }

        var body = await Bodies.ReadJsonAsync(http, services.Limits);
        return body.IsEmpty ? null : body;
    }

    private static (string Username, string Secret) ReadCredentials(ReadOnlySpan<byte> json) =>
        JsonRules.Read(json, depthMax: 1, depthAround: 0, (ref reader, _) =>
        {
            string? username = null;
            string? secret = null;
            JsonFields.Read(ref reader, (ref reader, name) =>
            {
                switch (name)
                {
                    case "username":
                        username = JsonFields.Text(ref reader, name);
                        break;
                    case "secret":
                        secret = JsonFields.Text(ref reader, name);
                        break;
                    default:
                        throw JsonFields.Unknown(name, "username and secret");
                }
            });

            return (username ?? throw JsonFields.Missing("username"), secret ?? throw JsonFields.Missing("secret"));
        });
}

/// <summary>Small objects in request bodies, read field by field; what is not known is refused.</summary>
internal static class JsonFields
{
    /// <summary>Takes one field.</summary>
    /// <param name="reader">Stands on the field's value; afterwards on its last token.</param>
    /// <param name="name">The field's name.</param>
    public delegate void Field(ref Utf8JsonReader reader, string name);

    /// <summary>Reads an object.</summary>
    /// <param name="reader">Stands on its first token; afterwards on its last.</param>
    /// <param name="field">Takes its fields; each name comes once.</param>
    /// <exception cref="ProtocolException">It is no object, or a name stands twice.</exception>
    public static void Read(ref Utf8JsonReader reader, Field field)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Malformed("The body must be a JSON object.");
        }

        var names = new HashSet<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = JsonRules.Text(ref reader);
            if (!names.Add(name))
            {
                throw Malformed($"The key '{Printable.Cut(name)}' stands twice in one object; each key may stand once.");
            }

            reader.Read();
            field(ref reader, name);
        }
    }

    /// <summary>A string.</summary>
    /// <param name="reader">Stands on it.</param>
    /// <param name="name">Its field.</param>
    public static string Text(ref Utf8JsonReader reader, string name) =>
        reader.TokenType == JsonTokenType.String ? JsonRules.Text(ref reader) : throw Malformed($"`{name}` must be a string.");

    /// <summary>An array of strings.</summary>
    /// <param name="reader">Stands on its first token; afterwards on its last.</param>
    /// <param name="name">Its field.</param>
    /// <param name="countMax">Most strings.</param>
    /// <param name="limit">The name of the limit that <paramref name="countMax"/> is.</param>
    public static List<string> Texts(ref Utf8JsonReader reader, string name, int countMax, string limit)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Malformed($"`{name}` must be an array of strings.");
        }

        var texts = new List<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            texts.Add(Text(ref reader, name));
            if (texts.Count > countMax)
            {
                throw new ProtocolException(ErrorType.TooLarge, $"`{name}` has more than {countMax} elements (limit {limit}).");
            }
        }

        return texts;
    }

    /// <summary>The refusal of a field that is not known.</summary>
    public static ProtocolException Unknown(string name, string known) => Malformed($"The body has the key '{Printable.Cut(name)}'; it takes {known}.");

    /// <summary>The refusal of a body that lacks a field.</summary>
    public static ProtocolException Missing(string name) => Malformed($"The body lacks `{name}`.");

    private static ProtocolException Malformed(string detail) => new(ErrorType.Malformed, detail);
}
