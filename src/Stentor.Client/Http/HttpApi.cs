using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>A request of the HTTP contract.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Path">Path and query, from <c>/</c>.</param>
internal sealed record ApiRequest(HttpMethod Method, string Path)
{
    /// <summary>The JSON body; empty for none.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>How long the server was asked to wait; comes on top of the deadlines.</summary>
    public TimeSpan Wait { get; init; }

    /// <summary>An entity tag that the answer need not repeat; null for none.</summary>
    public string? IfNoneMatch { get; init; }

    /// <summary>In place of the client's own credentials; null for those.</summary>
    public AuthenticationHeaderValue? Credentials { get; init; }

    /// <summary>A status that is an answer here though it is not a success; 0 for none.</summary>
    public int AlsoAnswers { get; init; }
}

/// <summary>What a server answered.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Body">The body.</param>
/// <param name="ETag">The entity tag, or null.</param>
/// <param name="Address">Who answered.</param>
/// <param name="InDoubt">Whether an earlier attempt of the same request may have been carried out unseen.</param>
/// <param name="RetryAfter">When to come back, where the server said so.</param>
internal readonly record struct ApiAnswer(int Status, ReadOnlyMemory<byte> Body, string? ETag, Uri Address, bool InDoubt, TimeSpan? RetryAfter);

/// <summary>Sends requests: to the address in use, to the next one when that fails, again later when none can, until the deadline. Any thread may call.</summary>
internal sealed class HttpApi(StentorClientOptions options, AddressList addresses, HttpMessageInvoker http)
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly AuthenticationHeaderValue? _credentials =
        options.Token is not null ? new AuthenticationHeaderValue("Bearer", options.Token)
        : options.Username is not null ? Basic(options.Username, options.Secret!) // They go together by the options' rule.
        : null;

    /// <summary>The header for a username and secret.</summary>
    public static AuthenticationHeaderValue Basic(string username, string secret) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{secret}")));

    /// <summary>Sends a request until it is answered.</summary>
    /// <exception cref="StentorException">It is refused, or the deadline is over: then with the last refusal, or <see cref="StentorException.Unreachable"/>.</exception>
    public async Task<ApiAnswer> SendAsync(ApiRequest request, CancellationToken cancellationToken)
    {
        var started = options.Time.GetTimestamp();
        var patience = options.RequestDeadline + request.Wait;
        var backoff = new Backoff(options, addresses.Count);
        var inDoubt = false;
        StentorException? refusal = null;
        while (true)
        {
            var address = addresses.Current;
            StentorException failure;
            try
            {
                // A wait may have lasted longer than it was to; the attempt then ends at once, and the request with it.
                var left = Math.Max(1, (patience - options.Time.GetElapsedTime(started)).TotalMilliseconds);
                var attempt = Math.Min(left, (request.Wait + options.ConnectTimeout).TotalMilliseconds);
                var answer = await TryAsync(address, request, TimeSpan.FromMilliseconds(attempt), cancellationToken).ConfigureAwait(false);
                if (answer.Status is >= 200 and < 300 or 304 || answer.Status == request.AlsoAnswers)
                {
                    return answer with { InDoubt = inDoubt };
                }

                failure = refusal = Refusal(answer);
                if (!failure.IsTransient)
                {
                    throw failure;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                inDoubt = true;
                var reason = e is OperationCanceledException ? "it did not answer in time" : Printable.Cut((e.InnerException ?? e).Message, 200);
                failure = new StentorException(StentorException.Unreachable, $"No answer from {address}: {reason}", 0, e);
            }

            // Who is asked too much, or has not decided yet, is not asked elsewhere.
            var delay = backoff.Next();
            if (failure.Type is ErrorType.RateLimited or ErrorType.Undecided)
            {
                delay = failure.RetryAfter > delay ? failure.RetryAfter.Value : delay;
            }
            else
            {
                addresses.MoveOnFrom(address);
            }

            if (options.Time.GetElapsedTime(started) + delay >= patience)
            {
                // What a server said tells more than that the last attempt ran out of time.
                throw refusal ?? failure;
            }

            await Task.Delay(delay, options.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<ApiAnswer> TryAsync(Uri address, ApiRequest request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var message = new HttpRequestMessage(request.Method, address.AbsoluteUri.TrimEnd('/') + request.Path);
        message.Headers.UserAgent.TryParseAdd(options.ClientName);
        message.Headers.Authorization = request.Credentials ?? _credentials;
        if (request.IfNoneMatch is not null)
        {
            message.Headers.TryAddWithoutValidation("If-None-Match", request.IfNoneMatch);
        }

        if (!request.Body.IsEmpty)
        {
            message.Content = new ReadOnlyMemoryContent(request.Body);
            message.Content.Headers.ContentType = Json;
        }

        using var late = new CancellationTokenSource(timeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        using var answer = await http.SendAsync(message, either.Token).ConfigureAwait(false);
        await answer.Content.LoadIntoBufferAsync(options.MessageBytesMax, either.Token).ConfigureAwait(false);
        var body = await answer.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false);
        return new ApiAnswer((int)answer.StatusCode, body, answer.Headers.ETag?.ToString(), address, InDoubt: false, RetryAfterOf(answer.Headers.RetryAfter));
    }

    private TimeSpan? RetryAfterOf(RetryConditionHeaderValue? header) => header?.Delta ?? header?.Date - options.Time.GetUtcNow();

    /// <summary>The refusal in a problem document (RFC 9457); what is none, a proxy's answer perhaps, goes by its status.</summary>
    private static StentorException Refusal(ApiAnswer answer)
    {
        string? type = null, detail = null;
        try
        {
            using var json = JsonDocument.Parse(answer.Body);
            if (json.RootElement.ValueKind == JsonValueKind.Object)
            {
                type = Text(json.RootElement, "type");
                detail = Text(json.RootElement, "detail");
            }
        }
        catch (JsonException)
        {
            detail = null;
        }

        // A type may stand in a URL; its last part is the stable word.
        type = type is null or "about:blank" ? TypeOf(answer.Status) : type[(type.LastIndexOfAny(['/', '#', ':']) + 1)..];
        detail ??= string.Create(CultureInfo.InvariantCulture, $"{answer.Address} answered {answer.Status}.");
        return new StentorException(type, detail, answer.Status) { RetryAfter = answer.RetryAfter };
    }

    private static string TypeOf(int status) => status switch
    {
        400 => ErrorType.Malformed,
        401 => ErrorType.Unauthenticated,
        403 => ErrorType.Forbidden,
        404 => ErrorType.NotFound,
        405 => ErrorType.MethodNotAllowed,
        409 => ErrorType.Taken,
        412 => ErrorType.ConditionNotMet,
        413 => ErrorType.TooLarge,
        415 => ErrorType.UnsupportedMediaType,
        429 => ErrorType.RateLimited,
        502 or 503 or 504 => ErrorType.NotReady,
        _ => ErrorType.Internal,
    };

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
