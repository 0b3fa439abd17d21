using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Chatting.Classic;

/// <summary>Something said in the classic conversation, between servers that are numbered from 1 and stand in a row.</summary>
/// <param name="Sender">Who said it.</param>
/// <param name="Word">What.</param>
/// <param name="Server">To which server.</param>
/// <param name="Time">At which time that server showed it.</param>
internal sealed record ClassicMessage(string Sender, ClassicWord Word, int Server, long Time)
{
    /// <summary>The distance from one server to the next, in seconds and thus in ticks of the clock.</summary>
    public const int SecondsPerStep = 2;

    /// <summary>At which time a server shows it: later by the way there.</summary>
    /// <param name="server">The server.</param>
    public long TimeAt(int server) => Time + (SecondsPerStep * (long)Math.Abs(server - Server));

    /// <summary>The line that a server prints.</summary>
    /// <param name="server">The server.</param>
    public string LineAt(int server) => string.Create(
        CultureInfo.InvariantCulture, $"{Sender}: {Word.Sentence()} (received {(server == Server ? "directly from client" : $"from Server {Server}")} at time {TimeAt(server)})");

    /// <summary>The same as an activity.</summary>
    /// <param name="channel">Where it is published.</param>
    public Publish ToPublish(string channel)
    {
        var json = new ByteBuffer(128);
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "Note");
            writer.WriteString("actor", Sender);
            writer.WriteString("content", Word.Sentence());
            writer.WriteString("classic", Word.Typed());
            writer.WriteNumber("time", Time);
            writer.WriteEndObject();
        }

        return new Publish { Channel = channel, Activity = json.WrittenSpan.ToArray() };
    }

    /// <summary>Reads what was published; null when it is no part of the classic conversation, or its region has no number for a name.</summary>
    /// <param name="received">What was published.</param>
    public static ClassicMessage? Read(ReceivedActivity received) =>
        received.Json is { ValueKind: JsonValueKind.Object } activity
        && activity.TryGetProperty("classic", out var typed) && typed.ValueKind == JsonValueKind.String && ClassicWords.Read(typed.GetString()!) is { } word // It is a string.
        && activity.TryGetProperty("actor", out var actor) && actor.ValueKind == JsonValueKind.String
        && activity.TryGetProperty("time", out var value) && value.TryGetInt64(out var time) && time is > 0 and < long.MaxValue / 2
        && ServerOf(RegionNames.Of(received.Origin)) is { } server
            ? new ClassicMessage(EntryText.Printable(actor.GetString()!), word, server, time)
            : null;

    /// <summary>The number of a region that has one for a name; null otherwise.</summary>
    /// <param name="region">The region.</param>
    public static int? ServerOf(string region) => int.TryParse(region, NumberStyles.None, CultureInfo.InvariantCulture, out var server) && server > 0 ? server : null;
}
