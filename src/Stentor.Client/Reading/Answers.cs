using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>Reads what servers answer over HTTP.</summary>
internal static class Answers
{
    /// <summary>Reads an answer with <paramref name="read"/>; what is not as the contract says ends in one kind of exception.</summary>
    public static T Read<T>(ApiAnswer answer, Func<JsonElement, T> read)
    {
        try
        {
            using var json = JsonDocument.Parse(answer.Body, ClientJson.Deep);
            return read(json.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ProtocolException)
        {
            throw new StentorException(ErrorType.Internal, $"The answer of {answer.Address} is not as the contract says: {Printable.Cut(e.Message, 200)}", 500, e);
        }
    }

    /// <summary>The entries of a pull, in the memory of the answer, as far as they were not given before.</summary>
    public static ActivityPage ReadPage(ApiAnswer answer, string channels, RepeatFilter filter) => Read(answer, json =>
    {
        var activities = new List<ReceivedActivity>(json.GetProperty("activities").GetArrayLength());
        foreach (var bytes in EntriesOf(answer.Body))
        {
            var entry = Entry.Parse(bytes);
            if (filter.TryTake(entry, token: null))
            {
                activities.Add(new ReceivedActivity(entry, filter.Seen!)); // Set by TryTake.
            }
        }

        var seen = json.GetProperty("seen").GetString() ?? "";
        filter.StartAfter(SeenToken.Decode(seen));
        var more = json.TryGetProperty("more", out var isMore) && isMore.GetBoolean();
        Gap[] gaps = json.TryGetProperty("gaps", out var holes) ? [.. holes.EnumerateArray().Select(h => Gap.Read(h, [channels]))] : [];
        return new ActivityPage(activities, seen, more, gaps);
    });

    /// <summary>A channel's state.</summary>
    public static ChannelState ReadState(ApiAnswer answer) => Read(answer, json =>
    {
        var last = json.GetProperty("last");
        return new ChannelState(
            json.GetProperty("channel").GetString() ?? "",
            json.GetProperty("state").Clone(),
            json.GetProperty("version").GetInt64(),
            new LastActivity(
                Origin(last.GetProperty("origin")),
                last.GetProperty("seq").GetInt64(),
                last.GetProperty("lamport").GetInt64(),
                last.GetProperty("time").GetDateTimeOffset()),
            json.GetProperty("seen").GetString() ?? "");
    });

    /// <summary>A part of a listing, and where the next part starts; null after the last.</summary>
    public static (List<ChannelSummary> Channels, string? Next) ReadChannels(ApiAnswer answer) => Read(answer, json =>
    {
        var channels = new List<ChannelSummary>();
        foreach (var channel in json.GetProperty("channels").EnumerateArray())
        {
            channels.Add(new ChannelSummary(
                channel.GetProperty("channel").GetString() ?? "", channel.GetProperty("version").GetInt64(), channel.GetProperty("time").GetDateTimeOffset()));
        }

        return (channels, json.TryGetProperty("next", out var next) && next.ValueKind == JsonValueKind.String ? next.GetString() : null);
    });

    /// <summary>A cluster's voters and regions.</summary>
    public static ClusterVoters ReadVoters(ApiAnswer answer) => Read(answer, json => new ClusterVoters(
        json.GetProperty("cluster").GetString() ?? "",
        json.GetProperty("version").GetInt32(),
        json.GetProperty("majority").GetInt32(),
        [.. json.GetProperty("voters").EnumerateArray().Select(v => Origin(v.GetProperty("origin")))],
        [.. json.GetProperty("proposed").EnumerateArray().Select(p => new ProposedVoters(Origins(p.GetProperty("voters")), Origins(p.GetProperty("votes"))))],
        [
            .. json.GetProperty("regions").EnumerateArray().Select(r => new ClusterMember(
                Origin(r.GetProperty("origin")), r.GetProperty("region").GetString() ?? "", r.GetProperty("wish").GetBoolean(), r.GetProperty("left").GetBoolean(), r.GetProperty("voter").GetBoolean())),
        ],
        json.Clone()));

    private static OriginId Origin(JsonElement text) => new(text.GetString() ?? "");

    private static OriginId[] Origins(JsonElement texts) => [.. texts.EnumerateArray().Select(Origin)];

    private static List<ReadOnlyMemory<byte>> EntriesOf(ReadOnlyMemory<byte> body)
    {
        var entries = new List<ReadOnlyMemory<byte>>();
        var reader = new Utf8JsonReader(body.Span, JsonRules.Options(1024));
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isEntries = reader.ValueTextEquals("activities"u8);
            reader.Read();
            if (!isEntries)
            {
                reader.Skip();
                continue;
            }

            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                entries.Add(body[start..(int)reader.BytesConsumed]);
            }
        }

        return entries;
    }
}
