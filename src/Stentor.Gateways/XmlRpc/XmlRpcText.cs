using System.Text;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Values of XML-RPC as text for people: in messages and log lines.</summary>
public static class XmlRpcText
{
    private const int LengthMax = 200;

    /// <summary>A value as text: a string as it is, anything else as JSON.</summary>
    /// <param name="value">The value.</param>
    public static string Of(XmlRpcValue value)
    {
        if (value is XmlRpcValue.Text text)
        {
            return text.Value;
        }

        var json = new ByteBuffer(64);
        XmlRpcJson.Write(value, json);
        return Encoding.UTF8.GetString(json.WrittenSpan);
    }

    /// <summary>A value on one line of a log, as JSON, cut when it is long.</summary>
    /// <param name="value">The value.</param>
    public static string InLog(XmlRpcValue value)
    {
        var json = new ByteBuffer(64);
        XmlRpcJson.Write(value, json);
        return Printable.Cut(Encoding.UTF8.GetString(json.WrittenSpan), LengthMax);
    }
}
