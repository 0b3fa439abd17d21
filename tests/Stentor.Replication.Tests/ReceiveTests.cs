using System.Text;
using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

public sealed class ReceiveTests
{
    private readonly Region _eu = new("eu-1");
    private readonly Region _us = new("us-1");

    [Fact]
    public void Regions_that_exchange_their_entries_hold_the_same_state()
    {
        _eu.Publish("""{"effect":{"set":{"title":"A"},"add":{"red":1}}}""");
        _us.Publish("""{"effect":{"set":{"title":"B"},"add":{"red":2}}}""");

        _eu.ReceiveAll(_us);
        _us.ReceiveAll(_eu);

        Assert.Equal("""{"red":3,"title":"B"}""", _eu.StateText());
        Assert.Equal(_eu.State()!.Bytes(), _us.State()!.Bytes());
    }

    [Fact]
    public void The_value_that_lost_against_a_concurrent_one_is_named()
    {
        _eu.Publish("""{"effect":{"set":{"title":"A"}}}""");
        _us.Wall++;
        _us.Publish("""{"effect":{"set":{"title":"B"}}}""", author: "bob");

        _eu.ReceiveAll(_us);
        _us.ReceiveAll(_eu);

        var expected = """[{"field":"title","lost":{"set":"A","origin":"eu-1","seq":1,"time":"2023-11-14T22:13:20.000000Z","author":"ann"}"""
            + ""","winner":{"set":"B","origin":"us-1","seq":1,"time":"2023-11-14T22:13:20.000001Z","author":"bob"}}]""";
        Assert.Equal(expected, _eu.ConflictsText());
        Assert.Equal(expected, _us.ConflictsText());
    }

    [Fact]
    public void What_was_written_by_someone_who_knew_is_no_conflict()
    {
        _eu.Publish("""{"effect":{"set":{"title":"A"}}}""");
        _us.ReceiveAll(_eu);
        _us.Publish("""{"effect":{"set":{"title":"B"}}}""");
        _eu.ReceiveAll(_us);

        Assert.Equal("""{"title":"B"}""", _eu.StateText());
        Assert.Equal("[]", _eu.ConflictsText());
    }

    [Fact]
    public void An_add_that_a_concurrent_set_hides_is_named()
    {
        _eu.Publish("""{"effect":{"add":{"visits":3}}}""");
        _us.Publish("""{"effect":{"set":{"visits":"many"}}}""");

        _eu.ReceiveAll(_us);
        _us.ReceiveAll(_eu);

        Assert.Equal("""{"visits":"many"}""", _eu.StateText());
        Assert.Equal("""{"visits":"many"}""", _us.StateText());
        Assert.StartsWith("""[{"field":"visits","lost":{"add":3,"origin":"eu-1","seq":1,""", _eu.ConflictsText(), StringComparison.Ordinal);
        Assert.Equal(_eu.ConflictsText(), _us.ConflictsText());
    }

    [Fact]
    public void An_add_that_was_known_and_removed_is_no_conflict()
    {
        _eu.Publish("""{"effect":{"add":{"visits":3}}}""");
        _us.ReceiveAll(_eu);
        _us.Publish("""{"effect":{"remove":["visits"]}}""");
        _us.Publish("""{"effect":{"set":{"visits":"many"}}}""");

        _eu.ReceiveAll(_us);

        Assert.Equal("[]", _us.ConflictsText());
        Assert.Equal("[]", _eu.ConflictsText());
    }

    [Fact]
    public void A_late_remove_that_is_older_than_some_adds_leaves_those()
    {
        _eu.Publish("""{"effect":{"add":{"red":1}}}""");
        _us.Wall += 10;
        _us.Publish("""{"effect":{"remove":["red"]}}""");
        _eu.Wall += 20;
        _eu.Publish("""{"effect":{"add":{"red":5}}}""");
        _eu.Publish("""{"effect":{"add":{"red":7}}}""");

        _eu.ReceiveAll(_us);
        _us.ReceiveAll(_eu);

        Assert.Equal("""{"red":12}""", _eu.StateText());
        Assert.Equal(_eu.State()!.Bytes(), _us.State()!.Bytes());
    }

