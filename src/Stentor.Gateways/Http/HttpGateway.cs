using System.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Gateways;

/// <summary>
/// Every HTTP request comes through here: the route is found, the browser's origin is looked at, who asks is told, the answer is made, and whatever goes
/// wrong becomes a problem document. Routes are few and known, so they are tried in turn: no model binding, nothing made for a request but what its answer needs.
/// </summary>
internal sealed partial class HttpGateway
{
    private readonly Identities _identities;
    private readonly CrossOrigin _crossOrigin;
    private readonly HttpMetrics _metrics;
    private readonly ILogger _log;
    private readonly Counted[] _routes;
    private readonly Counted[] _xmlRpcRoutes;
    private readonly RequestCounts _noRoute = new("none");

    /// <summary>Makes the gateway.</summary>
    /// <param name="routes">What can be asked, the most frequent first.</param>
    /// <param name="xmlRpcRoutes">What can be asked at the port of XML-RPC.</param>
    /// <param name="services">What answers share.</param>
    /// <param name="metricsOf">Makes the instruments for the routes' counts.</param>
    /// <param name="logs">Where faults are reported.</param>
    public HttpGateway(IEnumerable<Route> routes, IEnumerable<Route> xmlRpcRoutes, Services services, Func<IReadOnlyList<RequestCounts>, HttpMetrics> metricsOf, ILoggerFactory logs)
    {
        _identities = new Identities(services.Accounts, services.Throttle);
        _crossOrigin = new CrossOrigin(services.Options.AllowOrigins);
        _routes = [.. routes.Select(r => new Counted(r, new RequestCounts(r.Template)))];
        _xmlRpcRoutes = [.. xmlRpcRoutes.Select(r => new Counted(r, new RequestCounts(r.Template)))];
        _metrics = metricsOf([.. _routes.Concat(_xmlRpcRoutes).Select(r => r.Counts), _noRoute]);
        _log = logs.CreateLogger<HttpGateway>();
    }

    /// <summary>Answers one request.</summary>
    /// <param name="http">The request.</param>
    public async Task AnswerAsync(HttpContext http)
    {
        var started = Stopwatch.GetTimestamp();
        var counts = _noRoute;
        var isTimed = true;
        try
        {
            var routes = http.Features.Get<XmlRpcPort>() is null ? _routes : _xmlRpcRoutes;
            if (Find(routes, http.Request.Path.Value ?? "", out var route, out var name))
            {
                counts = route.Counts;
                isTimed = route.Route.Access != Access.HeaderOrQuery && http.Request.QueryString.Value?.Contains("wait=", StringComparison.Ordinal) != true;
                await AnswerAsync(http, route.Route, name);
            }
            else
            {
                await Problem.WriteAsync(http, new Refusal(ErrorType.NotFound, $"There is no '{Printable.Cut(http.Request.Path.Value ?? "", 128)}'. See /openapi/v1.json for what there is."));
            }
        }
        catch (ProtocolException e)
        {
            await Problem.WriteAsync(http, new Refusal(e.Type, e.Message));
        }
        catch (BadHttpRequestException e)
        {
            var type = e.StatusCode == StatusCodes.Status413PayloadTooLarge ? ErrorType.TooLarge : ErrorType.Malformed;
            await Problem.WriteAsync(http, new Refusal(type, e.Message));
        }
        catch (Exception e) when (e is ConnectionResetException or ConnectionAbortedException || (e is OperationCanceledException && http.RequestAborted.IsCancellationRequested))
        {
            http.Abort(); // The client is gone; nobody is there to be told.
        }
        catch (DiskException e)
        {
            LogDiskFault(_log, http.Request.Method, counts.Tag.Value, e.Message);
            await Problem.WriteAsync(http, new Refusal(ErrorType.NotReady, "The node's disk did not answer; its log says more. Try again."));
        }
        catch (Exception e)
        {
            LogFault(_log, e, http.Request.Method, counts.Tag.Value);
            await Problem.WriteAsync(http, new Refusal(ErrorType.Internal, "The node made a mistake; its log says more."));
        }

        _metrics.OnAnswered(counts, http.Response.StatusCode, isTimed ? Stopwatch.GetElapsedTime(started) : null);
    }

