using System.Text;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Stentor.Protocol;

namespace Stentor.Node.Tests;

public sealed class WireFormTests
{
    private const string LineStart = """{"command":"ACTIVITY_BROADCAST","activity":""";

    /// <summary>Values of fields, in any spacing, with the name that counts only at the top.</summary>
    private static Gen<string> Values { get; } = Gen.Elements(
        "1", "-0.5e3", "true", "null", "\"\"", "\"ann\"", "\" \\\"}, \\\\\"", "\"\\u00e9\\ud83d\\ude00 é\"", "[ ]", "[1 ,[{}],\"]\"]",
        """{"authenticated_user":"bob"}""", """{ "a" : { "authenticated_user" : [ 1 ] , "b" : "}" } }""", """["authenticated_user",{"\u0061":1}]""");

    private static Gen<string> Fields { get; } = Gen.OneOf(
        from name in Gen.Elements("a", "b", "c", "", "authenticated_users", "Authenticated_user", "authenticated\\\\u005fuser", "\\u0061uthenticated", "é\\n\\\"", "user\\u005f")
        from value in Values
        select $"\"{name}\" : {value}",
        from name in Gen.Elements("authenticated_user", "authenticated\\u005fuser", "\\u0061\\u0075thenticated_use\\u0072")
        from value in Gen.OneOf(Values, Gen.Elements("\"ann\"", "\"a\\u006en\"", "\"\\u0061\\u006E\\u006e\"", "\"a.b_c-d\"", "\"bob\"", "\"ANN\"", "\"anna\"", "\"an\""))
        select $"\"{name}\":{value}");

    private static Gen<EntryParts> Parts { get; } =
        from channel in Gen.Elements("a", "scores.stone-curling")
        from origin in Gen.Elements("e", "eu-7f3a")
        from seq in Gen.Elements(1L, long.MaxValue)
        from author in Gen.Elements("a", "ann", "anonymous", "a.b_c-d", new string('x', Username.LengthMax), Accounts.ForeignServer)
        from after in Gen.Elements(VersionVector.Empty, VersionVector.Of(new OriginId("us-1"), 4))
        from id in Gen.Elements(null, "x", "\",\"activity\":{}")
        from effect in Gen.Elements(null, """{"set":{"activity":{"a":[1,"}"]}}}""", """{"add":{"authenticated_user":1}}""")
        from activity in Fields.ArrayOf().Select(fields => $"{{{string.Join(" , ", fields)}}}").Where(IsPublishable)
        select Entry(activity, author) with { Channel = channel, Origin = new OriginId(origin), Seq = seq, After = after, Id = id, Effect = effect is null ? null : EffectOf(effect) };

    [Theory]
    [InlineData("""{}""", "ann", """{"authenticated_user":"ann"}""")]
    [InlineData("""{"type":"Note"}""", "ann", """{"type":"Note","authenticated_user":"ann"}""")]
    [InlineData("""{"type":"Note"}""", "anonymous", """{"type":"Note","authenticated_user":"anonymous"}""")]
    [InlineData("""{"authenticated_user":"ann","type":"Note"}""", "ann", """{"authenticated_user":"ann","type":"Note"}""")]
    [InlineData("""{"type":"Note","authenticated_user":"\u0061n\u006E"}""", "ann", """{"type":"Note","authenticated_user":"\u0061n\u006E"}""")]
    [InlineData("""{"authenticated\u005fuser":"ann","n":1}""", "ann", """{"authenticated\u005fuser":"ann","n":1}""")]
    [InlineData("""{"authenticated_user":"bob"}""", "ann", """{"authenticated_user":"ann"}""")]
    [InlineData("""{"authenticated_user":"bob","n":1}""", "ann", """{"n":1,"authenticated_user":"ann"}""")]
    [InlineData("""{"n":1,"authenticated\u005fuser":"bob","m":[{}]}""", "ann", """{"n":1,"m":[{}],"authenticated_user":"ann"}""")]
    [InlineData("""{"n":1,"authenticated_user":{"ann":["ann"]}}""", "ann", """{"n":1,"authenticated_user":"ann"}""")]
    [InlineData("""{"authenticated_user":"annie"}""", "ann", """{"authenticated_user":"ann"}""")]
    [InlineData("""{"authenticated_user":"an"}""", "ann", """{"authenticated_user":"ann"}""")]
    [InlineData("""{"authenticated_user":"\\u0061nn"}""", "ann", """{"authenticated_user":"ann"}""")]
    [InlineData("""{"authenticated_user":"\u0161nn"}""", "ann", """{"authenticated_user":"ann"}""")]
    [InlineData("""{"authenticated_user":null,"text":"a } , \" b"}""", "ann", """{"text":"a } , \" b","authenticated_user":"ann"}""")]
    [InlineData("""{"object":{"authenticated_user":"bob"},"Authenticated_user":1}""", "ann", """{"object":{"authenticated_user":"bob"},"Authenticated_user":1,"authenticated_user":"ann"}""")]
    [InlineData("""{ "a" : [ 1 , 2 ] }""", "ann", """{"a":[1,2],"authenticated_user":"ann"}""")]
    [InlineData("""{}""", Accounts.ForeignServer, """{}""")]
    [InlineData("""{"authenticated_user":"bob","n":1}""", Accounts.ForeignServer, """{"authenticated_user":"bob","n":1}""")]
    public void A_broadcast_says_who_published_it(string activity, string author, string sent) => Assert.Equal($"{LineStart}{sent}}}\n", Line(Bytes(Entry(activity, author))));

