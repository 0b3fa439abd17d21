using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>How the node is: cluster, health, metrics, and what it can be asked.</summary>
/// <param name="services">What answers share.</param>
/// <param name="loads">What is sampled.</param>
/// <param name="connections">Connections open at the moment.</param>
/// <param name="metrics">What is measured.</param>
/// <param name="streamer">The Activity Streamer gateway; null for none.</param>
internal sealed class StatusAnswers(Services services, Loads loads, Func<long> connections, MetricsText metrics, StreamerGateway? streamer)
{
    /// <summary>The program's version.</summary>
    public static readonly string Version = typeof(StatusAnswers).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0";

    private static readonly Lazy<byte[]> OpenApi = new(() => ReadResource("openapi.json"));

    public IReadOnlyList<Route> Routes =>
    [
        new("/v1/cluster", Access.Header, new Operation(HttpMethods.Get, ClusterAsync)),
        new("/healthz/live", Access.Open, new Operation(HttpMethods.Get, LiveAsync)),
        new("/healthz/ready", Access.Open, new Operation(HttpMethods.Get, ReadyAsync)),
        new("/metrics", Access.Open, new Operation(HttpMethods.Get, MetricsAsync)),
        new("/openapi/v1.json", Access.Open, new Operation(HttpMethods.Get, OpenApiAsync)),
    ];

    private Task ClusterAsync(Exchange exchange)
    {
        Query.Read(exchange.Http.Request, []);
        var node = services.Node;
        var notReady = node.NotReady;
        var seen = node.Seen;
        var json = Reply.Rent();
        json.Write("{\"node\":"u8);
        JsonText.Write(node.Name, json);
        json.Write(",\"region\":"u8);
        JsonText.Write(node.Options.Region, json);
        json.Write(",\"origin\":"u8);
        JsonText.Write(node.Store.Origin.Value, json);
        json.Write(",\"version\":"u8);
        JsonText.Write(Version, json);
        json.Write(notReady is null ? ",\"ready\":true"u8 : ",\"ready\":false,\"notReady\":"u8);
        if (notReady is not null)
        {
            JsonText.Write(notReady, json);
        }

        json.Write(",\"vector\":"u8);
        json.Write(seen);
        json.Write(",\"seen\":"u8);
        json.WriteToken(seen);
        WriteLinks(json);
        WriteMembers(json, isReady: notReady is null);
        WriteLoads(json);
        WriteStreamer(json);
        json.Write("}"u8);
        return Reply.SendAsync(exchange.Http, StatusCodes.Status200OK, json);
    }

    /// <summary>The regions of the cluster: this one first, with its node, then the others in the order of their origins.</summary>
    private void WriteMembers(ByteBuffer json, bool isReady)
    {
        var node = services.Node;
        var sets = node.Cluster.Sets;
        var own = node.Store.Origin;
        if (sets is not null)
        {
            json.Write(",\"cluster\":"u8);
            JsonText.Write(sets.ClusterId, json);
        }

        json.Write(",\"members\":[{\"node\":"u8);
        JsonText.Write(node.Name, json);
        json.Write(","u8);
        Region(node.Options.Region, own, node.Cluster.FindRegion(own) is { HasLeft: true });
        json.Write(isReady ? ",\"ready\":true}"u8 : ",\"ready\":false}"u8);
        foreach (var other in node.Cluster.Regions.Where(r => r.Origin != own))
        {
            json.Write(",{"u8);
            Region(other.Region, other.Origin, other.HasLeft);
            json.Write("}"u8);
        }

        json.Write("]"u8);

        void Region(string name, OriginId origin, bool hasLeft)
        {
            json.Write("\"region\":"u8);
            JsonText.Write(name, json);
            json.Write(",\"origin\":"u8);
            JsonText.Write(origin.Value, json);
            json.Write(sets?.Current.Contains(origin) == true ? ",\"voter\":true"u8 : ",\"voter\":false"u8);
            json.Write(hasLeft ? ",\"left\":true"u8 : ",\"left\":false"u8);
        }
    }

