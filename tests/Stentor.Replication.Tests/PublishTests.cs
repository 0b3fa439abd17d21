using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

public sealed class PublishTests
{
    [Fact]
    public void An_entry_is_numbered_stamped_and_chained()
    {
        var eu = new Region("eu-1");

        var first = eu.Publish("""{"activity":{"type":"Note"}}""");
        var second = eu.Publish("""{"activity":{"type":"Note"}}""");

        Assert.Equal((1L, 1L, eu.Wall), (first.Seq, first.Lamport, first.Time));
        Assert.Equal((2L, 2L, eu.Wall + 1), (second.Seq, second.Lamport, second.Time));
        var entries = eu.Ledger.ConvertAll(e => Entry.Parse(e.Bytes));
        Assert.Equal(EntryHeader.ChainOf(entries[1].Bytes.Span, entries[0].Chain), entries[1].Chain);
        Assert.Equal(2, eu.State()!.Version);
        Assert.Equal(VersionVector.Of(eu.Origin, 2), second.Seen);
    }

    [Fact]
    public void Times_grow_when_the_clock_is_set_back_an_hour()
    {
        var eu = new Region("eu-1");
        var before = eu.Publish("""{"activity":{}}""").Time;
        eu.Wall -= 3_600_000_000;

        var after = eu.Publish("""{"activity":{}}""").Time;

        Assert.Equal(before + 1, after);
    }

    [Fact]
    public void Effects_fold_into_the_state_and_come_back_with_the_outcome()
    {
        var eu = new Region("eu-1");

        eu.Publish("""{"effect":{"set":{"title":"Final"},"add":{"red":2}}}""");
        var outcome = eu.Publish("""{"effect":{"set":{"title":{"a" : [1, 2]}},"add":{"red":0.5,"blue":1}}}""");

        Assert.Equal("""{"blue":1,"red":2.5,"title":{"a":[1,2]}}""", Texts.Of(outcome.State!.WriteState));
        Assert.Equal("2.5", System.Text.Encoding.UTF8.GetString(outcome.State!.Field("red").Span));
        Assert.Equal("""{"a":[1,2]}""", System.Text.Encoding.UTF8.GetString(outcome.State!.Field("title").Span));
        Assert.True(outcome.State!.Field("green").IsEmpty);
    }

    [Fact]
    public void A_counter_that_was_removed_starts_from_nothing()
    {
        var eu = new Region("eu-1");
        eu.Publish("""{"effect":{"add":{"red":2}}}""");
        eu.Publish("""{"effect":{"remove":["red"]}}""");

        Assert.Equal("{}", eu.StateText());
        eu.Publish("""{"effect":{"add":{"red":3}}}""");

        Assert.Equal("""{"red":3}""", eu.StateText());
    }

    [Theory]
    [InlineData("""{"effect":{"set":{"red":1}}}""", "red")]
    [InlineData("""{"effect":{"add":{"title":1}}}""", "title")]
    public void Set_and_add_on_one_field_are_refused_and_named(string body, string field)
    {
        var eu = new Region("eu-1");
        eu.Publish("""{"effect":{"set":{"title":"Final"},"add":{"red":2}}}""");

        var outcome = eu.Publish(body);

        Assert.Equal(ErrorType.MixedField, outcome.Refusal!.Type);
        Assert.Contains($"'{field}'", outcome.Refusal.Detail, StringComparison.Ordinal);
        Assert.Equal(1, eu.State()!.Version);
        Assert.Single(eu.Ledger);
    }

    [Theory]
    [InlineData("""{"activity":{},"if":{"exists":true}}""", "nothing was ever published")]
    [InlineData("""{"activity":{},"if":{"version":3}}""", "has version 0")]
    public void Conditions_on_a_new_channel_are_decided(string body, string detail)
    {
        var eu = new Region("eu-1");

        var refused = eu.Publish(body);
        var accepted = eu.Publish("""{"activity":{},"if":{"exists":false,"version":0}}""");

        Assert.Equal(ErrorType.ConditionNotMet, refused.Refusal!.Type);
        Assert.Contains(detail, refused.Refusal.Detail, StringComparison.Ordinal);
        Assert.Null(accepted.Refusal);
    }

    [Fact]
    public void Of_two_that_expect_the_same_version_in_one_batch_the_first_succeeds()
    {
        var eu = new Region("eu-1");
        eu.Publish("""{"activity":{}}""");

        var first = eu.Try("""{"activity":{},"if":{"version":1}}""");
        var second = eu.Try("""{"activity":{},"if":{"version":1}}""");
        var third = eu.Try("""{"activity":{},"if":{"exists":false}}""");

        Assert.Null(first.Refusal);
        Assert.Equal("`if.version` is 1, but scores.curling has version 2.", second.Refusal!.Detail);
        Assert.Equal("`if.exists` is false, but scores.curling exists with version 2.", third.Refusal!.Detail);
    }

    [Fact]
    public void The_same_id_again_is_answered_with_the_first_outcome()
    {
        var eu = new Region("eu-1");
        var first = eu.Try("""{"id":"a","effect":{"add":{"red":2}}}""");
        var sameBatch = eu.Try("""{"id":"a","effect":{"add":{"red":2}}}""");
        eu.Commit();
        eu.Publish("""{"effect":{"add":{"red":5}}}""");

        var later = eu.Publish("""{"id":"a","effect":{"add":{"red":2}}}""", channel: "elsewhere");
        var someoneElse = eu.Publish("""{"id":"a","effect":{"add":{"red":1}}}""", author: "bob");

        Assert.False(first.Duplicate);
        Assert.True(sameBatch.Duplicate);
        Assert.True(later.Duplicate);
        Assert.Equal((first.Channel, first.Seq, first.Lamport, first.Time), (later.Channel, later.Seq, later.Lamport, later.Time));
        Assert.Equal("""{"red":7}""", Texts.Of(later.State!.WriteState));
        Assert.Equal(VersionVector.Of(eu.Origin, 2), later.Seen);
        Assert.False(someoneElse.Duplicate);
        Assert.Equal("""{"red":8}""", eu.StateText());
    }

