using Microsoft.AspNetCore.Http;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>Publishing to channels and reading them.</summary>
/// <param name="services">What answers share.</param>
/// <param name="pages">Pages of entries.</param>
internal sealed class ChannelAnswers(Services services, EntryPages pages)
{
    private const int PullDefault = 100;

    public IReadOnlyList<Route> Routes =>
    [
        new("/v1/channels/{channel}/activities", Access.Header,
            new Operation(HttpMethods.Post, PublishAsync),
            new Operation(HttpMethods.Get, ReadAsync, "after", "limit", "wait", "newest")),
        new("/v1/channels/{channel}", Access.Header, new Operation(HttpMethods.Get, StateAsync, "after", "wait")),
        new("/v1/channels", Access.Header, new Operation(HttpMethods.Get, ListAsync, "match", "limit", "after")),
        new("/v1/channels/{channel}/conflicts", Access.Header, new Operation(HttpMethods.Get, ConflictsAsync, "after", "wait")),
    ];

    private async Task PublishAsync(Exchange exchange)
    {
        var (http, username, channel) = exchange;
        CheckName(channel);
        if (services.Grants.MayPublish(username, channel) is { } refusal)
        {
            await Problem.WriteAsync(http, refusal);
            return;
        }

        switch (Bodies.KindOf(http.Request))
        {
            case BodyKind.Lines:
                await new LinePublish(services, exchange).RunAsync();
                return;
            case BodyKind.Other:
                throw new ProtocolException(ErrorType.UnsupportedMediaType, $"The content type is '{Printable.Cut(http.Request.ContentType!)}'; a publish is application/json or application/x-ndjson in UTF-8."); // Null is JSON.
            default:
                break;
        }

        if (!services.Throttle.MayPublish(username, http.Connection.RemoteIpAddress, out var retryAfter))
        {
            await Problem.WriteAsync(http, TooMany(username), retryAfter);
            return;
        }

        var json = await Bodies.ReadAsync(http, services.Limits);
        var body = PublishBody.Parse(json, services.Limits);
        if (body.After is not null && await services.CoverAsync(body.After, wait: null, exchange.Aborted) is { } behind)
        {
            await Problem.WriteAsync(http, behind);
            return;
        }

        // Not cancelled when the client goes: what is handed over is decided by the next commit, and a token of the request costs more than the wait.
        var outcome = await services.Node.PublishAsync(channel, username, body, CancellationToken.None);
        if (outcome.Refusal is not null)
        {
            await Problem.WriteAsync(http, outcome.Refusal);
            return;
        }

        var copies = await services.Node.WaitForCopiesAsync(outcome.Origin, outcome.Seq, body.Copies);
        var answer = Reply.Rent();
        OutcomeWriter.Write(outcome, copies, answer);
        var status = body.Copies > copies ? StatusCodes.Status202Accepted : outcome.Duplicate ? StatusCodes.Status200OK : StatusCodes.Status201Created;
        await Reply.SendAsync(http, status, answer);
    }

    private Task StateAsync(Exchange exchange)
    {
        var (http, _, channel) = exchange;
        CheckReadable(exchange, ChannelPattern.Parse(channel));
        CheckName(channel);
        if (!http.Request.QueryString.HasValue)
        {
            return WriteState(http, channel);
        }

        var query = Query.Read(http.Request, ["after", "wait"]);
        return CoveredAsync(exchange, query, () => WriteState(http, channel));
    }

    private Task WriteState(HttpContext http, string channel)
    {
        if (Find(channel, out var seen) is not { } state)
        {
            return Problem.WriteAsync(http, Unknown(channel));
        }

        var tag = TagOf(state);
        http.Response.Headers.ETag = tag;
        http.Response.Headers.CacheControl = "no-cache";
        var json = Reply.Rent();
        if (Matches(http.Request, tag))
        {
            return Reply.SendAsync(http, StatusCodes.Status304NotModified, json);
        }

        json.Write("{\"channel\":\""u8);
        json.WriteAscii(channel);
        json.Write("\",\"state\":"u8);
        state.WriteState(json);
        json.Write(",\"version\":"u8);
        json.Write(state.Version);
        WriteLast(json, state);
        json.Write(",\"seen\":"u8);
        json.WriteToken(seen);
        json.Write("}"u8);
        return Reply.SendAsync(http, StatusCodes.Status200OK, json);
    }

    private Task ConflictsAsync(Exchange exchange)
    {
        var (http, _, channel) = exchange;
        CheckReadable(exchange, ChannelPattern.Parse(channel));
        CheckName(channel);
        return CoveredAsync(exchange, Query.Read(http.Request, ["after", "wait"]), () =>
        {
            if (Find(channel, out var seen) is not { } state)
            {
                return Problem.WriteAsync(http, Unknown(channel));
            }

            var json = Reply.Rent();
            json.Write("{\"channel\":\""u8);
            json.WriteAscii(channel);
            json.Write("\",\"conflicts\":"u8);
            state.WriteConflicts(json);
            json.Write(",\"seen\":"u8);
            json.WriteToken(seen);
            json.Write("}"u8);
            return Reply.SendAsync(http, StatusCodes.Status200OK, json);
        });
    }

    private async Task ReadAsync(Exchange exchange)
    {
        var (http, _, name) = exchange;
        var pattern = ChannelPattern.Parse(name);
        CheckReadable(exchange, pattern);
        var query = Query.Read(http.Request, ["after", "limit", "wait", "newest"]);
        var wanted = new PageWanted(
            new ChannelSet(pattern),
            query.Token("after"),
            query.Count("limit", PullDefault, services.Limits.PullMax, "pull-max"),
            query.Seconds("wait", services.Limits.WaitSecondsMax, "wait-seconds-max"),
            query.Flag("newest"));

        // Whoever waits may wait for the channel itself; whoever does not has misspelt it.
        var mustExist = pattern.IsExact && wanted.Wait is null or { Ticks: 0 };
        await pages.AnswerAsync(exchange, wanted, mustExist && pattern.IsExact ? () => services.Node.Store.Find(name) is null ? Unknown(name) : null : null);
    }

