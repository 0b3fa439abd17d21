using Microsoft.AspNetCore.Http;

namespace Stentor.Gateways;

/// <summary>One request on its way: the connection's view of it, who asks, and the name in the path.</summary>
/// <param name="Http">The request and its answer.</param>
/// <param name="Username">Who asks.</param>
/// <param name="Name">The variable part of the path; empty for a route without one.</param>
internal readonly record struct Exchange(HttpContext Http, string Username, string Name)
{
    public CancellationToken Aborted => Http.RequestAborted;
}

/// <summary>Answers one request.</summary>
/// <param name="exchange">The request.</param>
internal delegate Task Answer(Exchange exchange);

/// <summary>What a method does on a route.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Answer">Does it.</param>
/// <param name="Parameters">The query parameters it takes.</param>
internal sealed record Operation(string Method, Answer Answer, params string[] Parameters);

/// <summary>Who is asked for on a route.</summary>
internal enum Access
{
    /// <summary>Nobody: health, metrics.</summary>
    Open,

    /// <summary>Whoever the <c>Authorization</c> header names; else anonymous.</summary>
    Header,

    /// <summary>Also whoever the query's <c>access_token</c> names: browsers cannot set headers on a stream or a socket.</summary>
    HeaderOrQuery,
}

/// <summary>A path with at most one variable part, and what its methods do.</summary>
internal sealed class Route
{
    private readonly string _prefix;
    private readonly string _suffix;
    private readonly bool _isVariable;

    public Route(string template, Access access, params Operation[] operations)
    {
        var open = template.IndexOf('{', StringComparison.Ordinal);
        _isVariable = open >= 0;
        _prefix = _isVariable ? template[..open] : template;
        _suffix = _isVariable ? template[(template.IndexOf('}', StringComparison.Ordinal) + 1)..] : "";
        Template = template;
        Access = access;
        Operations = operations;

        var methods = operations.Select(o => o.Method).ToList();
        if (methods.Contains(HttpMethods.Get))
        {
            methods.Insert(methods.IndexOf(HttpMethods.Get) + 1, HttpMethods.Head);
        }

        Allow = string.Join(", ", methods);
    }

    /// <summary>As in the documentation: <c>/v1/channels/{channel}</c>.</summary>
    public string Template { get; }

    public Access Access { get; }

    public IReadOnlyList<Operation> Operations { get; }

    /// <summary>The methods, as the <c>Allow</c> header names them.</summary>
    public string Allow { get; }

    /// <summary>Whether a path is this route's.</summary>
    /// <param name="path">The decoded path.</param>
    /// <param name="name">Its variable part, never empty; empty for a route without one.</param>
    public bool Matches(string path, out string name)
    {
        name = "";
        if (!_isVariable)
        {
            return path == _prefix;
        }

        var length = path.Length - _prefix.Length - _suffix.Length;
        if (length <= 0 || !path.StartsWith(_prefix, StringComparison.Ordinal) || !path.EndsWith(_suffix, StringComparison.Ordinal)
            || path.AsSpan(_prefix.Length, length).Contains('/'))
        {
            return false;
        }

        name = path.Substring(_prefix.Length, length);
        return true;
    }

    /// <summary>What a method does here; null when it does nothing. <c>HEAD</c> does what <c>GET</c> does, and the server keeps the body back.</summary>
    /// <param name="method">The HTTP method.</param>
    public Operation? Find(string method)
    {
        var wanted = HttpMethods.IsHead(method) ? HttpMethods.Get : method;
        foreach (var operation in Operations)
        {
            if (operation.Method == wanted)
            {
                return operation;
            }
        }

        return null;
    }
}
