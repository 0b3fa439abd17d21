using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Stentor.Node;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>
/// <c>GET /v1/stream</c>: entries as Server-Sent Events. Every event's <c>id</c> is a seen token, so a browser that reconnects resumes by itself where it was.
/// </summary>
internal sealed class EventStreams : IDisposable
{
    // Time after which a browser reconnects.
    private const int RetryMilliseconds = 2000;

    private readonly Services _services;
    private readonly ConcurrentDictionary<Reader, Listener> _readers = new();
    private readonly ITimer _heartbeat;

    /// <summary>Makes the gateway.</summary>
    /// <param name="services">What answers share.</param>
    public EventStreams(Services services)
    {
        _services = services;
        var beat = services.Node.Options.Heartbeat;
        _heartbeat = services.Node.Time.CreateTimer(_ => Beat(), state: null, beat, beat);
    }

    /// <summary>The route.</summary>
    public Route Route => new("/v1/stream", Access.HeaderOrQuery, new Operation(HttpMethods.Get, ServeAsync, "channels", "after", Identities.TokenParameter));

    /// <inheritdoc/>
    public void Dispose() => _heartbeat.Dispose();

    private async Task ServeAsync(Exchange exchange)
    {
        var http = exchange.Http;
        var query = Query.Read(http.Request, ["channels", "after", Identities.TokenParameter]);
        var channels = ChannelsOf(query["channels"]);
        foreach (var channel in channels)
        {
            if (_services.Grants.MaySubscribe(exchange.Username, channel) is { } refusal)
            {
                await Problem.WriteAsync(http, refusal);
                return;
            }
        }

        // A browser that comes again names what it has; the query is still that of its first request.
        var after = AfterOf(http.Request.Headers["Last-Event-ID"].ToString() is { Length: > 0 } last ? last : query["after"]);
        if (await _services.CoverAsync(after, wait: null, exchange.Aborted) is { } behind)
        {
            await Problem.WriteAsync(http, behind);
            return;
        }

        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no"; // Proxies that know it pass events on as they come.
        if (http.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null; // No reader is cut off for being slow.
        }

        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await http.Response.StartAsync(exchange.Aborted);
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await StreamAsync(http, channels, after);
        }
    }

    private async Task StreamAsync(HttpContext http, List<ChannelPattern> channels, VersionVector? after)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var aborted = http.RequestAborted.UnsafeRegister(static ended => ((TaskCompletionSource)ended!).TrySetResult(), ended);
        using var stopping = _services.Stopping.UnsafeRegister(static ended => ((TaskCompletionSource)ended!).TrySetResult(), ended);

        // The sink is closed before the answer is: nothing of a stream goes into the next answer of its connection.
        using var sink = new PipeSink(http.Response.BodyWriter, http.Abort);
        using var reader = _services.Node.Hub.Open(WireForm.ServerSentEvents, sink);
        reader.Subscribe(channels, after, static seen => Encoding.ASCII.GetBytes($"retry: {RetryMilliseconds}\nid: {SeenToken.Encode(seen)}\n\n"));
        var session = Identities.TokenOf(http.Request) is { } token ? _services.Accounts.CheckToken(token) : null;
        _readers[reader] = new Listener(session, ended);
        try
        {
            await ended.Task;
        }
        finally
        {
            _readers.TryRemove(reader, out _);
        }
    }

    private void Beat()
    {
        foreach (var (reader, listener) in _readers)
        {
            if (listener.Session is { Holds: false })
            {
                listener.Ended.TrySetResult(); // It comes again, and is told that its session is over.
            }
            else if (!reader.IsBlocked)
            {
                reader.Write(":\n\n"u8);
                reader.Flush();
            }
        }
    }

    private List<ChannelPattern> ChannelsOf(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            throw new ProtocolException(ErrorType.Malformed, "`channels` is missing: name channels and patterns, with commas between.");
        }

        var most = _services.Limits.ChannelsPerRequestMax;
        var names = text.Split(',');
        return names.Length <= most
            ? [.. names.Select(ChannelPattern.Parse)]
            : throw new ProtocolException(ErrorType.TooLarge, $"`channels` has more than {most} (limit channels-per-request-max).");
    }

    private static VersionVector? AfterOf(string? text) => text switch
    {
        null or "now" => null,
        "start" => VersionVector.Empty,
        var token => SeenToken.Decode(token),
    };

    /// <summary>Who takes a stream.</summary>
    /// <param name="Session">The session by which it is known, with whose end the stream ends; null for none.</param>
    /// <param name="Ended">Set when the stream is over.</param>
    private sealed record Listener(Credential? Session, TaskCompletionSource Ended);
}