    private async Task ListAsync(Exchange exchange)
    {
        var http = exchange.Http;
        var query = Query.Read(http.Request, ["match", "limit", "after"]);
        var pattern = ChannelPattern.Parse(query["match"] ?? ">");
        CheckReadable(exchange, pattern);
        var count = query.Count("limit", PullDefault, services.Limits.PullMax, "pull-max");
        var after = query["after"] ?? "";
        if (after.Length > 0)
        {
            CheckName(after);
        }

        // Few matches among many names are looked for long: not on a thread that serves sockets.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var seen = services.Node.Seen;
        var found = services.Node.Store.List(pattern, after, count + 1);
        var json = Reply.Rent();
        json.Write("{\"channels\":["u8);
        for (var i = 0; i < found.Count && i < count; i++)
        {
            var (name, state) = found[i];
            json.Write(i == 0 ? "{\"channel\":\""u8 : ",{\"channel\":\""u8);
            json.WriteAscii(name);
            json.Write("\",\"version\":"u8);
            json.Write(state.Version);
            json.Write(",\"time\":"u8);
            json.WriteTime(state.LastTime);
            json.Write("}"u8);
        }

        json.Write("],\"next\":"u8);
        if (found.Count > count)
        {
            json.Write("\""u8);
            json.WriteAscii(found[count - 1].Key);
            json.Write("\""u8);
        }
        else
        {
            json.Write("null"u8);
        }

        json.Write(",\"seen\":"u8);
        json.WriteToken(seen);
        json.Write("}"u8);
        await Reply.SendAsync(http, StatusCodes.Status200OK, json);
    }

    /// <summary>Answers once the region covers the query's <c>after</c>; says that it is behind when it does not in time.</summary>
    private async Task CoveredAsync(Exchange exchange, Query query, Func<Task> answer)
    {
        var wait = query.Seconds("wait", services.Limits.WaitSecondsMax, "wait-seconds-max");
        if (await services.CoverAsync(query.Token("after"), wait, exchange.Aborted) is { } behind)
        {
            await Problem.WriteAsync(exchange.Http, behind);
            return;
        }

        await answer();
    }

    /// <summary>A state, and a version vector that covers its newest activity: whoever reads on from there misses nothing, and at most sees again what the state holds.</summary>
    private ChannelState? Find(string channel, out VersionVector seen)
    {
        // The vector first: what the state holds beyond it comes again, while what a later vector holds beyond the state would never come.
        // A commit in between shows in the stamps; two in a row are rare enough to stop at.
        for (var tries = 0; ; tries++)
        {
            seen = services.Node.Seen;
            var state = services.Node.Store.Find(channel);
            if (state is null || seen[state.LastOrigin] >= state.LastSeq || tries == 2)
            {
                return state;
            }
        }
    }

    /// <summary>
    /// A state's tag. Weak, since the same state comes with a later <c>seen</c>. The region's own origin is in it: two regions may have counted as many
    /// activities, and not the same ones.
    /// </summary>
    private string TagOf(ChannelState state) =>
        $"W/\"{state.Version}-{state.LastOrigin.Value}-{state.LastSeq}-{services.Node.Store.Origin.Value}\"";

    private static bool Matches(HttpRequest request, string tag)
    {
        var wanted = request.Headers.IfNoneMatch;
        if (wanted.Count == 0)
        {
            return false;
        }

        var opaque = tag.AsSpan(2);
        foreach (var line in wanted)
        {
            foreach (var range in line.AsSpan().Split(','))
            {
                var one = line.AsSpan()[range].Trim();
                if (one is "*" || one.SequenceEqual(tag) || one.SequenceEqual(opaque))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static void WriteLast(ByteBuffer json, ChannelState state)
    {
        json.Write(",\"last\":{\"origin\":\""u8);
        json.WriteAscii(state.LastOrigin.Value);
        json.Write("\",\"seq\":"u8);
        json.Write(state.LastSeq);
        json.Write(",\"lamport\":"u8);
        json.Write(state.LastLamport);
        json.Write(",\"time\":"u8);
        json.WriteTime(state.LastTime);
        json.Write("}"u8);
    }

    private void CheckReadable(Exchange exchange, ChannelPattern pattern)
    {
        if (services.Grants.MaySubscribe(exchange.Username, pattern) is { } refusal)
        {
            throw new ProtocolException(refusal.Type, refusal.Detail);
        }
    }

    private static void CheckName(string channel)
    {
        if (!ChannelName.IsValid(channel))
        {
            throw new ProtocolException(ErrorType.Malformed, $"'{Printable.Cut(channel)}' is not a channel: 1 to {ChannelName.TokensMax} tokens of A-Z a-z 0-9 _ - joined by dots, at most {ChannelName.LengthMax} characters.");
        }
    }

    private Refusal TooMany(string username)
    {
        var limits = services.Options.RateLimits;
        return username == Username.Anonymous
            ? Throttle.TooMany("publishes without an account from your address", limits.AnonymousPublishesPerSecond, "second")
            : Throttle.TooMany("publishes of your account", limits.PublishesPerSecond, "second");
    }

    private static Refusal Unknown(string channel) => new(ErrorType.NotFound, $"Nothing was ever published to '{channel}'.");
}
