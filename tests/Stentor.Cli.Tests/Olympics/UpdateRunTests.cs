using Stentor.Cli.Olympics;
using Stentor.Cli.Olympics.Crier;
using Stentor.Gateways;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Olympics;

/// <summary>When updates are made, and what is told of them.</summary>
public sealed class UpdateRunTests
{
    private static readonly DueUpdate Medal = new(TimeSpan.Zero, new ScoreboardUpdate.Medal("Gaul", "gold"));
    private static readonly DueUpdate Score = new(TimeSpan.Zero, new ScoreboardUpdate.Score("Stone Curling", "Gaul leads by 1"));
    private static readonly XmlRpcValue Yes = new XmlRpcValue.Truth(true);

    private readonly ManualTime _time = new();
    private readonly List<string> _log = [];
    private readonly List<string> _errors = [];
    private readonly List<string> _called = [];

    [Fact(Timeout = 30_000)]
    public async Task Updates_are_made_when_they_are_due_however_long_the_ones_before_took()
    {
        var made = new List<TimeSpan>();
        var start = _time.GetTimestamp();
        var run = new UpdateRun(
            async (procedure, _, cancellationToken) =>
            {
                if (procedure != "get_medal_tally")
                {
                    made.Add(_time.GetElapsedTime(start));
                    await Task.Delay(TimeSpan.FromMilliseconds(300), _time, cancellationToken);
                }

                return Yes;
            },
            "",
            _log.Add,
            _errors.Add,
            _time);

        var running = run.RunAsync([Medal, Medal with { Due = TimeSpan.FromSeconds(1) }, Medal with { Due = TimeSpan.FromSeconds(2) }], TestContext.Current.CancellationToken);
        foreach (var wait in (double[])[0.3, 0.7, 0.3, 0.7, 0.3])
        {
            await _time.UntilWaitedForAsync(TimeSpan.FromSeconds(wait));
            _time.Advance(TimeSpan.FromSeconds(wait));
        }

        await running;
        Assert.Equal([0, 1, 2], made.Select(at => at.TotalSeconds));
    }

    [Fact(Timeout = 30_000)]
    public async Task The_log_has_each_update_with_its_answer_and_never_the_password()
    {
        var run = NewRun(_ => Yes);

        await run.RunAsync([Medal, Score], TestContext.Current.CancellationToken);

        Assert.Equal(["""increment_medal_tally("Gaul", "gold") -> true""", """set_score("Stone Curling", "Gaul leads by 1") -> true"""], _log);
        Assert.Equal(["increment_medal_tally Gaul gold open sesame", "set_score Stone Curling Gaul leads by 1 open sesame"], _called);
        Assert.Equal((2, 0), (run.Taken, run.NotTaken));
        Assert.Empty(_errors);
    }

    [Fact(Timeout = 30_000)]
    public async Task An_update_that_is_refused_is_told_and_the_next_one_is_made()
    {
        var answers = new Queue<XmlRpcValue>([new XmlRpcValue.Text("Error: Gaul does not take part."), Yes]);
        var run = NewRun(_ => answers.Dequeue());

        await run.RunAsync([Medal, Score], TestContext.Current.CancellationToken);

        Assert.Equal("""increment_medal_tally("Gaul", "gold") -> Error: Gaul does not take part.""", _log[0]);
        Assert.Equal((1, 1), (run.Taken, run.NotTaken));
        Assert.Single(_errors);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_wrong_password_ends_it()
    {
        var run = NewRun(_ => new XmlRpcValue.Text("Error: the password is wrong."));

        var failure = await Assert.ThrowsAsync<CommandException>(() => run.RunAsync([Medal, Score], TestContext.Current.CancellationToken));

        Assert.Equal(ExitCode.Failed, failure.ExitCode);
        Assert.Contains("the password is wrong", failure.Message, StringComparison.Ordinal);
        Assert.Single(_called);
    }

    [Fact(Timeout = 30_000)]
    public async Task While_the_server_is_away_an_update_is_tried_again_and_that_is_told_once()
    {
        var failures = 3;
        var run = NewRun(_ => failures-- > 0 ? throw new XmlRpcCallException(CallFailure.NotTaken, "nobody is there") : Yes);

        var running = run.RunAsync([Medal, Score], TestContext.Current.CancellationToken);
        foreach (var wait in (double[])[0.1, 0.2, 0.4])
        {
            await _time.UntilWaitedForAsync(TimeSpan.FromSeconds(wait));
            _time.Advance(TimeSpan.FromSeconds(wait));
        }

        await running;
        Assert.Equal(["nobody is there; trying again until it answers.", "The server answers again."], _errors);
        Assert.Equal((2, 0), (run.Taken, run.NotTaken));
    }

    [Fact(Timeout = 30_000)]
    public async Task Of_updates_in_doubt_a_score_is_set_again_and_a_medal_is_not_given_twice()
    {
        var failures = 2;
        var run = NewRun(_ => failures-- > 0 ? throw new XmlRpcCallException(CallFailure.InDoubt, "it broke off") : Yes);

        var running = run.RunAsync([Medal, Score], TestContext.Current.CancellationToken);
        await _time.UntilWaitedForAsync(TimeSpan.FromSeconds(0.1));
        _time.Advance(TimeSpan.FromSeconds(0.1));

        await running;
        Assert.Equal(["""increment_medal_tally("Gaul", "gold") -> in doubt: it broke off""", """set_score("Stone Curling", "Gaul leads by 1") -> true"""], _log);
        Assert.Equal((1, 1), (run.Taken, run.NotTaken));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_server_that_does_not_speak_XML_RPC_ends_it()
    {
        var run = NewRun(_ => throw new XmlRpcCallException(CallFailure.NotXmlRpc, "it answers with HTTP status 404"));

        var failure = await Assert.ThrowsAsync<CommandException>(() => run.RunAsync([Medal], TestContext.Current.CancellationToken));

        Assert.Contains("--xml-rpc", failure.Message, StringComparison.Ordinal);
    }

    private UpdateRun NewRun(Func<string, XmlRpcValue> answer) => new(
        (procedure, arguments, _) =>
        {
            if (procedure == "get_medal_tally")
            {
                return Task.FromResult(Yes);
            }

            _called.Add($"{procedure} {string.Join(' ', arguments.Select(ShownValue.Of))}");
            return Task.FromResult(answer(procedure));
        },
        "open sesame",
        _log.Add,
        _errors.Add,
        _time);
}
