using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Stentor.Protocol.Tests;

public sealed class EntryTests
{
    private static Gen<EntryParts> Parts { get; } =
        from channel in Gen.Elements("a", "scores.stone-curling", "_accounts.ann")
        from origin in Gen.Elements("eu-7f3a", "a")
        from seq in Gen.Elements(1L, 42, long.MaxValue)
        from lamport in Gen.Elements(1L, 1_000_000)
        from time in Gen.Elements(0L, 1_700_000_000_123_456, EntryTime.Max)
        from author in Gen.Elements("ann", "anonymous", "a.b_c-d")
        from after in VersionVectorTests.Vectors
        from id in Gen.Elements(null, "x", "\"}\\{,", "ünïcode \u0001\u2028 😀", "\\\"")
        from effect in Gen.Elements(
            null,
            """{"set":{"b":{"a":[1,"}"]},"a":"x\"y"}}""",
            """{"remove":["q\"}","p"],"add":{"n":-1.50,"m":1e3}}""")
        from activity in Gen.Elements("", """{"type":"Note","chain":"0000000000000000"}""", """{ "a" : [ 1 , { "b" : "x \\\" y" } ] }""")
        where effect is not null || activity.Length > 0
        select new EntryParts(
            channel, new OriginId(origin), seq, lamport, time, author, after, id, effect is null ? null : Body($$"""{"effect":{{effect}}}""").Effect, Encoding.UTF8.GetBytes(activity));

    [Fact]
    public void An_entry_comes_back_from_its_bytes() => Property.Holds(from p in Parts from c in Gen.Elements(0UL, 77UL) select (p, c), pair =>
    {
        var (parts, previous) = pair;
        var buffer = new ByteBuffer(16);
        buffer.Write("before"u8);
        var chain = EntryWriter.Write(parts, previous, buffer);
        var bytes = buffer.WrittenMemory["before".Length..];

        var entry = Entry.Parse(bytes);

        Assert.Equal((parts.Channel, parts.Origin, parts.Seq, parts.Lamport, parts.Time), (entry.Channel, entry.Origin, entry.Seq, entry.Lamport, entry.Time));
        Assert.Equal((parts.Author, parts.After, parts.Id), (entry.Author, entry.After, entry.Id));
        Assert.Equal((chain, chain), (entry.Chain, EntryHeader.ChainOf(bytes.Span, previous)));
        Assert.True(parts.Activity.IsEmpty ? entry.Activity.IsEmpty : JsonElement.DeepEquals(Json(parts.Activity), Json(entry.Activity)));
        Assert.Equal(parts.Channel, Encoding.UTF8.GetString(EntryHeader.ChannelOf(bytes.Span)));
        Assert.True(EntryHeader.TryRead(bytes.Span, out var header) && EntryBody.TryRead(bytes.Span, header, out var body) && body.Activity.SequenceEqual(entry.Activity.Span));
        Assert.DoesNotContain((byte)'\n', bytes.ToArray());

        var again = new ByteBuffer();
        EntryWriter.Write(
            new EntryParts(entry.Channel, entry.Origin, entry.Seq, entry.Lamport, entry.Time, entry.Author, entry.After, entry.Id, entry.Effect, entry.Activity), previous, again);
        Assert.Equal(bytes.ToArray(), again.WrittenSpan.ToArray());
        var root = Json(bytes);
        Assert.Equal(parts.Id, root.TryGetProperty("id", out var id) ? id.GetString() : null);
        Assert.Equal(EntryTime.ToText(parts.Time), root.GetProperty("time").GetString());
    });

