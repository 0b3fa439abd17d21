using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>Random histories of three regions, with clocks that jump, ids that come twice and tokens of any age.</summary>
public sealed class ConvergenceTests
{
    private const string Channel = "scores.curling";

    [Theory]
    [InlineData(Theme.Everything)]
    [InlineData(Theme.RepeatedAdds)]
    public void Every_region_holds_at_any_time_what_the_order_of_the_stamps_gives(Theme theme) => Holds(300, steps =>
    {
        var history = new History(steps, theme);

        foreach (var region in history.Regions.Where(r => r.Ledger.Count > 0))
        {
            AssertFold(region.Ledger.ConvertAll(e => Oracle.Read(e.Bytes)), region.State()!);
        }
    });

    [Fact]
    public void Regions_that_have_everything_hold_the_same_state() => Holds(300, steps =>
    {
        var history = new History(steps);

        history.Exchange();

        var everything = history.Everything().ConvertAll(e => Oracle.Read(e));
        foreach (var region in history.Regions.Where(_ => everything.Count > 0))
        {
            AssertFold(everything, region.State()!);
        }
    });

    [Theory]
    [InlineData(Theme.Everything)]
    [InlineData(Theme.RepeatedAdds)]
    public void Any_causal_order_of_the_same_entries_gives_the_same_state(Theme theme) => Holds(300, steps =>
    {
        var history = new History(steps, theme);
        var everything = history.Everything();
        if (everything.Count == 0)
        {
            return;
        }

        var one = Observe(CausalOrder(everything, seed: 1), batch: 1);
        var other = Observe(CausalOrder(everything, seed: steps.Length + 2), batch: 7);

        Assert.Equal(one.StateText(), other.StateText());
        Assert.Equal(one.State()!.Version, other.State()!.Version);
        Assert.Equal((one.State()!.LastTime, one.State()!.LastOrigin), (other.State()!.LastTime, other.State()!.LastOrigin));
    });

    [Fact]
    public void Conflicts_of_sets_and_removes_are_those_that_no_author_knew_in_every_region() => Holds(300, steps =>
    {
        var history = new History(steps, Theme.SetsAndRemoves);
        history.Exchange();

        var expected = Oracle.Conflicts(history.Everything().ConvertAll(e => Oracle.Read(e)));
        foreach (var region in history.Regions.Where(r => r.Ledger.Count > 0))
        {
            Assert.Equal(expected, Pairs(region.State()!));
        }
    });

    [Fact]
    public void What_comes_again_changes_nothing() => Holds(100, steps =>
    {
        var history = new History(steps);
        history.Exchange();
        var before = history.Regions.Select(r => r.State()?.Bytes()).ToList();

        history.Exchange();

        Assert.Equal(before, history.Regions.Select(r => r.State()?.Bytes()));
    });

    [Fact]
    public void A_ledger_that_is_replayed_gives_the_same_bytes_and_mark() => Holds(200, steps =>
    {
        var history = new History(steps);

        foreach (var region in history.Regions.Where(r => r.Ledger.Count > 0))
        {
            var states = new MemoryStates(_ => region.Ledger.Select(e => new ReadOnlyMemory<byte>(e.Bytes)));
            var replica = new Replica(region.Origin, ReplicaMark.Start, states, ReplicaOptions.Default with { Limits = Limits.Default with { ConflictsMax = int.MaxValue } });
            var outbox = new Outbox();
            foreach (var (bytes, _) in region.Ledger)
            {
                replica.Replay(bytes, outbox);
                if (bytes.Length % 3 == 0)
                {
                    states.Commit(outbox);
                    replica.Commit();
                    outbox.Clear();
                }
            }

            states.Commit(outbox);
            Assert.Equal(region.State()!.Bytes(), states.Find(Channel)!.Bytes());
            Assert.Equal(region.States.Ids.OrderBy(i => i.Origin).ThenBy(i => i.Seq), states.Ids.OrderBy(i => i.Origin).ThenBy(i => i.Seq));
            Assert.Equal(region.Replica.Mark.Seen, replica.Mark.Seen);
            Assert.Equal(region.Replica.Mark.Chains, replica.Mark.Chains);
            Assert.Equal(region.Replica.Mark.Lamport, replica.Mark.Lamport);
        }
    });

    [Fact]
    public void Stamps_grow_along_every_dependency() => Holds(200, steps =>
    {
        var history = new History(steps);

        var facts = history.Everything().ConvertAll(e => Oracle.Read(e));
        foreach (var fact in facts)
        {
            foreach (var known in facts.Where(fact.Knows))
            {
                Assert.True(known.Time < fact.Time && known.Lamport < fact.Lamport, $"{fact} must be after {known}");
            }
        }
    });

    [Fact]
    public void A_publish_id_is_delivered_and_counted_once() => Holds(200, steps =>
    {
        var history = new History(steps);
        history.Exchange();

        foreach (var region in history.Regions)
        {
            var delivered = region.Ledger.Where(e => !e.Repeat).Select(e => Oracle.Read(e.Bytes)).Where(e => e.Id is not null);
            Assert.All(delivered.GroupBy(e => (e.Author, e.Id, e.Content)), copies => Assert.Single(copies));
        }
    });

