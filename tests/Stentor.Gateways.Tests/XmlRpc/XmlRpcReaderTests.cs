using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.XmlRpc;

/// <summary>XML-RPC is read as it is written, and what is none is refused with a reason.</summary>
public sealed class XmlRpcReaderTests
{
    [Fact]
    public void What_is_written_is_read_again()
    {
        Prop.ForAll(Arb.From(Value(4)), value =>
        {
            var call = new ByteBuffer();
            XmlRpcWriter.WriteCall("m", [value], call);
            var answer = new ByteBuffer();
            XmlRpcWriter.WriteAnswer(value, answer);

            Assert.Equal(Text(value), Text(Assert.Single(XmlRpcReader.ReadCall(call.WrittenSpan.ToArray()).Arguments)));
            Assert.Equal(Text(value), Text(XmlRpcReader.ReadAnswer(answer.WrittenSpan.ToArray())));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_value_keeps_its_kind_as_JSON()
    {
        Prop.ForAll(Arb.From(Value(4)), value =>
        {
            var json = new ByteBuffer();
            XmlRpcJson.Write(value, json);

            Assert.Equal(Text(value), Text(XmlRpcJson.Read(json.WrittenSpan.ToArray())));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_fault_is_read_as_the_fault_that_was_written()
    {
        var xml = new ByteBuffer();
        XmlRpcWriter.WriteFault(-32601, "no <such> method", xml);

        var fault = Assert.Throws<XmlRpcFaultException>(() => XmlRpcReader.ReadAnswer(xml.WrittenSpan.ToArray()));

        Assert.Equal((-32601, "no <such> method", true), (fault.Code, fault.Message, fault.IsAnswer));
    }

    [Theory]
    [InlineData("<value>a b</value>", "\"a b\"")]
    [InlineData("<value/>", "\"\"")]
    [InlineData("<value></value>", "\"\"")]
    [InlineData("<value>  </value>", "\"  \"")]
    [InlineData("<value><string/></value>", "\"\"")]
    [InlineData("<value>\n <i4> -7 </i4>\n</value>", "-7")]
    [InlineData("<value><i8>9007199254740993</i8></value>", "9007199254740993")]
    [InlineData("<value><int>+3</int></value>", "3")]
    [InlineData("<value><double>1e3</double></value>", "1000.0")]
    [InlineData("<value><boolean>true</boolean></value>", "true")]
    [InlineData("<value><nil/></value>", "null")]
    [InlineData("<value><string>a<!-- no -->b<![CDATA[<c>]]></string></value>", "\"ab<c>\"")]
    [InlineData("<value><array><data/></array></value>", "[]")]
    [InlineData("<value><struct/></value>", "{}")]
    [InlineData("<value> <struct> <member> <name>n</name> <value>1</value> </member> </struct> </value>", "{\"n\":\"1\"}")]
    [InlineData("<value><base64> YW\nJj </base64></value>", "{\"$base64\":\"YWJj\"}")]
    [InlineData("<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>", "{\"$date\":\"19980717T14:08:55\"}")]
    public void Values_are_read_as_programs_of_every_kind_write_them(string value, string json)
    {
        var call = XmlRpcReader.ReadCall(Encoding.UTF8.GetBytes($"<?xml version='1.0'?>\n<methodCall>\n<methodName>m</methodName><params><param>{value}</param>\n</params></methodCall>\n"));

        Assert.Equal(json, Json(Assert.Single(call.Arguments)));
    }

    [Fact]
    public void A_call_without_arguments_may_leave_them_out()
    {
        Assert.Empty(XmlRpcReader.ReadCall("<methodCall><methodName> m </methodName></methodCall>"u8.ToArray()).Arguments);
        Assert.Empty(XmlRpcReader.ReadCall("<methodCall><methodName>m</methodName><params/></methodCall>"u8.ToArray()).Arguments);
    }

    [Fact]
    public void Other_encodings_are_read_when_the_document_names_them()
    {
        var latin = Encoding.Latin1.GetBytes("<?xml version='1.0' encoding='iso-8859-1'?><methodCall><methodName>m</methodName><params><param><value>Obélix</value></param></params></methodCall>");

        Assert.Equal("\"Obélix\"", Json(Assert.Single(XmlRpcReader.ReadCall(latin).Arguments)));
    }

    [Theory]
    [InlineData("", XmlRpcFaultException.NotXml)]
    [InlineData("hello", XmlRpcFaultException.NotXml)]
    [InlineData("{\"json\": true}", XmlRpcFaultException.NotXml)]
    [InlineData("<methodCall>", XmlRpcFaultException.NotXml)]
    [InlineData("<methodCall><methodName>m</methodName></methodCall><more/>", XmlRpcFaultException.NotXml)]
    [InlineData("<a/>", XmlRpcFaultException.NotACall)]
    [InlineData("<methodCall/>", XmlRpcFaultException.NotACall)]
    [InlineData("<methodResponse><params/></methodResponse>", XmlRpcFaultException.NotACall)]
    [InlineData("<methodCall><methodName>m</methodName><params><value>1</value></params></methodCall>", XmlRpcFaultException.NotACall)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value>x<int>1</int></value></param></params></methodCall>", XmlRpcFaultException.NotACall)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><int>1</int>x</value></param></params></methodCall>", XmlRpcFaultException.NotACall)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><struct><member/></struct></value></param></params></methodCall>", XmlRpcFaultException.NotACall)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><int>1.5</int></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><int>99999999999999999999</int></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><int/></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><double>NaN</double></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><double>1e999</double></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><boolean>2</boolean></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><base64>?</base64></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><blob>1</blob></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    [InlineData("<methodCall><methodName>m</methodName><params><param><value><struct><member><name>a</name><value/></member><member><name>a</name><value/></member></struct></value></param></params></methodCall>", XmlRpcFaultException.BadValue)]
    public void What_is_no_call_is_refused_with_a_reason(string xml, int code)
    {
        var fault = Assert.Throws<XmlRpcFaultException>(() => XmlRpcReader.ReadCall(Encoding.UTF8.GetBytes(xml)));

        Assert.Equal((code, false), (fault.Code, fault.IsAnswer));
        Assert.NotEqual("", fault.Message);
    }

    [Theory]
    [InlineData("<!DOCTYPE a [<!ENTITY x 'y'>]>", "&x;")]
    [InlineData("<!DOCTYPE a SYSTEM 'file:///etc/passwd'>", "")]
    [InlineData("<!DOCTYPE a [<!ENTITY x SYSTEM 'http://127.0.0.1:1/x'>]>", "&x;")]
    [InlineData("<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>", "&c;")]
    public void No_document_type_is_accepted_so_no_entity_is_resolved(string type, string value)
    {
        var fault = Assert.Throws<XmlRpcFaultException>(() => XmlRpcReader.ReadCall(
            Encoding.UTF8.GetBytes($"<?xml version='1.0'?>{type}<methodCall><methodName>m</methodName><params><param><value>{value}</value></param></params></methodCall>")));

        Assert.Equal(XmlRpcFaultException.NotXml, fault.Code);
        Assert.Contains("entities are not accepted", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_entity_that_nobody_declared_is_refused()
    {
        Assert.Equal(XmlRpcFaultException.NotXml, Assert.Throws<XmlRpcFaultException>(() => XmlRpcReader.ReadCall("<methodCall><methodName>&x;</methodName></methodCall>"u8.ToArray())).Code);
    }

    [Fact]
    public void Values_lie_as_deep_as_the_limit_and_no_deeper()
    {
        static byte[] Deep(int depth) => Encoding.UTF8.GetBytes(
            $"<methodCall><methodName>m</methodName><params><param>{Repeat("<value><array><data>", depth - 1)}<value>x</value>{Repeat("</data></array></value>", depth - 1)}</param></params></methodCall>");
        static string Repeat(string text, int count) => new StringBuilder().Insert(0, text, count).ToString();

        Assert.Single(XmlRpcReader.ReadCall(Deep(XmlRpcReader.DepthMax)).Arguments);
        Assert.Throws<XmlRpcFaultException>(() => XmlRpcReader.ReadCall(Deep(XmlRpcReader.DepthMax + 1)));
        Assert.Throws<XmlRpcFaultException>(() => XmlRpcReader.ReadCall(Deep(3_000)));
    }

    [Fact]
    public void Text_that_XML_cannot_carry_is_shown_as_such()
    {
        var xml = new ByteBuffer();
        XmlRpcWriter.WriteAnswer(new XmlRpcValue.Text("a\u0001b\ud800c\r\n\ud83d\ude00"), xml);

        Assert.Equal(new XmlRpcValue.Text("a\ufffdb\ufffdc\r\n\ud83d\ude00"), XmlRpcReader.ReadAnswer(xml.WrittenSpan.ToArray()));
    }

    [Theory]
    [InlineData("12345678901234567890", "\"12345678901234567890\"")]
    [InlineData("1e400", "\"1e400\"")]
    [InlineData("1.0", "1.0")]
    [InlineData("10", "10")]
    public void A_number_of_JSON_that_XML_RPC_does_not_know_is_told_as_text(string json, string expected) =>
        Assert.Equal(expected, Json(XmlRpcJson.Read(Encoding.UTF8.GetBytes(json))));

    private static string Json(XmlRpcValue value)
    {
        var json = new ByteBuffer();
        XmlRpcJson.Write(value, json);
        return Encoding.UTF8.GetString(json.WrittenSpan);
    }

    /// <summary>What records do not compare: lists by their items.</summary>
    private static string Text(XmlRpcValue value) => value switch
    {
        XmlRpcValue.List list => $"[{string.Join(",", list.Items.Select(Text))}]",
        XmlRpcValue.Struct fields => $"{{{string.Join(",", fields.Members.Select(m => $"{m.Key}:{Text(m.Value)}"))}}}",
        XmlRpcValue.Real real => "Real " + real.Value.ToString("R", CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static Gen<XmlRpcValue> Value(int depth)
    {
        var text = ArbMap.Default.GeneratorFor<string>().Select(s => string.Concat((s ?? "").Where(c => System.Xml.XmlConvert.IsXmlChar(c))));
        List<Gen<XmlRpcValue>> kinds =
        [
            text.Select(s => (XmlRpcValue)new XmlRpcValue.Text(s)),
            ArbMap.Default.GeneratorFor<long>().Select(n => (XmlRpcValue)new XmlRpcValue.Whole(n)),
            ArbMap.Default.GeneratorFor<double>().Where(double.IsFinite).Select(n => (XmlRpcValue)new XmlRpcValue.Real(n)),
            ArbMap.Default.GeneratorFor<bool>().Select(b => (XmlRpcValue)new XmlRpcValue.Truth(b)),
            ArbMap.Default.GeneratorFor<byte[]>().Select(b => (XmlRpcValue)new XmlRpcValue.Bytes(Convert.ToBase64String(b ?? []))),
            Gen.Constant((XmlRpcValue)XmlRpcValue.Nil.Instance),
            Gen.Constant((XmlRpcValue)new XmlRpcValue.Time("20260823T10:00:00")),
        ];
        if (depth > 0)
        {
            var items = Gen.ListOf(Value(depth - 1), 3);
            kinds.Add(items.Select(list => (XmlRpcValue)new XmlRpcValue.List([.. list])));
            kinds.Add(items.SelectMany(list => Gen.Shuffle(new[] { "a", "b <", "ü" }), (list, names) => (XmlRpcValue)new XmlRpcValue.Struct([.. names.Zip(list, KeyValuePair.Create)])));
        }

        return Gen.OneOf(kinds);
    }
}
