using Microsoft.Data.Sqlite;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Simulation;

namespace Stentor.Storage.Tests;

public sealed class DoctorTests : IDisposable
{
    private const string Plus = """{"effect":{"add":{"n":1}},"activity":{"type":"Goal"}}""";

    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-doctor-").FullName;
    private readonly SimulatedDisk _disk = new();

    private string StatePath => Path.Combine(_directory, "state.db");

    private StoreOptions Options => TestStore.Options(segmentBytes: 12 * 1024, statePath: StatePath);

    [Fact]
    public void A_sound_data_directory_is_clean()
    {
        Fill();

        var report = Doctor.Run(_disk, StatePath, repair: false);

        Assert.Empty(report.Findings);
        Assert.True(report.IsClean);
        Assert.Equal((1, 150, 150), (report.FirstPosition, report.LastPosition, report.StatePosition));
    }

    [Fact]
    public void A_sound_data_directory_with_entries_after_the_check_point_is_clean()
    {
        Fill(checkpointAtEnd: false);

        var report = Doctor.Run(_disk, StatePath, repair: false);

        Assert.True(report.IsClean);
        Assert.All(report.Findings, f => Assert.Equal(DoctorSeverity.Note, f.Severity));
        Assert.Equal((150, 120), (report.LastPosition, report.StatePosition));
    }