    [Fact]
    public void A_known_id_is_answered_even_when_its_condition_or_token_no_longer_holds()
    {
        var eu = new Region("eu-1");
        eu.Publish("""{"id":"a","activity":{},"if":{"exists":false}}""");
        var unseen = SeenToken.Encode(VersionVector.Of(new OriginId("us-1"), 9));

        var again = eu.Publish($$"""{"id":"a","activity":{},"if":{"exists":false},"after":"{{unseen}}"}""");

        Assert.True(again.Duplicate);
        Assert.Null(again.Refusal);
    }

    [Fact]
    public void A_token_that_the_region_does_not_cover_is_answered_with_what_is_missing()
    {
        var eu = new Region("eu-1");
        var unseen = VersionVector.Of(new OriginId("us-1"), 9).With(eu.Origin, 0);

        var outcome = eu.Publish($$"""{"activity":{},"after":"{{SeenToken.Encode(unseen)}}"}""");

        Assert.Equal(ErrorType.Behind, outcome.Refusal!.Type);
        Assert.Equal(unseen, outcome.Refusal.Missing);
        Assert.Null(eu.State());
    }

    [Fact]
    public void An_entry_depends_on_its_token_or_else_on_everything_without_the_own_component()
    {
        var eu = new Region("eu-1");
        var us = new Region("us-1");
        us.Publish("""{"activity":{}}""");
        us.Publish("""{"activity":{}}""");
        eu.ReceiveAll(us);
        eu.Publish("""{"activity":{}}""");
        var token = SeenToken.Encode(VersionVector.Of(us.Origin, 1).With(eu.Origin, 1));

        eu.Publish($$"""{"activity":{},"after":"{{token}}"}""");

        Assert.Equal(VersionVector.Of(us.Origin, 2), Entry.Parse(eu.Ledger[2].Bytes).After);
        Assert.Equal(VersionVector.Of(us.Origin, 1), Entry.Parse(eu.Ledger[3].Bytes).After);
    }

    [Fact]
    public void A_state_with_too_many_fields_is_refused_and_names_the_limit()
    {
        var eu = new Region("eu-1", ReplicaOptions.Default with { Limits = Limits.Default with { StateFieldsMax = 2 } });
        eu.Publish("""{"effect":{"set":{"a":1,"b":2}}}""");
        eu.Publish("""{"effect":{"remove":["b"]}}""");

        var full = eu.Publish("""{"effect":{"set":{"c":3}}}""");
        var known = eu.Publish("""{"effect":{"set":{"b":3}}}""");

        Assert.Equal(ErrorType.TooLarge, full.Refusal!.Type);
        Assert.Contains("state-fields-max", full.Refusal.Detail, StringComparison.Ordinal);
        Assert.Null(known.Refusal);
    }

    [Fact]
    public void A_state_with_too_many_bytes_is_refused_and_names_the_limit()
    {
        var eu = new Region("eu-1", ReplicaOptions.Default with { Limits = Limits.Default with { StateBytesMax = 10 } });
        eu.Publish("""{"effect":{"set":{"a":"12345"}}}""");

        var tooLong = eu.Publish("""{"effect":{"set":{"a":"12345678"}}}""");
        var tooMuch = eu.Publish("""{"effect":{"set":{"b":12}}}""");
        var fits = eu.Publish("""{"effect":{"set":{"b":1}}}""");
        var replaced = eu.Publish("""{"effect":{"set":{"b":"123456"},"remove":["a"]}}""");

        Assert.Equal((ErrorType.TooLarge, ErrorType.TooLarge), (tooLong.Refusal!.Type, tooMuch.Refusal!.Type));
        Assert.Contains("would have 11 bytes; the most is 10 (limit state-bytes-max)", tooLong.Refusal.Detail, StringComparison.Ordinal);
        Assert.Null(fits.Refusal);
        Assert.Null(replaced.Refusal);
        Assert.Equal("""{"b":"123456"}""", eu.StateText());
        Assert.Equal(ErrorType.TooLarge, eu.Publish("""{"effect":{"set":{"c":1}}}""").Refusal!.Type);
    }

    [Fact]
    public void Rollback_takes_back_everything_since_the_last_commit()
    {
        var eu = new Region("eu-1");
        eu.Publish("""{"effect":{"add":{"red":1}}}""");
        var mark = eu.Replica.Mark;
        eu.Try("""{"id":"x","effect":{"add":{"red":1}}}""");
        eu.Try("""{"activity":{}}""", channel: "other");

        eu.Replica.Rollback();
        eu.Outbox.Clear();

        Assert.Equal(mark, eu.Replica.Mark);
        var again = eu.Publish("""{"id":"x","effect":{"add":{"red":1}}}""");
        Assert.False(again.Duplicate);
        Assert.Equal(2, again.Seq);
        Assert.Equal("""{"red":2}""", eu.StateText());
        Assert.Null(eu.State("other"));
    }
}
