using Stentor.Node;
using Stentor.Protocol;
using Stentor.Testing;

namespace Stentor.Client.Tests;

public sealed class ClusterTests
{
    private const string Voters =
        """
        {"cluster": "c1", "version": 4, "majority": 1, "voters": [{"origin": "eu-1", "region": "eu"}], "proposed": [{"voters": ["eu-1", "us-1"], "votes": ["eu-1"]}],
         "regions": [{"origin": "eu-1", "region": "eu", "wish": true, "left": false, "voter": true}, {"origin": "us-1", "region": "us", "wish": false, "left": true, "voter": false}], "later": 1}
        """;

    private static readonly OriginId Eu = new("eu-1");
    private static readonly OriginId Us = new("us-1");

    [Fact]
    public async Task Voters_are_read_as_the_server_tells_them()
    {
        await using var server = new FakeServer { OnRequest = _ => new FakeAnswer(200, Voters) };
        await using var client = Clients.Of(server);

        var voters = await client.GetVotersAsync();

        Assert.Equal(("c1", 4, 1), (voters.Cluster, voters.Version, voters.Majority));
        Assert.Equal([Eu], voters.Voters);
        var proposed = Assert.Single(voters.Proposed);
        Assert.Equal([Eu, Us], proposed.Voters);
        Assert.Equal([Eu], proposed.Votes);
        Assert.Equal([new ClusterMember(Eu, "eu", WishesVote: true, HasLeft: false, IsVoter: true), new ClusterMember(Us, "us", WishesVote: false, HasLeft: true, IsVoter: false)], voters.Regions);
        Assert.Equal(1, voters.Json.GetProperty("later").GetInt32());
        Assert.Equal(("GET", "/v1/cluster/voters"), (server.Requests.Single().Method, server.Requests.Single().Target));
    }

    [Fact]
    public async Task Changes_say_which_regions_they_are_about()
    {
        await using var server = new FakeServer { OnRequest = _ => new FakeAnswer(200, Voters) };
        await using var client = Clients.Of(server);

        await client.AddVoterAsync(Us);
        await client.RemoveVoterAsync(Us);
        await client.ReplaceVoterAsync(Us, Eu);
        await client.LeaveAsync(Us);

        Assert.Equal(
            [
                ("/v1/cluster/voters", """{"add":"us-1"}"""), ("/v1/cluster/voters", """{"remove":"us-1"}"""),
                ("/v1/cluster/voters", """{"replace":["us-1","eu-1"]}"""), ("/v1/cluster/leave", """{"origin":"us-1"}"""),
            ],
            server.Requests.Select(r => (r.Target, r.Body)));
        Assert.All(server.Requests, r => Assert.Equal("POST", r.Method));
    }

    [Fact]
    public async Task A_change_that_is_not_decided_is_asked_for_again_until_it_is()
    {
        var time = new ManualTime();
        var attempts = 0;
        await using var server = new FakeServer
        {
            OnRequest = _ => attempts++ == 0 ? ReadTests.Problem(503, ErrorType.Undecided, "wait", ("Retry-After", "2")) : new FakeAnswer(200, Voters),
        };
        await using var client = new StentorClient(Clients.Options(server) with { Time = time });

        var removing = client.RemoveVoterAsync(Us);
        await time.UntilWaitedForAsync(TimeSpan.FromSeconds(2));
        time.Advance(TimeSpan.FromSeconds(2));
        var voters = await removing.WaitAsync(Patience.Long);

        Assert.Equal((2, 4), (attempts, voters.Version));
    }

    [Fact]
    public async Task A_real_cluster_is_changed_by_its_operator()
    {
        await using var eu = await RealServer.StartAsync(o => o with { ClusterSecretFile = Path.Combine(o.DataDirectory!, "cluster.secret") });
        await using var us = await RealServer.StartAsync(o => o with
        {
            ClusterSecretFile = Path.Combine(eu.DataDirectory, "cluster.secret"),
            Node = o.Node with { Region = "us", Links = [LinkTarget.Parse($"http://{eu.Address.Authority}")] },
        });
        var (lost, successor) = (eu.Server.Node.Store.Origin, us.Server.Node.Store.Origin);
        await using var client = OperatorOf(eu);
        Assert.NotNull(await eu.Server.Node.Cluster.WaitForDecisionAsync("_voters.2", Patience.Long, default));
        Assert.NotNull(await us.Server.Node.Cluster.WaitForDecisionAsync("_voters.2", Patience.Long, default));

        await new Snippets(client, _ => { }).ClusterAsync(lost, successor);

        Assert.Equal([successor], (await client.GetVotersAsync()).Voters);
        Assert.Equal([successor], (await client.LeaveAsync(lost)).Voters);
        var other = await Assert.ThrowsAsync<StentorException>(() => client.LeaveAsync(successor));
        Assert.Equal(ErrorType.ConditionNotMet, other.Type);
    }

    private static StentorClient OperatorOf(RealServer server) => new(new StentorClientOptions
    {
        Addresses = [server.Address],
        Username = "operator",
        Secret = File.ReadAllText(Path.Combine(server.DataDirectory, "operator.secret")).Trim(),
    });
}
