using Stentor.Node;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Http;

/// <summary>What is asked of the cluster over HTTP, of servers that are linked over loopback.</summary>
public sealed class ClusterTests
{
    private const string Voters = "/v1/cluster/voters";

    [Fact]
    public async Task A_region_that_is_alone_has_no_voters()
    {
        await using var eu = await TestServer.StartAsync();

        var voters = await eu.GetAsync(Voters);
        var cluster = await eu.GetAsync("/v1/cluster");

        Assert.Contains("--cluster-secret-file", voters.Problem(ErrorType.NotFound), StringComparison.Ordinal);
        (await eu.SendAsync(HttpMethod.Post, Voters, """{"remove": "eu-1"}""", user: eu.Operator)).Problem(ErrorType.ConditionNotMet);
        (await LeaveAsync(eu)).Problem(ErrorType.ConditionNotMet);
        Assert.False(cluster.Json.TryGetProperty("cluster", out _));
        Assert.Equal(["eu"], cluster["members"].EnumerateArray().Select(m => m.GetProperty("region").GetString()!)); // A region has a name.
    }

    [Fact]
    public async Task Voters_and_members_are_listed_alike_in_every_region()
    {
        await using var pair = await Pair.StartAsync();

        var voters = await pair.Us.GetAsync(Voters);
        var cluster = await pair.Us.GetAsync("/v1/cluster");

        Assert.Equal(200, voters.Status);
        Assert.Equal((2, 2), (voters["version"].GetInt32(), voters["majority"].GetInt32()));
        Assert.Equal(cluster["cluster"].GetString(), voters["cluster"].GetString());
        Assert.Equal([$"{pair.EuOrigin} eu", $"{pair.UsOrigin} us"], voters["voters"].EnumerateArray().Select(v => $"{v.GetProperty("origin")} {v.GetProperty("region")}"));
        Assert.Equal(
            [$$"""{"origin":"{{pair.EuOrigin}}","region":"eu","wish":true,"left":false,"voter":true}""", $$"""{"origin":"{{pair.UsOrigin}}","region":"us","wish":true,"left":false,"voter":true}"""],
            voters["regions"].EnumerateArray().Select(r => r.GetRawText()));
        Assert.Equal(0, voters["proposed"].GetArrayLength());
        Assert.Equal((await pair.Eu.GetAsync(Voters)).Text, voters.Text);
        Assert.Equal(
            [
                $$"""{"node":"{{pair.Us.Server.Node.Name}}","region":"us","origin":"{{pair.UsOrigin}}","voter":true,"left":false,"ready":true}""",
                $$"""{"region":"eu","origin":"{{pair.EuOrigin}}","voter":true,"left":false}""",
            ],
            cluster["members"].EnumerateArray().Select(m => m.GetRawText()));
    }

    [Fact]
    public async Task The_operator_alone_changes_the_voters()
    {
        await using var pair = await Pair.StartAsync();
        var ann = await pair.Eu.RegisterAsync("ann");
        var body = $$"""{"remove": "{{pair.UsOrigin}}"}""";

        (await pair.Eu.SendAsync(HttpMethod.Post, Voters, body)).Problem(ErrorType.Unauthenticated);
        (await pair.Eu.SendAsync(HttpMethod.Post, Voters, body, user: ann)).Problem(ErrorType.Forbidden);
        (await pair.Eu.SendAsync(HttpMethod.Post, "/v1/cluster/leave", $$"""{"origin": "{{pair.EuOrigin}}"}""", user: ann)).Problem(ErrorType.Forbidden);
        Assert.Equal([pair.EuOrigin, pair.UsOrigin], OriginsOf(await pair.Eu.GetAsync(Voters)));

        var removed = await pair.Eu.SendAsync(HttpMethod.Post, Voters, body, user: pair.Eu.Operator);
        var added = await pair.Eu.SendAsync(HttpMethod.Post, Voters, $$"""{"add": "{{pair.UsOrigin}}"}""", user: pair.Eu.Operator);
        var replaced = await pair.Eu.SendAsync(HttpMethod.Post, Voters, $$"""{"replace": ["{{pair.EuOrigin}}", "{{pair.UsOrigin}}"]}""", user: pair.Eu.Operator);

        Assert.Equal((200, 3), (removed.Status, removed["version"].GetInt32()));
        Assert.Equal([pair.EuOrigin], OriginsOf(removed));
        Assert.Equal([pair.EuOrigin, pair.UsOrigin], OriginsOf(added));
        Assert.Equal([pair.UsOrigin], OriginsOf(replaced));
        Assert.Equal(5, replaced["version"].GetInt32());
    }

