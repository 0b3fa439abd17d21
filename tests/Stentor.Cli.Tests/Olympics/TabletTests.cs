using Stentor.Cli.Olympics;
using Stentor.Cli.Olympics.Tablets;
using Stentor.Gateways;
using Stentor.Simulation;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Olympics;

/// <summary>What a tablet wants, when it asks, what it takes, what it shows.</summary>
public sealed class TabletTests : IDisposable
{
    private const int Port = 8042;

    private static readonly string[] Teams = ["Gaul", "Rome", "Persia"];
    private static readonly string[] Events = ["Stone Curling", "Stone Skating"];
    private static readonly XmlRpcValue Tally = new XmlRpcValue.Struct([new("gold", new XmlRpcValue.Whole(2)), new("silver", new XmlRpcValue.Whole(0)), new("bronze", new XmlRpcValue.Whole(1))]);

    private readonly ManualTime _time = new();
    private readonly LogDirectory _directory = new();
    private readonly MemoryStream _out = new();
    private readonly List<string> _errors = [];
    private readonly TabletDisplay _display;

    public TabletTests() => _display = new TabletDisplay(Port, _directory.Path, new TabletOutput(_out), _time);

    private string[] Shown => _directory.Untimed("client_logs", $"{Port}.txt");

    private string[] Latencies => _directory.Lines("latencies", $"{Port}.txt");

