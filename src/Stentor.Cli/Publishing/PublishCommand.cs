using System.CommandLine;
using System.Text;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Publishing;

/// <summary><c>stentor publish</c>: one activity from the command line, or many from standard input.</summary>
internal sealed class PublishCommand : ClientCommand
{
    private readonly Argument<string?> _channel = new Argument<string?>("CHANNEL") { Description = "The channel, like chat.general. With --bodies each line may name its own.", Arity = ArgumentArity.ZeroOrOne }.By(ValueRules.Channel);
    private readonly Argument<string?> _activity = new("ACTIVITY") { Description = "The activity, a JSON object. Without it, activities are read from standard input, one a line (NDJSON).", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _effect = new("--effect") { Description = "What it does to the channel's state: {\"set\": {…}, \"add\": {…}, \"remove\": […]}. Goes with an activity or stands alone.", HelpName = "JSON" };
    private readonly Option<string?> _id = new("--id") { Description = "The publish id: the same author's same id is recorded once, however often it is sent.", HelpName = "ID" };
    private readonly Option<string?> _after = new Option<string?>("--after") { Description = "The seen token of what the activity answers to.", HelpName = "TOKEN" }.By(ValueRules.Seen);
    private readonly Option<bool?> _ifExists = new("--if-exists") { Description = "Only if the channel was published to before (true), or never (false).", HelpName = "true|false" };
    private readonly Option<long?> _ifVersion = new("--if-version") { Description = "Only if the channel has this version.", HelpName = "N" };
    private readonly Option<int> _copies = CommonOptions.Number("--copies", "Wait until so many regions have it on disk.", "N", 1, 1, PublishBody.CopiesMax);
    private readonly Option<bool> _bodies = new("--bodies") { Description = "Input lines are whole bodies: {\"channel\": …, \"activity\": …, \"effect\": …, \"if\": …, \"id\": …}." };
    private readonly Option<int> _window = CommonOptions.Number("--window", "Most lines on their way at once.", "N", 1_000, 1, 8_192);
    private readonly Option<bool> _json = CommonOptions.Json("Print outcomes as JSON, one a line, in the order of the input.");

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public PublishCommand(Surroundings around)
        : base("publish", "Publish one activity, or many from standard input.", around)
    {
        Add(_channel);
        Add(_activity);
        AddOptions(_effect, _id, _after, _ifExists, _ifVersion, _copies, _bodies, _window, _json);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor publish activities '{\"type\": \"Note\", \"content\": \"Hello\"}'",
        "# as a registered user, with an effect on the channel's state",
        "stentor publish scores.stone-curling '{\"type\": \"Update\"}' --effect '{\"add\": {\"SWE\": 2}}' --user ada --secret-file ada.secret",
        "# many, one a line",
        "stentor publish chat.general --user ada --secret-file ada.secret < activities.ndjson",
        "# whole bodies, each with its own channel and effect",
        "stentor publish --bodies --json --user ada --secret-file ada.secret < bodies.ndjson > outcomes.ndjson",
    ];

    /// <inheritdoc/>
    protected override StentorClientOptions Adjust(ParseResult parsed, StentorClientOptions options) => options with { PublishWindow = parsed.GetValue(_window) };

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        try
        {
            var one = One(parsed);
            return one is null
                ? await new PublishRun(client, Around, parsed.GetValue(_json)).RunAsync(line => Many(parsed, line), cancellationToken)
                : await PublishOneAsync(client, one, parsed.GetValue(_json), cancellationToken);
        }
        catch (Exception e) when (e is ProtocolException or StentorException { Type: ErrorType.Malformed })
        {
            // What the command line gives; lines of the input that are malformed are counted by the run, and do not end it.
            throw CommandException.Usage(e.Message);
        }
    }

    private async Task<int> PublishOneAsync(StentorClient client, Publish publish, bool json, CancellationToken cancellationToken)
    {
        var outcome = await client.PublishAsync(publish, cancellationToken);
        var output = new OutputLines(Around.Out);
        if (json)
        {
            output.Add(new OutcomeJson().Line(outcome));
        }
        else
        {
            output.Add($"{outcome.Channel} {outcome.Origin}:{outcome.Seq}{(outcome.Duplicate ? " (known already)" : "")}{(outcome.State is { } state ? $" {state.GetRawText()}" : "")}");
        }

        output.Flush();
        if (outcome.Copies < publish.Copies)
        {
            await Around.Error.WriteLineAsync($"It is recorded, but known to be on disk in {outcome.Copies} of the {publish.Copies} regions asked for. The others get it when they can; nothing need be done.");
        }

        return ExitCode.Done;
    }

    /// <summary>The publish on the command line; null when standard input is to be read.</summary>
    private Publish? One(ParseResult parsed)
    {
        var (channel, activity, effect) = (parsed.GetValue(_channel), parsed.GetValue(_activity), parsed.GetValue(_effect));
        if (parsed.GetValue(_bodies))
        {
            return activity is null && effect is null ? null : throw CommandException.Usage("--bodies is for standard input: the command line gives an activity already.");
        }

        if (channel is null)
        {
            throw CommandException.Usage("Which channel? It is the first argument.");
        }

        return activity is null && effect is null
            ? null
            : With(parsed, new Publish
            {
                Channel = channel,
                Activity = activity is null ? default : Encoding.UTF8.GetBytes(activity),
                Effect = effect is null ? null : PublishLine.ReadEffect(Encoding.UTF8.GetBytes(effect)),
                Id = parsed.GetValue(_id),
            });
    }

    private Publish Many(ParseResult parsed, ReadOnlyMemory<byte> line) => parsed.GetValue(_bodies)
        ? PublishLine.ReadBody(line, parsed.GetValue(_channel))
        : With(parsed, new Publish { Channel = parsed.GetRequiredValue(_channel)!, Activity = line }); // Checked in One.

    private Publish With(ParseResult parsed, Publish publish) => publish with
    {
        After = parsed.GetValue(_after),
        IfExists = parsed.GetValue(_ifExists),
        IfVersion = parsed.GetValue(_ifVersion),
        Copies = parsed.GetValue(_copies),
    };
}