    [Fact]
    public void Rollback_leaves_no_trace() => Holds(200, steps =>
    {
        var history = new History(steps.Where((_, i) => i % 2 == 0));
        var twin = new History(steps.Where((_, i) => i % 2 == 0));
        foreach (var region in history.Regions)
        {
            var mark = region.Replica.Mark;
            for (var i = 0; i < steps.Length; i++)
            {
                region.Try($$"""{"id":"id{{i % 4}}","effect":{"add":{"z":1},"set":{"a{{i % 3}}":1} } }""");
            }

            region.Replica.Rollback();
            region.Outbox.Clear();
            Assert.Equal((mark.Seen, mark.Lamport, mark.Time), (region.Replica.Mark.Seen, region.Replica.Mark.Lamport, region.Replica.Mark.Time));
        }

        foreach (var step in steps)
        {
            history.Run(step);
            twin.Run(step);
        }

        history.Exchange();
        twin.Exchange();

        Assert.Equal(twin.Everything(), history.Everything());
        Assert.Equal(twin.Regions.Select(r => r.State()?.Bytes()), history.Regions.Select(r => r.State()?.Bytes()));
    });

    [Fact]
    public void Conflicts_are_bounded_and_the_newest_stay()
    {
        var options = ReplicaOptions.Default with { Limits = Limits.Default with { ConflictsMax = 3 } };
        var eu = new Region("eu-1", options);
        var us = new Region("us-1", options);
        for (var i = 0; i < 10; i++)
        {
            eu.Publish($$$"""{"effect":{"set":{"f{{{i}}}":"eu"} } }""");
            us.Publish($$$"""{"effect":{"set":{"f{{{i}}}":"us"} } }""");
        }

        eu.ReceiveAll(us);

        var conflicts = JsonDocument.Parse(eu.ConflictsText()).RootElement;
        Assert.Equal(["f9", "f8", "f7"], conflicts.EnumerateArray().Select(c => c.GetProperty("field").GetString()));
    }

    private static void AssertFold(IReadOnlyList<Oracle.Fact> entries, ChannelState state)
    {
        var (text, version, last) = Oracle.Fold(entries);
        Assert.Equal(text, Texts.Of(state.WriteState));
        Assert.Equal(version, state.Version);
        Assert.Equal((last.Item2, last.Item3), (state.LastOrigin.Value, state.LastSeq));
    }

    private static SortedSet<string> Pairs(ChannelState state)
    {
        static string Of(JsonElement side) =>
            $"{(side.TryGetProperty("set", out var value) ? value.GetRawText() : "remove")} of {side.GetProperty("origin").GetString()} {side.GetProperty("seq")}";

        var pairs = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var conflict in JsonDocument.Parse(Texts.Of(state.WriteConflicts)).RootElement.EnumerateArray())
        {
            pairs.Add($"{conflict.GetProperty("field").GetString()}: {Of(conflict.GetProperty("lost"))} lost to {Of(conflict.GetProperty("winner"))}");
        }

        return pairs;
    }

    /// <summary>A region that made nothing of its own and received the entries in the order given.</summary>
    private static Region Observe(IReadOnlyList<byte[]> entries, int batch)
    {
        var observer = new Region("observer-0");
        for (var i = 0; i < entries.Count; i++)
        {
            observer.Replica.Apply(new Command.Receive(Entry.Parse(entries[i])), observer.Wall, observer.Outbox);
            if (i % batch == 0)
            {
                observer.Commit();
            }
        }

        observer.Commit();
        return observer;
    }

    /// <summary>The entries in an order in which each comes after what it depends on.</summary>
    private static List<byte[]> CausalOrder(List<byte[]> entries, int seed)
    {
        var random = new Random(seed);
        var left = entries.ConvertAll(e => Entry.Parse(e));
        var order = new List<byte[]>();
        var seen = VersionVector.Empty;
        while (left.Count > 0)
        {
            var ready = left.FindAll(e => seen[e.Origin] == e.Seq - 1 && seen.Covers(e.After));
            var next = ready[random.Next(ready.Count)];
            left.Remove(next);
            order.Add(next.Bytes.ToArray());
            seen = seen.With(next.Origin, next.Seq);
        }

        return order;
    }

    private static void Holds(int runs, Action<Step[]> property)
    {
        var step = ArbMap.Default.GeneratorFor<byte>().Four().Select(b => new Step(b.Item1, b.Item2, b.Item3, b.Item4));
        var steps = Gen.Sized(size => Gen.Choose(0, Math.Max(1, size)).SelectMany(count => step.ArrayOf(count)));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(runs).WithEndSize(60).WithQuietOnSuccess(true), Prop.ForAll(Arb.From(steps, Shrink), property));
    }

    private static IEnumerable<Step[]> Shrink(Step[] steps)
    {
        for (var size = steps.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= steps.Length; at += size)
            {
                yield return [.. steps[..at], .. steps[(at + size)..]];
            }
        }
    }
}
