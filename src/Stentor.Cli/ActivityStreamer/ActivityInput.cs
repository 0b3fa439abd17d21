using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Cli.ActivityStreamer;

/// <summary>What a line of input publishes: a JSON object is the activity, any other text is the content of a Note.</summary>
internal static class ActivityInput
{
    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, not blank.</param>
    /// <param name="limits">What an activity may be: a server would end the connection for one that is not.</param>
    /// <returns>The activity, checked.</returns>
    /// <exception cref="ProtocolException">It starts like an object and is none, or is too long, too deep or otherwise refused by servers.</exception>
    public static ReadOnlyMemory<byte> Read(ReadOnlyMemory<byte> line, Limits limits)
    {
        var activity = line.Span[0] == (byte)'{' ? line : Note(line.Span);
        if (activity.Length > limits.ActivityBytesMax)
        {
            throw new ProtocolException(ErrorType.Malformed, $"The activity has {activity.Length} bytes; the most is {limits.ActivityBytesMax}.");
        }

        JsonRules.Read(activity.Span, limits.DepthMax, 0, (ref Utf8JsonReader reader, ReadOnlySpan<byte> text) => JsonRules.Walk(ref reader, text, limits.DepthMax));
        return activity;
    }

    private static ReadOnlyMemory<byte> Note(ReadOnlySpan<byte> line)
    {
        var note = new ByteBuffer(line.Length + 64);
        note.Write("""{"type":"Note","content":"""u8);
        JsonText.Write(Encoding.UTF8.GetString(line), note); // By way of text: bytes that are not UTF-8 become the replacement character, as on any terminal.
        note.Write("}"u8);
        return note.WrittenMemory;
    }
}
