using System.Net;
using System.Net.Sockets;
using static Stentor.Gateways.Tests.XmlRpc.ScoreboardServer;

namespace Stentor.Gateways.Tests.XmlRpc;

/// <summary>Clients that registered for updates are called with each, and none of them is another's trouble.</summary>
public sealed class TabletTests : IDisposable
{
    private static readonly XmlRpcValue Done = new XmlRpcValue.Truth(true);
    private static readonly string[] Curling = ["Stone Curling"];
    private static readonly string[] Gaul = ["Gaul"];

    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Every_update_is_brought_in_order_with_what_it_made_of_the_score()
    {
        await using var board = await StartAsync();
        using var tablet = TestTablet.Plain();
        Assert.Equal(Done, await board.RegisterAsync("localhost", tablet.Port, Curling, Gaul));

        for (var i = 0; i < 100; i++)
        {
            await board.SetAsync("Stone Curling", new XmlRpcValue.Whole(i));
        }

        await board.WinAsync("Gaul", "gold");
        await board.WinAsync("Rome", "gold");
        await board.WinAsync("Gaul", "gold");

        Assert.Equal(
            [.. Enumerable.Range(0, 100).Select(i => $"{i}"), """{"gold":1,"silver":0,"bronze":0}""", """{"gold":2,"silver":0,"bronze":0}"""],
            await tablet.ShownAsync(102));
        Assert.Equal(
            ["print_medal_tally_for_team", "print_score_for_event"],
            tablet.Calls.Select(call => call.Method).Distinct().Order());
    }

    [Fact]
    public async Task What_is_written_over_HTTP_is_brought_too_and_mere_words_are_not()
    {
        await using var board = await StartAsync();
        using var tablet = TestTablet.Plain();
        await board.RegisterAsync("127.0.0.1", tablet.Port, Curling, Gaul);
        var writer = (XmlRpcOptions.Writer, Password);

        await board.Server.PublishAsync("scores.stone-curling", """{"activity":{"type":"Note","content":"what a throw"}}""", writer);
        await board.Server.PublishAsync("medals.gaul", """{"effect":{"add":{"gold":2,"bronze":1}},"id":"one"}""", writer);
        await board.Server.PublishAsync("medals.gaul", """{"effect":{"add":{"gold":2,"bronze":1}},"id":"one"}""", writer);
        await board.Server.PublishAsync("scores.stone-curling", """{"effect":{"remove":["score"]}}""", writer);
        await board.SetAsync("Stone Curling", T("end"));

        Assert.Equal(["""{"gold":2,"silver":0,"bronze":1}""", "", "end"], await tablet.ShownAsync(3));
    }

    [Fact]
    public async Task A_client_that_wants_the_time_too_gets_it_and_is_not_asked_twice()
    {
        await using var board = await StartAsync();
        using var tablet = TestTablet.Timed();
        await board.RegisterAsync("localhost", tablet.Port, Curling, []);
        var before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1e3;

        await board.SetAsync("Stone Curling", T("a"));
        await board.SetAsync("Stone Curling", T("b"));
        await board.SetAsync("Stone Curling", T("c"));

        Assert.Equal(["a", "a", "b", "c"], await tablet.ShownAsync(4)); // The first was refused with one argument.
        Assert.Equal([1, 2, 2, 2], tablet.Calls.Select(call => call.Arguments.Count));
        var times = tablet.Calls.Skip(1).Select(call => Assert.IsType<XmlRpcValue.Real>(call.Arguments[1]).Value).ToList();
        Assert.Equal(times.Order(), times);
        Assert.All(times, time => Assert.InRange(time, before - 1, before + 60));
    }

    [Fact]
    public async Task Registrations_survive_a_restart_with_what_is_known_of_the_client()
    {
        ServerOptions OnDisk(ServerOptions o) => o with { Ephemeral = false, DataDirectory = Path.Combine(_directory, "data") };
        using var tablet = TestTablet.Timed();
        await using (var first = await StartAsync(server: OnDisk))
        {
            await first.RegisterAsync("localhost", tablet.Port, Curling, Gaul);
            await first.SetAsync("Stone Curling", T("before"));
            await first.Server.Logs.WaitForAsync("shows Stone Curling"); // By then it is recorded how the client wants to be called.
        }

        await using var again = await StartAsync(server: OnDisk);
        await again.SetAsync("Stone Curling", T("after"));
        await again.WinAsync("Gaul", "silver");

        Assert.Equal(["before", "before", "after", """{"gold":0,"silver":1,"bronze":0}"""], await tablet.ShownAsync(4));
        Assert.Equal([1, 2, 2, 2], tablet.Calls.Select(call => call.Arguments.Count));
    }

