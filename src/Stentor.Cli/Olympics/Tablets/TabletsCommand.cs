using System.CommandLine;
using System.Net;
using System.Security.Cryptography;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Serving;
using Stentor.Protocol;
using Stentor.Simulation;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary><c>stentor olympics tablets</c>: shows a scoreboard on many tablets, some of which ask and some of which are called.</summary>
internal sealed class TabletsCommand : ExampleCommand
{
    private const string Testing = "testing";

    // Many times what a read takes on a busy machine.
    private static readonly TimeSpan CallWait = TimeSpan.FromSeconds(10);

    private readonly Surroundings _around;
    private readonly Option<int> _pull = CommonOptions.Number("--pull", "How many tablets ask at every interval.", "N", 5, 0, TabletPorts.Range);
    private readonly Option<int> _push = CommonOptions.Number("--push", "How many tablets register and are called.", "N", 5, 0, TabletPorts.Range);
    private readonly Option<string> _mode = CommonOptions.Choice("--mode", "random: each tablet wants random teams and events. testing: each wants Gaul and Stone Curling.", "random", Testing);
    private readonly Option<string> _server = OlympicsOptions.Server();
    private readonly Option<double> _rate = OlympicsOptions.Seconds("--rate", "The interval at which tablets ask.", 1);

    private readonly Option<string> _host = new Option<string>("--host")
    {
        Description = "What the server is told to call back. With localhost tablets listen on loopback; with an address of this machine there; with a name on all addresses.",
        HelpName = "HOST",
        DefaultValueFactory = _ => "localhost",
    }.By(text => Uri.CheckHostName(text) == UriHostNameType.Unknown ? $"'{Printable.Cut(text)}' is not a host: a name or an address." : null);

    private readonly Option<int> _firstPort = CommonOptions.Number("--first-port", $"The port of the first tablet. The others follow; ports that are taken are passed over, within {TabletPorts.Range}.", "N", TabletPorts.First, 1, ushort.MaxValue);
    private readonly Option<ulong?> _seed = OlympicsOptions.Seed();
    private readonly Option<double?> _seconds = new("--seconds") { Description = "End after so many seconds. Without it they go on until Ctrl-C.", HelpName = "SECONDS" };
    private readonly Option<string> _logs = OlympicsLogs.Option();
    private readonly ScoreboardOptions _names = new();

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public TabletsCommand(Surroundings around)
        : base("tablets", "Show a scoreboard on tablets: some ask for what they want, some are called when it changes.")
    {
        _around = around;
        _seconds.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(double.TryParse(result.Tokens[0].Value, out var seconds) && seconds is > 0 and <= 1e6))
            {
                result.AddError($"'{Printable.Cut(result.Tokens[0].Value)}' is not a value for --seconds: a number above 0, at most 1000000.");
            }
        });
        foreach (var option in (IReadOnlyList<Option>)[_pull, _push, _mode, _server, _rate, _host, _firstPort, _seed, _seconds, _logs, .. _names.Options])
        {
            Add(option);
        }

        SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor olympics tablets",
        "# ten that ask twice a second and none that are called, for a minute",
        "stentor olympics tablets --pull 10 --push 0 --rate 0.5 --seconds 60",
        "# on another machine than the server's: 192.168.1.7 is this one",
        "stentor olympics tablets --server 192.168.1.5:8000 --host 192.168.1.7",
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (pulls, pushes) = (parsed.GetValue(_pull), parsed.GetValue(_push));
        if (pulls + pushes is 0 or > TabletPorts.Range)
        {
            throw CommandException.Usage($"--pull and --push: 1 to {TabletPorts.Range} tablets together, and not {pulls + pushes}.");
        }

        var (teams, events) = (_names.Teams(parsed, _around), _names.Events(parsed, _around));
        var seed = parsed.GetValue(_seed) ?? (uint)RandomNumberGenerator.GetInt32(int.MaxValue);
        var random = new SeededRandom(seed);
        var isTesting = parsed.GetValue(_mode) == Testing;
        var interval = TimeSpan.FromSeconds(parsed.GetValue(_rate));
        var host = parsed.GetRequiredValue(_host);

        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var client = new XmlRpcClient(OlympicsOptions.ServerOf(parsed.GetRequiredValue(_server)), CallWait);
        var run = new TabletRun(client.CallAsync, _around.PathOf(parsed.GetRequiredValue(_logs)), new TabletOutput(_around.Out), _around.Error.WriteLine, TimeProvider.System);
        await using (run)
        {
            await run.StartAsync(
                TabletPorts.Take(ListenOn(host), parsed.GetValue(_firstPort), pulls + pushes),
                pulls,
                () => isTesting ? TabletWish.Testing : TabletWish.Random(random, teams, events),
                cancellationToken);
            await _around.Error.WriteLineAsync($"{pulls} tablets ask {client.Server} and {pushes} are called, on ports {run.Ports[0]} to {run.Ports[^1]}, seed {seed}.");
            if (parsed.GetValue(_seconds) is { } seconds)
            {
                end.CancelAfter(TimeSpan.FromSeconds(seconds));
            }

            await run.RunAsync(interval, host, random, end.Token);
        }

        await _around.Error.WriteLineAsync($"{run.Pulled} values were pulled, {run.Pushed} were pushed.");
        return ExitCode.Done;
    }

    private static IPAddress ListenOn(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) ? IPAddress.Loopback
        : IPAddress.TryParse(host.Trim('[', ']'), out var address) ? address
        : IPAddress.Any;
}