    [Theory]
    [InlineData("""{"authenticated_user":"bob","authenticated_user":"ann","n":1}""", """{"n":1,"authenticated_user":"ann"}""")]
    [InlineData("""{"authenticated_user":"ann","n":1,"authenticated\u005fuser":7}""", """{"n":1,"authenticated_user":"ann"}""")]
    [InlineData("""{"authenticated_user":"ann","n":1,"authenticated_user":"ann"}""", """{"authenticated_user":"ann","n":1,"authenticated_user":"ann"}""")]
    [InlineData("""{"\ud800bcdefghijklmnopq":1,"authenticated_user":"\ud800"}""", """{"\ud800bcdefghijklmnopq":1,"authenticated_user":"ann"}""")]
    public void What_no_publish_brings_in_is_made_good_or_passed_on_and_never_throws(string activity, string sent) =>
        Assert.Equal($"{LineStart}{sent}}}\n", Line(Bytes(Entry(activity, "ann"))));

    [Fact]
    public void An_activity_however_deep_is_broadcast()
    {
        var deep = $$"""{"a":{{new string('[', 1_000)}}{{new string(']', 1_000)}}}""";

        Assert.Equal($"{LineStart}{deep[..^1]},\"authenticated_user\":\"ann\"}}}}\n", Line(Bytes(Entry(deep, "ann"))));
    }

    [Fact]
    public void A_broadcast_holds_the_activity_that_was_published_and_its_author() => Holds(Parts, parts =>
    {
        var line = Line(Bytes(parts));

        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        var sent = JsonNode.Parse(line)!.AsObject(); // An object.
        Assert.Equal(["command", "activity"], sent.Select(field => field.Key));
        var expected = JsonNode.Parse(parts.Activity.Span)!.AsObject(); // Activities are objects.
        if (parts.Author != Accounts.ForeignServer)
        {
            expected["authenticated_user"] = parts.Author;
        }

        Assert.True(JsonNode.DeepEquals(expected, sent["activity"]), line);
    });

    [Fact]
    public void An_entry_without_an_activity_has_no_broadcast_and_has_the_other_forms() => Holds(Parts.Where(parts => parts.Effect is not null), parts =>
    {
        var entry = Bytes(parts with { Activity = default });

        Assert.Equal(
            [WireForm.Lines, WireForm.WebSocket, WireForm.ServerSentEvents],
            Enum.GetValues<WireForm>().Where(form => WireForms.Carries(form, entry)));
        Assert.True(WireForms.Carries(WireForm.ActivityStreamer, Bytes(parts)));
    });

    [Fact]
    public void No_form_of_an_entry_is_longer_than_its_bound() => Holds(from parts in Parts from length in Gen.Elements(0, 1, 20, 500, 70_000) select (parts, length), pair =>
    {
        var entry = Bytes(pair.parts);
        var token = new byte[pair.length];

        // The destination is no longer than the bound: more would throw.
        var destination = new byte[WireForms.EntryLengthMax(entry.Length, token.Length)];

        Assert.All(Enum.GetValues<WireForm>(), form => Assert.InRange(WireForms.WriteEntry(form, entry, token, destination), 1, destination.Length));
        Assert.InRange(WireForms.WriteEntry(WireForm.ActivityStreamer, entry, token, destination), 1, entry.Length);
    });

    [Theory]
    [InlineData("""{"type":"Note","object":{"content":[1,2,{"a":"b"}]}}""")]
    [InlineData("""{"type":"Note","authenticated_user":"ann"}""")]
    [InlineData("""{"type":"Note","authenticated\u005fuser":"b\u006fb"}""")]
    public void Encoding_a_broadcast_allocates_nothing(string activity)
    {
        var entry = Bytes(Entry(activity, "ann") with { Effect = EffectOf("""{"add":{"n":1}}""") });
        var destination = new byte[WireForms.EntryLengthMax(entry.Length, 0)];
        Encode(1); // What runs for the first time may allocate.

        var before = GC.GetAllocatedBytesForCurrentThread();
        Encode(100);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Encode(int times)
        {
            for (var i = 0; i < times; i++)
            {
                if (WireForms.Carries(WireForm.ActivityStreamer, entry))
                {
                    WireForms.WriteEntry(WireForm.ActivityStreamer, entry, default, destination);
                }
            }
        }
    }

    [Fact]
    public void A_frame_in_the_form_of_broadcasts_ends_with_a_line_feed()
    {
        var buffer = new ByteBuffer();

        WireForms.WriteFrame(WireForm.ActivityStreamer, """{"command":"LOGIN_SUCCESS"}"""u8, buffer);

        Assert.Equal("{\"command\":\"LOGIN_SUCCESS\"}\n", Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void Holds<T>(Gen<T> values, Action<T> property) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000).WithQuietOnSuccess(true), Prop.ForAll(Arb.From(values), property));

    private static bool IsPublishable(string activity)
    {
        try
        {
            TestNode.Body($$"""{"activity":{{activity}}}""");
            return true;
        }
        catch (ProtocolException)
        {
            return false; // A field stands in it twice.
        }
    }

    private static Effect? EffectOf(string effect) => TestNode.Body($$"""{"effect":{{effect}}}""").Effect;

    private static EntryParts Entry(string activity, string author) =>
        new("a", new OriginId("e"), 1, 1, 0, author, VersionVector.Empty, Id: null, Effect: null, Encoding.UTF8.GetBytes(activity));

    private static byte[] Bytes(EntryParts parts)
    {
        var buffer = new ByteBuffer();
        EntryWriter.Write(parts, 0, buffer);
        return buffer.WrittenSpan.ToArray();
    }

    private static string Line(byte[] entry)
    {
        var destination = new byte[WireForms.EntryLengthMax(entry.Length, 0)];
        return Encoding.UTF8.GetString(destination, 0, WireForms.WriteEntry(WireForm.ActivityStreamer, entry, default, destination));
    }
}
