using System.Text;
using System.Text.Json;
using FsCheck.Fluent;
using Xunit;

namespace Stentor.Protocol.Tests;

public sealed class PublishBodyTests
{
    [Fact]
    public void Everything_that_a_publish_can_say_is_read()
    {
        var after = VersionVector.Of(new OriginId("eu-1"), 4);

        var body = Parse($$$"""
            { "id" : "\u0069-1", "copies": 3, "if": {"version": 7, "exists": true}, "after": "{{{SeenToken.Encode(after)}}}",
              "effect": {"remove": ["z", "y"], "set": {"b": {"x": [1, 2]}, "a": null}, "add": {"n": -1.50}},
              "activity": {"type": "Note"} }
            """);

        Assert.Equal(("i-1", 3, 7, true), (body.Id, body.Copies, body.Version, body.Exists));
        Assert.Equal(after, body.After);
        Assert.Equal("""{"type": "Note"}""", Encoding.UTF8.GetString(body.Activity.Span));
        var buffer = new ByteBuffer();
        body.Effect!.Write(buffer);
        Assert.Equal("""{"set":{"a":null,"b":{"x":[1,2]}},"add":{"n":-1.5},"remove":["y","z"]}""", Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    [Theory]
    [InlineData("[]", "must be an object")]
    [InlineData("{}", "needs `activity` or `effect`")]
    [InlineData("""{"activity":[]}""", "`activity` must be an object")]
    [InlineData("""{"activity":null}""", "`activity` must be an object")]
    [InlineData("""{"activity":{},"activity":{}}""", "'activity' stands twice")]
    [InlineData("""{"activity":{},"\u0061ctivity":{}}""", "'activity' stands twice")]
    [InlineData("""{"activity":{},"colour":1}""", "has the key 'colour'")]
    [InlineData("""{"activity":{},"\ud800":1}""", "surrogate")]
    [InlineData("""{"activity":{},"if":{"\ud800":1}}""", "surrogate")]
    [InlineData("""{"effect":{"\ud800":1}}""", "surrogate")]
    [InlineData("""{"activity":{},"id":""}""", "not empty")]
    [InlineData("""{"activity":{},"id":7}""", "`id` must be a string")]
    [InlineData("""{"activity":{},"id":"\u0000"}""", "NUL")]
    [InlineData("""{"activity":{},"after":7}""", "seen token")]
    [InlineData("""{"activity":{},"after":"x"}""", "not a seen token")]
    [InlineData("""{"activity":{},"copies":0}""", "from 1 to 64")]
    [InlineData("""{"activity":{},"copies":1.5}""", "from 1 to 64")]
    [InlineData("""{"activity":{},"copies":65}""", "from 1 to 64")]
    [InlineData("""{"activity":{},"if":7}""", "`if` must be an object")]
    [InlineData("""{"activity":{},"if":{}}""", "`if` is empty")]
    [InlineData("""{"activity":{},"if":{"exists":1}}""", "true or false")]
    [InlineData("""{"activity":{},"if":{"version":-1}}""", "not negative")]
    [InlineData("""{"activity":{},"if":{"version":1,"version":1}}""", "'version' stands twice")]
    [InlineData("""{"activity":{},"if":{"older":1}}""", "`if` has the key 'older'")]
    [InlineData("""{"effect":[]}""", "`effect` must be an object")]
    [InlineData("""{"effect":{}}""", "changes nothing")]
    [InlineData("""{"effect":{"set":{}}}""", "changes nothing")]
    [InlineData("""{"effect":{"set":[]}}""", "`effect.set` must be an object")]
    [InlineData("""{"effect":{"set":{"a":1},"set":{"b":1}}}""", "'set' twice")]
    [InlineData("""{"effect":{"set":{"a":1},"remove":["\u0061"]}}""", "'a' stands twice in `effect`")]
    [InlineData("""{"effect":{"set":{"a":{"x":1,"x":2}}}}""", "'x' stands twice")]
    [InlineData("""{"effect":{"remove":{"a":1}}}""", "array of field names")]
    [InlineData("""{"effect":{"remove":[1]}}""", "array of field names")]
    [InlineData("""{"effect":{"remove":["a","a"]}}""", "'a' stands twice in `effect`")]
    [InlineData("""{"effect":{"add":{"a":"1"}}}""", "`effect.add.a` must be a number from -1e15 to 1e15")]
    [InlineData("""{"effect":{"add":{"a":1e16}}}""", "`effect.add.a` must be")]
    [InlineData("""{"effect":{"add":{"a":0.0000000001}}}""", "at most 9 decimals")]
    [InlineData("""{"effect":{"set":{"":1}}}""", "name in `effect` is empty")]
    [InlineData("""{"effect":{"grow":{}}}""", "has the key 'grow'")]
    [InlineData("""{"activity":{}} x""", "not JSON")]
    [InlineData("", "not JSON")]
    public void A_malformed_publish_is_refused_with_what_is_wrong(string json, string detail)
    {
        var refusal = Assert.Throws<ProtocolException>(() => Parse(json));

        Assert.Equal(ErrorType.Malformed, refusal.Type);
        Assert.Contains(detail, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"effect":{"set":{"a":1},"add":{"\u0061":1}}}""")]
    [InlineData("""{"effect":{"add":{"a":1},"remove":["b"],"set":{"a":1}}}""")]
    public void An_effect_that_sets_a_field_and_adds_to_it_is_refused_as_mixed(string json)
    {
        var refusal = Assert.Throws<ProtocolException>(() => Parse(json));

        Assert.Equal(ErrorType.MixedField, refusal.Type);
        Assert.Contains("'a' stands in both `set` and `add`", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"activity":{"text":"012345678901234"}}""", "activity-bytes-max")]
    [InlineData("""{"effect":{"set":{"a":"012345678901234"}}}""", "activity-bytes-max")]
    [InlineData("""{"activity":{},"id":"12345"}""", "publish-id-bytes-max")]
    [InlineData("""{"activity":{},"id":"ééé"}""", "publish-id-bytes-max")]
    [InlineData("""{"effect":{"remove":["12345"]}}""", "field-name-bytes-max")]
    [InlineData("""{"effect":{"remove":["ééé"]}}""", "field-name-bytes-max")]
    [InlineData("""{"effect":{"set":{"a":1,"b":2,"c":3}}}""", "effect-fields-max")]
    public void Over_a_limit_the_answer_names_it(string json, string limit)
    {
        var limits = Limits.Default with { ActivityBytesMax = 25, PublishIdBytesMax = 4, FieldNameBytesMax = 4, EffectFieldsMax = 2 };

        var refusal = Assert.Throws<ProtocolException>(() => PublishBody.Parse(Encoding.UTF8.GetBytes(json), limits));

        Assert.Equal(ErrorType.TooLarge, refusal.Type);
        Assert.Contains($"limit {limit}", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"activity":{},"id":"\u0061\u0062\u0063\u0064"}""")]
    [InlineData("""{"effect":{"remove":["\u0061\u0062\u0063\u0064"]}}""")]
    public void Limits_count_what_is_meant_and_not_how_it_is_escaped(string json) =>
        PublishBody.Parse(Encoding.UTF8.GetBytes(json), Limits.Default with { PublishIdBytesMax = 4, FieldNameBytesMax = 4 });

    [Theory]
    [InlineData("""{"activity":{"a":VALUE}}""", 63)]
    [InlineData("""{"effect":{"set":{"a":VALUE}}}""", 64)]
    public void Values_nest_as_deep_as_the_limit_and_no_deeper(string json, int depth)
    {
        string Nested(int levels) => json.Replace("VALUE", new string('[', levels) + new string(']', levels), StringComparison.Ordinal);

        Parse(Nested(depth));
        foreach (var tooDeep in new[] { depth + 1, depth + 2, depth + 3, 10_000 })
        {
            var refusal = Assert.Throws<ProtocolException>(() => Parse(Nested(tooDeep)));
            Assert.Contains("deeper than 64 levels (limit depth-max)", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_effect_with_many_fields_is_read_as_well()
    {
        var fields = string.Join(',', Enumerable.Range(0, 1_024).Select(i => $"\"f{i:D4}\":{i}"));

        var effect = Parse("""{"effect":{"add":{""" + fields + "}}}").Effect!;

        Assert.Equal(1_024, effect.Add.Length);
        Assert.Equal("f1023", effect.Add[^1].Field);
        Assert.Throws<ProtocolException>(() => Parse("""{"effect":{"add":{""" + fields + ""","f0007":1}}}"""));
    }

    [Fact]
    public void Whatever_comes_in_is_read_or_refused() => Property.Holds(
        from json in Gen.Elements(
            """{"id":"a","copies":3,"if":{"version":7,"exists":true},"after":"AQRldS0xBPN1","effect":{"remove":["z"],"set":{"b":{"x":[1,2]}},"add":{"n":-1.50}},"activity":{"type":"Note"}}""")
        from changes in (from at in Gen.Choose(0, 400) from value in Gen.OneOf(ArbMap.Default.GeneratorFor<byte>(), Gen.Elements("{}[]\":,\\ 019eu"u8.ToArray())) select (at, value))
            .ArrayOf().Where(c => c.Length < 6)
        from cut in Gen.Choose(0, 60)
        select Changed(Encoding.UTF8.GetBytes(json), changes, cut), bytes =>
        {
            try
            {
                var body = PublishBody.Parse(bytes, Limits.Default);
                Assert.True(body.Effect is not null || JsonDocument.Parse(body.Activity).RootElement.ValueKind == JsonValueKind.Object);
            }
            catch (ProtocolException e)
            {
                Assert.Contains(e.Type, new[] { ErrorType.Malformed, ErrorType.TooLarge });
            }
        }, runs: 5_000, Property.Shorter);

    private static byte[] Changed(byte[] json, (int At, byte Value)[] changes, int cut)
    {
        foreach (var (at, value) in changes)
        {
            json[at % json.Length] = value;
        }

        return cut < 10 ? json[..^cut] : json;
    }

    private static PublishBody Parse(string json) => PublishBody.Parse(Encoding.UTF8.GetBytes(json), Limits.Default);
}
