using Stentor.Cli.Clients;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Olympics;

/// <summary>Values of XML-RPC as people read them, on one line, whatever others put into them.</summary>
internal static class ShownValue
{
    private const int LengthMax = 1_000;

    /// <summary>A value as it is shown: a string as it is, its lines joined by <c>; </c>, a struct as <c>gold 1, silver 0</c>, anything else as JSON.</summary>
    /// <param name="value">The value.</param>
    public static string Of(XmlRpcValue value) => value switch
    {
        XmlRpcValue.Text text => Printable.Cut(string.Join("; ", text.Value.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n')), LengthMax),
        XmlRpcValue.Struct fields => Printable.Cut(string.Join(", ", fields.Members.Select(member => $"{member.Key} {Of(member.Value)}")), LengthMax),
        _ => Json(value),
    };

    /// <summary>A value as an argument in a log: as JSON.</summary>
    /// <param name="value">The value.</param>
    public static string Json(XmlRpcValue value)
    {
        var json = new ByteBuffer(64);
        XmlRpcJson.Write(value, json);
        return EntryText.Printable(Printable.Cut(System.Text.Encoding.UTF8.GetString(json.WrittenSpan), LengthMax));
    }

    /// <summary>Whether an answer is a server's way of saying no.</summary>
    /// <param name="answer">The answer.</param>
    public static bool IsError(XmlRpcValue answer) => answer is XmlRpcValue.Text text && text.Value.StartsWith("Error", StringComparison.Ordinal);
}
