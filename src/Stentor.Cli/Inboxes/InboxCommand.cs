using System.CommandLine;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Reading;
using Stentor.Client;

namespace Stentor.Cli.Inboxes;

/// <summary><c>stentor inbox</c>: durable subscriptions, of which the node remembers what their owner has seen.</summary>
internal sealed class InboxCommand : ExampleCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public InboxCommand(Surroundings around)
        : base("inbox", "Keep and read inboxes: the node remembers what their owner has seen.")
    {
        Add(new PutCommand(around));
        Add(new ReadCommand(around));
        Add(new AckCommand(around));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor inbox put work 'chat.>' scores.stone-curling --user ada --secret-file ada.secret",
        "stentor inbox read work --user ada --secret-file ada.secret",
    ];

    private static Argument<string> NameArgument() => new Argument<string>("NAME") { Description = "The inbox: one token of A-Z a-z 0-9 _ -." }.By(ValueRules.Inbox);

    /// <summary><c>stentor inbox put</c>.</summary>
    private sealed class PutCommand : ClientCommand
    {
        private readonly Argument<string> _name = NameArgument();
        private readonly Argument<string[]> _channels = new Argument<string[]>("CHANNEL") { Description = "Channels and patterns that it takes.", Arity = ArgumentArity.OneOrMore }.By(ValueRules.Pattern);
        private readonly Option<string?> _after = new Option<string?>("--after") { Description = "For a new inbox: the seen token of what its owner has seen. Default: everything until now.", HelpName = "TOKEN" }.By(ValueRules.Seen);

        public PutCommand(Surroundings around)
            : base("put", "Make an inbox, or change what it takes.", around)
        {
            Add(_name);
            Add(_channels);
            AddOptions(_after);
        }

        /// <inheritdoc/>
        public override IReadOnlyList<string> Examples => ["stentor inbox put work 'chat.>' --user ada --secret-file ada.secret"];

        /// <inheritdoc/>
        protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
        {
            await client.PutInboxAsync(parsed.GetRequiredValue(_name), parsed.GetRequiredValue(_channels), parsed.GetValue(_after), cancellationToken);
            return ExitCode.Done;
        }
    }

    /// <summary><c>stentor inbox read</c>.</summary>
    private sealed class ReadCommand : ClientCommand
    {
        private const int PageMax = 1_000;

        private readonly Argument<string> _name = NameArgument();
        private readonly Option<int> _limit = CommonOptions.Number("--limit", "Most entries; 0 for all that wait.", "N", 0, 0, int.MaxValue);
        private readonly Option<int> _wait = CommonOptions.Number("--wait", "Wait so many seconds for an entry when there is none.", "S", 0, 0, 60);
        private readonly Option<bool> _keep = new("--keep") { Description = "Do not acknowledge: the same entries come again next time." };
        private readonly Option<bool> _seen = new("--seen") { Description = "With --json: print {\"entry\": …, \"seen\": …}, whose token inbox ack takes." };
        private readonly Option<bool> _json = CommonOptions.Json("Print entries as they are on the wire, one a line.");

        public ReadCommand(Surroundings around)
            : base("read", "Print what came to an inbox, and acknowledge it.", around)
        {
            Add(_name);
            AddOptions(_limit, _wait, _keep, _seen, _json);
        }

        /// <inheritdoc/>
        public override IReadOnlyList<string> Examples =>
        [
            "stentor inbox read work --user ada --secret-file ada.secret",
            "# wait up to a minute for something new",
            "stentor inbox read work --wait 60 --user ada --secret-file ada.secret",
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

            var (name, keep) = (parsed.GetRequiredValue(_name), parsed.GetValue(_keep));
            var left = parsed.GetValue(_limit) is var limit and > 0 ? limit : int.MaxValue;
            var wait = TimeSpan.FromSeconds(parsed.GetValue(_wait));
            var output = new EntryOutput(Around, parsed.GetValue(_json), parsed.GetValue(_seen));
            while (left > 0)
            {
                var page = await client.PullInboxAsync(name, Math.Min(left, PageMax), wait, cancellationToken);
                foreach (var received in page.Activities)
                {
                    output.Add(received);
                }

                // Written before it is acknowledged: whoever reads us has it, or gets it again.
                output.Flush();
                left -= page.Activities.Count;
                if (!keep && page.Activities.Count > 0)
                {
                    await client.AckInboxAsync(name, page.Seen, cancellationToken);
                }

                // What is kept would come again and again.
                if (!page.More || keep)
                {
                    break;
                }

                wait = TimeSpan.Zero;
            }

            return ExitCode.Done;
        }
    }

    /// <summary><c>stentor inbox ack</c>.</summary>
    private sealed class AckCommand : ClientCommand
    {
        private readonly Argument<string> _name = NameArgument();
        private readonly Argument<string> _token = new Argument<string>("TOKEN") { Description = "The seen token of the last entry that is done with." }.By(ValueRules.Seen);

        public AckCommand(Surroundings around)
            : base("ack", "Tell the node what the owner of an inbox has seen.", around)
        {
            Add(_name);
            Add(_token);
            AddOptions();
        }

        /// <inheritdoc/>
        public override IReadOnlyList<string> Examples => ["stentor inbox ack work AQ… --user ada --secret-file ada.secret"];

        /// <inheritdoc/>
        protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
        {
            await client.AckInboxAsync(parsed.GetRequiredValue(_name), parsed.GetRequiredValue(_token), cancellationToken);
            return ExitCode.Done;
        }
    }
}
