using Microsoft.AspNetCore.Http;
using Stentor.Node;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Inboxes of whoever asks.</summary>
/// <param name="services">What answers share.</param>
/// <param name="pages">Pages of entries.</param>
internal sealed class InboxAnswers(Services services, EntryPages pages)
{
    private const int PullDefault = 100;

    public IReadOnlyList<Route> Routes =>
    [
        new("/v1/inboxes/{name}", Access.Header,
            new Operation(HttpMethods.Get, ReadAsync, "limit", "wait"),
            new Operation(HttpMethods.Put, PutAsync)),
        new("/v1/inboxes/{name}/ack", Access.Header, new Operation(HttpMethods.Post, AckAsync)),
    ];

    private async Task PutAsync(Exchange exchange)
    {
        CheckOwner(exchange);
        var (http, owner, name) = exchange;
        var json = await Bodies.ReadJsonAsync(http, services.Limits);
        var (channels, after) = ReadWanted(json.Span, services.Limits);
        foreach (var pattern in channels)
        {
            CheckReadable(owner, pattern);
        }

        if (await services.CoverAsync(after, wait: null, exchange.Aborted) is { } behind)
        {
            await Problem.WriteAsync(http, behind);
            return;
        }

        var isNew = services.Inboxes.Find(owner, name) is null;
        var (inbox, refusal) = await services.Inboxes.PutAsync(owner, name, channels, after, exchange.Aborted);
        if (inbox is null)
        {
            await Problem.WriteAsync(http, refusal!); // No inbox, so there is a refusal.
            return;
        }

        var answer = Reply.Rent();
        answer.Write("{\"name\":\""u8);
        answer.WriteAscii(inbox.Name);
        answer.Write("\",\"channels\":["u8);
        for (var i = 0; i < inbox.Channels.Count; i++)
        {
            answer.Write(i == 0 ? "\""u8 : ",\""u8);
            answer.WriteAscii(inbox.Channels[i].Text);
            answer.Write("\""u8);
        }

        answer.Write("],\"seen\":"u8);
        answer.WriteToken(inbox.Seen);
        answer.Write("}"u8);
        await Reply.SendAsync(http, isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK, answer);
    }

    private async Task ReadAsync(Exchange exchange)
    {
        CheckOwner(exchange);
        var (http, owner, name) = exchange;
        var query = Query.Read(http.Request, ["limit", "wait"]);
        var count = query.Count("limit", PullDefault, services.Limits.PullMax, "pull-max");
        var wait = query.Seconds("wait", services.Limits.WaitSecondsMax, "wait-seconds-max");
        if (services.Inboxes.Find(owner, name) is not { } inbox)
        {
            await Problem.WriteAsync(http, Inboxes.Unknown(name));
            return;
        }

        // Grants may have changed since the inbox was made.
        foreach (var pattern in inbox.Channels)
        {
            CheckReadable(owner, pattern);
        }

        await pages.AnswerAsync(exchange, new PageWanted(new ChannelSet(inbox.Channels), inbox.Seen, count, wait));
    }

    private async Task AckAsync(Exchange exchange)
    {
        CheckOwner(exchange);
        var (http, owner, name) = exchange;
        var json = await Bodies.ReadJsonAsync(http, services.Limits);
        var seen = ReadAck(json.Span);
        if (services.Inboxes.Find(owner, name) is null)
        {
            await Problem.WriteAsync(http, Inboxes.Unknown(name));
            return;
        }

        var refusal = await services.CoverAsync(seen, wait: null, exchange.Aborted) ?? await services.Inboxes.AckAsync(owner, name, seen, exchange.Aborted);
        if (refusal is not null)
        {
            await Problem.WriteAsync(http, refusal);
            return;
        }

        var cursor = services.Inboxes.Find(owner, name)?.Seen ?? seen;
        var answer = Reply.Rent();
        answer.Write("{\"name\":\""u8);
        answer.WriteAscii(name);
        answer.Write("\",\"seen\":"u8);
        answer.WriteToken(cursor);
        answer.Write("}"u8);
        await Reply.SendAsync(http, StatusCodes.Status200OK, answer);
    }

    private static void CheckOwner(Exchange exchange)
    {
        if (exchange.Username == Username.Anonymous)
        {
            throw new ProtocolException(ErrorType.Unauthenticated, "An inbox is somebody's: send a username and its secret, or a session's token.");
        }

        if (!Inboxes.IsValidName(exchange.Name))
        {
            throw new ProtocolException(ErrorType.Malformed, $"'{Printable.Cut(exchange.Name)}' is not an inbox name: 1 to {Inboxes.NameLengthMax} of A-Z a-z 0-9 _ -.");
        }
    }

    private void CheckReadable(string username, ChannelPattern pattern)
    {
        if (services.Grants.MaySubscribe(username, pattern) is { } refusal)
        {
            throw new ProtocolException(refusal.Type, refusal.Detail);
        }
    }

    private static (List<ChannelPattern> Channels, VersionVector? After) ReadWanted(ReadOnlySpan<byte> json, Limits limits) =>
        JsonRules.Read(json, depthMax: 2, depthAround: 0, (ref reader, _) =>
        {
            List<string>? channels = null;
            VersionVector? after = null;
            JsonFields.Read(ref reader, (ref reader, name) =>
            {
                switch (name)
                {
                    case "channels":
                        channels = JsonFields.Texts(ref reader, name, limits.ChannelsPerRequestMax, "channels-per-request-max");
                        break;
                    case "after":
                        after = SeenToken.Decode(JsonFields.Text(ref reader, name));
                        break;
                    default:
                        throw JsonFields.Unknown(name, "channels and after");
                }
            });

            return (channels?.ConvertAll(ChannelPattern.Parse) ?? throw JsonFields.Missing("channels"), after);
        });

    private static VersionVector ReadAck(ReadOnlySpan<byte> json) =>
        JsonRules.Read(json, depthMax: 1, depthAround: 0, (ref reader, _) =>
        {
            VersionVector? seen = null;
            JsonFields.Read(ref reader, (ref reader, name) =>
                seen = name == "seen" ? SeenToken.Decode(JsonFields.Text(ref reader, name)) : throw JsonFields.Unknown(name, "seen"));
            return seen ?? throw JsonFields.Missing("seen");
        });
}