    [Fact]
    public async Task The_valid_names_are_registered_and_the_others_named()
    {
        await using var board = await StartAsync();
        using var tablet = TestTablet.Plain();

        var error = Error(await board.RegisterAsync("localhost", tablet.Port, ["Chariot <Race>", "STONE CURLING"], ["gaul", "Atlantis"]));

        Assert.Contains("'Chariot <Race>' is not an event", error, StringComparison.Ordinal);
        Assert.Contains("'Atlantis' is not a team", error, StringComparison.Ordinal);
        await board.SetAsync("Stone Curling", T("a"));
        await board.WinAsync("Gaul", "gold");
        Assert.Equal(["a", """{"gold":1,"silver":0,"bronze":0}"""], await tablet.ShownAsync(2));
    }

    public static TheoryData<XmlRpcValue> WrongIds =>
    [
        T("localhost:8002"),
        new XmlRpcValue.List([T("localhost")]),
        new XmlRpcValue.List([new XmlRpcValue.Whole(8002), T("localhost")]),
        new XmlRpcValue.List([T("localhost"), new XmlRpcValue.Whole(0)]),
        new XmlRpcValue.List([T("localhost"), new XmlRpcValue.Whole(65_536)]),
        new XmlRpcValue.List([T("localhost"), new XmlRpcValue.Whole(-1)]),
        new XmlRpcValue.List([T("localhost"), new XmlRpcValue.Real(8002)]),
        new XmlRpcValue.List([T(""), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("a b"), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("host/../admin?x="), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("user@localhost"), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("0.0.0.0"), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("::"), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("255.255.255.255"), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("224.0.0.1"), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("10.0.0.1"), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T("169.254.169.254"), new XmlRpcValue.Whole(80)]),
        new XmlRpcValue.List([T("no-such-host.invalid"), new XmlRpcValue.Whole(8002)]),
        new XmlRpcValue.List([T(new string('x', 300)), new XmlRpcValue.Whole(8002)]),
    ];

    [Theory]
    [MemberData(nameof(WrongIds))]
    public async Task A_wrong_client_id_registers_nothing(XmlRpcValue id)
    {
        await using var board = await StartAsync();

        var error = Error(await board.CallAsync("register_client", id, Names("Stone Curling"), Names("Gaul")));

        Assert.Contains("Nothing was registered", error, StringComparison.Ordinal);
        Assert.Equal(0, await RegisteredAsync(board));
    }

    [Fact]
    public async Task Names_that_are_no_arrays_register_nothing()
    {
        await using var board = await StartAsync();

        Error(await board.CallAsync("register_client", Id("localhost", 9), T("Stone Curling"), Names("Gaul")));
        Error(await board.CallAsync("register_client", Id("localhost", 9), Names("Stone Curling"), new XmlRpcValue.Whole(3)));
        Error(await board.CallAsync("register_client", Id("localhost", 9), Names(), Names()));
        Error(await board.CallAsync("register_client", Id("localhost", 9), Names("x"), Names("y")));

        Assert.Equal(0, await RegisteredAsync(board));
    }

    [Fact]
    public async Task To_register_twice_is_to_register_once_and_more_names_are_added()
    {
        await using var board = await StartAsync();
        using var tablet = TestTablet.Plain();

        await board.RegisterAsync("localhost", tablet.Port, Curling, []);
        await board.RegisterAsync("LOCALHOST", tablet.Port, ["stone curling", "Stone Curling"], []);
        await board.RegisterAsync("127.0.0.1", tablet.Port, Curling, []);
        await board.RegisterAsync("localhost", tablet.Port, [], Gaul);
        await board.SetAsync("Stone Curling", T("once"));
        await board.WinAsync("Gaul", "gold");

        Assert.Equal(["once", """{"gold":1,"silver":0,"bronze":0}"""], await tablet.ShownAsync(2));
        Assert.Equal(1, await RegisteredAsync(board));
    }

