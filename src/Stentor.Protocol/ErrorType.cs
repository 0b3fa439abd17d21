namespace Stentor.Protocol;

/// <summary>The stable error types of the contract, as they stand in <c>type</c> of problem documents and error frames (<c>docs/errors.md</c>).</summary>
public static class ErrorType
{
    /// <summary>400: the request cannot be understood.</summary>
    public const string Malformed = "malformed";

    /// <summary>401: who is asking is not known, or an account is needed.</summary>
    public const string Unauthenticated = "unauthenticated";

    /// <summary>403: known, but not allowed here; also every reserved channel.</summary>
    public const string Forbidden = "forbidden";

    /// <summary>404: no such channel, inbox or route.</summary>
    public const string NotFound = "not-found";

    /// <summary>405: the route exists, the method does not.</summary>
    public const string MethodNotAllowed = "method-not-allowed";

    /// <summary>409: the username is taken.</summary>
    public const string Taken = "taken";

    /// <summary>409: <c>set</c> of a counter, or <c>add</c> to a plain field.</summary>
    public const string MixedField = "mixed-field";

    /// <summary>412: the condition of the publish is not met.</summary>
    public const string ConditionNotMet = "condition-not-met";

    /// <summary>413: over a limit of size.</summary>
    public const string TooLarge = "too-large";

    /// <summary>415: the content type is not one this route takes.</summary>
    public const string UnsupportedMediaType = "unsupported-media-type";

    /// <summary>429: too many requests; <c>Retry-After</c> says when to come back.</summary>
    public const string RateLimited = "rate-limited";

    /// <summary>503: this region has not yet seen what the token covers.</summary>
    public const string Behind = "behind";

    /// <summary>503: a claim is not decided yet; ask again.</summary>
    public const string Undecided = "undecided";

    /// <summary>503: the node cannot take this now (starting, stopping, disk full or failing, queue full).</summary>
    public const string NotReady = "not-ready";

    /// <summary>500: a fault of the node.</summary>
    public const string Internal = "internal";

    /// <summary>The HTTP status that goes with a type.</summary>
    /// <param name="type">One of the constants of this class.</param>
    /// <returns>The status; 500 for a type that is not in the table.</returns>
    public static int StatusOf(string type) => type switch
    {
        Malformed => 400,
        Unauthenticated => 401,
        Forbidden => 403,
        NotFound => 404,
        MethodNotAllowed => 405,
        Taken or MixedField => 409,
        ConditionNotMet => 412,
        TooLarge => 413,
        UnsupportedMediaType => 415,
        RateLimited => 429,
        Behind or Undecided or NotReady => 503,
        _ => 500,
    };
}
