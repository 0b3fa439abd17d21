using Stentor.Replication;
using Stentor.Simulation;

namespace Stentor.Storage.Tests;

public sealed class PowerCutTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-cut-").FullName;

    [Fact]
    public void A_power_cut_at_every_step_loses_nothing_that_was_acknowledged()
    {
        for (var step = 1; ; step++)
        {
            var disk = new SimulatedDisk((ulong)step) { PowerCutAtStep = step };
            var load = new ScriptedLoad(disk, TestStore.Options(segmentBytes: 16 * 1024));
            var isDone = load.Run();

            disk.CutPower();

            load.Check();
            if (isDone)
            {
                Assert.True(step > 100);
                return;
            }
        }
    }

    [Fact]
    public void The_same_with_retention_that_recycles_segments()
    {
        for (var step = 1; ; step += 2)
        {
            var disk = new SimulatedDisk((ulong)step) { PowerCutAtStep = step };
            var load = new ScriptedLoad(disk, TestStore.Options(segmentBytes: 12 * 1024, statePath: Path.Combine(_directory, $"{step}.db"), retainBytes: 24 * 1024));
            var isDone = load.Run();

            disk.CutPower();

            load.Check(isWhole: false);
            if (isDone)
            {
                Assert.True(step > 100);
                return;
            }
        }
    }

    [Fact]
    public void A_power_cut_during_recovery_and_another_one_lose_nothing_either()
    {
        for (var first = 30; first < 60; first += 3)
        {
            for (var second = 1; second < 12; second++)
            {
                var disk = new SimulatedDisk((ulong)((first * 100) + second)) { PowerCutAtStep = first };
                var load = new ScriptedLoad(disk, TestStore.Options(segmentBytes: 12 * 1024));
                load.Run();
                disk.CutPower();

                disk.PowerCutAtStep = disk.Steps + second;
                try
                {
                    load.Check();
                    disk.PowerCutAtStep = 0;
                }
                catch (PowerCutException)
                {
                    disk.CutPower();
                }

                using var store = new TestStore(disk, TestStore.Options(segmentBytes: 12 * 1024));
                Assert.True(store.ReadAll().Count >= load.Acknowledged);
                Assert.Empty(store.Store.Status.Damage);
            }
        }
    }

    [Fact]
    public void A_last_write_torn_at_any_byte_leaves_all_before_it_and_a_ledger_that_goes_on()
    {
        var original = new SimulatedDisk();
        var options = TestStore.Options();
        var lastBytes = 0;
        List<string> before;
        var store = new TestStore(original, options);
        store.Publish("a", """{"activity":{"number":1}}""");
        store.Publish("b", """{"activity":{"number":2}}""");
        before = store.ReadAll();

        // The third batch is written and its sync fails: nobody was told of it, and nothing or any part of it may be on the disk.
        for (var i = 3; i <= 5; i++)
        {
            store.Add("a", "{\"activity\":{\"number\":" + i + "}}");
            lastBytes += RecordFormat.SizeOf(store.Outbox.Entries[^1].Length);
        }

        original.PowerCutAtStep = original.Steps + 2;
        Assert.Throws<PowerCutException>(store.Commit);
        store.Dispose();

        for (var kept = 0; kept <= lastBytes; kept++)
        {
            var disk = original.Copy(1);
            disk.CutPower(keepOfLastWrite: kept);

            using (var again = new TestStore(disk, options))
            {
                var found = again.ReadAll();
                Assert.Equal(before, found.Take(2));
                Assert.InRange(found.Count, 2, kept == lastBytes ? 5 : 2 + (kept * 3 / (lastBytes - 21)));
                Assert.Empty(again.Store.Status.Damage);
                again.Publish("a", """{"activity":{"number":6}}""");
                Assert.Equal(found.Count + 1, again.ReadAll().Count);
            }

            using var third = new TestStore(disk, options);
            Assert.Equal("""{"number":6}""", third.ReadAll()[^1] is var last ? last[last.IndexOf("""{"number""", StringComparison.Ordinal)..last.IndexOf(""","chain""", StringComparison.Ordinal)] : "");
            Assert.Empty(third.Store.Status.Damage);
        }
    }

    [Fact]
    public void What_lies_behind_a_tear_does_not_come_back_behind_what_is_written_in_its_place()
    {
        var disk = new SimulatedDisk();
        var options = TestStore.Options();
        using (var store = new TestStore(disk, options))
        {
            store.Publish("a", """{"activity":{"number":1}}""");
            store.Add("a", """{"activity":{"number":2}}""");
            store.Add("a", """{"activity":{"number":3}}""");
            store.Add("a", """{"activity":{"number":4}}""");
            store.Commit();
        }

        // A device may write the front of a batch last.
        var ledger = disk.List().Single(name => name.EndsWith(".seg", StringComparison.Ordinal) && disk.BytesOf(name).AsSpan().IndexOf("\"number\":2"u8) >= 0);
        disk.FlipBit(ledger, disk.BytesOf(ledger).AsSpan().IndexOf("\"number\":2"u8), 0);
        List<string> held;
        using (var again = new TestStore(disk, options))
        {
            Assert.Single(again.ReadAll());
            again.Publish("a", """{"activity":{"number":5}}"""); // As long as what it overwrites: the third record stands where the next one would.
            held = again.ReadAll();
        }

        using var third = new TestStore(disk, options);
        Assert.Equal(held, third.ReadAll());
        Assert.Equal(2, held.Count);
    }

    [Fact]
    public void A_torn_batch_is_cut_even_where_its_later_records_are_whole()
    {
        var disk = new SimulatedDisk();
        var options = TestStore.Options();
        string file;
        int offset;
        using (var store = new TestStore(disk, options))
        {
            store.Publish("a", """{"activity":{"number":1}}""");
            file = disk.List().Single(n => n.EndsWith(".seg", StringComparison.Ordinal) && n.StartsWith("ledger", StringComparison.Ordinal));
            for (var i = 2; i <= 9; i++)
            {
                store.Add("a", "{\"activity\":{\"number\":" + i + "}}");
            }

            offset = SegmentHeader.BlockBytes + RecordFormat.SizeOf(store.ReadAll()[0].Length);
            store.Commit();
        }

        // As if the sector of the batch's second record had not reached the disk.
        disk.Damage(file, offset + RecordFormat.SizeOf(200), _ => 0xEE);
        int kept;
        using (var again = new TestStore(disk, options))
        {
            kept = again.ReadAll().Count;
            Assert.InRange(kept, 1, 8);
            Assert.Empty(again.Store.Status.Damage);
            for (var i = 0; i < 8; i++)
            {
                again.Publish("a", """{"activity":{"number":7}}""");
            }
        }

        using var third = new TestStore(disk, options);
        Assert.Equal(kept + 8, third.ReadAll().Count);
        Assert.Empty(third.Store.Status.Damage);
    }

    [Fact]
    public void What_a_failed_sync_left_in_a_segment_is_overridden_by_the_next_one()
    {
        for (var step = 0; step < 40; step++)
        {
            var disk = new SimulatedDisk((ulong)step);
            var options = TestStore.Options();
            List<string> acknowledged;
            using (var store = new TestStore(disk, options))
            {
                store.Publish("a", """{"activity":{"number":1}}""");
                disk.SyncsToFail = 1;
                store.Add("a", """{"activity":{"lost":1}}""");
                store.Add("a", """{"activity":{"lost":2}}""");
                Assert.Equal(DiskFault.Failed, Assert.Throws<DiskException>(store.Commit).Fault);
                Assert.Equal(1, store.Store.Position);
                Assert.Single(store.ReadAll());

                store.Publish("a", """{"activity":{"number":2}}""");
                store.Publish("a", """{"activity":{"number":3}}""");
                acknowledged = store.ReadAll();
            }

            disk.CutPower();

            using var again = new TestStore(disk, options);
            Assert.Equal(acknowledged, again.ReadAll());
            Assert.Equal(3, acknowledged.Count);
            Assert.DoesNotContain(acknowledged, a => a.Contains("lost", StringComparison.Ordinal));
            Assert.Empty(again.Store.Status.Damage);
        }
    }

    [Fact]
    public void What_recovery_finds_after_a_failed_sync_is_durable_when_it_is_shown()
    {
        var disk = new SimulatedDisk();
        using (var store = new TestStore(disk, TestStore.Options()))
        {
            store.Publish("a", """{"activity":{"number":1}}""");
            disk.SyncsToFail = 1;
            Assert.Throws<DiskException>(() => store.Publish("a", """{"activity":{"number":2}}"""));
        }

        // The process ends; the system still shows what it could not write.
        disk.EndProcess();
        int shown;
        using (var store = new TestStore(disk, TestStore.Options()))
        {
            shown = store.ReadAll().Count;
        }

        disk.CutPower(keepOfLastWrite: 0);
        using var again = new TestStore(disk, TestStore.Options());
        Assert.Equal(shown, again.ReadAll().Count);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void A_segment_that_could_not_be_begun_does_not_come_back_and_override_what_was_recorded_instead(bool failsLate, bool endsProcess)
    {
        for (var seed = 1; seed < 40; seed++)
        {
            var disk = new SimulatedDisk((ulong)seed);
            var options = TestStore.Options(segmentBytes: 16 * 1024);
            var store = new TestStore(disk, options);
            for (var i = 0; i < 2; i++)
            {
                store.Publish("a", """{"activity":{"number":1}}""");
                store.Store.Checkpoint(); // Makes a spare, in which the next segment is begun.
            }

            // Too long for what is left of the segment: the next one is begun. Its header is written half, which is all of it that says anything; or it is made,
            // and its file fails then.
            disk.WritesToFail = failsLate ? 0 : 1;
            disk.LengthsToFail = failsLate ? 1 : 0;
            Assert.Throws<DiskException>(() => store.Publish("a", "{\"activity\":{\"text\":\"" + new string('x', 14 * 1024) + "\"}}"));
            if (endsProcess)
            {
                disk.EndProcess();
                store = new TestStore(disk, options);
            }

            store.Publish("a", """{"activity":{"number":2}}""");
            var acknowledged = store.ReadAll();
            disk.CutPower();

            using var again = new TestStore(disk, options);
            Assert.Equal(acknowledged, again.ReadAll());
            Assert.Equal(3, acknowledged.Count);
        }
    }

    [Fact]
    public void A_disk_that_keeps_failing_refuses_each_commit_and_takes_them_again_when_it_is_well()
    {
        var disk = new SimulatedDisk();
        using var store = new TestStore(disk, TestStore.Options());
        store.Publish("a", """{"effect":{"add":{"n":1}}}""");
        for (var i = 0; i < 5; i++)
        {
            disk.SyncsToFail = 1;
            Assert.Throws<DiskException>(() => store.Publish("a", """{"effect":{"add":{"n":1}}}"""));
            disk.WritesToFail = 1;
            Assert.Throws<DiskException>(() => store.Publish("a", """{"effect":{"add":{"n":1}}}"""));
        }

        Assert.Equal("""{"n":1}""", store.State("a"));
        store.Publish("a", """{"effect":{"add":{"n":1}}}""");

        Assert.Equal("""{"n":2}""", store.State("a"));
        Assert.Equal(2, store.ReadAll().Count);
        Assert.True(disk.List().Count(n => n.StartsWith("ledger", StringComparison.Ordinal)) <= 3);
    }

    [Fact]
    public void A_full_disk_refuses_and_with_room_again_it_just_works()
    {
        var disk = new SimulatedDisk { CapacityBytes = 100 * 1024 };
        var options = TestStore.Options(segmentBytes: 16 * 1024);
        using var store = new TestStore(disk, options);
        var acknowledged = 0;
        var body = "{\"activity\":{\"text\":\"" + new string('x', 1000) + "\"},\"effect\":{\"add\":{\"n\":1}}}";
        var fault = Assert.Throws<DiskException>(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                store.Publish("a", body);
                acknowledged++;
            }
        });

        Assert.Equal(DiskFault.Full, fault.Fault);
        Assert.InRange(acknowledged, 30, 100);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(DiskFault.Full, Assert.Throws<DiskException>(() => store.Publish("a", body)).Fault);
        }

        Assert.Equal(acknowledged, store.ReadAll().Count);
        Assert.Equal("{\"n\":" + acknowledged + "}", store.State("a"));
        disk.CapacityBytes = long.MaxValue;
        store.Publish("a", body);
        Assert.Equal(acknowledged + 1, store.ReadAll().Count);

        disk.CutPower();
        using var again = new TestStore(disk, options);
        Assert.Equal(acknowledged + 1, again.ReadAll().Count);
        Assert.Equal("{\"n\":" + (acknowledged + 1) + "}", again.State("a"));
    }

    [Fact]
    public void A_store_that_was_never_finished_is_made_anew()
    {
        for (var step = 1; step < 8; step++)
        {
            var disk = new SimulatedDisk((ulong)step) { PowerCutAtStep = step };
            try
            {
                new TestStore(disk, TestStore.Options()).Dispose();
                disk.PowerCutAtStep = 0;
            }
            catch (PowerCutException)
            {
                disk.CutPower();
            }

            using var store = new TestStore(disk, TestStore.Options());
            Assert.Equal(1, store.Publish("a", """{"effect":{"add":{"n":1}}}""").Seq);
        }
    }

    [Fact]
    public void A_state_that_is_newer_than_the_ledger_is_refused_with_what_to_do()
    {
        var path = Path.Combine(_directory, "newer.db");
        var disk = new SimulatedDisk();
        var options = TestStore.Options(statePath: path);
        SimulatedDisk older;
        using (var store = new TestStore(disk, options))
        {
            store.Publish("a", """{"effect":{"add":{"n":1}}}""");
            older = disk.Copy(1);
            store.Publish("a", """{"effect":{"add":{"n":1}}}""");
            store.Store.Checkpoint();
        }

        older.EndProcess();
        var e = Assert.Throws<LedgerFaultException>(() => Store.Open(older, options));

        Assert.Contains("reflects position 2, but the ledger ends at 1", e.Message, StringComparison.Ordinal);
        Assert.Contains("doctor", e.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