    private async Task AnswerAsync(HttpContext http, Route route, string name)
    {
        if (!_crossOrigin.MayGoOn(http, route, out var answered))
        {
            await answered;
            return;
        }

        if (route.Find(http.Request.Method) is not { } operation)
        {
            http.Response.Headers.Allow = route.Allow;
            await Problem.WriteAsync(http, new Refusal(ErrorType.MethodNotAllowed, $"{Printable.Cut(http.Request.Method, 16)} does not exist on {route.Template}; {route.Allow} do."));
            return;
        }

        var username = Username.Anonymous;
        if (route.Access != Access.Open)
        {
            var identity = await _identities.OfAsync(http, queryToo: route.Access == Access.HeaderOrQuery);
            if (identity.Username is null)
            {
                await Problem.WriteAsync(http, identity.Refusal!, identity.RetryAfter); // No username, so there is a refusal.
                return;
            }

            username = identity.Username;
        }

        if (operation.Parameters.Length == 0)
        {
            Query.Read(http.Request, operation.Parameters);
        }

        await operation.Answer(new Exchange(http, username, name));
    }

    private static bool Find(Counted[] routes, string path, out Counted found, out string name)
    {
        foreach (var counted in routes)
        {
            if (counted.Route.Matches(path, out name))
            {
                found = counted;
                return true;
            }
        }

        found = default;
        name = "";
        return false;
    }

    [LoggerMessage(3001, LogLevel.Error, "A fault while answering {Method} {Route}.")]
    private static partial void LogFault(ILogger log, Exception fault, string method, object? route);

    [LoggerMessage(3003, LogLevel.Error, "{Method} {Route} could not be answered: {Fault}")]
    private static partial void LogDiskFault(ILogger log, string method, object? route, string fault);

    private readonly record struct Counted(Route Route, RequestCounts Counts);
}

/// <summary>
/// What pages of other origins may do from a browser: nothing, unless their origin is allowed. A request that changes something is refused when it comes from a
/// page of another origin, since a browser sends simple ones without asking.
/// </summary>
/// <param name="allowed">The allowed origins.</param>
internal sealed class CrossOrigin(IReadOnlyList<string> allowed)
{
    private readonly HashSet<string> _allowed = new(allowed.Select(o => o.TrimEnd('/')), StringComparer.OrdinalIgnoreCase);

    /// <summary>Looks at where a request comes from.</summary>
    /// <param name="http">The request.</param>
    /// <param name="route">Its route.</param>
    /// <param name="answered">When it may not go on: the answer.</param>
    public bool MayGoOn(HttpContext http, Route route, out Task answered)
    {
        answered = Task.CompletedTask;
        var origins = http.Request.Headers.Origin;
        if (origins.Count == 0)
        {
            return true;
        }

        var origin = origins.ToString();
        var headers = http.Response.Headers;
        if (_allowed.Contains(origin))
        {
            headers.AccessControlAllowOrigin = origin;
            headers.Vary = HeaderNames.Origin;
            headers.AccessControlExposeHeaders = "ETag, Retry-After, WWW-Authenticate";
            if (!HttpMethods.IsOptions(http.Request.Method) || !http.Request.Headers.ContainsKey(HeaderNames.AccessControlRequestMethod))
            {
                return true;
            }

            headers.AccessControlAllowMethods = route.Allow;
            headers.AccessControlAllowHeaders = "Authorization, Content-Type, If-None-Match, Last-Event-ID";
            headers.AccessControlMaxAge = "600";
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return false;
        }

        var isRead = HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method) || HttpMethods.IsOptions(http.Request.Method);
        if ((isRead && !http.Request.Headers.ContainsKey(HeaderNames.Upgrade)) || IsSame(http.Request, origin))
        {
            return true; // The browser keeps the answer of a read from the page, since nothing in it allows the page to see it.
        }

        answered = Problem.WriteAsync(http, new Refusal(ErrorType.Forbidden, $"Pages of '{Printable.Cut(origin)}' may not use this server (option allow-origin)."));
        return false;
    }

    private static bool IsSame(HttpRequest request, string origin) =>
        origin.Equals($"{request.Scheme}://{request.Host.Value}", StringComparison.OrdinalIgnoreCase);
}
