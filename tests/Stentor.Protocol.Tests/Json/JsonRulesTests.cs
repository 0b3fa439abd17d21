using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Stentor.Protocol.Tests;

public sealed class JsonRulesTests
{
    private static readonly string[] Fragments =
    [
        "{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "\"\\u0061\"", "\"\\\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud83d\\ude00\"", "\"é😀\"", "1", "-0", "01", "1.5",
        "1e400", "-1e400", "1e-400", "123456789012345678901234567890", "NaN", "Infinity", "true", "false", "null", "\"", "\\", " ", "\t\r\n", "\u0001", "\u2028", "//", "\"a\":", "\"a\":1", "\"\\u0061\":2",
    ];

    private static readonly byte[][] Sound =
    [
        .. new[]
        {
            """{"type":"Create","actor":{"id":"ann","name":"Ann \"A\" Ä"},"object":[1,2.5,-3e10,true,null,{"a":{"b":{"c":[]}}}],"published":"2024-01-01"}""",
            """{"a1":1,"a2":1,"a3":1,"a4":1,"a5":1,"a6":1,"a7":1,"a8":1,"a9":1,"b1":1,"b2":1,"b3":1,"b4":1,"b5":1,"b6":1,"b7":1,"b8":1,"b9":1,"a\u0031x":2}""",
            "{ \"a\" : [ 1 , 2 ] , \"b\" : \"x\\u00e9\\ud83d\\ude00\\n\" }",
            "[]",
            "[1e-40012345678901234567890, 0.1]",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    [Fact]
    public void What_is_accepted_is_what_a_slow_reading_of_the_rules_accepts()
    {
        Property.Holds(Texts(), json =>
        {
            var expected = Accepts(json, depthMax: 8);

            var detail = Refusal(json, depthMax: 8);

            Assert.True(expected == (detail is null), $"{Encoding.UTF8.GetString(json)}: {detail ?? "accepted"}");
        }, runs: 6_000, Property.Shorter);
    }

    [Fact]
    public void A_value_without_its_white_space_means_the_same() => Property.Holds(Texts().Where(t => Accepts(t, 8)), json =>
    {
        var buffer = new ByteBuffer();
        JsonRules.WriteCompact(json, buffer);

        // As the serializer writes both, numbers digit by digit: JsonElement.DeepEquals throws where an exponent is longer than an int.
        Assert.Equal(Serialized(json), Serialized(buffer.WrittenSpan.ToArray()));
        Assert.DoesNotContain((byte)'\n', buffer.WrittenSpan.ToArray());
    }, runs: 500);

    [Theory]
    [InlineData("""{"a":1,"a":2}""", "'a' stands twice")]
    [InlineData("""{"a":1,"\u0061":2}""", "'a' stands twice")]
    [InlineData("""{"x":[{"\u0061":1,"a":2}]}""", "'a' stands twice")]
    [InlineData("""{"a":"x\u0000"}""", "NUL")]
    [InlineData("""{"x\u0000":1}""", "NUL")]
    [InlineData("""{"a":"\ud800"}""", "surrogate")]
    [InlineData("""{"\udfff":1}""", "surrogate")]
    [InlineData("""{"a":1e400}""", "beyond what a double holds")]
    [InlineData("""{"a":NaN}""", "not JSON")]
    [InlineData("""{"a":01}""", "not JSON")]
    [InlineData("""{"a":1,}""", "not JSON")]
    [InlineData("""{"a":1}{}""", "not JSON")]
    [InlineData("""{"a":1""", "not JSON")]
    [InlineData("""{/**/}""", "not JSON")]
    [InlineData("", "not JSON")]
    public void A_refusal_says_what_is_wrong(string json, string detail)
    {
        var refusal = Refusal(Encoding.UTF8.GetBytes(json), depthMax: 64);

        Assert.Contains(detail, refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'"', 0xC3, (byte)'"' })]
    [InlineData(new byte[] { (byte)'"', 0xE2, 0x82, (byte)'"' })]
    [InlineData(new byte[] { (byte)'"', 0xED, 0xA0, 0x80, (byte)'"' })]
    [InlineData(new byte[] { (byte)'"', 0xC0, 0x80, (byte)'"' })]
    [InlineData(new byte[] { (byte)'"', 0xFF, (byte)'"' })]
    public void Text_that_is_no_utf8_is_refused(byte[] json) => Assert.Contains("UTF-8", Refusal(json, 64), StringComparison.Ordinal);

    [Fact]
    public void Many_names_in_one_object_are_compared_too()
    {
        var names = string.Join(',', Enumerable.Range(0, 5_000).Select(i => $"\"n{i}\":{i}"));

        Assert.Null(Refusal(Encoding.UTF8.GetBytes($"{{{names}}}"), 64));
        Assert.Contains("'n17' stands twice", Refusal(Encoding.UTF8.GetBytes($"{{{names},\"n17\":0}}"), 64), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    [InlineData(10_000, false)]
    public void Nesting_is_counted_exactly(int depth, bool isAccepted)
    {
        foreach (var (open, inner, close) in new[] { ("[", "", "]"), ("{\"a\":", "1", "}") })
        {
            var json = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(open, depth)) + inner + string.Concat(Enumerable.Repeat(close, depth)));

            var refusal = Refusal(json, 64);

            Assert.Equal(isAccepted, refusal is null);
            Assert.True(isAccepted || refusal!.Contains("depth-max", StringComparison.Ordinal), refusal);
        }
    }

    [Fact]
    public void Strings_are_written_so_that_they_come_back() => Property.Holds(
        Gen.Elements("a", "\"", "\\", "\n", "\0", "\u007f", "\u0085", "\u2028", "é", "😀", "<>&'", "/").ArrayOf().Select(string.Concat), text =>
        {
            var buffer = new ByteBuffer();
            JsonText.Write(text, buffer);

            Assert.Equal(text, JsonDocument.Parse(buffer.WrittenMemory).RootElement.GetString());
        });

    private static string? Refusal(byte[] json, int depthMax)
    {
        try
        {
            JsonRules.Read(json, depthMax, 0, (ref reader, text) => JsonRules.Walk(ref reader, text, depthMax));
            return null;
        }
        catch (ProtocolException e)
        {
            Assert.Equal(ErrorType.Malformed, e.Type);
            return e.Message;
        }
    }

    private static bool Accepts(byte[] json, int depthMax)
    {
        try
        {
            _ = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(json);
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = depthMax, AllowDuplicateProperties = false });
            return IsSound(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    private static bool IsSound(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().All(p => !p.Name.Contains('\0', StringComparison.Ordinal) && IsSound(p.Value)),
        JsonValueKind.Array => value.EnumerateArray().All(IsSound),
        JsonValueKind.String => !value.GetString()!.Contains('\0', StringComparison.Ordinal),
        JsonValueKind.Number => double.IsFinite(value.GetDouble()),
        _ => true,
    };

    private static string Serialized(byte[] json) => JsonSerializer.Serialize(JsonDocument.Parse(json).RootElement);

    /// <summary>Sound texts with damage, texts of fragments, and noise.</summary>
    private static Gen<byte[]> Texts() => Gen.OneOf(
        from json in Gen.Elements(Sound)
        from changes in (from at in Gen.Choose(0, 500) from value in Gen.OneOf(ArbMap.Default.GeneratorFor<byte>(), Gen.Elements("{}[]\":,\\ 019eu"u8.ToArray())) select (at, value)).ArrayOf()
            .Where(c => c.Length < 4)
        from cut in Gen.Choose(0, 12)
        select Changed(json, changes, cut),
        Gen.Elements(Fragments).ArrayOf().Select(f => Encoding.UTF8.GetBytes(string.Concat(f))),
        Objects().Select(Encoding.UTF8.GetBytes),
        ArbMap.Default.GeneratorFor<byte[]>());

    private static Gen<string> Objects() =>
        from names in Gen.Elements("a", "b", "\\u0061", "c", "d\\n", "é").ArrayOf()
        from value in Gen.Elements("1", "\"x\"", "[]", "{\"a\":{\"a\":1}}", "[[[[[[[[1]]]]]]]]", "1e308", "1e309")
        select "{" + string.Join(',', names.Select(n => $"\"{n}\":{value}")) + "}";

    private static byte[] Changed(byte[] json, (int At, byte Value)[] changes, int cut)
    {
        var changed = json.ToArray();
        foreach (var (at, value) in changes)
        {
            changed[at % changed.Length] = value;
        }

        return cut < 3 ? changed[..^cut] : changed;
    }
}
