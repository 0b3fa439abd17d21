using System.Text;
using static Stentor.Gateways.Tests.XmlRpc.ScoreboardServer;

namespace Stentor.Gateways.Tests.XmlRpc;

/// <summary>The remote procedures of the scoreboard, called as its programs call them.</summary>
public sealed class ScoreboardTests : IDisposable
{
    private static readonly XmlRpcValue Done = new XmlRpcValue.Truth(true);

    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Medals_are_counted_and_scores_are_what_was_set()
    {
        await using var board = await StartAsync();

        Assert.Equal((0, 0, 0), await board.TallyAsync("Gaul"));
        Assert.Equal(T(""), await board.ScoreAsync("Stone Curling"));

        await board.WinAsync("gAUL", "GOLD");
        await board.WinAsync("Gaul", "gold");
        await board.WinAsync("Gaul", "bronze");
        await board.SetAsync("STONE CURLING", T("Gaul leads by 1"));

        Assert.Equal((2, 0, 1), await board.TallyAsync("GAUL"));
        Assert.Equal((0, 0, 0), await board.TallyAsync("Rome"));
        Assert.Equal(T("Gaul leads by 1"), await board.ScoreAsync("stone curling"));
    }

    [Fact]
    public async Task A_score_may_be_any_value_and_comes_back_as_its_kind()
    {
        await using var board = await StartAsync();
        XmlRpcValue[] scores =
        [
            T("<b>&\"'\r\n"), new XmlRpcValue.Whole(-3), new XmlRpcValue.Whole(long.MaxValue), new XmlRpcValue.Real(1), new XmlRpcValue.Real(0.1),
            new XmlRpcValue.Truth(false), XmlRpcValue.Nil.Instance, new XmlRpcValue.Time("20260823T10:00:00"), new XmlRpcValue.Bytes("YWJj"), T(""),
        ];

        foreach (var score in scores)
        {
            await board.SetAsync("Stone Skating", score);

            Assert.Equal(score, await board.ScoreAsync("Stone Skating"));
        }
    }

    [Fact]
    public async Task What_is_written_here_is_read_over_HTTP_and_the_reverse()
    {
        await using var board = await StartAsync();
        await board.WinAsync("Gaul", "silver");
        await board.SetAsync("Stone Curling", new XmlRpcValue.Whole(7));

        Assert.Equal("""{"silver":1}""", (await board.Server.GetAsync("/v1/channels/medals.gaul"))["state"].GetRawText());
        Assert.Equal("""{"score":7}""", (await board.Server.GetAsync("/v1/channels/scores.stone-curling"))["state"].GetRawText());

        var writer = (XmlRpcOptions.Writer, Password);
        Assert.Equal(201, (await board.Server.PublishAsync("medals.gaul", """{"effect":{"add":{"gold":3}}}""", writer)).Status);
        Assert.Equal(201, (await board.Server.PublishAsync("scores.stone-curling", """{"effect":{"set":{"score":{"gaul":[1,2.5,null]}}}}""", writer)).Status);

        Assert.Equal((3, 1, 0), await board.TallyAsync("Gaul"));
        var score = Assert.IsType<XmlRpcValue.List>(Assert.IsType<XmlRpcValue.Struct>(await board.ScoreAsync("Stone Curling")).Find("gaul"));
        Assert.Equal([new XmlRpcValue.Whole(1), new XmlRpcValue.Real(2.5), XmlRpcValue.Nil.Instance], score.Items);
    }

