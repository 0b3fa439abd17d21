using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Client;

namespace Stentor.Cli.Reading;

/// <summary><c>stentor get</c>: prints a channel's state, or the channels that match a pattern.</summary>
internal sealed class GetCommand : ClientCommand
{
    private readonly Argument<string> _channel = new Argument<string>("CHANNEL") { Description = "A channel, for its state; or a pattern, for the channels that match." }.By(ValueRules.Pattern);
    private readonly Option<bool> _json = CommonOptions.Json();

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public GetCommand(Surroundings around)
        : base("get", "Print a channel's state, or list channels.", around)
    {
        Add(_channel);
        AddOptions(_json);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor get medals.NOR",
        "stentor get medals.NOR --json",
        "# which channels are there?",
        "stentor get 'medals.>'",
    ];

    /// <inheritdoc/>
    protected override bool Reads => true;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        var (channel, json) = (parsed.GetRequiredValue(_channel), parsed.GetValue(_json));
        var output = new OutputLines(Around.Out);
        if (channel.Contains('*', StringComparison.Ordinal) || channel.Contains('>', StringComparison.Ordinal))
        {
            await foreach (var summary in client.ListChannelsAsync(channel, cancellationToken))
            {
                output.Add(json
                    ? $"{{\"channel\":\"{summary.Channel}\",\"version\":{summary.Version},\"time\":\"{TimeText(summary.Time)}\"}}"
                    : $"{summary.Channel}  {summary.Version} activities, the last at {TimeText(summary.Time)}");
            }
        }
        else
        {
            var state = await client.GetStateAsync(channel, cancellationToken)
                ?? throw new CommandException($"Nothing was ever published to {channel}.");
            Write(state, json, output);
        }

        output.Flush();
        return ExitCode.Done;
    }

    private static void Write(ChannelState state, bool json, OutputLines output)
    {
        if (json)
        {
            output.Add($"{{\"channel\":\"{state.Channel}\",\"state\":{Compact(state.State)},\"version\":{state.Version},\"last\":{{\"origin\":\"{state.Last.Origin}\",\"seq\":{state.Last.Seq},\"lamport\":{state.Last.Lamport},\"time\":\"{TimeText(state.Last.Time)}\"}},\"seen\":\"{state.Seen}\"}}");
            return;
        }

        var fields = state.State.EnumerateObject().ToList();
        var width = fields.Count == 0 ? 0 : fields.Max(field => EntryText.Printable(field.Name).Length);
        foreach (var field in fields)
        {
            output.Add($"{EntryText.Printable(field.Name).PadRight(width)}  {EntryText.Printable(Compact(field.Value))}");
        }

        output.Add($"{(fields.Count > 0 ? "" : "(no state) ")}version {state.Version}, last changed {TimeText(state.Last.Time)} by {state.Last.Origin}:{state.Last.Seq}");
    }

    private static string Compact(JsonElement value)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            value.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static string TimeText(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