    private double Now => (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;

    [Fact]
    public void What_a_tablet_wants_at_random_is_never_nothing_and_follows_from_the_seed()
    {
        static List<string> Wishes(ulong seed)
        {
            var random = new SeededRandom(seed);
            return [.. Enumerable.Range(0, 100).Select(_ => TabletWish.Random(random, Teams, Events)).Select(wish => $"{wish.Teams.Count} {wish.Events.Count} {wish}")];
        }

        Assert.Equal(Wishes(3), Wishes(3));
        Assert.NotEqual(Wishes(3), Wishes(4));
        Assert.DoesNotContain(Wishes(3), wish => wish.Contains('0', StringComparison.Ordinal));
        Assert.Equal(7 * 3, Enumerable.Range(0, 20).SelectMany(seed => Wishes((ulong)seed)).Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [InlineData(0, 0.1, 1)]
    [InlineData(4, 4.9, 5)]
    [InlineData(4, 5.0, 5)]
    [InlineData(4, 7.2, 8)] // Asking took long: 5, 6 and 7 went by.
    public void A_tablet_asks_at_multiples_of_its_interval(long asked, double elapsed, long next)
    {
        Assert.Equal(next, PullTablet.Next(asked, TimeSpan.FromSeconds(elapsed), TimeSpan.FromSeconds(1)));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_tablet_that_asks_shows_what_it_asked_for_and_how_long_it_took()
    {
        using var end = new CancellationTokenSource();
        var caller = new TabletCaller(
            async (method, _, cancellationToken) =>
            {
                await Task.Delay(TimeSpan.FromMilliseconds(2), _time, cancellationToken);
                return method == "get_score" ? new XmlRpcValue.Text("Gaul leads by 1") : Tally;
            },
            _display,
            new ServerWatch(_errors.Add));
        var tablet = new PullTablet(new TabletWish(["Gaul"], ["Stone Curling"]), _display, caller, _time);

        var running = tablet.RunAsync(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(0.25), end.Token);
        foreach (var wait in (double[])[0.25, 0.002, 0.002])
        {
            await _time.UntilWaitedForAsync(TimeSpan.FromSeconds(wait));
            _time.Advance(TimeSpan.FromSeconds(wait));
        }

        await _time.UntilWaitedForAsync(TimeSpan.FromSeconds(0.996));
        await EndAsync(running, end);

        Assert.Equal(["pull wants teams Gaul; events Stone Curling", "pull tally Gaul: gold 2, silver 0, bronze 1", "pull score Stone Curling: Gaul leads by 1"], Shown);
        Assert.Equal(["0.002000", "0.002000"], Latencies);
        Assert.Equal(Shown.Select(line => $"{Port} {line}"), System.Text.Encoding.UTF8.GetString(_out.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact(Timeout = 30_000)]
    public async Task While_the_server_is_away_a_tablet_goes_on_asking_and_says_so_once()
    {
        using var end = new CancellationTokenSource();
        var asked = 0;
        var tablet = new PullTablet(new TabletWish(["Gaul"], []), _display, Caller(_ => ++asked <= 2 ? throw new XmlRpcCallException(CallFailure.NotTaken, "nobody is there") : Tally), _time);

        var running = tablet.RunAsync(TimeSpan.FromSeconds(1), TimeSpan.Zero, end.Token);
        for (var i = 0; i < 2; i++)
        {
            await _time.UntilWaitedForAsync(TimeSpan.FromSeconds(1));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await _time.UntilWaitedForAsync(TimeSpan.FromSeconds(1));
        await EndAsync(running, end);

        Assert.Equal(["The server is away: nobody is there.", "The server answers again.", "pull tally Gaul: gold 2, silver 0, bronze 1"], Shown.Skip(1));
        Assert.Equal(["nobody is there; the tablets go on trying.", "The server answers again."], _errors);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_tablet_that_is_called_registers_again_and_again_and_shows_once_what_is_wrong_with_its_wishes()
    {
        using var end = new CancellationTokenSource();
        var calls = new List<string>();
        var tablet = NewPushTablet(new TabletWish(["Gaul", "Huns"], ["Stone Curling"]), (method, arguments) =>
        {
            calls.Add($"{method} {string.Join(' ', arguments.Select(ShownValue.Of))}");
            return new XmlRpcValue.Text("Error: there is no team 'Huns'.");
        });

        var running = tablet.RunAsync("localhost", end.Token);
        await _time.UntilWaitedForAsync(PushTablet.RegisterInterval);
        _time.Advance(PushTablet.RegisterInterval);
        await _time.UntilWaitedForAsync(PushTablet.RegisterInterval);
        await EndAsync(running, end);

        Assert.Equal(Enumerable.Repeat("""register_client ["localhost",8042] ["Stone Curling"] ["Gaul","Huns"]""", 2), calls);
        Assert.Equal(["register: Error: there is no team 'Huns'."], Shown.Skip(1));
    }

    [Fact]
    public void A_tablet_that_is_called_shows_what_it_is_told_and_how_old_that_is()
    {
        var tablet = NewPushTablet(TabletWish.Testing, (_, _) => new XmlRpcValue.Truth(true));

        tablet.Take(new XmlRpcCall("print_medal_tally_for_team", [Tally, new XmlRpcValue.Real(Now - 0.25)]));
        tablet.Take(new XmlRpcCall("print_medal_tally_for_team", [new XmlRpcValue.Text("Gaul\nGold: 2\nSilver: 0\nBronze: 1"), new XmlRpcValue.Real(Now)]));
        tablet.Take(new XmlRpcCall("print_score_for_event", [new XmlRpcValue.Text("3:2\u001b[2J"), new XmlRpcValue.Whole((long)Now - 1)]));

        Assert.Equal(["push tally: gold 2, silver 0, bronze 1", "push tally: Gaul; Gold: 2; Silver: 0; Bronze: 1", "push score: 3:2?[2J"], Shown);
        Assert.Equal(["0.250000", "0.000000", "1.000000"], Latencies);
    }

    [Theory]
    [InlineData("print_score_for_event", 1, XmlRpcFaultException.BadValue, "takes 2 arguments")]
    [InlineData("print_medal_tally_for_team", 3, XmlRpcFaultException.BadValue, "takes 2 arguments")]
    [InlineData("print_score_for_event", 2, XmlRpcFaultException.BadValue, "seconds since 1970")]
    [InlineData("print", 2, XmlRpcFaultException.NoMethod, "is not a method")]
    public void A_call_that_a_tablet_does_not_take_is_a_fault_and_shows_nothing(string method, int arguments, int code, string complaint)
    {
        var tablet = NewPushTablet(TabletWish.Testing, (_, _) => new XmlRpcValue.Truth(true));

        var fault = Assert.Throws<XmlRpcFaultException>(() => tablet.Take(new XmlRpcCall(method, [.. Enumerable.Repeat(new XmlRpcValue.Text("3:2"), arguments)])));

        Assert.Equal(code, fault.Code);
        Assert.Contains(complaint, fault.Message, StringComparison.Ordinal);
        Assert.Empty(Shown);
    }

    public void Dispose()
    {
        _display.Dispose();
        _directory.Dispose();
    }

    private static async Task EndAsync(Task running, CancellationTokenSource end)
    {
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private TabletCaller Caller(Func<string, XmlRpcValue> answer) => new((method, _, _) => Task.FromResult(answer(method)), _display, new ServerWatch(_errors.Add));

    private PushTablet NewPushTablet(TabletWish wish, Func<string, IReadOnlyList<XmlRpcValue>, XmlRpcValue> answer) =>
        new(wish, _display, new TabletCaller((method, arguments, _) => Task.FromResult(answer(method, arguments)), _display, new ServerWatch(_errors.Add)), _time);
}
