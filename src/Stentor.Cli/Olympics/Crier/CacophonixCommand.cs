using System.CommandLine;
using System.Security.Cryptography;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Serving;
using Stentor.Gateways;

namespace Stentor.Cli.Olympics.Crier;

/// <summary><c>stentor olympics cacophonix</c>: writes medals and scores to a scoreboard, as they happen.</summary>
internal sealed class CacophonixCommand : ExampleCommand
{
    private const string LogFile = "log_cacophonix.txt";
    private const string Testing = "testing";

    // Many times what a write takes on a busy machine.
    private static readonly TimeSpan CallWait = TimeSpan.FromSeconds(10);

    private readonly Surroundings _around;
    private readonly Option<string> _mode = CommonOptions.Choice("--mode", "random: random updates at random moments. testing: at exactly every interval Gaul wins a gold medal and leads Stone Curling by one.", "random", Testing);
    private readonly Option<double> _rate = OlympicsOptions.Seconds("--rate", "The interval; in random mode the longest time between two updates.", 1);
    private readonly Option<string> _server = OlympicsOptions.Server();
    private readonly Option<string?> _secretFile = new("--secret-file") { Description = "The file with the writer's password, in its first line. On a terminal it is asked for when none is given.", HelpName = "FILE" };
    private readonly Option<ulong?> _seed = OlympicsOptions.Seed();
    private readonly Option<int> _port = CommonOptions.Number("--port", "The port of this machine to call from; 0 for any.", "N", 0, 0, ushort.MaxValue);
    private readonly Option<string> _logs = OlympicsLogs.Option();
    private readonly Option<int> _updates = CommonOptions.Number("--updates", "End after so many updates, of which testing mode makes two an interval; 0 to go on until Ctrl-C.", "N", 0, 0, int.MaxValue);
    private readonly ScoreboardOptions _names = new();

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public CacophonixCommand(Surroundings around)
        : base("cacophonix", "Write medals and scores to a scoreboard over XML-RPC, at random or as a test.")
    {
        _around = around;
        foreach (var option in (IReadOnlyList<Option>)[_mode, _rate, _server, _secretFile, _seed, _port, _logs, _updates, .. _names.Options])
        {
            Add(option);
        }

        SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor olympics cacophonix --secret-file cacophonix.secret",
        "# every half second a gold medal for Gaul, ten times",
        "stentor olympics cacophonix --mode testing --rate 0.5 --updates 20 --secret-file cacophonix.secret",
        "# the same games again, on another machine",
        "stentor olympics cacophonix --seed 17 --server 192.168.1.5:8000 --secret-file cacophonix.secret",
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (teams, events) = (_names.Teams(parsed, _around), _names.Events(parsed, _around));
        var password = Password(parsed);
        var rate = parsed.GetValue(_rate);
        var seed = parsed.GetValue(_seed) ?? (uint)RandomNumberGenerator.GetInt32(int.MaxValue);
        var isTesting = parsed.GetValue(_mode) == Testing;
        var all = isTesting ? UpdateSequence.Testing(rate) : UpdateSequence.Random(rate, seed, teams, events);
        var count = parsed.GetValue(_updates);

        using var client = new XmlRpcClient(OlympicsOptions.ServerOf(parsed.GetRequiredValue(_server)), CallWait, parsed.GetValue(_port));
        using var file = new LineFile(_around.PathOf(parsed.GetRequiredValue(_logs)), LogFile);
        var output = new OutputLines(_around.Out);
        var run = new UpdateRun(
            client.CallAsync,
            password,
            line =>
            {
                var timed = $"{LineFile.TimeOf(TimeProvider.System.GetUtcNow())} {line}";
                file.Write(timed);
                output.Add(timed);
                output.Flush();
            },
            _around.Error.WriteLine,
            TimeProvider.System);
        await _around.Error.WriteLineAsync($"Writing to {client.Server}{(isTesting ? "" : $", seed {seed}")}.");
        try
        {
            await run.RunAsync(count == 0 ? all : all.Take(count), cancellationToken);
        }
        catch (OperationCanceledException) when (count == 0 && cancellationToken.IsCancellationRequested)
        {
            // It goes on until it is asked to end.
        }

        await _around.Error.WriteLineAsync($"{run.Taken} updates were taken, {run.NotTaken} refused or in doubt.");
        return run.NotTaken == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private string Password(ParseResult parsed)
    {
        var file = parsed.GetValue(_secretFile);
        return file is not null || _around is { InIsTerminal: true, ErrorIsTerminal: true }
            ? Secrets.Read(file is null ? null : _around.PathOf(file), XmlRpcOptions.Writer, _around)
            : throw CommandException.Usage("It needs --secret-file FILE, the writer's password: there is no terminal to ask for it.");
    }
}
