using System.Buffers;
using System.Globalization;
using System.Text;
using System.Xml;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Writes XML-RPC, in UTF-8.</summary>
public static class XmlRpcWriter
{
    /// <summary>The content type of what is written.</summary>
    public const string ContentType = "text/xml";

    private static readonly SearchValues<char> Plain = SearchValues.Create([.. Enumerable.Range(0x20, 0x5f).Select(c => (char)c).Where(c => c is not ('<' or '>' or '&'))]);

    private static ReadOnlySpan<byte> Declaration => "<?xml version=\"1.0\"?>\n"u8;

    /// <summary>Writes a call.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="arguments">What it is called with.</param>
    /// <param name="xml">Where it goes.</param>
    public static void WriteCall(string method, ReadOnlySpan<XmlRpcValue> arguments, ByteBuffer xml)
    {
        xml.Write(Declaration);
        xml.Write("<methodCall><methodName>"u8);
        WriteText(method, xml);
        xml.Write("</methodName><params>"u8);
        foreach (var argument in arguments)
        {
            xml.Write("<param>"u8);
            WriteValue(argument, xml);
            xml.Write("</param>"u8);
        }

        xml.Write("</params></methodCall>\n"u8);
    }

    /// <summary>Writes an answer.</summary>
    /// <param name="value">Its value.</param>
    /// <param name="xml">Where it goes.</param>
    public static void WriteAnswer(XmlRpcValue value, ByteBuffer xml)
    {
        xml.Write(Declaration);
        xml.Write("<methodResponse><params><param>"u8);
        WriteValue(value, xml);
        xml.Write("</param></params></methodResponse>\n"u8);
    }

    /// <summary>Writes a fault.</summary>
    /// <param name="code">Its code.</param>
    /// <param name="message">What it says.</param>
    /// <param name="xml">Where it goes.</param>
    public static void WriteFault(int code, string message, ByteBuffer xml)
    {
        xml.Write(Declaration);
        xml.Write("<methodResponse><fault>"u8);
        WriteValue(new XmlRpcValue.Struct([new("faultCode", new XmlRpcValue.Whole(code)), new("faultString", new XmlRpcValue.Text(message))]), xml);
        xml.Write("</fault></methodResponse>\n"u8);
    }

    private static void WriteValue(XmlRpcValue value, ByteBuffer xml)
    {
        xml.Write("<value>"u8);
        switch (value)
        {
            case XmlRpcValue.Whole { Value: >= int.MinValue and <= int.MaxValue and var number }:
                xml.Write("<int>"u8);
                xml.Write(number);
                xml.Write("</int>"u8);
                break;
            case XmlRpcValue.Whole { Value: var number }:
                xml.Write("<i8>"u8);
                xml.Write(number);
                xml.Write("</i8>"u8);
                break;
            case XmlRpcValue.Real real:
                xml.Write("<double>"u8);
                xml.WriteAscii(real.Value.ToString("R", CultureInfo.InvariantCulture));
                xml.Write("</double>"u8);
                break;
            case XmlRpcValue.Truth truth:
                xml.Write(truth.Value ? "<boolean>1</boolean>"u8 : "<boolean>0</boolean>"u8);
                break;
            case XmlRpcValue.Text text:
                WriteElement("string", text.Value, xml);
                break;
            case XmlRpcValue.Time time:
                WriteElement("dateTime.iso8601", time.Value, xml);
                break;
            case XmlRpcValue.Bytes bytes:
                WriteElement("base64", bytes.Value, xml);
                break;
            case XmlRpcValue.List list:
                xml.Write("<array><data>"u8);
                foreach (var item in list.Items)
                {
                    WriteValue(item, xml);
                }

                xml.Write("</data></array>"u8);
                break;
            case XmlRpcValue.Struct fields:
                xml.Write("<struct>"u8);
                foreach (var (name, member) in fields.Members)
                {
                    xml.Write("<member><name>"u8);
                    WriteText(name, xml);
                    xml.Write("</name>"u8);
                    WriteValue(member, xml);
                    xml.Write("</member>"u8);
                }

                xml.Write("</struct>"u8);
                break;
            default:
                xml.Write("<nil/>"u8);
                break;
        }

        xml.Write("</value>"u8);
    }

    private static void WriteElement(string name, string text, ByteBuffer xml)
    {
        xml.Write("<"u8);
        xml.WriteAscii(name);
        xml.Write(">"u8);
        WriteText(text, xml);
        xml.Write("</"u8);
        xml.WriteAscii(name);
        xml.Write(">"u8);
    }

    private static void WriteText(string text, ByteBuffer xml)
    {
        if (!text.AsSpan().ContainsAnyExcept(Plain))
        {
            xml.WriteAscii(text);
            return;
        }

        var escaped = new StringBuilder(text.Length + 16);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            _ = c switch
            {
                '<' => escaped.Append("&lt;"),
                '>' => escaped.Append("&gt;"),
                '&' => escaped.Append("&amp;"),
                '\r' => escaped.Append("&#13;"), // A reader of XML makes a line feed of it otherwise.
                _ when XmlConvert.IsXmlChar(c) => escaped.Append(c),
                _ when i + 1 < text.Length && XmlConvert.IsXmlSurrogatePair(text[i + 1], c) => escaped.Append(c).Append(text[++i]),
                _ => escaped.Append('\ufffd'), // XML 1.0 cannot carry it (section 2.2).
            };
        }

        xml.Write(Encoding.UTF8.GetBytes(escaped.ToString()));
    }
}
