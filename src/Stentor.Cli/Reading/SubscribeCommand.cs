using System.CommandLine;
using System.Globalization;
using System.Text;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Client;

namespace Stentor.Cli.Reading;

/// <summary><c>stentor subscribe</c>: prints what is published, as it is published.</summary>
internal sealed class SubscribeCommand : ClientCommand
{
    private readonly Argument<string[]> _channels = new Argument<string[]>("CHANNEL") { Description = "Channels and patterns: scores.* (one token), scores.> (one or more).", Arity = ArgumentArity.OneOrMore }.By(ValueRules.Pattern);
    private readonly Option<string?> _after = new Option<string?>("--after") { Description = "Where to start: now (the default), start, or a seen token.", HelpName = "WHERE" }.By(ValueRules.Start);
    private readonly Option<string?> _seenFile = new("--seen-file") { Description = "Keep the seen token in this file, and go on from it when it is there.", HelpName = "FILE" };
    private readonly Option<int> _count = CommonOptions.Number("--count", "End after so many entries; 0 goes on for ever.", "N", 0, 0, int.MaxValue);
    private readonly Option<bool> _seen = new("--seen") { Description = "With --json: print {\"entry\": …, \"seen\": …}, so that a program can resume after any line." };
    private readonly Option<bool> _json = CommonOptions.Json("Print entries as they are on the wire, one a line.");

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public SubscribeCommand(Surroundings around)
        : base("subscribe", "Print what is published to channels, as it is published.", around)
    {
        Add(_channels);
        AddOptions(_after, _seenFile, _count, _seen, _json);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor subscribe chat.general",
        "# everything that was ever published to any score, then what comes, for a program",
        "stentor subscribe 'scores.>' --after start --json | my-program",
        "# goes on where it was, whatever ended it",
        "stentor subscribe 'scores.>' --seen-file scores.seen",
    ];

    /// <inheritdoc/>
    protected override bool Lasts => true;

    /// <inheritdoc/>
    protected override bool Reads => true;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(_seen) && !parsed.GetValue(_json))
        {
            throw CommandException.Usage("--seen goes with --json.");
        }

        var file = parsed.GetValue(_seenFile) is { } path ? new SeenFile(Around.PathOf(path)) : null;
        var after = file?.Read() ?? parsed.GetValue(_after) ?? SubscribeOptions.Now;
        var subscription = client.Subscribe(parsed.GetRequiredValue(_channels), new SubscribeOptions { After = after, OnGap = OnGap });
        await using (subscription)
        {
            var output = new EntryOutput(Around, parsed.GetValue(_json), parsed.GetValue(_seen));
            await subscription.OpenAsync(cancellationToken);
            file?.Write(subscription.Seen);
            await output.WriteAllAsync(subscription, parsed.GetValue(_count), () => file?.Write(subscription.Seen), cancellationToken);
        }

        return ExitCode.Done;
    }

    private void OnGap(Gap gap) => Around.Error.WriteLine(
        $"gap: history of {string.Join(", ", gap.Channels)} is no longer held ({gap.Reason}); what follows comes after it.");
}

/// <summary>Writes entries, for people or for programs, together when many come together.</summary>
/// <param name="around">Where they go.</param>
/// <param name="json">As they are on the wire.</param>
/// <param name="withSeen">With their tokens.</param>
internal sealed class EntryOutput(Surroundings around, bool json, bool withSeen)
{
    private readonly OutputLines _lines = new(around.Out);
    private readonly EntryText _text = new(around.OutIsTerminal);

    /// <summary>Adds an entry; it is written with the next <see cref="Flush"/>, or when there are many.</summary>
    /// <param name="received">The entry.</param>
    /// <returns>Whether this one and all before it are written now.</returns>
    public bool Add(ReceivedActivity received) => (json, withSeen) switch
    {
        (false, _) => _lines.Add(_text.Line(received)),
        (true, false) => _lines.Add(received.Entry.Bytes.Span),
        (true, true) => _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{{\"entry\":{Encoding.UTF8.GetString(received.Entry.Bytes.Span)},\"seen\":\"{received.Seen}\"}}")),
    };

    /// <summary>Writes what waits.</summary>
    public void Flush() => _lines.Flush();

    /// <summary>Writes entries as they come, until they end.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="countMax">Most entries; 0 for all.</param>
    /// <param name="onWritten">Called whenever everything received so far is written: before each wait, and now and then in a long stretch.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WriteAllAsync(IAsyncEnumerable<ReceivedActivity> entries, int countMax, Action onWritten, CancellationToken cancellationToken)
    {
        var count = 0;
        var source = entries.GetAsyncEnumerator(cancellationToken);
        await using (source)
        {
            try
            {
                while (countMax == 0 || count < countMax)
                {
                    var next = source.MoveNextAsync();
                    if (!next.IsCompleted)
                    {
                        // Nothing more is there right now: what was received is passed on before we wait.
                        Flush();
                        onWritten();
                    }

                    if (!await next)
                    {
                        break;
                    }

                    count++;
                    if (Add(source.Current))
                    {
                        onWritten();
                    }
                }
            }
            finally
            {
                Flush();
                onWritten();
            }
        }
    }
}