    [Fact]
    public void An_activity_that_was_published_in_two_regions_under_one_id_counts_once()
    {
        const string Body = """{"id":"retry-1","effect":{"add":{"red":2},"set":{"title":"A"}}}""";
        _eu.Publish(Body);
        _us.Publish(Body);

        _eu.ReceiveAll(_us);
        _us.ReceiveAll(_eu);

        Assert.Equal("""{"red":2,"title":"A"}""", _eu.StateText());
        Assert.Equal(1, _eu.State()!.Version);
        Assert.Equal(_eu.StateText(), _us.StateText());
        Assert.Equal("us-1", _eu.State()!.LastOrigin.Value);
        Assert.Equal([false, true], _eu.Ledger.Select(e => e.Repeat));
        Assert.Equal("[]", _eu.ConflictsText());
    }

    [Fact]
    public void Different_activities_under_one_id_are_two()
    {
        _eu.Publish("""{"id":"x","effect":{"add":{"red":2}}}""");
        _us.Publish("""{"id":"x","effect":{"add":{"red":3}}}""");
        var asia = new Region("asia-1");
        asia.Publish("""{"id":"x","effect":{"add":{"red":3}}}""");

        _eu.ReceiveAll(_us);
        _eu.ReceiveAll(asia);
        _us.ReceiveAll(asia);
        _us.ReceiveAll(_eu);

        Assert.Equal("""{"red":5}""", _eu.StateText());
        Assert.Equal("""{"red":5}""", _us.StateText());
        Assert.Equal(2, _eu.State()!.Version);
        Assert.Equal(2, _us.State()!.Version);
    }

    [Fact]
    public void What_comes_again_changes_nothing()
    {
        _eu.Publish("""{"effect":{"add":{"red":1}}}""");
        _us.ReceiveAll(_eu);
        var before = _us.State()!.Bytes();

        _us.ReceiveAll(_eu);

        Assert.Equal(before, _us.State()!.Bytes());
        Assert.Single(_us.Ledger);
    }

    [Fact]
    public void An_entry_waits_until_what_it_depends_on_is_applied()
    {
        var asia = new Region("asia-1");
        _eu.Publish("""{"activity":{"n":1}}""");
        _us.ReceiveAll(_eu);
        _us.Publish("""{"activity":{"n":2}}""");
        _us.Publish("""{"activity":{"n":3}}""");

        asia.Receive(_us.Ledger[1].Bytes);
        asia.Receive(_us.Ledger[2].Bytes);

        Assert.Equal(VersionVector.Empty, asia.Seen);
        Assert.Null(asia.State());
        var line = Assert.Single(asia.Replica.WaitingLines(10));
        Assert.Equal(new WaitingLine(_us.Origin, 1, 1, VersionVector.Of(_eu.Origin, 1), asia.Wall), line);

        asia.Receive(_eu.Ledger[0].Bytes);

        Assert.Equal([_eu.Ledger[0].Bytes, _us.Ledger[1].Bytes, _us.Ledger[2].Bytes], asia.Ledger.Select(e => e.Bytes));
        Assert.Equal(0, asia.Replica.WaitingCount);
        Assert.Equal(0, asia.Replica.WaitingBytes);
    }

    [Fact]
    public void An_entry_that_does_not_continue_what_is_known_of_its_origin_is_dropped()
    {
        var asia = new Region("asia-1");
        _us.Publish("""{"activity":{}}""");
        _us.Publish("""{"activity":{}}""");

        var report = asia.Receive(_us.Ledger[1].Bytes, link: 7);

        Assert.Equal(new ReceiveReport(7, ReceiveResult.Dropped, _us.Ledger[1].Bytes.Length, _us.Origin, 2, null), report);
        Assert.Equal(0, asia.Replica.WaitingCount);
    }