    [Fact]
    public void An_examination_changes_nothing()
    {
        Fill();
        Damage(Segments()[0], SegmentHeader.BlockBytes + 100);
        _disk.Delete(Indexes()[1]);
        var before = _disk.List().ToDictionary(n => n, _disk.BytesOf);

        Doctor.Run(_disk, StatePath, repair: false);

        Assert.Equal(before, _disk.List().ToDictionary(n => n, _disk.BytesOf));
        Assert.Equal([Path.GetFileName(StatePath)], Directory.GetFiles(_directory).Select(f => Path.GetFileName(f)).Where(f => !f.EndsWith("-wal", StringComparison.Ordinal) && !f.EndsWith("-shm", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_missing_a_damaged_and_a_wrong_index_are_found_and_made_again()
    {
        Fill();
        var indexes = Indexes();
        var before = indexes.ToDictionary(i => i, _disk.BytesOf);
        _disk.Delete(indexes[0]);
        _disk.FlipBit(indexes[1], 2000, 2);
        WriteAnOtherIndexFor(indexes[2]);

        var report = Doctor.Run(_disk, StatePath, repair: false);
        var repaired = Doctor.Run(_disk, StatePath, repair: true);

        Assert.Equal(
            [(DoctorSeverity.Note, indexes[0]), (DoctorSeverity.Warning, indexes[1]), (DoctorSeverity.Error, indexes[2])],
            report.Findings.Select(f => (f.Severity, f.Where)));
        Assert.All(repaired.Findings, f => Assert.True(f.IsMended));
        Assert.True(repaired.IsClean);
        Assert.All(indexes, i => Assert.Equal(before[i], _disk.BytesOf(i)));
    }

    [Fact]
    public void Damage_that_the_states_know_is_put_aside_and_stays_a_hole()
    {
        Fill();
        var original = _disk.BytesOf(Segments()[1]);
        Damage(Segments()[1], SegmentHeader.BlockBytes + 300);

        var report = Doctor.Run(_disk, StatePath, repair: false);
        var repaired = Doctor.Run(_disk, StatePath, repair: true);
        var again = Doctor.Run(_disk, StatePath, repair: false);

        var finding = Assert.Single(report.Findings, f => f.Severity == DoctorSeverity.Error);
        Assert.True(finding.CanMend);
        Assert.Contains(Segments()[1], finding.Where, StringComparison.Ordinal);
        Assert.Contains(repaired.Findings, f => f.IsMended && f.Where == finding.Where);
        var left = Assert.Single(again.Findings, f => f.Severity == DoctorSeverity.Warning);
        Assert.Contains("lost", left.What, StringComparison.Ordinal);
        Assert.Single(_disk.List(), n => n.StartsWith(LedgerRepair.QuarantinePrefix, StringComparison.Ordinal));
        Assert.NotEqual(original, _disk.BytesOf(Segments()[1]));

        using var store = new TestStore(_disk, Options);
        store.Publish("c0", Plus);
        var batch = new LedgerBatch();
        store.Store.ReadAll(0, 1_000_000, batch);
        Assert.Equal(150, batch.Entries.Count);
        Assert.Single(batch.Holes);
        Assert.Equal("""{"n":51}""", store.State("c0"));
    }

    [Fact]
    public void Damage_after_the_check_point_is_cut_and_the_region_goes_on_under_a_new_incarnation()
    {
        OriginId origin;
        Fill(checkpointAtEnd: false);
        using (var ledger = Ledger.Open(_disk.Copy(1), Options, null))
        {
            origin = ledger.Self;
        }

        var last = Segments()[^1];
        _ = SegmentHeader.TryParseName(last, out _, out var first);
        Damage(last, SegmentHeader.BlockBytes + 40);
        Assert.True(first > 120);
        Assert.Throws<LedgerFaultException>(() => Store.Open(_disk, Options));

        var report = Doctor.Run(_disk, StatePath, repair: false);
        var repaired = Doctor.Run(_disk, StatePath, repair: true);

        Assert.Contains(report.Findings, f => f.Severity == DoctorSeverity.Error && f.CanMend && f.Advice.Contains("new incarnation", StringComparison.Ordinal));
        Assert.True(repaired.IsClean, string.Join("; ", repaired.Findings));
        Assert.Equal(first - 1, repaired.LastPosition);
        using var store = new TestStore(_disk, Options);
        Assert.Equal(first - 1, store.Store.Position);
        Assert.NotEqual(origin, store.Store.Origin);
        Assert.Equal(1, store.Publish("c0", Plus).Seq);
        Assert.Equal(first - 1, store.Store.Mark.Seen[origin]);
        store.Store.Checkpoint();
        store.Dispose();
        Assert.True(Doctor.Run(_disk, StatePath, repair: false).IsClean);
    }

    [Fact]
    public void Missing_newest_entries_are_given_up_and_the_numbers_go_on()
    {
        var segmentBytes = 64 * 1024;
        SimulatedDisk older;
        var options = TestStore.Options(segmentBytes, StatePath);
        using (var store = new TestStore(_disk, options))
        {
            store.Publish("a", Plus);
            older = _disk.Copy(1);
            store.Publish("a", Plus);
            store.Publish("a", Plus);
            store.Store.Checkpoint();
        }

        older.EndProcess();
        var report = Doctor.Run(older, StatePath, repair: false);
        var repaired = Doctor.Run(older, StatePath, repair: true);

        Assert.Contains(report.Findings, f => f.Severity == DoctorSeverity.Error && f.Where == "positions 2 to 3");
        Assert.DoesNotContain(repaired.Findings, f => f.Severity == DoctorSeverity.Error && !f.IsMended);
        using var again = new TestStore(older, options);
        var outcome = again.Publish("a", Plus);
        Assert.Equal(4, outcome.Seq);
        Assert.Equal("""{"n":4}""", again.State("a"));
    }

    [Fact]
    public void A_damaged_header_is_written_again()
    {
        Fill();
        var before = Segments().ToDictionary(s => s, _disk.BytesOf);
        _disk.FlipBit(Segments()[0], 30, 1);
        _disk.FlipBit(Segments()[^1], 45, 1);
        _disk.Delete(Indexes()[0]);

        var report = Doctor.Run(_disk, StatePath, repair: false);
        var repaired = Doctor.Run(_disk, StatePath, repair: true);

        Assert.Contains(report.Findings, f => f.Where == Segments()[0] && f.What == "its header is damaged");
        Assert.Contains(report.Findings, f => f.Where == Segments()[^1] && f.What == "its header is damaged" && f.CanMend);
        Assert.Equal(before[Segments()[^1]], _disk.BytesOf(Segments()[^1]));

        // The first segment's header stood in its index only, and that is gone.
        Assert.False(repaired.IsClean);
        Assert.Contains(repaired.Findings, f => f.Where == Segments()[0] && !f.CanMend && f.Advice.Contains("backup", StringComparison.Ordinal));
    }

    [Fact]
    public void A_state_that_differs_from_its_fold_is_found_and_folded_again()
    {
        Fill();
        Change("DELETE FROM channels WHERE name = 'c1'");
        Change("UPDATE channels SET state = (SELECT state FROM channels WHERE name = 'c0') WHERE name = 'c2'");
        Change("DELETE FROM publish_ids WHERE id = 'id-7'");

        var report = Doctor.Run(_disk, StatePath, repair: false);
        var repaired = Doctor.Run(_disk, StatePath, repair: true);

        Assert.Equal(3, report.Findings.Count);
        Assert.Contains(report.Findings, f => f.What.Contains("lacks the channel c1", StringComparison.Ordinal));
        Assert.Contains(report.Findings, f => f.What.Contains("state of c2", StringComparison.Ordinal));
        Assert.Contains(report.Findings, f => f.What.Contains("publish ids", StringComparison.Ordinal));
        Assert.True(repaired.IsClean);
        Assert.True(File.Exists(StatePath + ".replaced"));
        using var store = new TestStore(_disk, Options);
        Assert.Equal("""{"n":50}""", store.State("c1"));
        Assert.True(store.Publish("c0", """{"id":"id-7","effect":{"add":{"n":1}}}""").Duplicate);
    }

    [Fact]
    public void A_state_that_is_no_state_is_found_and_folded_again()
    {
        Fill();
        Change("UPDATE channels SET state = x'FFFFFF' WHERE name = 'c1'");
        using (var store = new TestStore(_disk, Options))
        {
            Assert.Contains("doctor --repair", Assert.Throws<DiskException>(() => store.State("c1")).Message, StringComparison.Ordinal);
        }

        Assert.Contains(Doctor.Run(_disk, StatePath, repair: false).Findings, f => f.What.Contains("damaged", StringComparison.Ordinal) && f.CanMend);
        Assert.True(Doctor.Run(_disk, StatePath, repair: true).IsClean);
        using var again = new TestStore(_disk, Options);
        Assert.Equal("""{"n":50}""", again.State("c1"));
    }

    [Fact]
    public void A_missing_or_damaged_state_is_found_and_folded_again()
    {
        Fill();
        File.Delete(StatePath);

        Assert.Contains(Doctor.Run(_disk, StatePath, repair: false).Findings, f => f.What == "there is no state database" && f.CanMend);
        Assert.True(Doctor.Run(_disk, StatePath, repair: true).IsClean);
        Assert.Empty(Doctor.Run(_disk, StatePath, repair: false).Findings);

        var bytes = File.ReadAllBytes(StatePath);
        bytes.AsSpan(0, 200).Fill(7);
        File.WriteAllBytes(StatePath, bytes);

        Assert.Contains(Doctor.Run(_disk, StatePath, repair: false).Findings, f => f.What.Contains("damaged", StringComparison.Ordinal) && f.CanMend);
        Assert.True(Doctor.Run(_disk, StatePath, repair: true).IsClean);
        Assert.Empty(Doctor.Run(_disk, StatePath, repair: false).Findings);
    }

    [Fact]
    public void An_altered_entry_with_a_good_checksum_shows_by_its_chain_and_is_not_mended()
    {
        Fill();
        Rewrite(Segments()[0], position: 11, entry => entry.Replace("\"Goal\"", "\"Foul\"", StringComparison.Ordinal));

        var report = Doctor.Run(_disk, StatePath, repair: true);

        Assert.Contains(report.Findings, f => f.Where.EndsWith("position 11", StringComparison.Ordinal) && f.What.Contains("chain", StringComparison.Ordinal) && !f.CanMend);
        Assert.False(report.IsClean);
    }

    [Fact]
    public void A_number_used_twice_and_a_gap_show()
    {
        Fill();
        Rewrite(Segments()[0], position: 10, entry => entry.Replace("\"seq\":10,", "\"seq\":11,", StringComparison.Ordinal));

        var report = Doctor.Run(_disk, StatePath, repair: false);

        Assert.Contains(report.Findings, f => f.What.Contains("10 was due", StringComparison.Ordinal));
        Assert.Contains(report.Findings, f => f.What.Contains("used twice", StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_segment_is_reported_and_nothing_mends_it()
    {
        Fill();
        _disk.Delete(Segments()[1]);

        var report = Doctor.Run(_disk, StatePath, repair: true);

        Assert.Contains(report.Findings, f => f.What == "missing" && f.Severity == DoctorSeverity.Warning && !f.CanMend);
        using var store = new TestStore(_disk, Options);
        Assert.Equal(150, store.Store.Position);
    }

    [Fact]
    public void A_torn_tail_is_no_fault()
    {
        using (var store = new TestStore(_disk, Options))
        {
            store.Publish("a", Plus);
            store.Add("a", Plus);
            store.Add("a", Plus);
            _disk.PowerCutAtStep = _disk.Steps + 2;
            Assert.Throws<PowerCutException>(store.Commit);
        }

        // The end of the batch arrived, its start did not.
        _disk.CutPower(keepOfLastWrite: int.MaxValue);
        Damage(Segments()[0], SegmentHeader.BlockBytes + 400);

        var report = Doctor.Run(_disk, StatePath, repair: false);

        Assert.True(report.IsClean, string.Join("; ", report.Findings));
        Assert.Contains(report.Findings, f => f.What.Contains("torn", StringComparison.Ordinal));
    }

    [Fact]
    public void An_examination_can_be_ended_and_tells_how_far_it_is()
    {
        Fill();
        using var ending = new CancellationTokenSource();
        var steps = new List<DoctorProgress>();

        Doctor.Run(_disk, StatePath, repair: false, steps.Add);
        Assert.Contains(steps, s => s.Step == "reading the ledger" && s.Done == s.Total && s.Total > 0);
        Assert.Contains(steps, s => s.Step == "folding the states again" && s.Done == s.Total);

        ending.Cancel();
        Assert.Throws<OperationCanceledException>(() => Doctor.Run(_disk, StatePath, repair: false, null, ending.Token));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>150 entries in three channels, in several segments, each second one with a publish id.</summary>
    private void Fill(bool checkpointAtEnd = true)
    {
        using var store = new TestStore(_disk, Options);
        for (var i = 0; i < 150; i++)
        {
            store.Add($"c{i % 3}", i % 2 == 0 ? Plus : "{\"id\":\"id-" + i + "\",\"effect\":{\"add\":{\"n\":1}}}");
            if (i % 3 == 2)
            {
                store.Commit();
            }

            if (i == 119 || (i == 149 && checkpointAtEnd))
            {
                store.Store.Checkpoint();
            }
        }

        Assert.True(store.Store.Status.Segments > 3);
    }

    private List<string> Segments() => [.. _disk.List().Where(n => n.StartsWith("ledger", StringComparison.Ordinal) && n.EndsWith(".seg", StringComparison.Ordinal))];

    private List<string> Indexes() => [.. _disk.List().Where(n => n.EndsWith(".idx", StringComparison.Ordinal))];

    private void Damage(string file, int offset)
    {
        for (var i = 0; i < 8; i++)
        {
            _disk.FlipBit(file, offset + i, i);
        }
    }

    private void Change(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={StatePath};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.True(command.ExecuteNonQuery() > 0);
    }

    /// <summary>Changes an entry and makes its record's checksum fit, as no disk does.</summary>
    private void Rewrite(string file, long position, Func<string, string> change)
    {
        using var opened = _disk.Open(file, DiskFileMode.Existing);
        var header = SegmentHeader.Read(opened, file)!;
        var cursor = new RecordCursor(opened, header.Salt);
        var offset = header.Length;
        RecordHeader record = default;
        for (var at = header.First; at <= position; at++)
        {
            offset += at == header.First ? 0 : RecordFormat.SizeOf(record.Length);
            Assert.True(cursor.TryRead(offset, at, at, out record));
        }

        var changed = System.Text.Encoding.UTF8.GetBytes(change(System.Text.Encoding.UTF8.GetString(cursor.Entry.Span)));
        Assert.Equal(record.Length, changed.Length);
        var bytes = new byte[RecordFormat.SizeOf(changed.Length)];
        RecordFormat.Write(bytes, changed, position, record.BatchIndex, record.Flags, header.Salt);
        opened.Write(bytes, offset);
        opened.Sync();
    }

    private void WriteAnOtherIndexFor(string indexName)
    {
        using var file = _disk.Open(Path.ChangeExtension(indexName, ".seg"), DiskFileMode.Existing);
        var header = SegmentHeader.Read(file, indexName)!;
        var index = SegmentScanner.Scan(file, header, header.First + 10).Index;
        SegmentCache.WriteFile(_disk, indexName, IndexLayout.Encode(header, index));
    }
}