    [Fact]
    public async Task What_cannot_be_done_is_refused_with_its_reason()
    {
        await using var pair = await Pair.StartAsync();

        async Task RefusedAsync(string type, string why, string body)
        {
            var detail = (await pair.Eu.SendAsync(HttpMethod.Post, Voters, body, user: pair.Eu.Operator)).Problem(type);
            Assert.Contains(why, detail, StringComparison.Ordinal);
        }

        await RefusedAsync(ErrorType.NotFound, "knows no region mars-1", """{"add": "mars-1"}""");
        await RefusedAsync(ErrorType.NotFound, "mars-1 is no voter", """{"replace": ["mars-1", "venus-1"]}""");
        await RefusedAsync(ErrorType.Malformed, "the old one and the new one", """{"replace": ["mars-1"]}""");
        await RefusedAsync(ErrorType.Malformed, "the old one and the new one", """{"replace": ["mars-1", "venus-1", "eu-1"]}""");
        await RefusedAsync(ErrorType.Malformed, "'mars 1', which is not an origin", """{"add": "mars 1"}""");
        await RefusedAsync(ErrorType.Malformed, "`add` must be a string", """{"add": ["mars-1"]}""");
        await RefusedAsync(ErrorType.Malformed, "lacks a change", "{}");
        await RefusedAsync(ErrorType.Malformed, "more than one change", """{"add": "mars-1", "remove": "venus-1"}""");
        await RefusedAsync(ErrorType.Malformed, "one of add, remove and replace", """{"swap": "mars-1"}""");
        (await pair.Eu.SendAsync(HttpMethod.Post, "/v1/cluster/leave", "{}", user: pair.Eu.Operator)).Problem(ErrorType.Malformed);
        var other = await pair.Eu.SendAsync(HttpMethod.Post, "/v1/cluster/leave", $$"""{"origin": "{{pair.UsOrigin}}"}""", user: pair.Eu.Operator);
        Assert.Contains($"This region is {pair.EuOrigin}", other.Problem(ErrorType.ConditionNotMet), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_majority_names_and_changes_are_undecided_and_shown_as_proposed()
    {
        await using var pair = await Pair.StartAsync(o => o with { Node = o.Node with { ClaimWait = TimeSpan.FromMilliseconds(200) } });
        await pair.Us.DisposeAsync();

        var name = await pair.Eu.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "ann", "secret": "sesame"}""");
        var change = await pair.Eu.SendAsync(HttpMethod.Post, Voters, $$"""{"remove": "{{pair.UsOrigin}}"}""", user: pair.Eu.Operator);
        var voters = await pair.Eu.GetAsync(Voters);

        name.Problem(ErrorType.Undecided);
        change.Problem(ErrorType.Undecided);
        Assert.Equal(("1", "1"), (name.Headers["Retry-After"], change.Headers["Retry-After"]));
        Assert.Equal([pair.EuOrigin, pair.UsOrigin], OriginsOf(voters));
        Assert.Equal($$"""[{"voters":["{{pair.EuOrigin}}"],"votes":["{{pair.EuOrigin}}"]}]""", voters["proposed"].GetRawText());
    }

    [Fact]
    public async Task A_region_that_leaves_is_not_waited_for()
    {
        await using var pair = await Pair.StartAsync();
        var published = await pair.Us.PublishAsync("chat", """{"activity": {}}""");

        var left = await LeaveAsync(pair.Us);
        var again = await LeaveAsync(pair.Us);

        Assert.Equal((200, 200), (left.Status, again.Status));
        Assert.Equal([pair.EuOrigin], OriginsOf(left));
        Assert.True(pair.Eu.Server.Node.Seen.Covers(SeenToken.Decode(published.Seen)));
        (await pair.Us.PublishAsync("chat", """{"activity": {}}""")).Problem(ErrorType.NotReady);
        (await LeaveAsync(pair.Eu)).Problem(ErrorType.ConditionNotMet);
        await pair.Us.DisposeAsync();
        await pair.Eu.RegisterAsync("ann");
        var members = (await pair.Eu.GetAsync("/v1/cluster"))["members"];
        Assert.Equal([(pair.EuOrigin, true, false), (pair.UsOrigin, false, true)], members.EnumerateArray().Select(m => (m.GetProperty("origin").GetString()!, m.GetProperty("voter").GetBoolean(), m.GetProperty("left").GetBoolean()))); // A member has an origin.
    }

    private static Task<Answer> LeaveAsync(TestServer server) =>
        server.SendAsync(HttpMethod.Post, "/v1/cluster/leave", $$"""{"origin": "{{server.Server.Node.Store.Origin}}"}""", user: server.Operator);

    private static IEnumerable<string> OriginsOf(Answer voters) => voters["voters"].EnumerateArray().Select(v => v.GetProperty("origin").GetString()!); // A voter has an origin.

    /// <summary>Two regions, both voters, linked over loopback; eu founded the cluster.</summary>
    private sealed record Pair(TestServer Eu, TestServer Us, string SecretFile) : IAsyncDisposable
    {
        public string EuOrigin => Eu.Server.Node.Store.Origin.Value;

        public string UsOrigin { get; } = Us.Server.Node.Store.Origin.Value;

        public static async Task<Pair> StartAsync(Func<ServerOptions, ServerOptions>? change = null)
        {
            var secretFile = Path.Combine(Path.GetTempPath(), $"stentor-test-{Guid.NewGuid():n}.cluster");
            change ??= o => o;
            var eu = await TestServer.StartAsync(o => change(o with { ClusterSecretFile = secretFile }));
            var us = await TestServer.StartAsync(o => change(o with { ClusterSecretFile = secretFile, Node = o.Node with { Region = "us", Links = [LinkTarget.Parse($"http://{eu.Address.Authority}")] } }));
            var pair = new Pair(eu, us, secretFile);
            try
            {
                // Version 1 is the founder by itself; us is in version 2.
                Assert.NotNull(await eu.Server.Node.Cluster.WaitForDecisionAsync("_voters.2", TestServer.Patience, default));
                Assert.NotNull(await us.Server.Node.Cluster.WaitForDecisionAsync("_voters.2", TestServer.Patience, default));
                return pair;
            }
            catch
            {
                await pair.DisposeAsync();
                throw;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Us.DisposeAsync();
            await Eu.DisposeAsync();
            File.Delete(SecretFile);
        }
    }
}