    [Fact]
    public async Task Only_the_writer_may_write_whatever_the_protocol()
    {
        await using var board = await StartAsync();
        var other = await board.Server.RegisterAsync("prolix");

        Assert.Contains("password is wrong", Error(await board.CallAsync("set_score", T("Stone Curling"), T("x"), T("guess"))), StringComparison.Ordinal);
        Assert.Contains("password is wrong", Error(await board.CallAsync("increment_medal_tally", T("Gaul"), T("gold"), T(other.Secret))), StringComparison.Ordinal);
        Assert.Equal(403, (await board.Server.PublishAsync("scores.stone-curling", """{"effect":{"set":{"score":"x"}}}""", other)).Status);
        Assert.Equal(403, (await board.Server.PublishAsync("medals.gaul", """{"effect":{"add":{"gold":1}}}""", other)).Status);

        Assert.Equal(T(""), await board.ScoreAsync("Stone Curling"));
        Assert.Equal((0, 0, 0), await board.TallyAsync("Gaul"));
        Assert.DoesNotContain(board.Server.Logs.Messages, message => message.Contains(Password, StringComparison.Ordinal) || message.Contains("guess", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Rules_that_the_operator_made_stay()
    {
        var disk = Path.Combine(_directory, "data");
        ServerOptions OnDisk(ServerOptions o) => o with { Ephemeral = false, DataDirectory = disk };
        await using (var first = await StartAsync(server: OnDisk))
        {
            Assert.Equal(201, (await first.Server.PublishAsync("_grants", """{"effect":{"set":{"publish scores.>":["prolix"]}}}""")).Status);
        }

        await using var again = await StartAsync(server: OnDisk);

        Assert.Contains("may not publish", Error(await again.CallAsync("set_score", T("Stone Curling"), T("x"), T(Password))), StringComparison.Ordinal);
        await again.WinAsync("Gaul", "gold");
    }

    [Theory]
    [InlineData("get_score", "'Atlantis' is not an event. The events are Stone Curling,")]
    [InlineData("get_medal_tally", "'Atlantis' is not a team. The teams are Gaul, Rome,")]
    public async Task A_wrong_name_is_answered_with_those_there_are(string method, string error)
    {
        await using var board = await StartAsync();

        Assert.Contains(error, Error(await board.CallAsync(method, T("Atlantis"))), StringComparison.Ordinal);
        Assert.Contains("must be a string, not an integer", Error(await board.CallAsync(method, new XmlRpcValue.Whole(1))), StringComparison.Ordinal);
        Assert.Contains("takes one argument (", Error(await board.CallAsync(method)), StringComparison.Ordinal);
        Assert.Contains("'<i>Gaul</i>' is not", Error(await board.CallAsync(method, T("<i>Gaul</i>"))), StringComparison.Ordinal);
        Assert.Contains("'Ga?ul' is not", Error(await board.CallAsync(method, T("Ga\nul"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_medals_and_arguments_change_nothing()
    {
        await using var board = await StartAsync();

        Assert.Contains("'tin' is not a medal: gold, silver or bronze", Error(await board.CallAsync("increment_medal_tally", T("Gaul"), T("tin"), T(Password))), StringComparison.Ordinal);
        Assert.Contains("takes 3 arguments (team_name, medal_type, password), not 2", Error(await board.CallAsync("increment_medal_tally", T("Gaul"), T("gold"))), StringComparison.Ordinal);
        Assert.Contains("password must be a string", Error(await board.CallAsync("increment_medal_tally", T("Gaul"), T("gold"), new XmlRpcValue.Whole(1))), StringComparison.Ordinal);
        Assert.Contains("medal_type must be a string", Error(await board.CallAsync("increment_medal_tally", T("Gaul"), new XmlRpcValue.Real(1), T(Password))), StringComparison.Ordinal);
        Assert.Contains("activity-bytes-max", Error(await board.CallAsync("set_score", T("Stone Curling"), T(new string('x', 100_000)), T(Password))), StringComparison.Ordinal);

        Assert.Equal((0, 0, 0), await board.TallyAsync("Gaul"));
        Assert.Equal(T(""), await board.ScoreAsync("Stone Curling"));
    }

    [Fact]
    public async Task Many_writers_at_once_lose_nothing_and_readers_never_go_back()
    {
        await using var board = await StartAsync();
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(async () =>
        {
            var seen = new List<long>();
            while (!stop.IsCancellationRequested)
            {
                seen.Add((await board.TallyAsync("Gaul")).Gold);
            }

            return seen;
        });

        await Task.WhenAll(Enumerable.Range(0, 20).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 25; i++)
            {
                await board.WinAsync("Gaul", "gold");
                Assert.True((await board.TallyAsync("Gaul")).Gold > i);
            }
        })));
        await stop.CancelAsync();

        Assert.Equal((500, 0, 0), await board.TallyAsync("Gaul"));
        var all = await reader;
        Assert.Equal(all.Order(), all);
    }

    [Fact]
    public async Task Tallies_may_be_told_as_text()
    {
        await using var board = await StartAsync(o => o with { TallyFormat = TallyFormat.Text });
        await board.WinAsync("gaul", "silver");

        Assert.Equal(T("Gaul\nGold: 0\nSilver: 1\nBronze: 0"), await board.CallAsync("get_medal_tally", T("gaul")));
    }

    [Fact]
    public async Task Other_games_have_other_teams_and_events()
    {
        await using var board = await StartAsync(o => o with { Teams = ["Côte d'Ivoire"], Events = ["100 m"] });

        await board.WinAsync("CÔTE D'IVOIRE", "gold");
        await board.SetAsync("100 M", new XmlRpcValue.Real(9.81));

        Assert.Equal("""{"gold":1}""", (await board.Server.GetAsync("/v1/channels/medals.c_c3_b4te-d_27ivoire"))["state"].GetRawText());
        Assert.Equal("""{"score":9.81}""", (await board.Server.GetAsync("/v1/channels/scores.100-m"))["state"].GetRawText());
        Error(await board.CallAsync("get_medal_tally", T("Gaul")));
    }

    [Fact]
    public async Task Names_that_cannot_be_told_apart_keep_the_server_from_starting()
    {
        var start = await Assert.ThrowsAsync<ServerStartException>(() => StartAsync(o => o with { Teams = ["Gaul", "gaul"] }));

        Assert.True(start.IsUsage);
        Assert.Contains("'gaul' stands twice among the teams", start.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_methods_tell_what_they_are()
    {
        await using var board = await StartAsync();

        var names = Assert.IsType<XmlRpcValue.List>(await board.CallAsync("system.listMethods")).Items.Cast<XmlRpcValue.Text>().Select(name => name.Value).ToList();

        Assert.Equal(
            ["get_medal_tally", "get_score", "increment_medal_tally", "set_score", "register_client", "push_update_for_event", "push_update_for_team", "system.listMethods", "system.methodHelp"],
            names);
        foreach (var name in names)
        {
            Assert.StartsWith(name + "(", Assert.IsType<XmlRpcValue.Text>(await board.CallAsync("system.methodHelp", T(name))).Value, StringComparison.Ordinal);
        }

        Error(await board.CallAsync("system.methodHelp", T("nothing")));
    }

    [Fact]
    public async Task What_is_no_call_gets_a_fault()
    {
        await using var board = await StartAsync();

        Assert.Equal(XmlRpcFaultException.NoMethod, (await FaultAsync(board, Call("no_such_method"))).Code);
        Assert.Equal(XmlRpcFaultException.NotXml, (await FaultAsync(board, "rubbish")).Code);
        Assert.Equal(XmlRpcFaultException.NotXml, (await FaultAsync(board, "")).Code);
        Assert.Equal(XmlRpcFaultException.NotXml, (await FaultAsync(board, $"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{Call("get_score", "<value>&x;</value>")}")).Code);
        Assert.Contains("text/xml", (await FaultAsync(board, Call("get_score", "<value>Stone Curling</value>"), "application/json")).Message, StringComparison.Ordinal);
        Assert.Contains("body-bytes-max", (await FaultAsync(board, Call("get_score", $"<value>{new string('x', 10_000_000)}</value>"))).Message, StringComparison.Ordinal);

        Assert.Equal(T(""), await board.ScoreAsync("Stone Curling"));
    }

    [Theory]
    [InlineData("text/xml; charset=utf-8", "/RPC2")]
    [InlineData("application/xml", "/")]
    [InlineData(null, "/")]
    public async Task Calls_come_by_both_paths(string? contentType, string path)
    {
        await using var board = await StartAsync();

        var (status, body) = await board.PostAsync(Encoding.UTF8.GetBytes(Call("get_score", "<value>Stone Curling</value>")), contentType, path);

        Assert.Equal((200, T("")), (status, XmlRpcReader.ReadAnswer(body)));
        Assert.Equal(405, (await board.Server.GetAsync(path)).Status);
    }

    [Fact]
    public async Task A_port_of_its_own_serves_nothing_else()
    {
        await using var board = await StartAsync(o => o with { Listen = "127.0.0.1:0" });
        var own = board.Server.Server.Listeners.Single(l => l.Kind == "xml-rpc").Address;
        using var client = new HttpClient { BaseAddress = new Uri(own) };

        using var call = new StringContent(Call("get_score", "<value>Stone Curling</value>"), Encoding.UTF8, "text/xml");
        using var answer = await client.PostAsync("/RPC2", call);
        using var other = await client.GetAsync("/v1/channels");

        Assert.Equal(T(""), XmlRpcReader.ReadAnswer(await answer.Content.ReadAsByteArrayAsync()));
        Assert.Equal(404, (int)other.StatusCode);
        Assert.Equal(404, (await board.PostAsync([], path: "/RPC2")).Status);
    }

    [Fact]
    public async Task Without_the_account_nobody_can_write_and_whoever_registers_it_can()
    {
        await using var board = await StartAsync(o => o with { WriterSecret = null });

        Assert.Contains("there is no account 'cacophonix'", Error(await board.CallAsync("set_score", T("Stone Curling"), T("x"), T("y"))), StringComparison.Ordinal);

        var (_, secret) = await board.Server.RegisterAsync("cacophonix");
        Assert.Equal(Done, await board.CallAsync("set_score", T("Stone Curling"), T("x"), T(secret)));
    }

    [Fact]
    public async Task A_secret_is_made_once_and_shown_once()
    {
        ServerOptions OnDisk(ServerOptions o) => o with { Ephemeral = false, DataDirectory = Path.Combine(_directory, "data") };
        string made;
        await using (var first = await StartAsync(o => o with { WriterSecret = null, MakesWriterSecret = true }, OnDisk))
        {
            made = first.Server.Server.NewWriterSecret!; // Made now.
            Assert.Equal(Done, await first.CallAsync("set_score", T("Stone Curling"), T("x"), T(made)));
        }

        await using var again = await StartAsync(o => o with { WriterSecret = null, MakesWriterSecret = true }, OnDisk);

        Assert.Null(again.Server.Server.NewWriterSecret);
        Assert.Equal(T("x"), await again.ScoreAsync("Stone Curling"));
        Assert.Equal(Done, await again.CallAsync("set_score", T("Stone Curling"), T("y"), T(made)));
    }

    [Fact]
    public async Task A_secret_that_is_not_the_accounts_keeps_the_server_from_starting()
    {
        ServerOptions OnDisk(ServerOptions o) => o with { Ephemeral = false, DataDirectory = Path.Combine(_directory, "data") };
        await using (await StartAsync(server: OnDisk))
        {
            // Makes the account.
        }

        var start = await Assert.ThrowsAsync<ServerStartException>(() => StartAsync(o => o with { WriterSecret = "another one" }, OnDisk));

        Assert.Contains("another secret", start.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("another one", start.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_passwords_without_end_have_to_wait_and_the_right_one_goes_on()
    {
        await using var board = await StartAsync(server: o => o with { RateLimits = new RateLimits { FailedLoginsPerMinute = 3 } });
        await board.SetAsync("Stone Curling", T("x"));

        var errors = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            errors.Add(Error(await board.CallAsync("set_score", T("Stone Curling"), T("y"), T($"guess {i}"))));
        }

        Assert.Contains("too many wrong passwords", errors[^1], StringComparison.Ordinal);
        await board.SetAsync("Stone Curling", T("z"));
    }

    private static string Call(string method, string value = "") =>
        $"<methodCall><methodName>{method}</methodName><params>{(value.Length == 0 ? "" : $"<param>{value}</param>")}</params></methodCall>";

    private static async Task<XmlRpcFaultException> FaultAsync(ScoreboardServer board, string body, string contentType = "text/xml")
    {
        var (status, answer) = await board.PostAsync(Encoding.UTF8.GetBytes(body), contentType);
        Assert.Equal(200, status);
        var fault = Assert.Throws<XmlRpcFaultException>(() => XmlRpcReader.ReadAnswer(answer));
        Assert.True(fault.IsAnswer);
        return fault;
    }
}
