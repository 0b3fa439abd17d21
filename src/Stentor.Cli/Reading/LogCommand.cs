using System.CommandLine;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Client;

namespace Stentor.Cli.Reading;

/// <summary><c>stentor log</c>: prints what was published.</summary>
internal sealed class LogCommand : ClientCommand
{
    private const int PageMax = 1_000;

    private readonly Argument<string> _channels = new Argument<string>("CHANNEL") { Description = "A channel or pattern: scores.* (one token), scores.> (one or more)." }.By(ValueRules.Pattern);
    private readonly Option<string?> _after = new Option<string?>("--after") { Description = "The seen token to read after; without it, from the start of what is held.", HelpName = "TOKEN" }.By(ValueRules.Seen);
    private readonly Option<int> _limit = CommonOptions.Number("--limit", "Most entries; 0 for all.", "N", 0, 0, int.MaxValue);
    private readonly Option<int> _newest = CommonOptions.Number("--newest", "Only so many of the newest entries.", "N", 0, 1, PageMax);
    private readonly Option<int> _wait = CommonOptions.Number("--wait", "Wait so many seconds for an entry when there is none.", "S", 0, 0, 60);
    private readonly Option<bool> _seen = new("--seen") { Description = "With --json: print {\"entry\": …, \"seen\": …}." };
    private readonly Option<bool> _json = CommonOptions.Json("Print entries as they are on the wire, one a line.");

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public LogCommand(Surroundings around)
        : base("log", "Print what was published to channels.", around)
    {
        Add(_channels);
        AddOptions(_after, _limit, _newest, _wait, _seen, _json);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor log chat.general",
        "stentor log 'scores.>' --newest 20",
        "# everything after a token, for a program",
        "stentor log 'scores.>' --after AQ… --json",
    ];

    /// <inheritdoc/>
    protected override bool Reads => true;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(_seen) && !parsed.GetValue(_json))
        {
            throw CommandException.Usage("--seen goes with --json.");
        }

        var output = new EntryOutput(Around, parsed.GetValue(_json), parsed.GetValue(_seen));
        var channels = parsed.GetRequiredValue(_channels);
        var options = new ReadOptions { After = parsed.GetValue(_after), Wait = TimeSpan.FromSeconds(parsed.GetValue(_wait)) };
        if (parsed.GetValue(_newest) is var newest and > 0)
        {
            var page = await client.ReadAsync(channels, options with { Newest = true, Limit = newest }, cancellationToken);
            foreach (var received in page.Activities)
            {
                output.Add(received);
            }
        }
        else
        {
            await WriteAsync(client, channels, options, parsed.GetValue(_limit), output, cancellationToken);
        }

        output.Flush();
        return ExitCode.Done;
    }

    private static async Task WriteAsync(StentorClient client, string channels, ReadOptions options, int limit, EntryOutput output, CancellationToken cancellationToken)
    {
        var left = limit == 0 ? int.MaxValue : limit;
        while (left > 0)
        {
            var page = await client.ReadAsync(channels, options with { Limit = Math.Min(left, PageMax) }, cancellationToken);
            foreach (var received in page.Activities)
            {
                output.Add(received);
            }

            left -= page.Activities.Count;
            if (!page.More)
            {
                return;
            }

            options = options with { After = page.Seen, Wait = TimeSpan.Zero };
        }
    }
}
