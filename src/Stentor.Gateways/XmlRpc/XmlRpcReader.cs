using System.Globalization;
using System.Text;
using System.Xml;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>
/// Reads XML-RPC. No document type is accepted, so that no entity is ever declared and nothing is fetched; depth is bounded, and length is the caller's to bound.
/// </summary>
public sealed class XmlRpcReader : IDisposable
{
    /// <summary>Deepest nesting of arrays and structs. As deep as an activity may be.</summary>
    public const int DepthMax = 64;

    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        CloseInput = true,
    };

    private readonly XmlReader _xml;

    // Whether the reader still stands on an element without content, which has no end of its own.
    private bool _isEmpty;

    private XmlRpcReader(ReadOnlyMemory<byte> xml)
    {
        var bytes = System.Runtime.InteropServices.MemoryMarshal.TryGetArray(xml, out var array) ? array : xml.ToArray();
        _xml = XmlReader.Create(new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false), Settings); // An array was got or made.
    }

    /// <summary>Reads a call.</summary>
    /// <param name="xml">The whole document.</param>
    /// <exception cref="XmlRpcFaultException">It is no call; the fault says why.</exception>
    public static XmlRpcCall ReadCall(ReadOnlyMemory<byte> xml) => Read(xml, "a call", static reader =>
    {
        reader.Open("methodCall");
        reader.Open("methodName");
        var method = reader.Text("methodName").Trim();
        var arguments = new List<XmlRpcValue>();
        if (reader.TryOpen("params"))
        {
            while (reader.TryOpen("param"))
            {
                reader.Open("value");
                arguments.Add(reader.Value(1));
                reader.Close("param");
            }

            reader.Close("params");
        }

        reader.Close("methodCall");
        return new XmlRpcCall(method, arguments);
    });

    /// <summary>Reads what answers a call.</summary>
    /// <param name="xml">The whole document.</param>
    /// <returns>The value of the answer.</returns>
    /// <exception cref="XmlRpcFaultException">It is a fault, or no answer.</exception>
    public static XmlRpcValue ReadAnswer(ReadOnlyMemory<byte> xml) => Read(xml, "an answer", static reader =>
    {
        reader.Open("methodResponse");
        if (reader.TryOpen("fault"))
        {
            reader.Open("value");
            var fault = reader.Value(1) as XmlRpcValue.Struct;
            throw fault?.Find("faultCode") is XmlRpcValue.Whole code && fault.Find("faultString") is XmlRpcValue.Text text
                ? new XmlRpcFaultException((int)Math.Clamp(code.Value, int.MinValue, int.MaxValue), text.Value) { IsAnswer = true }
                : new XmlRpcFaultException(XmlRpcFaultException.NotACall, "A fault came without faultCode and faultString.");
        }

        reader.Open("params");
        reader.Open("param");
        reader.Open("value");
        var value = reader.Value(1);
        reader.Close("param");
        reader.Close("params");
        reader.Close("methodResponse");
        return value;
    });

    /// <inheritdoc/>
    public void Dispose() => _xml.Dispose();

    private static T Read<T>(ReadOnlyMemory<byte> xml, string what, Func<XmlRpcReader, T> read)
    {
        try
        {
            using var reader = new XmlRpcReader(xml);
            var result = read(reader);
            while (reader._xml.Read())
            {
                // Whatever is wrong behind it shows.
            }

            return result;
        }
        catch (XmlException e)
        {
            throw new XmlRpcFaultException(XmlRpcFaultException.NotXml, e.Message.Contains("DTD", StringComparison.Ordinal)
                ? "Document types and entities are not accepted: send the elements of XML-RPC alone."
                : $"This is not XML, so not {what} of XML-RPC: {Printable.Cut(e.Message, 200)}", e);
        }
    }

    /// <summary>Reads a value after its <c>value</c> was opened, and closes it.</summary>
    private XmlRpcValue Value(int depth)
    {
        if (depth > DepthMax)
        {
            throw new XmlRpcFaultException(XmlRpcFaultException.NotXml, $"A value lies deeper than {DepthMax} arrays and structs.");
        }

        // A value without a type is a string; the white space before a type is not.
        var text = Characters();
        if (_isEmpty || _xml.NodeType == XmlNodeType.EndElement)
        {
            Close("value");
            return new XmlRpcValue.Text(text);
        }

        if (!string.IsNullOrWhiteSpace(text))
        {
            throw NotACall($"text before <{Printable.Cut(_xml.LocalName)}> in a value");
        }

        var type = _xml.LocalName;
        Enter();
        var value = type switch
        {
            "array" => ReadList(depth),
            "struct" => ReadStruct(depth),
            _ => Simple(type, Text(type)),
        };
        Close("value");
        return value;
    }

    private XmlRpcValue.List ReadList(int depth)
    {
        var items = new List<XmlRpcValue>();
        Open("data");
        while (TryOpen("value"))
        {
            items.Add(Value(depth + 1));
        }

        Close("data");
        Close("array");
        return new XmlRpcValue.List(items);
    }

    private XmlRpcValue.Struct ReadStruct(int depth)
    {
        var members = new List<KeyValuePair<string, XmlRpcValue>>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (TryOpen("member"))
        {
            Open("name");
            var name = Text("name");
            Open("value");
            var value = Value(depth + 1);
            Close("member");
            members.Add(names.Add(name) ? new(name, value) : throw Unfit($"The member '{Printable.Cut(name)}' stands twice in a struct."));
        }

        Close("struct");
        return new XmlRpcValue.Struct(members);
    }

    private static XmlRpcValue Simple(string type, string text)
    {
        switch (type)
        {
            case "string":
                return new XmlRpcValue.Text(text);
            case "int" or "i4" or "i8" or "i1" or "i2":
                return long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                    ? new XmlRpcValue.Whole(whole)
                    : throw Unfit($"'{Printable.Cut(text)}' is not an integer of at most 64 bits.");
            case "double":
                return double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
                    ? new XmlRpcValue.Real(real)
                    : throw Unfit($"'{Printable.Cut(text)}' is not a finite double.");
            case "boolean":
                return text.Trim() switch
                {
                    "1" or "true" => new XmlRpcValue.Truth(true),
                    "0" or "false" => new XmlRpcValue.Truth(false),
                    _ => throw Unfit($"'{Printable.Cut(text)}' is not a boolean: 0 or 1."),
                };
            case "dateTime.iso8601":
                return new XmlRpcValue.Time(text.Trim());
            case "base64":
                var base64 = string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
                return Convert.TryFromBase64String(base64, new byte[base64.Length], out _)
                    ? new XmlRpcValue.Bytes(base64)
                    : throw Unfit("A value is not base64.");
            case "nil":
                return XmlRpcValue.Nil.Instance;
            default:
                throw Unfit($"'{Printable.Cut(type)}' is not a type of XML-RPC: string, int, i8, double, boolean, dateTime.iso8601, base64, array, struct or nil.");
        }
    }

    /// <summary>Enters an element that must come next.</summary>
    private void Open(string name)
    {
        if (!TryOpen(name))
        {
            throw NotACall($"{Found()} where <{name}> was expected");
        }
    }

    /// <summary>Enters an element if it comes next.</summary>
    private bool TryOpen(string name)
    {
        if (_xml.MoveToContent() != XmlNodeType.Element || _xml.LocalName != name)
        {
            return false;
        }

        Enter();
        return true;
    }

    /// <summary>Goes behind the start of an element; an empty one is then at its end as well.</summary>
    private void Enter()
    {
        _isEmpty = _xml.IsEmptyElement;
        if (!_isEmpty)
        {
            _xml.Read();
        }
    }

    private void Close(string name)
    {
        if (_isEmpty)
        {
            _isEmpty = false;
            _xml.Read();
            return;
        }

        if (_xml.MoveToContent() != XmlNodeType.EndElement || _xml.LocalName != name)
        {
            throw NotACall($"{Found()} where </{name}> was expected");
        }

        _xml.Read();
    }

    /// <summary>The text of an element that was entered, which is then closed.</summary>
    private string Text(string name)
    {
        var text = Characters();
        Close(name);
        return text;
    }

    private string Characters()
    {
        if (_isEmpty)
        {
            return "";
        }

        var text = "";
        StringBuilder? pieces = null; // More than one only around a comment or a CDATA section.
        while (_xml.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace)
        {
            if (text.Length == 0)
            {
                text = _xml.Value;
            }
            else
            {
                (pieces ??= new StringBuilder(text)).Append(_xml.Value);
            }

            _xml.Read();
        }

        return pieces?.ToString() ?? text;
    }

    private string Found() => _xml.NodeType switch
    {
        XmlNodeType.Element => $"<{Printable.Cut(_xml.LocalName)}>",
        XmlNodeType.EndElement => $"</{Printable.Cut(_xml.LocalName)}>",
        XmlNodeType.None => "nothing",
        _ => "text",
    };

    private static XmlRpcFaultException NotACall(string found) => new(XmlRpcFaultException.NotACall, $"This is not XML-RPC: {found}.");

    private static XmlRpcFaultException Unfit(string detail) => new(XmlRpcFaultException.BadValue, detail);
}