    [Fact]
    public void The_keys_stand_in_their_one_order()
    {
        var buffer = new ByteBuffer();
        var body = Body("""{"effect":{"set":{"a":1}},"activity":{"x":2},"id":"i"}""");

        EntryWriter.Write(new EntryParts("c", new("eu-1"), 2, 3, 1_700_000_000_000_000, "ann", VersionVector.Of(new OriginId("us-1"), 4), body.Id, body.Effect, body.Activity), 5, buffer);

        Assert.StartsWith(
            """{"channel":"c","origin":"eu-1","seq":2,"lamport":3,"time":"2023-11-14T22:13:20.000000Z","author":"ann","after":{"us-1":4},"id":"i","effect":{"set":{"a":1}},"activity":{"x":2},"chain":""" + "\"",
            Encoding.UTF8.GetString(buffer.WrittenSpan),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_entries_are_told_apart_or_refused_and_never_do_worse() => Property.Holds(Damaged(), bytes =>
    {
        if (EntryHeader.TryRead(bytes, out var header))
        {
            Assert.True(ChannelName.IsValid(header.Channel) && OriginId.IsValid(header.Origin) && header.Seq > 0 && header.Lamport > 0);
            if (EntryBody.TryRead(bytes, header, out var body))
            {
                EntryBody.TryReadAfter(body.After, out _);
            }
        }

        try
        {
            Entry.Parse(bytes);
        }
        catch (ProtocolException e)
        {
            Assert.Equal(ErrorType.Malformed, e.Type);
        }
    }, runs: 5_000, Property.Shorter);

    [Fact]
    public void Every_flipped_bit_shows_in_the_chain_or_the_form()
    {
        var buffer = new ByteBuffer();
        var body = Body("""{"effect":{"set":{"a":1}},"activity":{"x":"some text"},"id":"i"}""");
        EntryWriter.Write(new EntryParts("c", new("eu-1"), 2, 3, 1_700_000_000_000_000, "ann", VersionVector.Of(new OriginId("us-1"), 4), body.Id, body.Effect, body.Activity), 5, buffer);

        for (var bit = 0; bit < buffer.Length * 8; bit++)
        {
            var damaged = buffer.WrittenSpan.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(EntryHeader.TryRead(damaged, out var header) && EntryHeader.ChainOf(damaged, 5) == header.Chain, $"bit {bit}");
        }
    }

    [Fact]
    public void Times_are_written_with_six_decimals_and_come_back() => Property.Holds(
        from day in Gen.Choose(0, (int)(EntryTime.Max / 86_400_000_000))
        from second in Gen.Choose(0, 86_399)
        from micro in Gen.Choose(0, 999_999)
        select (day * 86_400_000_000L) + (second * 1_000_000L) + micro, micros =>
        {
            var text = EntryTime.ToText(micros);

            Assert.Equal(DateTime.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'"), text);
            Assert.True(EntryTime.TryParse(Encoding.ASCII.GetBytes(text), out var again));
            Assert.Equal(micros, again);
        });

    [Theory]
    [InlineData("2023-11-14T22:13:20.000000z")]
    [InlineData("2023-11-14 22:13:20.000000Z")]
    [InlineData("2023-02-30T22:13:20.000000Z")]
    [InlineData("2023-11-14T24:13:20.000000Z")]
    [InlineData("1969-12-31T23:59:59.999999Z")]
    [InlineData("2023-11-14T22:13:20.00000Z")]
    [InlineData("2023-11-14T22:13:20.0000000")]
    [InlineData("")]
    public void Other_forms_of_a_time_are_refused(string text) => Assert.False(EntryTime.TryParse(Encoding.ASCII.GetBytes(text), out _));

    private static Gen<byte[]> Damaged() =>
        from parts in Parts
        from cut in Gen.Choose(0, 40)
        from changes in (from at in Gen.Choose(0, 2_000) from value in ArbMap.Default.GeneratorFor<byte>() select (at, value)).ArrayOf().Where(c => c.Length < 5)
        from swap in Gen.Choose(0, 3)
        select Damage(parts, cut, changes, swap);

    private static byte[] Damage(EntryParts parts, int cut, (int At, byte Value)[] changes, int swap)
    {
        var buffer = new ByteBuffer();
        EntryWriter.Write(parts, 0, buffer);
        var bytes = buffer.WrittenSpan.ToArray();
        foreach (var (at, value) in changes)
        {
            bytes[at % bytes.Length] = value;
        }

        return swap switch
        {
            0 => bytes[..Math.Max(0, bytes.Length - cut)],
            1 => [.. bytes[..(bytes.Length / 2)], .. bytes[Math.Min(bytes.Length, (bytes.Length / 2) + cut)..]],
            _ => bytes,
        };
    }

    private static JsonElement Json(ReadOnlyMemory<byte> json) => JsonDocument.Parse(json).RootElement;

    private static PublishBody Body(string json) => PublishBody.Parse(Encoding.UTF8.GetBytes(json), Limits.Default);
}
