using System.Globalization;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>
/// Values of XML-RPC as JSON, and back: what comes as one kind goes out as the same. Dates and bytes, which JSON does not know, are objects with one member,
/// <c>$date</c> or <c>$base64</c>.
/// </summary>
public static class XmlRpcJson
{
    private const string DateMember = "$date";
    private const string BytesMember = "$base64";

    /// <summary>Writes a value as compact JSON.</summary>
    /// <param name="value">The value.</param>
    /// <param name="json">Where it goes.</param>
    public static void Write(XmlRpcValue value, ByteBuffer json)
    {
        switch (value)
        {
            case XmlRpcValue.Whole whole:
                json.Write(whole.Value);
                break;
            case XmlRpcValue.Real real:
                var text = real.Value.ToString("R", CultureInfo.InvariantCulture);
                json.WriteAscii(text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0"); // It stays a double.
                break;
            case XmlRpcValue.Truth truth:
                json.Write(truth.Value ? "true"u8 : "false"u8);
                break;
            case XmlRpcValue.Text said:
                JsonText.Write(said.Value, json);
                break;
            case XmlRpcValue.Time time:
                Write(new XmlRpcValue.Struct([new(DateMember, new XmlRpcValue.Text(time.Value))]), json);
                break;
            case XmlRpcValue.Bytes bytes:
                Write(new XmlRpcValue.Struct([new(BytesMember, new XmlRpcValue.Text(bytes.Value))]), json);
                break;
            case XmlRpcValue.List list:
                json.Write("["u8);
                for (var i = 0; i < list.Items.Count; i++)
                {
                    json.Write(i == 0 ? ""u8 : ","u8);
                    Write(list.Items[i], json);
                }

                json.Write("]"u8);
                break;
            case XmlRpcValue.Struct fields:
                json.Write("{"u8);
                for (var i = 0; i < fields.Members.Count; i++)
                {
                    json.Write(i == 0 ? ""u8 : ","u8);
                    JsonText.Write(fields.Members[i].Key, json);
                    json.Write(":"u8);
                    Write(fields.Members[i].Value, json);
                }

                json.Write("}"u8);
                break;
            default:
                json.Write("null"u8);
                break;
        }
    }

    /// <summary>Reads a value from JSON.</summary>
    /// <param name="json">A whole JSON value, valid.</param>
    public static XmlRpcValue Read(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 1_000 }); // As deep as entries are read.
        return Read(document.RootElement);
    }

    private static XmlRpcValue Read(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => new XmlRpcValue.Text(element.GetString()!), // A string has a text.
        JsonValueKind.True => new XmlRpcValue.Truth(true),
        JsonValueKind.False => new XmlRpcValue.Truth(false),
        JsonValueKind.Number => ReadNumber(element),
        JsonValueKind.Array => new XmlRpcValue.List([.. element.EnumerateArray().Select(Read)]),
        JsonValueKind.Object => ReadObject(element),
        _ => XmlRpcValue.Nil.Instance,
    };

    /// <summary>A number without point and exponent is whole; one that is too large for 64 bits, or not finite as a double, is told as text.</summary>
    private static XmlRpcValue ReadNumber(JsonElement element)
    {
        var text = element.GetRawText();
        if (!text.AsSpan().ContainsAny('.', 'e', 'E'))
        {
            return element.TryGetInt64(out var whole) ? new XmlRpcValue.Whole(whole) : new XmlRpcValue.Text(text);
        }

        return element.TryGetDouble(out var real) && double.IsFinite(real) ? new XmlRpcValue.Real(real) : new XmlRpcValue.Text(text);
    }

    private static XmlRpcValue ReadObject(JsonElement element)
    {
        List<KeyValuePair<string, XmlRpcValue>> members = [.. element.EnumerateObject().Select(member => KeyValuePair.Create(member.Name, Read(member.Value)))];
        return members switch
        {
            [{ Key: DateMember, Value: XmlRpcValue.Text date }] => new XmlRpcValue.Time(date.Value),
            [{ Key: BytesMember, Value: XmlRpcValue.Text bytes }] => new XmlRpcValue.Bytes(bytes.Value),
            _ => new XmlRpcValue.Struct(members),
        };
    }
}