    [Fact]
    public async Task A_refused_update_is_brought_to_nobody()
    {
        await using var board = await StartAsync();
        using var tablet = TestTablet.Plain();
        await board.RegisterAsync("localhost", tablet.Port, Curling, Gaul);

        Error(await board.CallAsync("set_score", T("Stone Curling"), T("no"), T("wrong")));
        Error(await board.CallAsync("increment_medal_tally", T("Gaul"), T("tin"), T(Password)));
        await board.SetAsync("Stone Curling", T("yes"));

        Assert.Equal(["yes"], await tablet.ShownAsync(1));
    }

    [Fact]
    public async Task Whoever_is_dead_silent_or_sends_elsewhere_holds_up_nobody()
    {
        await using var board = await StartAsync(o => o with { CallWait = TimeSpan.FromSeconds(20) });
        using var elsewhere = TestTablet.Plain();
        using var silent = TestTablet.Of(_ => null);
        using var redirecting = TestTablet.Of(_ => $"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{elsewhere.Port}/RPC2\r\nContent-Length: 0\r\n\r\n");
        using var rubbish = TestTablet.Of(_ => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        using var sound = TestTablet.Plain();
        foreach (var port in (int[])[FreePort(), silent.Port, redirecting.Port, rubbish.Port, sound.Port])
        {
            Assert.Equal(Done, await board.RegisterAsync("localhost", port, Curling, []));
        }

        for (var i = 0; i < 20; i++)
        {
            await board.SetAsync("Stone Curling", new XmlRpcValue.Whole(i));
        }

        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}"), await sound.ShownAsync(20));
        await redirecting.ShownAsync(2);
        Assert.Empty(elsewhere.Calls);
        Assert.Single(silent.Calls);
    }

    [Fact]
    public async Task Whoever_comes_back_in_time_gets_what_waited_for_it()
    {
        await using var board = await StartAsync();
        var port = FreePort();
        await board.RegisterAsync("localhost", port, Curling, []);
        await board.SetAsync("Stone Curling", T("a"));
        await board.SetAsync("Stone Curling", T("b"));
        await board.Server.Logs.WaitForAsync("does not answer");

        using var tablet = TestTablet.Plain(port);

        Assert.Equal(["a", "b"], await tablet.ShownAsync(2));
        Assert.Equal(1, await RegisteredAsync(board));
    }

    [Fact]
    public async Task Whoever_does_not_answer_for_too_long_is_dropped_and_may_come_again()
    {
        await using var board = await StartAsync(o => o with { DropAfter = TimeSpan.FromMilliseconds(300) });
        var port = FreePort();
        await board.RegisterAsync("localhost", port, Curling, []);
        await board.SetAsync("Stone Curling", T("a"));
        await board.Server.Logs.WaitForAsync("is dropped after");

        using var tablet = TestTablet.Plain(port);
        await board.SetAsync("Stone Curling", T("b"));
        await board.RegisterAsync("localhost", port, Curling, []);
        await board.SetAsync("Stone Curling", T("c"));

        Assert.Equal(["c"], await tablet.ShownAsync(1));
    }

    [Fact]
    public async Task Whoever_refuses_every_call_is_dropped()
    {
        await using var board = await StartAsync(o => o with { DropAfter = TimeSpan.FromMilliseconds(1) });
        using var tablet = TestTablet.Of(_ => TestTablet.Fault());
        await board.RegisterAsync("localhost", tablet.Port, Curling, []);

        for (var i = 0; i < 20; i++)
        {
            await board.SetAsync("Stone Curling", new XmlRpcValue.Whole(i));
        }

        await board.Server.Logs.WaitForAsync("is dropped after");
        Assert.Equal(20, tablet.Calls.Count); // Ten updates, each in both ways.
    }

    [Fact]
    public async Task An_update_can_be_pushed_again_by_hand_to_those_who_registered()
    {
        await using var board = await StartAsync();
        using var one = TestTablet.Plain();
        using var other = TestTablet.Plain();
        using var stranger = TestTablet.Plain();
        await board.SetAsync("Stone Curling", T("a"));
        await board.WinAsync("Gaul", "gold");
        await board.RegisterAsync("localhost", one.Port, Curling, Gaul);
        await board.RegisterAsync("localhost", other.Port, Curling, Gaul);

        Assert.Equal(Done, await board.CallAsync("push_update_for_event", Names(), T("stone curling")));
        Assert.Equal(Done, await board.CallAsync("push_update_for_team", new XmlRpcValue.List([Id("localhost", one.Port)]), T("Gaul")));
        Assert.Contains("did not register", Error(await board.CallAsync("push_update_for_event", new XmlRpcValue.List([Id("localhost", stranger.Port), Id("localhost", other.Port)]), T("Stone Curling"))), StringComparison.Ordinal);
        Error(await board.CallAsync("push_update_for_event", T("all"), T("Stone Curling")));
        Error(await board.CallAsync("push_update_for_team", Names(), T("Atlantis")));

        Assert.Equal(["a", """{"gold":1,"silver":0,"bronze":0}"""], await one.ShownAsync(2));
        Assert.Equal(["a", "a"], await other.ShownAsync(2));
        Assert.Equal(0, stranger.Connections);
    }