    [Fact]
    public void What_does_not_fit_into_the_waiting_room_is_dropped_and_can_be_sent_again()
    {
        var asia = new Region("asia-1", ReplicaOptions.Default with { WaitingEntriesMax = 1 });
        _eu.Publish("""{"activity":{}}""");
        _us.ReceiveAll(_eu);
        _us.Publish("""{"activity":{}}""");
        _us.Publish("""{"activity":{}}""");

        Assert.Equal(ReceiveResult.Taken, asia.Receive(_us.Ledger[1].Bytes).Result);
        Assert.Equal(ReceiveResult.Dropped, asia.Receive(_us.Ledger[2].Bytes).Result);
        asia.Receive(_eu.Ledger[0].Bytes);
        asia.Receive(_us.Ledger[2].Bytes);

        Assert.Equal(_us.Seen, asia.Seen);
    }

    [Fact]
    public void What_a_link_brought_can_be_thrown_out_of_the_waiting_room_with_what_stands_behind_it()
    {
        var asia = new Region("asia-1");
        _eu.Publish("""{"activity":{}}""");
        _us.ReceiveAll(_eu);
        _us.Publish("""{"activity":{}}""");
        _us.Publish("""{"activity":{}}""");
        _us.Publish("""{"activity":{}}""");
        asia.Receive(_us.Ledger[1].Bytes, link: 1);
        asia.Receive(_us.Ledger[2].Bytes, link: 2);
        asia.Receive(_us.Ledger[3].Bytes, link: 1);

        asia.Replica.Apply(new Command.Forget(2), asia.Wall, asia.Outbox);

        Assert.Equal([new ReceiveReport(2, ReceiveResult.Dropped, 0, _us.Origin, 2, null)], asia.Outbox.Received);
        Assert.Equal(1, asia.Replica.WaitingCount);
    }

    [Fact]
    public void After_a_batch_that_failed_nothing_waits_and_everything_can_be_sent_again()
    {
        var asia = new Region("asia-1");
        _eu.Publish("""{"activity":{}}""");
        _us.ReceiveAll(_eu);
        _us.Publish("""{"activity":{}}""");
        asia.Receive(_us.Ledger[1].Bytes);
        asia.Replica.Apply(new Command.Receive(Entry.Parse(_eu.Ledger[0].Bytes)), asia.Wall, asia.Outbox);

        asia.Replica.Rollback();
        asia.Outbox.Clear();
        Assert.Equal(0, asia.Replica.WaitingCount);
        asia.ReceiveAll(_us);

        Assert.Equal(_us.Seen, asia.Seen);
    }

    [Fact]
    public void A_region_that_takes_a_new_incarnation_begins_at_one_again_and_takes_its_old_entries_from_others()
    {
        _eu.Publish("""{"activity":{"n":1}}""");
        var restored = new Region("eu-1");
        restored.Publish("""{"activity":{"n":1}}""");
        _eu.Publish("""{"activity":{"n":2}}""");
        Assert.Equal(ReceiveResult.Fault, restored.Receive(_eu.Ledger[1].Bytes).Result);

        var second = new OriginId("eu-2");
        restored.Replica.Apply(new Command.TakeIncarnation(second), restored.Wall, restored.Outbox);
        Assert.Equal(second, restored.Outbox.Self);
        restored.Commit();
        var fresh = restored.Publish("""{"activity":{"n":3}}""");
        Assert.Equal(ReceiveResult.Taken, restored.Receive(_eu.Ledger[1].Bytes).Result);

        Assert.Equal((second, 1L), (fresh.Origin, fresh.Seq));
        Assert.Equal(VersionVector.Of(_eu.Origin, 2).With(second, 1), restored.Seen);
        Assert.Equal(VersionVector.Of(_eu.Origin, 1), Entry.Parse(restored.Ledger[1].Bytes).After);
    }

    [Fact]
    public void An_incarnation_taken_in_a_batch_that_failed_is_not_taken()
    {
        _eu.Publish("""{"activity":{}}""");
        _eu.Replica.Apply(new Command.TakeIncarnation(new OriginId("eu-2")), _eu.Wall, _eu.Outbox);

        _eu.Replica.Rollback();
        _eu.Outbox.Clear();

        Assert.Equal(new OriginId("eu-1"), _eu.Publish("""{"activity":{}}""").Origin);
    }

