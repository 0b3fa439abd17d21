using System.Text;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Simulation;

namespace Stentor.Storage.Tests;

/// <summary>Random loads with crashes: after each, the state is what a second fold of the ledger gives, and nothing acknowledged is missing.</summary>
public sealed class RefoldTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-refold-").FullName;

    [Fact]
    public void The_state_is_the_fold_of_the_ledger_after_any_load_with_crashes()
    {
        for (ulong seed = 1; seed <= 16; seed++)
        {
            try
            {
                new RandomLoad(seed, seed % 2 == 0 ? null : Path.Combine(_directory, $"{seed}.db")).Run();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private sealed class RandomLoad(ulong seed, string? statePath)
    {
        private readonly Random _random = new((int)seed);
        private readonly SimulatedDisk _disk = new(seed);
        private readonly StoreOptions _options = TestStore.Options(segmentBytes: 16 * 1024, statePath: statePath);
        private readonly OtherRegion _other = new();
        private readonly List<string> _acknowledged = [];
        private int _ids;

        public void Run()
        {
            for (var life = 0; life < 6; life++)
            {
                _disk.SyncsToFail = 0;
                using var store = new TestStore(_disk, _options);
                CheckAll(store);
                try
                {
                    Live(store);
                    _disk.EndProcess();
                }
                catch (PowerCutException)
                {
                    _disk.CutPower();
                }
            }

            _disk.SyncsToFail = 0;
            using var last = new TestStore(_disk, _options);
            CheckAll(last);
        }

        private void Live(TestStore store)
        {
            if (_random.Next(3) > 0)
            {
                _disk.PowerCutAtStep = _disk.Steps + _random.Next(1, 120);
            }

            for (var i = 0; i < 60; i++)
            {
                var batch = _random.Next(1, 8);
                for (var j = 0; j < batch; j++)
                {
                    if (_random.Next(4) == 0)
                    {
                        _other.PublishTo(store, $"c{_random.Next(6)}", Body());
                    }
                    else
                    {
                        store.Add($"c{_random.Next(6)}", Body());
                    }
                }

                if (_random.Next(12) == 0)
                {
                    _disk.SyncsToFail = 1;
                }

                Commit(store);
                if (_random.Next(8) == 0)
                {
                    store.Store.Checkpoint();
                }
            }
        }

        private void Commit(TestStore store)
        {
            var entries = store.Outbox.Entries
                .Select(e => Encoding.UTF8.GetString(store.Outbox.Bytes.WrittenSpan.Slice(e.Offset, e.Length))).ToList();
            try
            {
                store.Commit();
                _acknowledged.AddRange(entries);
            }
            catch (DiskException)
            {
                // Refused: nothing of it may be there. What the other region made will come again.
            }

            // A sync that was to fail and was not needed must not fail the next life's recovery.
            _disk.SyncsToFail = 0;
            _other.GoOnFrom(store.Store.Mark.Seen);
        }

        private string Body()
        {
            var id = _random.Next(3) == 0 ? "\"id\":\"" + (_random.Next(4) == 0 ? _random.Next(_ids + 1) : ++_ids) + "\"," : "";
            return "{" + id + _random.Next(5) switch
            {
                0 => "\"effect\":{\"set\":{\"name\":\"" + _random.Next(100) + "\"}}",
                1 => "\"effect\":{\"remove\":[\"name\"]}",
                2 => "\"activity\":{\"text\":\"" + new string('x', _random.Next(600)) + "\"}",
                _ => "\"effect\":{\"add\":{\"n\":" + _random.Next(-5, 50) + "}}",
            } + "}";
        }

        private void CheckAll(TestStore store)
        {
            var entries = store.ReadAll();
            Assert.True(entries.Count >= _acknowledged.Count, $"{_acknowledged.Count - entries.Count} acknowledged entries are gone");
            Assert.Equal(_acknowledged, entries.Take(_acknowledged.Count));
            Assert.Empty(store.Store.Status.Damage);

            // What was under way when the power went may be there or not; from now on it is as good as acknowledged.
            _acknowledged.Clear();
            _acknowledged.AddRange(entries);
            _other.GoOnFrom(store.Store.Mark.Seen);

            var folded = new MemoryStates();
            var replica = new Replica(store.Store.Origin, ReplicaMark.Start, folded, _options.Replica);
            var outbox = new Outbox();
            foreach (var entry in entries)
            {
                replica.Replay(Encoding.UTF8.GetBytes(entry), outbox);
                folded.Commit(outbox);
                replica.Commit();
                outbox.Clear();
            }

            Assert.Equal(folded.Channels.Keys.Order(StringComparer.Ordinal), store.Store.List(ChannelPattern.Parse(">"), "", 100).Select(c => c.Key));
            foreach (var (channel, state) in folded.Channels)
            {
                Assert.Equal(TestStore.TextOf(state.Serialize), TestStore.TextOf(store.Store.Find(channel)!.Serialize));
            }

            Assert.All(folded.Ids, id => Assert.Equal(id, store.Store.FindId(id.Author, id.Id)));
            Assert.Equal(folded.Mark.Seen, store.Store.Mark.Seen);
            Assert.Equal(folded.Mark.Chains, store.Store.Mark.Chains);
            CheckVectors(store, entries);
        }

        private static void CheckVectors(TestStore store, List<string> entries)
        {
            var seen = VersionVector.Empty;
            for (var position = 0; position <= entries.Count; position++)
            {
                if (position > 0)
                {
                    EntryHeader.TryRead(Encoding.UTF8.GetBytes(entries[position - 1]), out var header);
                    seen = seen.With(new OriginId(Encoding.ASCII.GetString(header.Origin)), header.Seq);
                }

                if (position % 5 == 0 || position == entries.Count)
                {
                    Assert.Equal(seen, store.Store.SeenAt(position));
                    Assert.Equal(position, store.Store.CoveredThrough(seen));
                }
            }
        }
    }

    /// <summary>A second region that the store's region receives entries from. Its own ledger is in memory and never lost.</summary>
    private sealed class OtherRegion
    {
        private static readonly OriginId Asia = new("asia-1");

        private readonly MemoryStates _states = new();
        private readonly List<byte[]> _entries = [];
        private readonly Replica _replica;
        private readonly Outbox _outbox = new();
        private int _next;

        public OtherRegion() => _replica = new Replica(Asia, ReplicaMark.Start, _states, ReplicaOptions.Default);

        /// <summary>The region's next entry goes to the store: one that it has not taken yet, or a new one.</summary>
        public void PublishTo(TestStore store, string channel, string body)
        {
            if (_next == _entries.Count)
            {
                var publish = new Command.Publish(channel, "bob", PublishBody.Parse(Encoding.UTF8.GetBytes(body), Limits.Default));
                _replica.Apply(publish, 1_700_000_000_000_000 + _entries.Count, _outbox);
                foreach (var entry in _outbox.Entries)
                {
                    _entries.Add(_outbox.Bytes.WrittenSpan.Slice(entry.Offset, entry.Length).ToArray());
                }

                _states.Commit(_outbox);
                _replica.Commit();
                _outbox.Clear();
            }

            if (_next < _entries.Count)
            {
                store.Replica.Apply(new Command.Receive(Entry.Parse(_entries[_next])), 1_700_000_000_000_000, store.Outbox);
                _next++;
            }
        }

        public void GoOnFrom(VersionVector seen) => _next = (int)seen[Asia];
    }
}