    private void WriteLinks(ByteBuffer json)
    {
        json.Write(",\"links\":["u8);
        var isFirst = true;
        foreach (var (address, status) in services.Node.Links?.Reports ?? [])
        {
            json.Write(isFirst ? "{\"address\":"u8 : ",{\"address\":"u8);
            isFirst = false;
            JsonText.Write(address, json);
            if (status.Region is not null && status.Origin is not null)
            {
                json.Write(",\"region\":"u8);
                JsonText.Write(status.Region, json);
                json.Write(",\"origin\":"u8);
                JsonText.Write(status.Origin.Value.Value, json);
            }

            json.Write(",\"state\":"u8);
            JsonText.Write(status.State, json);
            Member(",\"lagEntries\":"u8, status.LagEntries);
            json.Write(",\"lagSeconds\":"u8);
            json.WriteAscii((status.LagMs / 1000.0).ToString("0.###", CultureInfo.InvariantCulture));
            Member(",\"sentBytes\":"u8, status.SentBytes);
            Member(",\"sentEntries\":"u8, status.SentEntries);
            Member(",\"receivedBytes\":"u8, status.ReceivedBytes);
            Member(",\"receivedEntries\":"u8, status.ReceivedEntries);
            Member(",\"repeatedEntries\":"u8, status.RepeatedEntries);
            Member(",\"prunedOrigins\":"u8, status.PrunedOrigins);
            json.Write("}"u8);
        }

        var room = services.Node.WaitingRoom;
        Member("],\"waitingRoom\":{\"entries\":"u8, room.Entries);
        Member(",\"bytes\":"u8, room.Bytes);
        json.Write(",\"waiting\":["u8);
        isFirst = true;
        foreach (var line in room.Lines)
        {
            json.Write(isFirst ? "{\"origin\":"u8 : ",{\"origin\":"u8);
            isFirst = false;
            JsonText.Write(line.Origin.Value, json);
            Member(",\"seq\":"u8, line.Seq);
            Member(",\"behind\":"u8, line.Behind);
            json.Write(",\"missing\":"u8);
            json.Write(line.Missing);
            json.Write(",\"since\":"u8);
            JsonText.Write(EntryTime.ToText(line.Since), json);
            json.Write("}"u8);
        }

        json.Write("]}"u8);

        void Member(ReadOnlySpan<byte> name, long value)
        {
            json.Write(name);
            json.Write(value);
        }
    }

    /// <summary>Who serves the Activity Streamer protocol: this node, and the other servers that it knows.</summary>
    private void WriteStreamer(ByteBuffer json)
    {
        if (streamer is null)
        {
            return;
        }

        json.Write(",\"activityStreamer\":{\"id\":"u8);
        JsonText.Write(streamer.Id, json);
        json.Write(",\"load\":"u8);
        json.Write(streamer.Clients);
        json.Write(",\"servers\":["u8);
        var isFirst = true;
        foreach (var server in streamer.Servers)
        {
            json.Write(isFirst ? "{\"id\":"u8 : ",{\"id\":"u8);
            isFirst = false;
            JsonText.Write(server.Id, json);
            json.Write(",\"load\":"u8);
            json.Write(server.Load);
            json.Write(",\"hostname\":"u8);
            JsonText.Write(server.Address.Hostname, json);
            json.Write(",\"port\":"u8);
            json.Write(server.Address.Port);
            json.Write(server.IsOurs ? ",\"ours\":true}"u8 : ",\"ours\":false}"u8);
        }

        json.Write("]}"u8);
    }

    private void WriteLoads(ByteBuffer json)
    {
        var store = services.Node.Store;
        json.Write(",\"loads\":{\"connections\":"u8);
        json.Write(connections());
        json.Write(",\"readers\":"u8);
        json.Write(services.Node.Hub.Readers);
        json.Write(",\"entriesPerSecond\":"u8);
        json.WriteAscii(loads.EntriesPerSecond.ToString("0.#", CultureInfo.InvariantCulture));
        json.Write(",\"positionFirst\":"u8);
        json.Write(store.FirstPosition);
        json.Write(",\"positionLast\":"u8);
        json.Write(store.Position);
        json.Write(",\"diskBytes\":"u8);
        json.Write(loads.DiskBytes);
        json.Write(",\"diskFreeBytes\":"u8);
        json.Write(loads.DiskFreeBytes);
        json.Write("}"u8);
    }

    private Task LiveAsync(Exchange exchange)
    {
        var json = Reply.Rent();
        json.Write("{\"status\":\"live\"}"u8);
        return Reply.SendAsync(exchange.Http, StatusCodes.Status200OK, json);
    }

    private Task ReadyAsync(Exchange exchange)
    {
        if (services.Node.NotReady is { } why)
        {
            return Problem.WriteAsync(exchange.Http, new Refusal(ErrorType.NotReady, why));
        }

        var json = Reply.Rent();
        json.Write("{\"status\":\"ready\"}"u8);
        return Reply.SendAsync(exchange.Http, StatusCodes.Status200OK, json);
    }

    private Task MetricsAsync(Exchange exchange)
    {
        var text = Reply.Rent();
        metrics.Write(text);
        return Reply.SendAsync(exchange.Http, StatusCodes.Status200OK, text, MetricsText.ContentType);
    }

    private static Task OpenApiAsync(Exchange exchange)
    {
        var json = Reply.Rent();
        json.Write(OpenApi.Value);
        return Reply.SendAsync(exchange.Http, StatusCodes.Status200OK, json);
    }

    private static byte[] ReadResource(string name)
    {
        using var stream = typeof(StatusAnswers).Assembly.GetManifestResourceStream(name) ?? throw new System.Diagnostics.UnreachableException($"The resource {name} is built in.");
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