    [Fact]
    public void A_time_that_lies_years_ahead_is_refused()
    {
        _us.Wall += 2L * 366 * 86_400 * 1_000_000;
        _us.Publish("""{"activity":{}}""");

        var report = _eu.ReceiveAll(_us);

        Assert.Equal(ReceiveResult.Refused, report.Result);
        Assert.Contains("366 days", report.Detail, StringComparison.Ordinal);
        Assert.Equal(VersionVector.Empty, _eu.Seen);
    }

    [Fact]
    public void A_history_that_cannot_be_read_leaves_nothing_behind()
    {
        _eu.Wall += 100;
        _eu.Publish("""{"effect":{"add":{"red":1}}}""");
        _us.Publish("""{"id":"x","effect":{"remove":["red"]}}""");
        var isBroken = true;
        var states = new MemoryStates(_ => isBroken ? throw new InvalidOperationException("disk") : _eu.Ledger.Select(e => new ReadOnlyMemory<byte>(e.Bytes)));
        var replica = new Replica(new OriginId("asia-1"), ReplicaMark.Start, states, ReplicaOptions.Default);
        var outbox = new Outbox();
        replica.Apply(new Command.Receive(Entry.Parse(_eu.Ledger[0].Bytes)), _eu.Wall, outbox);
        var removal = new Command.Receive(Entry.Parse(_us.Ledger[0].Bytes));
        states.Commit(outbox);
        replica.Commit();
        outbox.Clear();

        Assert.Throws<InvalidOperationException>(() => replica.Apply(removal, _eu.Wall, outbox));
        isBroken = false;
        replica.Apply(removal, _eu.Wall, outbox);

        Assert.False(Assert.Single(outbox.Entries).Repeat);
        Assert.Equal("""{"red":1}""", Texts.Of(outbox.Channels["scores.curling"].WriteState));
    }

    [Fact]
    public void A_damaged_entry_stops_its_origin()
    {
        _eu.Publish("""{"activity":{"n":1}}""");
        var damaged = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(_eu.Ledger[0].Bytes).Replace("\"n\":1", "\"n\":2", StringComparison.Ordinal));

        var fault = _us.Receive(damaged, link: 3);

        Assert.Equal((ReceiveResult.Fault, 3), (fault.Result, fault.Link));
        Assert.Contains("damaged", fault.Detail, StringComparison.Ordinal);
        Assert.Equal(VersionVector.Empty, _us.Seen);
    }

    [Fact]
    public void A_number_used_twice_shows_as_a_fork()
    {
        var other = new Region("eu-1");
        _eu.Publish("""{"activity":{"n":1}}""");
        other.Publish("""{"activity":{"n":2}}""");
        _us.ReceiveAll(_eu);

        var received = _us.ReceiveAll(other);
        other.Publish("""{"activity":{"n":3}}""");
        var continued = _us.Receive(other.Ledger[1].Bytes);
        var own = _eu.Receive(other.Ledger[1].Bytes);

        Assert.All([received, continued, own], report => Assert.Equal(ReceiveResult.Fault, report.Result));
        Assert.Contains("forked", received.Detail, StringComparison.Ordinal);
        Assert.Contains("forked", continued.Detail, StringComparison.Ordinal);
        Assert.Contains("this region", own.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_time_within_the_skew_drives_the_clock_and_one_beyond_does_not()
    {
        _us.Wall += 60_000_000;
        _us.Publish("""{"activity":{}}""");
        var asia = new Region("asia-1") { Wall = _eu.Wall + 3_600_000_000 };
        asia.Publish("""{"activity":{}}""");
        _eu.ReceiveAll(_us);
        _eu.ReceiveAll(asia);
        var sawNothing = $$"""{"activity":{},"after":"{{SeenToken.Encode(VersionVector.Empty)}}"}""";

        var unaware = _eu.Publish(sawNothing);
        Assert.Equal(_us.Wall + 1, unaware.Time);
        Assert.Equal(asia.Wall, _eu.Replica.Mark.Ahead[asia.Origin].Time);

        var aware = _eu.Publish("""{"activity":{}}""");
        Assert.Equal(asia.Wall + 1, aware.Time);
    }
}
