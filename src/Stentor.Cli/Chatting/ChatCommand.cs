using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stentor.Cli.Chatting.Classic;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Publishing;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Chatting;

/// <summary>
/// <c>stentor chat</c>: a conversation on a terminal; with redirected input, every line is said and that is all. With <c>--as</c> the talker has a Lamport clock
/// and can wait.
/// </summary>
internal sealed class ChatCommand : ClientCommand
{
    private const string DefaultChannel = "activities"; // Where those may talk who have no account.

    private const string ClockHelp =
        "Talk under this name, with or without an account, and with a Lamport clock of your own: lines show regions and times, /wait 3 waits and moves the clock.";

    private readonly Argument<string> _channel = new Argument<string>("CHANNEL")
    {
        Description = $"The channel, like chat.general. Default: {DefaultChannel}.",
        DefaultValueFactory = _ => DefaultChannel,
    }.By(ValueRules.Channel);

    private readonly Option<int> _history = CommonOptions.Number("--history", "Show so many of the newest messages first.", "N", 20, 0, 1_000);
    private readonly Option<string?> _as = new Option<string?>("--as") { Description = ClockHelp, HelpName = "NAME" }.By(ValueRules.User);
    private readonly Option<bool> _classic = new("--classic") { Description = "The conversation of docs/demos.md: lost, wait 3, found, wait 5, glad; needs --as and regions called 1, 2, 3." };

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public ChatCommand(Surroundings around)
        : base("chat", "Talk on a channel: each line is published as a Note.", around)
    {
        Add(_channel);
        AddOptions(_history, _as, _classic);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor chat chat.general --user ada",
        "# without an account, with a clock of one's own that /wait 3 moves",
        "stentor chat --as alice --server http://127.0.0.1:5050",
        "# say every line of a file",
        "stentor chat chat.ubuntu --user ada --secret-file ada.secret < examples/data/chat/ubuntu-2008-12-11.txt",
    ];

    /// <inheritdoc/>
    protected override bool Lasts => true;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        var channel = parsed.GetRequiredValue(_channel);
        var alias = parsed.GetValue(_as);
        if (parsed.GetValue(_classic))
        {
            return await new ClassicChat(Around).RunAsync(
                client, channel, alias ?? throw CommandException.Usage("--classic needs --as NAME: who talks?"), cancellationToken);
        }

        var actor = alias ?? UserOf(parsed) ?? Username.Anonymous;
        if (!Around.InIsTerminal && alias is null)
        {
            return await new PublishRun(client, Around, json: false).RunAsync(line => Note(channel, actor, Encoding.UTF8.GetString(line.Span), clock: null), cancellationToken);
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var screen = new ChatScreen(Around, alias is null ? null : new LamportClock());
        var after = parsed.GetValue(_history) is var history and > 0 ? await ShowHistoryAsync(client, channel, history, screen, cancellationToken) : SubscribeOptions.Now;

        // What we say ourselves stands on the screen already.
        var said = new Said();
        var listening = ListenAsync(client, channel, after, said, screen, end.Token);
        var allSaid = true;
        try
        {
            await foreach (var (_, line) in InputLines.ReadAsync(Around.In, _ => { }, end.Token))
            {
                var text = Encoding.UTF8.GetString(line.Span); // By way of text: bytes that are not UTF-8 become the replacement character, as on any terminal.
                var order = alias is null ? new ChatOrder(text, 0, "") : ChatOrder.Read(text);
                if (order.Fault.Length > 0)
                {
                    await Around.Error.WriteLineAsync(order.Fault);
                    allSaid = false;
                }
                else if (order.Text is null)
                {
                    await Task.Delay(TimeSpan.FromSeconds(order.WaitSeconds), end.Token);
                    screen.Waited(order.WaitSeconds);
                }
                else
                {
                    allSaid &= await SayAsync(client, Note(channel, actor, order.Text, screen.ClockForNext) with { Id = said.NextId() }, screen, end.Token);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Ctrl-C is how one leaves.
        }

        await end.CancelAsync();
        await listening;
        return allSaid || Around.InIsTerminal ? ExitCode.Done : ExitCode.Failed;
    }

    private async Task<bool> SayAsync(StentorClient client, Publish publish, ChatScreen screen, CancellationToken cancellationToken)
    {
        try
        {
            screen.Said(await client.PublishAsync(publish, cancellationToken));
            return true;
        }
        catch (StentorException e)
        {
            await Around.Error.WriteLineAsync($"not said: {e.Type}: {e.Detail}");
            return false;
        }
    }

    /// <summary>Shows the newest messages.</summary>
    /// <returns>Where to listen from, so that none is missed in between.</returns>
    private static async Task<string> ShowHistoryAsync(StentorClient client, string channel, int count, ChatScreen screen, CancellationToken cancellationToken)
    {
        try
        {
            var page = await client.ReadAsync(channel, new ReadOptions { Newest = true, Limit = count }, cancellationToken);
            screen.Show(page.Activities);
            return page.Seen;
        }
        catch (StentorException e) when (e.Type == ErrorType.NotFound)
        {
            // Nobody has said anything yet: whatever is said is new.
            return SubscribeOptions.Start;
        }
    }

    private async Task ListenAsync(StentorClient client, string channel, string after, Said said, ChatScreen screen, CancellationToken cancellationToken)
    {
        var subscription = client.Subscribe(channel, new SubscribeOptions { After = after, OnGap = gap => Around.Error.WriteLine($"gap: {gap.Reason}") });
        await using (subscription)
        {
            try
            {
                await foreach (var received in subscription.WithCancellation(cancellationToken))
                {
                    if (!said.IsOurs(received.Id))
                    {
                        screen.Show([received]);
                    }
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The conversation is over.
            }
            catch (StentorException e)
            {
                await Around.Error.WriteLineAsync($"not listening any more: {e.Type}: {e.Detail}");
            }
        }
    }

    private static Publish Note(string channel, string actor, string text, long? clock)
    {
        var json = new ByteBuffer(text.Length + 64);
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "Note");
            writer.WriteString("actor", actor);
            writer.WriteString("content", text);
            if (clock is not null)
            {
                writer.WriteNumber("clock", clock.Value);
            }

            writer.WriteEndObject();
        }

        return new Publish { Channel = channel, Activity = json.WrittenSpan.ToArray() };
    }

    /// <summary>The publish ids of what was said here.</summary>
    private sealed class Said
    {
        private readonly string _prefix = $"chat-{Guid.NewGuid():n}-";
        private int _count;

        public string NextId() => $"{_prefix}{++_count}";

        public bool IsOurs(string? id) => id?.StartsWith(_prefix, StringComparison.Ordinal) == true;
    }
}
