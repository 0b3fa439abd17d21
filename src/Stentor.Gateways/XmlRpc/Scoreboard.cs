using Microsoft.Extensions.Logging;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>
/// The scoreboard: a team's tally is the state of its channel (counters <c>gold</c>, <c>silver</c>, <c>bronze</c>), an event's score the field <c>score</c> of its
/// channel's state. Only <see cref="XmlRpcOptions.Writer"/> may write there, whatever the protocol. Any thread may call.
/// </summary>
/// <param name="services">What answers share.</param>
/// <param name="options">How it is served.</param>
/// <param name="teams">The teams.</param>
/// <param name="events">The events.</param>
internal sealed class Scoreboard(Services services, XmlRpcOptions options, ScoreboardNames teams, ScoreboardNames events)
{
    private const string ScoreField = "score";

    private static readonly string[] Medals = ["gold", "silver", "bronze"];
    private static readonly PublishBody[] Increments = [.. Medals.Select(medal => new PublishBody(default, new Effect([], [new(medal, One)], [])))];
    private static readonly XmlRpcValue NoMedals = new XmlRpcValue.Whole(0);
    private static readonly XmlRpcValue NoScore = new XmlRpcValue.Text("");

    // How often what the scoreboard needs is looked for while the region joins its cluster.
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(1);

    /// <summary>The teams.</summary>
    public ScoreboardNames Teams => teams;

    /// <summary>The events.</summary>
    public ScoreboardNames Events => events;

    private static CounterAmount One => CounterAmount.TryParse("1"u8, out var one) ? one : throw new System.Diagnostics.UnreachableException("1 is a number.");

    /// <summary>What a team or an event stands at now.</summary>
    /// <param name="subject">The team or event.</param>
    /// <param name="time">When it last changed, microseconds since 1970; 0 for never.</param>
    public XmlRpcValue Read(ScoreboardSubject subject, out long time)
    {
        var state = services.Node.Store.Find(subject.Channel);
        time = state?.LastTime ?? 0;
        return ValueOf(subject, state);
    }

    /// <summary>What a state says of a team or an event.</summary>
    /// <param name="subject">The team or event.</param>
    /// <param name="state">Its channel's state; null when nothing was ever written.</param>
    public XmlRpcValue ValueOf(ScoreboardSubject subject, ChannelState? state)
    {
        if (!subject.IsTeam)
        {
            return state?.Field(ScoreField) is { IsEmpty: false } score ? XmlRpcJson.Read(score) : NoScore;
        }

        var counts = Medals.Select(medal => state?.Field(medal) is { IsEmpty: false } count ? XmlRpcJson.Read(count) : NoMedals).ToArray();
        return options.TallyFormat == TallyFormat.Struct
            ? new XmlRpcValue.Struct([.. Medals.Zip(counts, KeyValuePair.Create)])
            : new XmlRpcValue.Text($"{subject.Name}\nGold: {XmlRpcText.Of(counts[0])}\nSilver: {XmlRpcText.Of(counts[1])}\nBronze: {XmlRpcText.Of(counts[2])}");
    }

    /// <summary>Finds a kind of medal by its name, without regard to case.</summary>
    /// <param name="name">The name.</param>
    /// <returns>What <see cref="IncrementAsync"/> takes.</returns>
    /// <exception cref="ProtocolException">There is none.</exception>
    public static int MedalOf(string name)
    {
        var medal = Array.FindIndex(Medals, m => m.Equals(name, StringComparison.OrdinalIgnoreCase));
        return medal >= 0 ? medal : throw new ProtocolException(ErrorType.Malformed, $"'{Printable.Cut(name)}' is not a medal: gold, silver or bronze.");
    }

    /// <summary>Gives a team one medal more. The writer was authenticated.</summary>
    /// <param name="team">The team.</param>
    /// <param name="medal">As <see cref="MedalOf"/> gives it.</param>
    public ValueTask<Refusal?> IncrementAsync(ScoreboardSubject team, int medal) => WriteAsync(team, Increments[medal]);

    /// <summary>Sets an event's score. The writer was authenticated.</summary>
    /// <param name="subject">The event.</param>
    /// <param name="score">The score.</param>
    /// <exception cref="ProtocolException">The score is over a limit.</exception>
    public ValueTask<Refusal?> SetAsync(ScoreboardSubject subject, XmlRpcValue score)
    {
        var json = new ByteBuffer(256);
        json.Write("{\"effect\":{\"set\":{\"score\":"u8);
        XmlRpcJson.Write(score, json);
        json.Write("}}}"u8);
        return WriteAsync(subject, PublishBody.Parse(json.WrittenMemory, services.Limits));
    }

    /// <summary>
    /// Sees to it that the writer's account is there, when its secret is known, and that it alone may write; waits until the region is ready for that. Rules
    /// that the operator has made stay as they are.
    /// </summary>
    /// <param name="log">Where it is told what has to wait.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ServerStartException">The account has another secret.</exception>
    public async Task PrepareAsync(ILogger log, CancellationToken cancellationToken)
    {
        var node = services.Node;
        while (true)
        {
            while (node.NotReady is not null)
            {
                await Task.Delay(LookInterval, node.Time, cancellationToken);
            }

            if ((await GrantAsync(cancellationToken) ?? await RegisterWriterAsync(cancellationToken)) is not { } refusal)
            {
                return;
            }

            XmlRpcLog.NotPrepared(log, refusal.Detail);
            await Task.Delay(TryAgain, node.Time, cancellationToken);
        }
    }

    private async ValueTask<Refusal?> WriteAsync(ScoreboardSubject subject, PublishBody body)
    {
        if (services.Grants.MayPublish(XmlRpcOptions.Writer, subject.Channel) is { } refusal)
        {
            return refusal;
        }

        // Not cancelled when the caller goes: what is handed over is decided by the next commit.
        var outcome = await services.Node.PublishAsync(subject.Channel, XmlRpcOptions.Writer, body, CancellationToken.None);
        return outcome.Refusal;
    }

    private async ValueTask<Refusal?> GrantAsync(CancellationToken cancellationToken)
    {
        var rules = services.Node.Store.Find(Grants.Channel);
        var writer = new ByteBuffer(32);
        XmlRpcJson.Write(new XmlRpcValue.List([new XmlRpcValue.Text(XmlRpcOptions.Writer)]), writer);
        FieldSet[] missing = [.. new[] { XmlRpcOptions.MedalsPattern, XmlRpcOptions.ScoresPattern }
            .Select(pattern => new FieldSet($"publish {pattern}", writer.WrittenMemory))
            .Where(rule => rules is null || rules.Field(rule.Field).IsEmpty)];
        return missing.Length == 0 ? null
            : (await services.Node.PublishAsync(Grants.Channel, Accounts.Operator, new PublishBody(default, new Effect(missing, [], [])), cancellationToken)).Refusal;
    }

    private async ValueTask<Refusal?> RegisterWriterAsync(CancellationToken cancellationToken)
    {
        if (options.WriterSecret is not { } secret)
        {
            return null;
        }

        var refusal = await services.Accounts.RegisterAsync(XmlRpcOptions.Writer, secret, cancellationToken);
        if (refusal is not (null or { Type: ErrorType.Taken }))
        {
            return refusal;
        }

        // Also when it was registered now: a secret that was verified is remembered, and the first write need not wait for that.
        return await services.Accounts.VerifyAsync(XmlRpcOptions.Writer, secret, cancellationToken) ? null : throw new ServerStartException($"The account '{XmlRpcOptions.Writer}' has another secret than the one given. Give that one, or none: the account is there already.");
    }
}