    [Fact]
    public async Task There_is_room_for_so_many_clients()
    {
        await using var board = await StartAsync(o => o with { TabletsMax = 2 });

        Assert.Equal(Done, await board.RegisterAsync("localhost", 9, Curling, []));
        Assert.Equal(Done, await board.RegisterAsync("localhost", 10, Curling, []));
        Assert.Contains("xml-rpc-tablets-max", Error(await board.RegisterAsync("localhost", 11, Curling, [])), StringComparison.Ordinal);
        Assert.Equal(Done, await board.RegisterAsync("localhost", 10, [], Gaul));
    }

    [Fact]
    public async Task A_client_keeps_its_connection_where_it_can()
    {
        await using var board = await StartAsync();
        using var tablet = TestTablet.Plain();
        await board.RegisterAsync("localhost", tablet.Port, Curling, []);

        for (var i = 0; i < 30; i++)
        {
            await board.SetAsync("Stone Curling", new XmlRpcValue.Whole(i));
        }

        await tablet.ShownAsync(30);
        Assert.Equal(2, tablet.Connections); // One to learn that it keeps them.
    }

    [Fact]
    public void A_program_elsewhere_that_says_localhost_means_its_own_machine()
    {
        var elsewhere = TabletCaller.Of(IPAddress.Parse("::ffff:192.0.2.7"), IPAddress.Parse("192.0.2.1"));
        var sameMachine = TabletCaller.Of(IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.1"));

        Assert.Equal("192.0.2.7:8002", TabletAddress.Of(Id("localhost", 8002), elsewhere).ToString());
        Assert.Equal("192.0.2.7:8002", TabletAddress.Of(Id("127.0.0.1", 8002), elsewhere).ToString());
        Assert.Equal("192.0.2.7:8002", TabletAddress.Of(Id("0x7f.1", 8002), elsewhere).ToString());
        Assert.Equal("localhost:8002", TabletAddress.Of(Id("Localhost.", 8002), sameMachine).ToString());
        Assert.Equal("localhost:8002", TabletAddress.Of(Id("127.0.0.1", 8002), sameMachine).ToString());
        Assert.Equal("127.0.0.9:8002", TabletAddress.Of(Id("127.0.0.9", 8002), sameMachine).ToString());
        Assert.Equal("[::1]:8002", TabletAddress.Of(Id("[::1]", 8002), sameMachine).ToString());
    }

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7", Callbacks.Caller, true)]
    [InlineData("192.0.2.8", "192.0.2.7", Callbacks.Caller, false)]
    [InlineData("127.0.0.1", "192.0.2.7", Callbacks.Caller, false)]
    [InlineData("localhost", "192.0.2.7", Callbacks.Caller, false)]
    [InlineData("127.0.0.9", "127.0.0.1", Callbacks.Caller, true)]
    [InlineData("192.0.2.8", "192.0.2.7", Callbacks.Any, true)]
    public async Task A_node_calls_nobody_but_who_called_it_unless_it_is_told_to(string host, string caller, Callbacks callbacks, bool mayCall)
    {
        var addresses = await TabletAddress.AddressesAsync(host, TabletCaller.Of(IPAddress.Parse(caller), IPAddress.Parse("192.0.2.1")), callbacks, CancellationToken.None);

        Assert.Equal(mayCall, addresses.Count > 0);
    }

    private static async Task<int> RegisteredAsync(ScoreboardServer board)
    {
        var metrics = (await board.Server.GetAsync("/metrics")).Text;
        return int.Parse(metrics.Split('\n').Single(line => line.StartsWith("stentor_xmlrpc_tablets ", StringComparison.Ordinal)).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
