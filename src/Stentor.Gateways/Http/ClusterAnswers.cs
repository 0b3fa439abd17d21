using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>The cluster's regions and voters: anyone may see them, the operator may change them.</summary>
/// <param name="services">What answers share.</param>
internal sealed class ClusterAnswers(Services services)
{
    public IReadOnlyList<Route> Routes =>
    [
        new("/v1/cluster/voters", Access.Header, new Operation(HttpMethods.Get, VotersAsync), new Operation(HttpMethods.Post, ChangeAsync)),
        new("/v1/cluster/leave", Access.Header, new Operation(HttpMethods.Post, LeaveAsync)),
    ];

    private Cluster Cluster => services.Node.Cluster;

    private Task VotersAsync(Exchange exchange)
    {
        if (Cluster.Sets is not { } sets)
        {
            return Problem.WriteAsync(exchange.Http, new Refusal(ErrorType.NotFound, "This region is in no cluster, so there are no voters. Start it with --cluster-secret-file."));
        }

        var json = Reply.Rent();
        json.Write("{\"cluster\":"u8);
        JsonText.Write(sets.ClusterId, json);
        json.Write(",\"version\":"u8);
        json.Write(sets.Current.Version);
        json.Write(",\"majority\":"u8);
        json.Write(sets.Current.Majority);
        json.Write(",\"voters\":["u8);
        WriteEach(json, sets.Current.Voters, voter =>
        {
            json.Write("{\"origin\":"u8);
            JsonText.Write(voter.Value, json);
            if (Cluster.FindRegion(voter) is { } region)
            {
                json.Write(",\"region\":"u8);
                JsonText.Write(region.Region, json);
            }

            json.Write("}"u8);
        });
        json.Write("],\"proposed\":["u8);
        WriteEach(json, Cluster.ProposalsAfter(sets), proposal =>
        {
            json.Write("{\"voters\":["u8);
            WriteEach(json, proposal.Voters.Voters, voter => JsonText.Write(voter.Value, json));
            json.Write("],\"votes\":["u8);
            WriteEach(json, proposal.Votes, voter => JsonText.Write(voter.Value, json));
            json.Write("]}"u8);
        });
        json.Write("],\"regions\":["u8);
        WriteEach(json, Cluster.Regions, region =>
        {
            json.Write("{\"origin\":"u8);
            JsonText.Write(region.Origin.Value, json);
            json.Write(",\"region\":"u8);
            JsonText.Write(region.Region, json);
            json.Write(region.WishesVote ? ",\"wish\":true"u8 : ",\"wish\":false"u8);
            json.Write(region.HasLeft ? ",\"left\":true"u8 : ",\"left\":false"u8);
            json.Write(sets.Current.Contains(region.Origin) ? ",\"voter\":true}"u8 : ",\"voter\":false}"u8);
        });
        json.Write("]}"u8);
        return Reply.SendAsync(exchange.Http, StatusCodes.Status200OK, json);
    }

    private async Task ChangeAsync(Exchange exchange)
    {
        var change = ReadChange((await Bodies.ReadJsonAsync(exchange.Http, services.Limits)).Span);
        await AnswerAsync(exchange, () => change.Name switch
        {
            "add" => Cluster.AddVoterAsync(change.Origins[0], exchange.Aborted),
            "remove" => Cluster.RemoveVoterAsync(change.Origins[0], exchange.Aborted),
            _ => Cluster.ReplaceVoterAsync(change.Origins[0], change.Origins[1], exchange.Aborted),
        });
    }

    private async Task LeaveAsync(Exchange exchange)
    {
        var origin = ReadLeaving((await Bodies.ReadJsonAsync(exchange.Http, services.Limits)).Span);
        await AnswerAsync(exchange, async () => origin == services.Node.Store.Origin
            ? await Cluster.LeaveAsync(exchange.Aborted)
            : new Refusal(ErrorType.ConditionNotMet, $"This region is {services.Node.Store.Origin}, not {origin}. A region says itself that it leaves: ask a node of that region; or take its vote away here."));
    }

    /// <summary>Does what only the operator may, and answers with the voters as they are then.</summary>
    private async Task AnswerAsync(Exchange exchange, Func<ValueTask<Refusal?>> act)
    {
        var refusal = exchange.Username switch
        {
            Accounts.Operator => await act(),
            Username.Anonymous => new Refusal(ErrorType.Unauthenticated, "Only the operator may change the cluster. Send the username operator, and the secret in the node's operator.secret."),
            _ => new Refusal(ErrorType.Forbidden, $"'{exchange.Username}' may not change the cluster; only the operator may."),
        };
        await (refusal is null ? VotersAsync(exchange) : Problem.WriteAsync(exchange.Http, refusal));
    }

    private static (string Name, IReadOnlyList<OriginId> Origins) ReadChange(ReadOnlySpan<byte> json) =>
        JsonRules.Read<(string, IReadOnlyList<OriginId>)>(json, depthMax: 2, depthAround: 0, (ref reader, _) =>
        {
            (string Name, IReadOnlyList<OriginId> Origins)? change = null;
            JsonFields.Read(ref reader, (ref reader, name) =>
            {
                if (change is not null)
                {
                    throw new ProtocolException(ErrorType.Malformed, "The body has more than one change. Make one at a time: `add`, `remove` or `replace`.");
                }

                change = name switch
                {
                    "add" or "remove" => (name, [Origin(ref reader, name)]),
                    "replace" => (name, Pair(ref reader, name)),
                    _ => throw JsonFields.Unknown(name, "one of add, remove and replace"),
                };
            });

            return change ?? throw new ProtocolException(ErrorType.Malformed, "The body lacks a change: `add`, `remove` or `replace`.");
        });

    private static OriginId ReadLeaving(ReadOnlySpan<byte> json) =>
        JsonRules.Read(json, depthMax: 1, depthAround: 0, (ref reader, _) =>
        {
            OriginId? origin = null;
            JsonFields.Read(ref reader, (ref reader, name) => origin = name == "origin" ? Origin(ref reader, name) : throw JsonFields.Unknown(name, "origin"));
            return origin ?? throw JsonFields.Missing("origin");
        });

    private static OriginId[] Pair(ref Utf8JsonReader reader, string name) =>
        JsonFields.Texts(ref reader, name, countMax: int.MaxValue, "body-bytes-max") is [var old, var next]
            ? [Origin(old, name), Origin(next, name)]
            : throw new ProtocolException(ErrorType.Malformed, $"`{name}` must be two origins: the old one and the new one.");

    private static OriginId Origin(ref Utf8JsonReader reader, string name) => Origin(JsonFields.Text(ref reader, name), name);

    private static OriginId Origin(string text, string name) => OriginId.IsValid(Encoding.UTF8.GetBytes(text))
        ? new OriginId(text)
        : throw new ProtocolException(ErrorType.Malformed, $"`{name}` has '{Printable.Cut(text)}', which is not an origin: 1 to {OriginId.LengthMax} of A-Z a-z 0-9 _ -, like eu-7f3a.");

    private static void WriteEach<T>(ByteBuffer json, IReadOnlyList<T> items, Action<T> write)
    {
        for (var i = 0; i < items.Count; i++)
        {
            json.Write(i == 0 ? ""u8 : ","u8);
            write(items[i]);
        }
    }
}
