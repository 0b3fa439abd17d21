using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Publishing;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Chatting;

/// <summary><c>stentor chat</c>: a conversation on a terminal; with redirected input, every line is said and that is all.</summary>
internal sealed class ChatCommand : ClientCommand
{
    private const string ClearLine = "\r\e[K";

    private readonly Argument<string> _channel = new Argument<string>("CHANNEL") { Description = "The channel, like chat.general." }.By(ValueRules.Channel);
    private readonly Option<int> _history = CommonOptions.Number("--history", "Show so many of the newest messages first.", "N", 20, 0, 1_000);

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public ChatCommand(Surroundings around)
        : base("chat", "Talk on a channel: each line is published as a Note.", around)
    {
        Add(_channel);
        AddOptions(_history);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor chat chat.general --user ada",
        "# say every line of a file",
        "stentor chat chat.ubuntu --user ada --secret-file ada.secret < examples/data/chat/ubuntu-2008-12-11.txt",
    ];

    /// <inheritdoc/>
    protected override bool Lasts => true;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        var channel = parsed.GetRequiredValue(_channel);
        var actor = UserOf(parsed) ?? Username.Anonymous;
        if (!Around.InIsTerminal)
        {
            return await new PublishRun(client, Around, json: false).RunAsync(line => Note(channel, actor, line), cancellationToken);
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var text = new EntryText(Around.OutIsTerminal);
        var output = new OutputLines(Around.Out);
        var after = parsed.GetValue(_history) is var history and > 0 ? await ShowHistoryAsync(client, channel, history, text, output, cancellationToken) : SubscribeOptions.Now;

        // What we say ourselves stands on the screen already.
        var said = new Said();
        var listening = ListenAsync(client, channel, after, said, text, output, end.Token);
        try
        {
            await foreach (var (_, line) in InputLines.ReadAsync(Around.In, _ => { }, end.Token))
            {
                var publish = Note(channel, actor, line) with { Id = said.NextId() };
                try
                {
                    await client.PublishAsync(publish, end.Token);
                }
                catch (StentorException e)
                {
                    await Around.Error.WriteLineAsync($"not said: {e.Type}: {e.Detail}");
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Ctrl-C is how one leaves.
        }

        await end.CancelAsync();
        await listening;
        return ExitCode.Done;
    }

    /// <summary>Shows the newest messages.</summary>
    /// <returns>Where to listen from, so that none is missed in between.</returns>
    private async Task<string> ShowHistoryAsync(StentorClient client, string channel, int count, EntryText text, OutputLines output, CancellationToken cancellationToken)
    {
        try
        {
            var page = await client.ReadAsync(channel, new ReadOptions { Newest = true, Limit = count }, cancellationToken);
            Show(page.Activities, text, output);
            return page.Seen;
        }
        catch (StentorException e) when (e.Type == ErrorType.NotFound)
        {
            // Nobody has said anything yet: whatever is said is new.
            return SubscribeOptions.Start;
        }
    }

    private async Task ListenAsync(StentorClient client, string channel, string after, Said said, EntryText text, OutputLines output, CancellationToken cancellationToken)
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
                        Show([received], text, output);
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

    private void Show(IReadOnlyList<ReceivedActivity> received, EntryText text, OutputLines output)
    {
        foreach (var one in received)
        {
            output.Add((Around.OutIsTerminal ? ClearLine : "") + text.Said(one));
        }

        output.Flush();
    }

    private static Publish Note(string channel, string actor, ReadOnlyMemory<byte> line)
    {
        var json = new ByteBuffer(line.Length + 64);
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "Note");
            writer.WriteString("actor", actor);
            // By way of text: bytes that are not UTF-8 become the replacement character, as on any terminal.
            writer.WriteString("content", Encoding.UTF8.GetString(line.Span));
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
