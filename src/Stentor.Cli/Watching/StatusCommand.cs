using System.CommandLine;
using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Client;

namespace Stentor.Cli.Watching;

/// <summary><c>stentor status</c>: prints how a node is.</summary>
internal sealed class StatusCommand : ClientCommand
{
    private const string ClearScreen = "\e[H\e[2J";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Option<bool> _watch = new("--watch") { Description = "Print it again every second, until Ctrl-C." };
    private readonly Option<bool> _json = CommonOptions.Json();

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public StatusCommand(Surroundings around)
        : base("status", "Print how a node is: region, what it has seen, links, load.", around)
    {
        AddOptions(_watch, _json);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => ["stentor status", "stentor status --watch", "stentor status --json --server http://127.0.0.1:5050"];

    /// <inheritdoc/>
    protected override bool Reads => true;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        var (watch, json) = (parsed.GetValue(_watch), parsed.GetValue(_json));
        var output = new OutputLines(Around.Out);
        using var timer = new PeriodicTimer(Interval);
        do
        {
            var status = await client.GetClusterAsync(cancellationToken);
            if (watch && Around.OutIsTerminal && !json)
            {
                output.Add(ClearScreen);
            }

            foreach (var line in json ? [JsonSerializer.Serialize(status, CommandJson.Default.JsonElement)] : StatusText.Lines(status))
            {
                output.Add(line);
            }

            output.Flush();
        }
        while (watch && await timer.WaitForNextTickAsync(cancellationToken));
        return ExitCode.Done;
    }
}

/// <summary>A node's status as lines for people: what the node says, indented, whatever it comes to say in later versions.</summary>
internal static class StatusText
{
    /// <summary>The lines.</summary>
    /// <param name="status">The node's answer.</param>
    public static IEnumerable<string> Lines(JsonElement status) => Lines(status, indent: "");

    private static IEnumerable<string> Lines(JsonElement value, string indent)
    {
        var members = value.ValueKind == JsonValueKind.Array
            ? value.EnumerateArray().Select((item, index) => (Name: $"{index + 1}", Value: item)).ToList()
            : [.. value.EnumerateObject().Select(member => (Name: EntryText.Printable(member.Name), member.Value))];
        var width = members.Count == 0 ? 0 : members.Max(member => member.Name.Length);
        foreach (var (name, inner) in members)
        {
            if (inner.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
            {
                yield return $"{indent}{name.PadRight(width)}  {EntryText.Printable(inner.ValueKind == JsonValueKind.String ? inner.GetString()! : inner.GetRawText())}";
                continue;
            }

            var below = Lines(inner, indent + "  ").ToList();
            yield return below.Count == 0 ? $"{indent}{name.PadRight(width)}  none" : $"{indent}{name}";
            foreach (var line in below)
            {
                yield return line;
            }
        }
    }
}
