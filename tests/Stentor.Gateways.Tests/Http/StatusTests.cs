using System.Text.Json;
using System.Text.RegularExpressions;
using Stentor.Protocol;
using Stentor.Simulation;

namespace Stentor.Gateways.Tests.Http;

public sealed class StatusTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task The_cluster_tells_how_the_node_is()
    {
        var published = await server.PublishAsync("status.one", """{"activity": {}}""");

        var answer = await server.GetAsync("/v1/cluster");

        Assert.Equal((200, "eu", true), (answer.Status, answer["region"].GetString(), answer["ready"].GetBoolean()));
        Assert.StartsWith("eu-", answer["node"].GetString());
        Assert.Equal(published["origin"].GetString(), answer["origin"].GetString());
        Assert.True(answer["vector"].GetProperty(published["origin"].GetString()!).GetInt64() >= published["seq"].GetInt64()); // A publish has an origin.
        Assert.True(SeenToken.Decode(answer.Seen).Covers(SeenToken.Decode(published.Seen)));
        Assert.Equal(0, answer["links"].GetArrayLength());
        Assert.Equal(0, answer["waitingRoom"].GetProperty("entries").GetInt32());
        Assert.Equal(answer["node"].GetString(), answer["members"][0].GetProperty("node").GetString());
        var loads = answer["loads"];
        Assert.True(loads.GetProperty("connections").GetInt32() >= 1);
        Assert.True(loads.GetProperty("positionLast").GetInt64() >= 1);
        foreach (var name in (string[])["readers", "entriesPerSecond", "positionFirst", "diskBytes", "diskFreeBytes"])
        {
            Assert.True(loads.GetProperty(name).GetDouble() >= 0, name);
        }
    }

    [Fact]
    public async Task Health_needs_no_credentials_and_ignores_wrong_ones()
    {
        Assert.Equal((200, """{"status":"live"}"""), await TextOf("/healthz/live"));
        Assert.Equal((200, """{"status":"ready"}"""), await TextOf("/healthz/ready"));
        Assert.Equal(200, (await server.SendAsync(HttpMethod.Get, "/healthz/ready", user: ("nobody", "wrong"))).Status);
        Assert.Equal(200, (await server.SendAsync(HttpMethod.Head, "/healthz/ready")).Status);
    }

    [Fact]
    public async Task Metrics_are_Prometheus_text()
    {
        await server.PublishAsync("status.metrics", """{"activity": {}}""");
        await server.GetAsync("/v1/channels/status.metrics");

        var answer = await server.GetAsync("/metrics");

        Assert.Equal((200, "text/plain"), (answer.Status, answer.ContentType));
        var lines = answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.Matches("""^(# (HELP|TYPE) [a-z_0-9]+ .*|[a-z_0-9]+(\{[a-z_0-9]+="[^"]*"(,[a-z_0-9]+="[^"]*")*\})? (-?[0-9.E+-]+|NaN))$""", line));
        Assert.Contains(lines, l => l.StartsWith("stentor_http_requests_total{route=\"/v1/channels/{channel}/activities\",status=\"201\"}", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("stentor_http_request_duration_seconds_bucket{route=\"/v1/channels/{channel}\",le=\"+Inf\"}", StringComparison.Ordinal));
        Assert.Contains("stentor_ready 1", lines);
        Assert.Contains("# TYPE stentor_http_request_duration_seconds histogram", lines);
        Assert.Contains(lines, l => l.StartsWith("stentor_connections{kind=\"http\"}", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("stentor_entries_total ", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("dotnet_process_memory_working_set", StringComparison.Ordinal));
        Assert.Equal(lines.Where(l => l.StartsWith("# TYPE", StringComparison.Ordinal)).Distinct(), lines.Where(l => l.StartsWith("# TYPE", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_histogram_adds_up()
    {
        for (var n = 0; n < 5; n++)
        {
            await server.GetAsync("/v1/cluster");
        }

        var text = (await server.GetAsync("/metrics")).Text;

        var buckets = Regex.Matches(text, """stentor_http_request_duration_seconds_bucket\{route="/v1/cluster",le="[^"]+"\} (\d+)""").Select(m => long.Parse(m.Groups[1].Value)).ToList();
        var count = long.Parse(Regex.Match(text, """stentor_http_request_duration_seconds_count\{route="/v1/cluster"\} (\d+)""").Groups[1].Value);
        Assert.Equal(buckets.Order(), buckets);
        Assert.Equal(count, buckets[^1]);
        Assert.True(count >= 5);
    }

    [Fact]
    public async Task The_description_names_every_route_method_parameter_and_error()
    {
        var described = (await server.GetAsync("/openapi/v1.json")).Json;

        var paths = described.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject()
            .Where(m => m.Name != "parameters").Select(m => $"{m.Name.ToUpperInvariant()} {p.Name}")).Order();
        var types = described.GetProperty("components").GetProperty("schemas").GetProperty("ErrorType").GetProperty("enum").EnumerateArray().Select(t => t.GetString()!).Order(); // An enum of words.
        var routes = server.Server.Routes.ToList();

        Assert.Equal(routes.SelectMany(r => r.Operations.Select(o => $"{o.Method} {r.Template}")).Order(), paths);
        Assert.Equal(ErrorTable.Types.Order(), types);
        foreach (var route in routes)
        {
            foreach (var operation in route.Operations)
            {
                var entry = described.GetProperty("paths").GetProperty(route.Template).GetProperty(operation.Method.ToLowerInvariant());
                Assert.Equal(operation.Parameters.Order(), QueryParameters(described, entry).Order());
            }
        }
    }

    [Fact]
    public async Task The_description_refers_only_to_what_it_holds()
    {
        var described = (await server.GetAsync("/openapi/v1.json")).Json;

        Assert.Equal("3.1.0", described.GetProperty("openapi").GetString());
        foreach (Match match in Regex.Matches(described.GetRawText(), "\"#/([^\"]+)\""))
        {
            var at = described;
            foreach (var step in match.Groups[1].Value.Split('/'))
            {
                Assert.True(at.TryGetProperty(step, out at), match.Value);
            }
        }
    }

    [Fact]
    public async Task A_disk_that_fails_makes_the_node_not_ready_until_it_works_again()
    {
        var disk = new SimulatedDisk();
        await using var own = await TestServer.StartAsync(o => o with { Disk = disk });
        await own.PublishAsync("disk", """{"activity": {}}""");

        disk.SyncsToFail = int.MaxValue;
        var refused = await own.PublishAsync("disk", """{"activity": {}}""");
        var ready = await own.GetAsync("/healthz/ready");
        var live = await own.GetAsync("/healthz/live");
        var cluster = await own.GetAsync("/v1/cluster");
        var read = await own.GetAsync("/v1/channels/disk");

        refused.Problem(ErrorType.NotReady);
        ready.Problem(ErrorType.NotReady);
        Assert.Equal("1", ready.Headers["Retry-After"]);
        Assert.Equal((200, false), (live.Status, cluster["ready"].GetBoolean()));
        Assert.Equal(1, read["version"].GetInt32());
    }

    private async Task<(int Status, string Text)> TextOf(string path) => await server.GetAsync(path) is var answer ? (answer.Status, answer.Text) : default;

    private static IEnumerable<string> QueryParameters(JsonElement described, JsonElement operation)
    {
        if (!operation.TryGetProperty("parameters", out var parameters))
        {
            yield break;
        }

        foreach (var parameter in parameters.EnumerateArray())
        {
            var real = parameter.TryGetProperty("$ref", out var reference)
                ? described.GetProperty("components").GetProperty("parameters").GetProperty(reference.GetString()!.Split('/')[^1]) // A reference is a text.
                : parameter;
            if (real.GetProperty("in").GetString() == "query")
            {
                yield return real.GetProperty("name").GetString()!; // A parameter has a name.
            }
        }
    }
}
