using System.Globalization;
using Microsoft.AspNetCore.Http;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>Errors as problem documents (RFC 9457), <c>type</c> being the stable word of <see cref="ErrorType"/>.</summary>
internal static class Problem
{
    private const string Challenge = "Basic realm=\"stentor\", charset=\"UTF-8\", Bearer realm=\"stentor\"";

    /// <summary>Answers with a problem document. When an answer is on its way already, the connection is cut: half an answer must not look whole.</summary>
    /// <param name="http">The request.</param>
    /// <param name="refusal">What is wrong.</param>
    /// <param name="retryAfter">When to come back, for types that have a <c>Retry-After</c>; at least a second is given.</param>
    public static Task WriteAsync(HttpContext http, Refusal refusal, TimeSpan retryAfter = default)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return Task.CompletedTask;
        }

        var status = ErrorType.StatusOf(refusal.Type);
        http.Response.Clear(keepCors: true);
        if (status == StatusCodes.Status401Unauthorized)
        {
            http.Response.Headers.WWWAuthenticate = Challenge;
        }
        else if (status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
        {
            http.Response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(retryAfter.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        var json = Reply.Rent();
        Write(json, refusal, status);
        return Reply.SendAsync(http, status, json, "application/problem+json");
    }

    /// <summary>Writes the document.</summary>
    /// <param name="json">Where it goes.</param>
    /// <param name="refusal">What is wrong.</param>
    /// <param name="status">The HTTP status.</param>
    public static void Write(ByteBuffer json, Refusal refusal, int status)
    {
        json.Write("{\"type\":"u8);
        JsonText.Write(refusal.Type, json);
        json.Write(",\"title\":"u8);
        JsonText.Write(TitleOf(refusal.Type), json);
        json.Write(",\"status\":"u8);
        json.Write(status);
        json.Write(",\"detail\":"u8);
        JsonText.Write(refusal.Detail, json);
        if (refusal.Missing is not null)
        {
            json.Write(",\"missing\":"u8);
            json.Write(refusal.Missing);
        }

        json.Write("}"u8);
    }

    /// <summary>A type in a few words, the same for every problem of that type.</summary>
    /// <param name="type">One of <see cref="ErrorType"/>.</param>
    public static string TitleOf(string type) => type switch
    {
        ErrorType.Malformed => "The request cannot be understood",
        ErrorType.Unauthenticated => "Who are you?",
        ErrorType.Forbidden => "Not allowed",
        ErrorType.NotFound => "Not found",
        ErrorType.MethodNotAllowed => "The method does not exist here",
        ErrorType.Taken => "The username is taken",
        ErrorType.MixedField => "A field is a counter or plain, not both",
        ErrorType.ConditionNotMet => "The condition is not met",
        ErrorType.TooLarge => "Over a limit of size",
        ErrorType.UnsupportedMediaType => "The content type is not taken here",
        ErrorType.RateLimited => "Too many requests",
        ErrorType.Behind => "This region has not seen all that the token covers",
        ErrorType.Undecided => "Not decided yet",
        ErrorType.NotReady => "The node cannot take this now",
        _ => "A fault of the node",
    };

    /// <summary>Takes back what was set for another answer, except what tells a browser that it may read this one.</summary>
    private static void Clear(this HttpResponse response, bool keepCors)
    {
        var origin = keepCors ? response.Headers.AccessControlAllowOrigin : default;
        var vary = keepCors ? response.Headers.Vary : default;
        var expose = keepCors ? response.Headers.AccessControlExposeHeaders : default;
        var allow = response.Headers.Allow;
        response.Headers.Clear();
        if (origin.Count > 0)
        {
            response.Headers.AccessControlAllowOrigin = origin;
            response.Headers.AccessControlExposeHeaders = expose;
        }

        if (vary.Count > 0)
        {
            response.Headers.Vary = vary;
        }

        if (allow.Count > 0)
        {
            response.Headers.Allow = allow;
        }
    }
}
