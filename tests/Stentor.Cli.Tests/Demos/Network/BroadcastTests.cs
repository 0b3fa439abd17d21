using System.Text;
using Stentor.Cli.Demos.Network;

namespace Stentor.Cli.Tests.Demos.Network;

/// <summary>Broadcasts are compared as values, and counted.</summary>
public sealed class BroadcastTests
{
    [Fact]
    public void What_is_broadcast_is_what_was_published_and_who_did_it_however_it_is_written()
    {
        var published = Broadcast.Of("ada", Bytes("""{ "b": [1, {"y": 1.50, "x": null}], "authenticated_user": "eve", "a": "ü" }"""));

        Assert.Equal(published, Broadcast.Read(Bytes("""{"authenticated_user":"ada","a":"\u00fc","b":[1,{"x":null,"y":1.50}]}""")));
    }

    [Theory]
    [InlineData("""{"a":1}""")]
    [InlineData("""{"a":1,"authenticated_user":"eve"}""")]
    [InlineData("""{"a":2,"authenticated_user":"ada"}""")]
    [InlineData("""{"a":{"authenticated_user":"ada"}}""")]
    [InlineData("""{"a":1,"b":1,"authenticated_user":"ada"}""")]
    public void Another_value_or_another_user_is_another_broadcast(string other) =>
        Assert.NotEqual(Broadcast.Of("ada", Bytes("""{"a":1}""")), Broadcast.Read(Bytes(other)));

    [Fact]
    public void A_tally_says_what_is_missing_and_what_is_there_too_often()
    {
        var expected = TallyOf("a", "b", "b", "c");

        Assert.Equal("", TallyOf("b", "c", "a", "b").Against(expected));
        Assert.Equal("1 missing, such as ada: b", TallyOf("a", "b", "c").Against(expected));
        Assert.Equal("1 missing, such as ada: c; 2 too often, such as ada: b, ada: d", TallyOf("a", "b", "b", "b", "d").Against(expected));
    }

    [Fact]
    public void A_tally_lets_pass_what_may_be_there_but_not_twice()
    {
        var (expected, optional) = (TallyOf("a"), TallyOf("b"));

        Assert.Equal("", TallyOf("a").Against(expected, optional));
        Assert.Equal("", TallyOf("a", "b").Against(expected, optional));
        Assert.Equal("1 too often, such as ada: b", TallyOf("a", "b", "b").Against(expected, optional));
        Assert.Equal("1 missing, such as ada: a", TallyOf("b").Against(expected, optional));
    }

    [Fact]
    public void A_tally_covers_what_is_there_as_often_as_it_should_be()
    {
        Assert.True(TallyOf("a", "b", "b").Covers(TallyOf("b", "b")));
        Assert.False(TallyOf("a", "b").Covers(TallyOf("b", "b")));
        Assert.Equal(3, TallyOf("a", "b", "b").Count);
    }

    [Fact]
    public void The_documents_are_all_there_and_two_of_them_break_rules()
    {
        var documents = Document.All();

        Assert.Equal(205, documents.Count);
        Assert.Equal(["vocabulary-ex181-jsonld.json", "vocabulary-ex196-jsonld.json"], documents.Where(document => document.Fault is not null).Select(document => document.Name));
    }

    private static Tally TallyOf(params string[] values) => new(values.Select(value => new Broadcast("ada", value)));

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
