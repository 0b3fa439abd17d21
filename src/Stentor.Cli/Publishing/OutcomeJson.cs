using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Publishing;

/// <summary>Outcomes of publishes as JSON lines, with the names that the HTTP contract has.</summary>
internal sealed class OutcomeJson
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ByteBuffer _buffer = new(512);

    /// <summary>The outcome of a publish that is recorded.</summary>
    /// <param name="outcome">The outcome.</param>
    /// <returns>The line; valid until the next call.</returns>
    public ReadOnlySpan<byte> Line(PublishOutcome outcome) => Write(json =>
    {
        json.WriteString("channel", outcome.Channel);
        json.WriteString("origin", outcome.Origin.ToString());
        json.WriteNumber("seq", outcome.Seq);
        json.WriteNumber("lamport", outcome.Lamport);
        json.WriteString("time", outcome.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
        json.WriteString("author", outcome.Author);
        json.WriteString("id", outcome.Id);
        json.WriteBoolean("duplicate", outcome.Duplicate);
        json.WriteNumber("copies", outcome.Copies);
        if (outcome.State is { } state)
        {
            json.WritePropertyName("state");
            state.WriteTo(json);
        }

        json.WriteString("seen", outcome.Seen);
    });

    /// <summary>The outcome of a line that failed.</summary>
    /// <param name="line">The line's number in the input.</param>
    /// <param name="type">One of <see cref="ErrorType"/>, or of the client's own types.</param>
    /// <param name="detail">What was wrong.</param>
    /// <returns>The line; valid until the next call.</returns>
    public ReadOnlySpan<byte> Line(int line, string type, string detail) => Write(json =>
    {
        json.WriteStartObject("error");
        json.WriteString("type", type);
        json.WriteString("detail", detail);
        json.WriteNumber("line", line);
        json.WriteEndObject();
    });

    private ReadOnlySpan<byte> Write(Action<Utf8JsonWriter> fields)
    {
        _buffer.Clear();
        using var json = new Utf8JsonWriter(_buffer, Relaxed);
        json.WriteStartObject();
        fields(json);
        json.WriteEndObject();
        json.Flush();
        return _buffer.WrittenSpan;
    }
}
